// svcadm milestone: carries out what graph/milestone.h decides, as temporary flags of the instances, and puts
// the milestone on record: in `options_ovr` of svc:/system/svc/restarter until the next boot, or as the
// boot's own in `options`.
#pragma once

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/instances.h"

namespace vmkeep::daemon {

// What is put on record; who may change that may ask for a milestone.
repository::ChangeSet milestone_setting(const std::string& milestone, bool boot);
void answer_milestone(Core& core, Instances& instances, const control::Call& call);
// What the host is held at: "all", "none", or the FMRI of a major milestone.
std::string milestone_in_force(Core& core);
// Once a boot, before any instance is loaded: only what the boot's milestone depends on comes up.
Result<> begin_at_milestone(Core& core);

}  // namespace vmkeep::daemon
