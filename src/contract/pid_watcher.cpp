#include "contract/pid_watcher.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace vmkeep::contract {

Result<Fd> open_pidfd(pid_t pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) return Fd(fd);
  if (errno == ESRCH) return fail(ErrorKind::not_found, "there is no process " + std::to_string(pid));
  return errno_error("cannot watch process " + std::to_string(pid));
}

struct PidWatcher::State {
  struct Watch {
    Fd pidfd;
    Readiness readiness;
    Watch(const Executor& executor, Fd fd) : pidfd(std::move(fd)), readiness(executor, pidfd.get()) {}
  };

  Executor executor;
  Queue<pid_t> ended;
  std::map<pid_t, std::shared_ptr<Watch>> watches;

  explicit State(const Executor& e) : executor(e), ended(e) {}

  static Task<> follow(std::shared_ptr<State> self, std::shared_ptr<Watch> watch, pid_t pid) {
    if (!co_await watch->readiness.readable()) co_return;
    // The pid may have been forgotten, and even watched anew as another process, since the loop saw this.
    const auto found = self->watches.find(pid);
    if (found == self->watches.end() || found->second != watch) co_return;
    self->watches.erase(found);
    self->ended.push(pid);
  }
};

PidWatcher::PidWatcher(Executor executor) : state_(std::make_shared<State>(executor)) {}

PidWatcher::~PidWatcher() {
  for (auto& [pid, watch] : state_->watches) watch->readiness.cancel();
  state_->watches.clear();
  wake();
}

Result<> PidWatcher::watch(pid_t pid) {
  if (state_->watches.count(pid) != 0) return {};
  auto fd = open_pidfd(pid);
  if (!fd) return fd.error();
  auto watch = std::make_shared<State::Watch>(state_->executor, std::move(*fd));
  state_->watches.emplace(pid, watch);
  start(state_->executor, State::follow(state_, std::move(watch), pid));
  return {};
}

void PidWatcher::forget(pid_t pid) {
  const auto found = state_->watches.find(pid);
  if (found == state_->watches.end()) return;
  found->second->readiness.cancel();
  state_->watches.erase(found);
}

Task<pid_t> PidWatcher::ended() {
  const auto state = state_;
  const auto pid = co_await state->ended.pop();
  co_return pid.value_or(-1);
}

bool PidWatcher::pending() const {
  return !state_->ended.empty();
}

void PidWatcher::wake() {
  state_->ended.push(-1);
}

}  // namespace vmkeep::contract
