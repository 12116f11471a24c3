// The scope of systemd's that the processes of contracts live in, so that no restart, upgrade, crash or stop
// of vmkeepd.service ever touches a VM.
//
// A scope is a unit around processes that systemd did not start.  Ours is delegated (Delegate=yes: what is
// below its cgroup is ours alone), stays while the host is up, and is stopped by systemd only after
// vmkeep.service and vmkeepd.service were (Before=: the order of stops is the reverse) and before the
// filesystems go (After=...). A scope lives only as long as some process does, so one that does nothing,
// vmkeep-hold, stays in it, in a leaf called "hold".  A daemon that finds the scope of its predecessor uses
// it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace vmkeep::host {

// The scope's cgroup, as /proc/PID/cgroup tells it; empty: there is no such scope now.  Errors: as
// connect_to_systemd().
Result<std::string> find_scope(const std::string& name);

// Makes the scope around a process that runs already (it ends up in the scope's own cgroup) and returns its
// cgroup.  Blocks for at most 10 s.
Result<std::string> make_scope(const std::string& name, pid_t holder);

}  // namespace vmkeep::host
