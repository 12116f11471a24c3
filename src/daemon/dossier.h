// Crash dossiers: what is known of a VM's end, kept where `svcs -x` can point to it.
//
//   <log folder>/dossiers/<log stem of the instance>/<UTC time>/   0750, of the owner's group
//     summary.txt     what was decided and why, how the process ended, what the kernel said of memory
//     vm.log          the last lines of the VM's own log
//     screenshot.png  where the VM still had a screen
//     check.txt       what the last check of the guest printed
//
// The last five of an instance are kept, each below 1 MB.  They lie beside the logs and not in the state
// folder because that one is closed to everybody but the daemon.  A guard is its owner's: what it sends is
// cut to size here, and names of files are never its choice.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "daemon/core.h"

namespace vmkeep::daemon {

// Writes one and has the record, the log and vm_monitor/dossier name it.  `group`: the owner's.  It begins a
// little later, so that the restart of the VM comes first.
Task<> write_dossier(Core& core, std::string fmri, gid_t group, boost::json::object message);

// Of the kernel's messages ("6,1234,98765432,-;text"; microseconds since boot) those that tell of memory
// running out, not older than `since`.
std::vector<std::string> oom_lines(const std::vector<std::string>& records, std::chrono::microseconds since);

}  // namespace vmkeep::daemon
