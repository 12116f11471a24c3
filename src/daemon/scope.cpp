#include "daemon/scope.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "contract/hierarchy.h"
#include "host/scope.h"

namespace vmkeep::daemon {
namespace {

constexpr char kLeaf[] = "/hold";

Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Result<> make_leaf(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return errno_error("cannot make the cgroup " + folder);
  return {};
}

}  // namespace

Result<Child> Scope::spawn_holder(int cgroup) {
  SpawnSpec spec;
  spec.argv = {core_.options.libexec + "/vmkeep-hold"};
  spec.cgroup = cgroup;
  auto child = spawn(spec);
  if (!child) return child;
  core_.reaper.expect(child->pid);
  core_.reaper.forget(child->pid);  // its end is told by the pidfd, which a later daemon can have as well
  return child;
}

// A cgroup with processes of its own cannot hand controllers down: the holder goes into a leaf.
Result<> Scope::settle(const std::string& cgroup, Child holder) {
  auto place = contract::find_delegated(cgroup);
  if (!place) return place.error();
  leaf_ = place->folder + kLeaf;
  if (auto made = make_leaf(leaf_); !made) return made;
  auto moved = write_existing(leaf_ + "/cgroup.procs", std::to_string(holder.pid));
  if (!moved) return in("cannot move vmkeep-hold into " + leaf_, moved.error());
  holder_ = std::move(holder.pidfd);
  return {};
}

Result<std::string> Scope::open() {
  const std::string& name = core_.options.scope;
  auto found = host::find_scope(name);
  if (!found && found.error().kind == ErrorKind::unsupported) return std::string();
  if (!found) return found;
  if (found->empty()) {
    auto holder = spawn_holder(-1);
    if (!holder) return holder.error();
    const pid_t pid = holder->pid;
    found = host::make_scope(name, pid);
    Result<> settled;
    if (found) settled = settle(*found, std::move(*holder));
    if (found && settled) return found;
    ::kill(pid, SIGKILL);
    if (!found) return found;
    return settled.error();
  }
  auto place = contract::find_delegated(*found);
  if (!place) return place.error();
  leaf_ = place->folder + kLeaf;
  if (auto made = make_leaf(leaf_); !made) return made.error();
  const auto holders = contract::processes_in(leaf_);
  if (!holders.empty()) holder_ = open_pidfd(holders.front());
  return found;
}

Task<> Scope::keep() {
  constexpr Instant kAgain{200};
  while (!leaf_.empty()) {
    if (holder_) {
      Readiness ended(core_.executor, holder_.get());
      co_await ended.readable();
      holder_.reset();
      core_.logs.notice("vmkeep-hold ended; another one takes its place in " + leaf_);
    }
    auto cgroup = open_file(leaf_, O_RDONLY | O_DIRECTORY);
    auto holder = cgroup ? spawn_holder(cgroup->get()) : Result<Child>(cgroup.error());
    if (holder) {
      holder_ = std::move(holder->pidfd);
      continue;
    }
    if (cgroup.has_value()) {
      core_.logs.notice("cannot keep the scope: " + holder.error().message);
      co_await sleep_until(now() + kAgain);
      continue;
    }
    // It was empty, and systemd was faster.  Nothing lived in there, and a new daemon makes a new one.
    core_.logs.notice("the scope " + core_.options.scope + " is gone: vmkeepd ends, to be started again");
    ::kill(::getpid(), SIGTERM);
    co_return;
  }
}

}  // namespace vmkeep::daemon
