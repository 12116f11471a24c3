// The second witness: the VMs' processes, as the process table shows them.
//
// On a host with VirtualBox's driver a VM's process was born setuid root and has dropped it: its
// /proc/PID/exe, environ and fd are closed to its owner, and the folder belongs to root (facts 21).  What is
// left to identify it by is its command line, its uid, its parent and its start time; pid and start time
// together name a process.
//
// Words are compared as words: a VM may be named "--startvm" or like another one's UUID.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmkeep::hypervisor {

struct ProcessStat {
  std::string comm;
  char state = '?';
  pid_t parent = -1;
  std::string start_time;  // field 22: ticks since boot
};

// /proc/PID/stat.  The second field is in parentheses and may hold anything, also parentheses and newlines.
std::optional<ProcessStat> parse_stat(std::string_view text);
// /proc/PID/cmdline: every word ends in NUL.
std::vector<std::string> parse_cmdline(std::string_view text);
// The real uid of /proc/PID/status.
std::optional<uid_t> parse_uid(std::string_view status);
// Whether /proc/self/mountinfo says that /proc hides other processes (hidepid), which also hides one's own
// VMs.
bool hides_processes(std::string_view mountinfo, std::string_view proc = "/proc");

// What a command line asks to be started: the word after --startvm, in lower case if it is a UUID.  Nothing
// if the program is none of `programs` (names without folder).
std::optional<std::string> started_vm(const std::vector<std::string>& argv,
                                      const std::vector<std::string_view>& programs);

struct Process {
  pid_t pid = -1;
  pid_t parent = -1;
  std::string start_time;
  std::vector<std::string> argv;
};

struct Scan {
  std::vector<Process> processes;  // of one uid, zombies left out, the oldest first
  bool complete = true;            // false: some may be hidden from us, so that absence proves nothing
};

class ProcessTable {
 public:
  explicit ProcessTable(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // The processes of `uid` whose program is one of `programs`.
  Scan scan(uid_t uid, const std::vector<std::string_view>& programs) const;
  // One process, whoever owns it; nothing if it is gone or a zombie.
  std::optional<Process> read(pid_t pid) const;
  // Its environment, where that may be read.
  std::optional<std::vector<std::string>> environment(pid_t pid) const;
  std::optional<uid_t> uid(pid_t pid) const;

 private:
  std::string file(pid_t pid, const char* name) const;

  std::string proc_;
};

// A name without its folder.
std::string_view program_name(std::string_view path);

}  // namespace vmkeep::hypervisor
