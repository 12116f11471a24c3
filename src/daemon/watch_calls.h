// The calls that tell of changes as they come, by event: Watch of everybody, AwaitGroup
// (control/org.vmkeep.varlink).
#pragma once

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/instances.h"

namespace vmkeep::daemon {

// Whatever changes and whoever comes and goes, from the first, empty answer on.  What changed in one turn of
// the loop is one answer: ten thousand instances that start at once are told in a few.
Task<> watch_everything(Core& core, Instances& instances, control::Call call);

// Answers once the group of the entity itself has another generation than `seen`; 0: it is not there.
Task<> await_group(Core& core, control::Call call, fmri::Fmri entity, std::string group, uint64_t seen);

// The store, with every commit told by the signal, whoever made it.
std::unique_ptr<repository::Repository> announce_commits(std::unique_ptr<repository::Repository> store,
                                                         Signal& committed);

}  // namespace vmkeep::daemon
