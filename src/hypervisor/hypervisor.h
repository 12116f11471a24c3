// The port to a hypervisor, as one owner's guard sees it.  A driver never blocks the loop, gives every call a
// deadline, makes one call at a time per VM, and tells what it does not know as "unknown".
#pragma once

#include <functional>
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
  // What it exits with when another session holds the VM.  VirtualBox lets go of a lock some time after the
  // holder has gone, a look of ours as well as somebody's modifyvm, so that such an end may only be too
  // early.
  std::optional<int> exit_if_locked = {};
};

struct VmProcess {
  pid_t pid = -1;
  std::string start_time;  // field 22 of /proc/PID/stat: pid and this together name a process

  bool operator==(const VmProcess&) const = default;
};

struct SerialPort {
  int number = 1;    // from 1, as the hypervisor counts them
  std::string mode;  // VirtualBox's words: server, client, file, tcpserver, ...
  std::string path;
};

// What the settings of a VM say, beyond its state.  Paths are as the owner sees them.
struct VmDetails {
  VmRef vm;
  std::string settings_file, log_folder, snapshot_folder, state_file;
  std::vector<std::string> disks;  // files and devices of all controllers
  std::vector<SerialPort> serial_ports;
};

// The guest's heartbeat, where the hypervisor hears one.
struct Heartbeat {
  bool lost = false;
  Instant since{};  // of the last change
};

// 0 to 100, as often as the hypervisor tells; may never be called.
using Percent = std::function<void(int percent)>;

// What a driver cannot do it refuses with ErrorKind::unsupported; so does every function here that is not
// pure.
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
  // The VM's name as it was told last, by whichever call; absent: none has told.
  virtual std::optional<std::string> name_of(const std::string& uuid);
  // The UUIDs of all VMs that are up, in one cheap call that locks nothing: the safety net, and how a start
  // is followed.
  virtual Task<Result<std::vector<std::string>>> running(Instant deadline) = 0;
  // Whether the VM has come up since its last launch(): that list has it, or it is stuck already, which the
  // list leaves out (facts 8) and which may happen between two questions.  Many starts may be followed at
  // once: where the driver can ask for one VM without going through all, or ask once for several who wait, it
  // does.
  virtual Task<Result<bool>> is_running(std::string uuid, Instant deadline);
  virtual Result<Launch> launch(const VmRef& vm) = 0;
  virtual Task<Result<>> control(std::string uuid, vm::StopAction action, Instant deadline,
                                 Percent progress = {}) = 0;
  virtual Task<Result<>> resume(std::string uuid, Instant deadline) = 0;
  virtual Task<Result<>> pause(std::string uuid, Instant deadline);
  virtual Task<Result<VmDetails>> describe(std::string uuid, Instant deadline);
  // Writes a PNG of the VM's first screen to `path`, as the owner.
  virtual Task<Result<>> screenshot(std::string uuid, std::string path, Instant deadline);
  // The hypervisor's own snapshot, of a running VM or of one that is down.
  virtual Task<Result<>> take_snapshot(std::string uuid, std::string name, std::string description,
                                       Instant deadline, Percent progress = {});
  // Absent: the guest has not set it.
  virtual Task<Result<std::optional<std::string>>> guest_property(std::string uuid, std::string name,
                                                                  Instant deadline);
  // Bytes that the VM's disks and network cards have moved since it was powered up: grows while it works.
  virtual Task<Result<uint64_t>> moved_bytes(std::string uuid, Instant deadline);
  // What the VM's log says of its guest's heartbeat; absent: it never told.  Reads at most the log's new
  // part.
  virtual std::optional<Heartbeat> heartbeat(const std::string& uuid);
  // The last lines of the VM's own log, at most `lines` of them.
  virtual Result<std::vector<std::string>> log_tail(const std::string& uuid, size_t lines);
  // What the user's own window on a VM is started with: its front end for this VM, without a display's
  // environment.
  virtual Result<Launch> front_end(const VmRef& vm);
  // The process of the owner's hypervisor service, as prepare() found it last; -1 where there is none.  What
  // ended together with it did not end because of itself.
  virtual pid_t service() const { return -1; }
  // The VM's process in the process table: cmdline, uid, start time (facts 21).
  virtual std::optional<VmProcess> process(const std::string& uuid) = 0;
  // Whether there are several: one of them has the VM, and each other is about to be told so and to end.
  virtual bool contested(const std::string& uuid);
  // Whether that process may be taken into a contract: it is a child of this owner's VBoxSVC.
  // For a VM process that obeys nothing (T57): TERM, INT, QUIT, HUP, KILL, KILL, `spacing` apart, until it is
  // gone; to that one process, known by cmdline, uid and start time, through its pidfd.  A TERM makes
  // VirtualBox save the VM.  Errors: invalid if there is no process; timeout if it outlives all of them.
  virtual Task<Result<>> kill_process(std::string uuid, Instant spacing = Instant(3000));
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
