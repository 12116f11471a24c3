// Every child is reaped, here and only here: one loop over SIGCHLD and waitid(2).
//
// A child that was announced with expect() is somebody's: exited() hands its status over, however early it
// died.  Any other child is an orphan that came to us because this process is a subreaper
// (PR_SET_CHILD_SUBREAPER): its status goes into orphans(), with the cgroup that it lived in, which the
// kernel still tells of a zombie.  The order of deaths is the kernel's.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"

namespace vmkeep {

// A wait status, as wait(2) gives it.
struct ExitStatus {
  int raw = 0;

  bool exited() const;
  int code() const;    // only if exited()
  int signal() const;  // 0 if exited()
  bool core() const;
  bool success() const { return raw == 0; }
  std::string text() const;  // "exited with status 1", "died on signal KILL (9)"
};

// "KILL" of 9, without SIG; "UNKNOWN" of what is no signal.
std::string signal_name(int signal);

struct Orphan {
  pid_t pid = -1;
  ExitStatus status;
  std::string cgroup;  // as in /proc/PID/cgroup, all lines
};

class Reaper {
 public:
  explicit Reaper(Executor executor);
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Call right after spawn(), before the loop runs again.
  void expect(pid_t pid);
  // The status of an expected child; nothing once the deadline has passed, and then one may ask again.
  Task<std::optional<ExitStatus>> exited(pid_t pid, Instant deadline = kNever);
  // Nobody will ask for this child any more; it is still reaped.
  void forget(pid_t pid);

  Queue<Orphan>& orphans();
  // Reaps what is dead by now, without waiting for the signal to be delivered.
  void reap();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep
