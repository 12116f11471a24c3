// Starting a program: argument vector, explicit environment, explicit descriptors, and nothing else
// inherited.
//
// spawn() is a plain function on purpose: GCC 12 miscompiles fork-like calls inside coroutines.  It uses
// clone3(2) with CLONE_PIDFD and, where asked, CLONE_INTO_CGROUP, so that the child is born where it belongs.
// Failures between clone and exec come back to the caller through a CLOEXEC pipe with the step that failed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace vmkeep {

struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary groups, set as they are
};

struct SpawnSpec {
  std::vector<std::string> argv;         // argv[0] is the path that is executed; no search on PATH
  std::vector<std::string> environment;  // NAME=value; nothing is inherited
  std::string working_directory = "/";
  int standard_input = -1;                       // -1: /dev/null
  int standard_output = -1;                      // -1: /dev/null
  int standard_error = -1;                       // -1: /dev/null
  std::vector<std::pair<int, int>> descriptors;  // (ours, number in the child >= 3)
  int cgroup = -1;                               // a descriptor of the cgroup's folder to be born in
  bool new_session = true;
  std::optional<Credentials> credentials;  // dropped to before exec; absent: stay as we are
  std::optional<int> nice;
  std::vector<int> cpus;  // the processors that it may run on; empty: as we
};

struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

// Errors: ErrorKind of the failing system call; the message names the step ("chdir", "setgroups", "execve")
// and the program.  The caller must reap the child (base/reaper.h).
Result<Child> spawn(const SpawnSpec& spec);

// The step that failed in the child before exec, for callers that must tell chdir from execve.
enum class SpawnStep { clone, cgroup, session, descriptors, nice, affinity, groups, gid, uid, chdir, exec };
Result<Child> spawn(const SpawnSpec& spec, SpawnStep* failed);

// How long spawn() would wait now for a child to come to its exec: five seconds, and a moment only while an
// earlier one still has not, as on a filesystem that does not answer.
int spawn_patience_ms();

// Lets this process have as many descriptors as the hard limit allows; whoever is spawned gets the limit that
// we were given, because some programs do not bear more (select(2)).
void raise_descriptor_limit();

}  // namespace vmkeep
