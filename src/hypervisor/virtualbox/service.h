// VBoxSVC, the one process through which all VMs of an owner are reached.
//
// It must be there before the first call, or it would be born in the cgroup of that call (facts 5, 19); it
// must not carry anything of ours along (facts 4); and none of our kills may ever cover it, because its VMs
// cannot be saved without it (facts 20).  Hence: started by us, alone, in a cgroup of its own, without
// --auto-shutdown, or found.
//
// Which VBoxSVC is ours is told by its socket folder, /tmp/.vbox-<VBOX_IPC_SOCKETID or user name>-ipc (facts
// 17), which is 0700 and ours: VBoxSVC holds an fcntl lock on the file `lock` in it, and the kernel names the
// holder.
//
// Nobody may connect to that socket just to see whether it accepts: a VBoxSVC that is being born takes the
// end of its first connection for the end of its last client and closes the socket, and then every call
// starts a VBoxSVC of its own (measured).  That it is ready it says itself, with "READY" on the pipe that
// VirtualBox's own programs give it (--inherit-startup-pipe).
#pragma once

#include <string>
#include <vector>

#include "base/loop.h"
#include "base/reaper.h"
#include "base/spawn.h"
#include "hypervisor/process_table.h"
#include "hypervisor/virtualbox/installation.h"

namespace vmkeep::hypervisor::virtualbox {

class Service {
 public:
  struct Options {
    std::vector<std::string> environment;
    std::string cgroup;            // folder of the cgroup in which it is born; empty: ours
    std::string sockets = "/tmp";  // where the socket folders are
  };

  Service(Executor executor, Reaper& reaper, Options options);

  // Makes it ready, which costs one poll(2) if it is.  Errors: ErrorKind::unavailable, timeout; permission if
  // the socket folder is somebody else's; invalid if it serves another VBOX_USER_HOME.
  Task<Result<>> prepare(const Installation& installation, Instant deadline);

  pid_t pid() const { return pid_; }  // -1 while not known

 private:
  bool alive() const;
  Result<bool> find();
  Result<> check_home(pid_t pid) const;
  Result<> adopt(pid_t pid);
  Task<Result<Fd>> lock(Instant deadline) const;
  Result<Child> launch(const Installation& installation, int startup_pipe) const;
  Task<Result<>> begin(const Installation& installation, Instant deadline);

  Executor executor_;
  Reaper& reaper_;
  Options options_;
  std::string folder_;  // of the socket
  ProcessTable table_;
  pid_t pid_ = -1;
  Fd pidfd_;
};

}  // namespace vmkeep::hypervisor::virtualbox
