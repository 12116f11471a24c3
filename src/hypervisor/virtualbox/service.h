// VBoxSVC, the one process through which all VMs of an owner are reached.
//
// It must be there before the first call, or it would be born in the cgroup of that call (facts 5, 19); it
// must not carry anything of ours along (facts 4); and none of our kills may ever cover it, because its VMs
// cannot be saved without it (facts 20).  Hence: started by us, alone, in a cgroup of its own, without
// --auto-shutdown, or found.
//
// Which VBoxSVC is ours is told by its socket folder, /tmp/.vbox-<VBOX_IPC_SOCKETID or user name>-ipc (facts
// 17): it is 0700 and ours, and its file `lock` holds the pid.
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
  bool accepts() const;
  Task<Result<Fd>> lock(Instant deadline) const;
  Result<Child> launch(const Installation& installation) const;
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
