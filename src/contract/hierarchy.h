// Where our cgroups are: pure halves that read /proc/self/mountinfo and /proc/PID/cgroup, and the search that
// uses them.  A cgroup has two names: its folder in the filesystem, and the path that /proc/PID/cgroup tells.
// They differ by the mount point, and in a container also by what part of the hierarchy is mounted there.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "contract/contract.h"

namespace vmkeep::contract {

struct CgroupMount {
  std::string root;   // the part of the hierarchy that is mounted: "/" nearly always
  std::string point;  // where
};

struct Hierarchy {
  std::string folder;  // of the cgroup that we may divide: our own
  std::string path;    // the same as /proc/PID/cgroup tells it
};

// "vmkeep-" and 12 hexadecimal digits: the same for every daemon of that run folder, past and future.
std::string root_name(const std::string& run_folder);

// The mounts of cgroup version 2, the last mounted first (it covers the others).
std::vector<CgroupMount> cgroup2_mounts(std::string_view mountinfo);

// The path of the "0::" line; " (deleted)" is dropped.  Nothing without version 2.
std::optional<std::string> cgroup_path(std::string_view proc_cgroup);

// What is above /NAME in a path, so that a daemon that was started from inside one of its predecessor's
// cgroups does not nest its own in there: "/a/NAME/contract-3" -> "/a".
std::string above(const std::string& path, const std::string& name);

// The folder of a path, if the mount shows it.
std::optional<std::string> folder_of(const CgroupMount& mount, const std::string& path);

// The contract that a process is of, by /proc/PID/cgroup; deeper cgroups that it made for itself count too.
std::optional<ContractId> contract_of(std::string_view proc_cgroup, const std::string& root_path);

// Finds our own cgroup, without its last part from NAME on.
// Errors: ErrorKind::unsupported where there is no cgroup version 2 that shows it.
Result<Hierarchy> find_hierarchy(const std::string& name);

// The folder of a cgroup that /proc/PID/cgroup calls `path`.
// Errors: ErrorKind::not_found where no mount shows it, unsupported without cgroup version 2.
Result<Hierarchy> find_delegated(const std::string& path);

// The folders below (not `folder` itself), deepest first.
std::vector<std::string> folders_below(const std::string& folder);
std::vector<pid_t> processes_in(const std::string& folder);  // of it and of all below
bool populated(const std::string& folder);                   // by its cgroup.events

// Removes a cgroup and those below; what has processes stays.  True: it is gone.
bool remove_cgroup(const std::string& folder);

}  // namespace vmkeep::contract
