// A VM as vmkeepd tells it (type Vm of org.vmkeep.varlink), and how people read it.  Pure: the time and what
// is known of the instance are arguments.
#pragma once

#include <boost/json/object.hpp>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "control/messages.h"

namespace vmkeep::tools {

struct VmSetting {
  std::string name, type, value, origin;  // origin: instance, service, default
  std::string note;
};
struct VmOutage {
  std::string kind, by;
  double since = 0;
  std::optional<double> until;
};
struct VmSuppression {
  std::string by, why;
  double since = 0, until = 0;
};
struct VmHook {
  int64_t code = 0;
  std::string meaning, output;
};
struct VmPort {
  int64_t number = 0;
  std::string mode, path;
};

struct VmView {
  std::string fmri, name, uuid, owner, driver;
  std::string word, detail;  // the hypervisor's own
  int code = 126;            // what `vmkeep status` exits with
  int64_t pid = 0;
  std::string monitor, next, start, stop;
  std::optional<VmOutage> outage;
  std::optional<VmSuppression> suppression;
  int64_t aborts = 0;
  std::optional<VmHook> hook;
  std::string hook_not_run;  // why it was not, though it was asked for
  std::string heartbeat;
  std::vector<VmSetting> settings;
  std::vector<VmPort> ports;
  std::vector<std::string> disks;
  std::string settings_file, log_folder, snapshot_folder, state_file;
  std::vector<std::string> transitions;

  const VmSetting* setting(std::string_view name) const;
};

// Errors: what is missing or of another type.
Result<VmView> vm_from(const boost::json::object& vm);

// What `vmkeep status VM` prints: some lines, each with a word in front of what it tells.  `service`: null if
// it is not known any more.
std::string status_text(const VmView& vm, const control::InstanceMessage* service);
// The table of several VMs: a header, and a line for each.
std::string status_header();
std::string status_line(const VmView& vm, const control::InstanceMessage* service);

// `vmkeep explain`: the sentences, then every property with its value and its origin.
std::string explain_text(const VmView& vm);

// The state in a few words: "running", "powered off", "no answer: ...".
std::string state_words(const VmView& vm);

// The port that a console connects to: the one of mode "server" (`number`: that one of them).  Errors list
// what there is.
Result<VmPort> choose_port(const VmView& vm, std::optional<int> number);

// The signals upon which a window in the foreground stops its VM: vm/startgui_fg_trap_signals, by number;
// names that are no signals are left out.
std::vector<int> window_signals(const VmView& vm);

}  // namespace vmkeep::tools
