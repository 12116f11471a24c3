// Answers Instances: all of them, or those that were asked for.
#pragma once

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/instances.h"

namespace vmkeep::daemon {

void answer_instances(Core& core, Instances& instances, const control::Call& call);
// Entries, with the same choice.
void answer_entries(Core& core, const control::Call& call);

}  // namespace vmkeep::daemon
