// A VM in a window of its user (behaviour spec 6; B26): vmkeepd saves the VM and hands it over, this program
// runs the front end as the VM's owner on the caller's display, and renews the hand-over, which is a lease,
// while the window lives.  Of a window that ends by itself vmkeepd is told: one that opened and closed
// between two looks it has not seen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/tool.h"

namespace vmkeep::tools {

struct WindowPlan {
  std::string fmri;
  bool foreground = false;     // stay, and let signals stop the VM
  std::string stop_method;     // of signals; empty: vmkeepd chooses (poweroff-graceful of an interactive VM)
  std::optional<int> timeout;  // seconds, of the save before and of that stop
  std::vector<std::string> words;  // behind the front end's own arguments
};

// Whether there is a display; else says so, with exit code 2, before anything was asked of anybody (T89).
bool has_display(Output& output);

int open_window(const WindowPlan& plan, Output& output);

}  // namespace vmkeep::tools
