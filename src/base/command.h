// Running a program to its end, with a deadline, keeping what it printed.
#pragma once

#include <string>

#include "base/reaper.h"
#include "base/spawn.h"

namespace vmkeep {

struct CommandResult {
  ExitStatus status;
  std::string out;
  std::string err;
  bool timed_out = false;  // it was killed at the deadline; status says so too
  bool truncated = false;  // it printed more than the limit; the rest was read and dropped
};

// The program's own exit ends the wait, not the end of its pipes: a daemon that it left behind (VBoxSVC) may
// hold them open for ever.  spec's standard_output and standard_error are set by this function.
// Errors: only that the program could not be started.
Task<Result<CommandResult>> run_command(Reaper& reaper, SpawnSpec spec, Instant deadline,
                                        size_t limit = 4U << 20U);

}  // namespace vmkeep
