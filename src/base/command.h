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
  bool truncated = false;  // it printed more than the limit; what was too much was read and dropped
};

struct CommandOptions {
  size_t limit = 4U << 20U;  // bytes of output that are kept of each of the two
  bool tail = false;         // of what is more than that, the end is kept, not the beginning
  // At the deadline its whole process group is killed, which is its own (spec.new_session).
  bool whole_group = false;
  // Set once it is started, and -1 once it has ended; must live as long as the call.
  pid_t* pid = nullptr;
};

// The program's own exit ends the wait, not the end of its pipes: a daemon that it left behind (VBoxSVC) may
// hold them open for ever.  spec's standard_output and standard_error are set by this function.
// Errors: only that the program could not be started.
Task<Result<CommandResult>> run_command(Reaper& reaper, SpawnSpec spec, Instant deadline,
                                        size_t limit = 4U << 20U);
Task<Result<CommandResult>> run_command(Reaper& reaper, SpawnSpec spec, Instant deadline,
                                        CommandOptions options);

}  // namespace vmkeep
