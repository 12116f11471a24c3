// Tells when processes end that need not be our children: a pidfd each, no polling.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>

#include "base/fd.h"
#include "base/loop.h"

namespace vmkeep::contract {

class PidWatcher {
 public:
  explicit PidWatcher(Executor executor);
  ~PidWatcher();
  PidWatcher(const PidWatcher&) = delete;
  PidWatcher& operator=(const PidWatcher&) = delete;

  // ErrorKind::not_found if there is no such process any more.  Watching twice is watching once.
  Result<> watch(pid_t pid);
  void forget(pid_t pid);

  // Waits for the next of them to end; it is forgotten then.  -1: wake() was called.
  Task<pid_t> ended();
  bool pending() const;  // ended() would not wait
  void wake();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

Result<Fd> open_pidfd(pid_t pid);

}  // namespace vmkeep::contract
