// Runs the programs that owners set to look at their guests: an argument vector, as the owner (the guard is),
// in a process group of its own and with a time limit, after which the whole group is killed.
//
// Where there are cgroups, hooks live in a leaf of their own beside the guard's: what a guard that was killed
// left running is ended by its successor, and a hook that never ends does not outlive everybody.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/reaper.h"
#include "base/result.h"

namespace vmkeep::guard {

struct HookRun {
  int code = 0;  // 128 and the signal's number if a signal ended it; 1 if its time was over
  bool timed_out = false;
  std::string output;  // the last 8 KB of what it printed
};

class HookRunner {
 public:
  // `folder`: of the leaf; empty: none.
  HookRunner(Reaper& reaper, std::vector<std::string> environment, const std::string& folder);

  // `environment` is added to the owner's.  Errors: only that it could not be started.
  Task<Result<HookRun>> run(std::vector<std::string> argv, std::vector<std::string> environment,
                            Instant deadline);
  // The guard's end: nobody would end them any more.
  void end_all();

 private:
  Reaper& reaper_;
  std::vector<std::string> environment_;
  Fd leaf_;
  std::list<pid_t> running_;
};

// The last lines of a text, each as one line of a log: without control characters, none longer than 200.
std::vector<std::string> last_lines(const std::string& text, size_t count);

}  // namespace vmkeep::guard
