// The inside of Owners: one guard process and whose it is.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "daemon/owners.h"

namespace vmkeep::daemon {

struct Owners::Owner {
  std::string key;
  std::string driver;
  contract::MethodContext context;
  pid_t pid = -1;
  Fd pidfd;  // signals go by it: the pid may be another's once the guard is reaped
  std::unique_ptr<guard::Channel> channel;
  Instant launched{};
  bool retired = false;  // it was started for a list only, and is not needed any more
  uid_t uid() const { return context.credentials ? context.credentials->uid : ::geteuid(); }
  gid_t gid() const { return context.credentials ? context.credentials->gid : ::getegid(); }
};

inline void end_process(const Fd& pidfd) {
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

}  // namespace vmkeep::daemon
