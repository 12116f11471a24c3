// Taking a VM that somebody else started into its instance's contract.
#pragma once

#include "daemon/core.h"

namespace vmkeep::daemon {

// Only a process of the owner's uid whose parent is that owner's VBoxSVC, or that lives in a contract which
// this instance had before (it was launched by an earlier start of ours).  Returns why not; empty if it was
// done.
std::string adopt(Core& core, Record& record, pid_t pid, uid_t owner, const std::string& driver);

}  // namespace vmkeep::daemon
