// A serial client of our own: this terminal, raw, on the UNIX socket of a VM's serial port (behaviour
// spec 1.11 and B18).
//
// A VM's port serves one client at a time.  So that a second one is told, and that `--break` ends exactly the
// first, a console holds a record lock on a file of its user's own runtime folder (0700) while it is
// connected: the kernel tells whose lock it is, and forgets it when the holder ends, however it ends.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "tools/tool.h"

namespace vmkeep::tools {

// What the user types on its way to the VM.  At the beginning of a line "~." leaves, "~?" helps, "~~" is one
// "~"; anything else behind a "~" goes through with it.  Pure.
class EscapeFilter {
 public:
  struct Step {
    std::string send;
    bool leave = false;
    bool help = false;
  };
  Step feed(std::string_view typed);

 private:
  bool line_begins_ = true;
  bool tilde_ = false;
};

struct ConsolePlan {
  std::string path;   // of the UNIX socket
  std::string title;  // "serial port 1 of svc:/site/xvm/vbox:vm1"
  bool wait = false;  // for the socket, and again when the connection ends
  Instant interval{1000};
};

// To the end: 0 left with "~.", 1 could not connect or was disconnected, 128 + n ended by signal n.
int run_console(const ConsolePlan& plan, Output& output);

// Ends the console that this user has on that socket; 0, or 1 if there is none.
int break_console(const ConsolePlan& plan, Output& output);

}  // namespace vmkeep::tools
