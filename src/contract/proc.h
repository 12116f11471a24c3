// What /proc tells about processes: who they are, whose children, since when.  A process is known by its pid
// and its start time in ticks since boot; the pid alone may be somebody else's by now.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/contract.h"

namespace vmkeep::contract {

struct ProcessFacts {
  pid_t pid = -1;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';
  uint64_t start_ticks = 0;

  // A zombie does nothing any more: it waits for its parent.
  bool alive() const { return state != 'Z' && state != 'X'; }
};

// The text of /proc/PID/stat.  The command in it may hold blanks and parentheses.
std::optional<ProcessFacts> parse_stat(std::string_view text);

std::optional<ProcessFacts> process_facts(pid_t pid);
std::vector<ProcessFacts> all_processes();  // in the order of the pids
std::vector<pid_t> own_children();          // those that have ended included

// The start in wall clock seconds.
int64_t start_time(uint64_t start_ticks);

// Nothing if there is no such process, or only its zombie.
std::optional<Member> describe(pid_t pid);

// Nothing too when it may not be read.
std::optional<std::string> environment_of(pid_t pid, std::string_view name);

// Sends a signal; that the process is gone already is no error.
Result<> send_signal(pid_t pid, int signal);

}  // namespace vmkeep::contract
