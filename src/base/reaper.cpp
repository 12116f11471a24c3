#include "base/reaper.h"

#include <sys/wait.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include "base/fd.h"

namespace vmkeep {

bool ExitStatus::exited() const {
  return WIFEXITED(raw);
}
int ExitStatus::code() const {
  return WEXITSTATUS(raw);
}
int ExitStatus::signal() const {
  return WIFSIGNALED(raw) ? WTERMSIG(raw) : 0;
}
bool ExitStatus::core() const {
  return WIFSIGNALED(raw) && WCOREDUMP(raw);
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? name : "UNKNOWN";
}

std::string ExitStatus::text() const {
  if (exited()) return "exited with status " + std::to_string(code());
  return std::string(core() ? "dumped core on" : "died on") + " signal " + signal_name(signal()) + " (" +
         std::to_string(signal()) + ")";
}

struct Reaper::State {
  asio::signal_set signals;
  Queue<Orphan> orphans;
  // Who waits for a child: each is woken by the end of its own, however many others wait.
  std::map<pid_t, std::shared_ptr<Signal>> waiting;
  std::set<pid_t> expected;
  std::map<pid_t, ExitStatus> ended;
  std::set<pid_t> forgotten;

  explicit State(const Executor& executor) : signals(executor, SIGCHLD), orphans(executor) {}

  void reap() {
    for (;;) {
      // First look without reaping: a zombie still tells its cgroup, a reaped process tells nothing.
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      const pid_t pid = info.si_pid;
      const bool ours = expected.count(pid) != 0;
      const bool unwanted = forgotten.erase(pid) != 0;
      std::string cgroup;
      if (!ours && !unwanted) {
        if (auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup", 65536))
          cgroup = std::move(*text);
      }
      int raw = 0;
      if (::waitpid(pid, &raw, 0) != pid) return;
      if (ours) {
        expected.erase(pid);
        ended[pid] = ExitStatus{raw};
        if (const auto waits = waiting.find(pid); waits != waiting.end()) waits->second->notify();
      } else if (!unwanted) {
        orphans.push(Orphan{pid, ExitStatus{raw}, std::move(cgroup)});
      }
    }
  }

  static Task<> run(std::shared_ptr<State> self) {
    for (;;) {
      const auto [error, number] = co_await self->signals.async_wait(asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
      self->reap();
    }
  }
};

Reaper::Reaper(Executor executor) : state_(std::make_shared<State>(executor)) {
  start(std::move(executor), State::run(state_));
}

Reaper::~Reaper() {
  state_->signals.cancel();
}

void Reaper::expect(pid_t pid) {
  state_->expected.insert(pid);
}

void Reaper::forget(pid_t pid) {
  if (state_->ended.erase(pid) != 0) return;
  if (state_->expected.erase(pid) != 0) state_->forgotten.insert(pid);
}

Queue<Orphan>& Reaper::orphans() {
  return state_->orphans;
}

void Reaper::reap() {
  state_->reap();
}

Task<std::optional<ExitStatus>> Reaper::exited(pid_t pid, Instant deadline) {
  const auto state = state_;
  for (;;) {
    if (const auto found = state->ended.find(pid); found != state->ended.end()) {
      const ExitStatus status = found->second;
      state->ended.erase(found);
      co_return status;
    }
    auto& slot = state->waiting[pid];
    if (!slot) slot = std::make_shared<Signal>(state->signals.get_executor());
    const auto signal = slot;
    const bool told = co_await signal->wait(deadline);
    if (signal.use_count() == 2)
      state->waiting.erase(pid);  // only the table and we hold it: the last one out
    if (!told && state->ended.count(pid) == 0) co_return std::nullopt;
  }
}

}  // namespace vmkeep
