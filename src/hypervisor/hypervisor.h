// The port to a hypervisor, as one owner's guard sees it.  A driver never blocks the loop, gives every call a
// deadline, makes one call at a time per VM, and tells what it does not know as "unknown".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/reaper.h"
#include "base/result.h"
#include "vm/policy.h"
#include "vm/state.h"

namespace vmkeep::hypervisor {

struct VmRef {
  std::string uuid;
  std::string name;  // "<inaccessible>" where VirtualBox says so
  bool accessible = true;
};

// What the start method has to execute in the instance's contract so that the VM is born there.
struct Launch {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // added to the method's own
};

struct VmProcess {
  pid_t pid = -1;
  std::string start_time;  // field 22 of /proc/PID/stat: pid and this together name a process
};

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  virtual std::string name() const = 0;  // "virtualbox", "simulated"
  // Makes the owner's hypervisor service ready (VBoxSVC, in a cgroup of its own).  Cheap when it is.
  virtual Task<Result<>> prepare(Instant deadline) = 0;
  virtual Task<Result<std::vector<VmRef>>> list(Instant deadline) = 0;
  // By UUID or by name.  ErrorKind::not_found: no such VM; invalid: two VMs bear that name.
  virtual Task<Result<VmRef>> find(std::string name_or_uuid, Instant deadline) = 0;
  // Both witnesses.  An error means that nothing was learned (timeout, unavailable); a VM that is not
  // registered or inaccessible is an observation.
  virtual Task<Result<vm::Observation>> look(std::string uuid, Instant deadline) = 0;
  // The UUIDs of all VMs that are up, in one cheap call that locks nothing: the safety net, and how a start
  // is followed.
  virtual Task<Result<std::vector<std::string>>> running(Instant deadline) = 0;
  virtual Result<Launch> launch(const VmRef& vm) = 0;
  virtual Task<Result<>> control(std::string uuid, vm::StopAction action, Instant deadline) = 0;
  virtual Task<Result<>> resume(std::string uuid, Instant deadline) = 0;
  // The VM's process in the process table: cmdline, uid, start time (facts 21).
  virtual std::optional<VmProcess> process(const std::string& uuid) = 0;
  // Whether that process may be taken into a contract: it is a child of this owner's VBoxSVC.
  // Hints that this VM may have changed (its log, its process).  Resolves at the next one, or at the
  // deadline.
  virtual Task<bool> hint(std::string uuid, Instant deadline) = 0;
  // Ends whatever call is under way for this VM; it returns with ErrorKind::timeout.
  virtual void abandon(const std::string& uuid) = 0;
};

struct DriverOptions {
  std::vector<std::string>
      environment;             // the method's: HOME, PATH, VBOX_USER_HOME, VBOX_IPC_SOCKETID, TZ, ...
  std::string service_cgroup;  // folder of the cgroup for VBoxSVC; empty: none
  std::string calls_cgroup;    // folder of the cgroup for calls; empty: none
};

std::unique_ptr<Hypervisor> make_virtualbox(Executor executor, Reaper& reaper, DriverOptions options);
std::unique_ptr<Hypervisor> make_simulated(Executor executor, Reaper& reaper, DriverOptions options);

}  // namespace vmkeep::hypervisor
