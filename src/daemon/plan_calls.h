// The pace of starts and saves: where it is configured, what the host says to it, and what a boot or a
// shutdown would look like (the call Plan).
//
// Configured in the property group `pace` of svc:/system/svc/restarter, in force at once:
//   start_width    starts of VMs at once; 0: no limit            (twice the processors, from 4 to 16)
//   start_stagger  milliseconds between two launches at boot     (200)
//   save_width     saves of VMs at once at shutdown; 0: no limit (24)
#pragma once

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/publish.h"

namespace vmkeep::daemon {

// Reads the configuration and tells the restarter; a value that makes no sense is told in the daemon's log.
void configure_pace(Core& core);
// The same, if the changes are about it.
void follow_pace(Core& core, const repository::ChangeSet& changes);
// Tells the restarter the host's pressure while somebody starts.
Task<> follow_pressure(Core& core);

void note_duration(Core& core, const Record& record, const MethodRun& run);
restarter::Measurements measurements(const Core& core);

// An event for the restarter: everything goes down, by the end of the call's budget if it has one.
restarter::ShutDown shut_down_event(const Core& core, const control::Call& call);
// The one that goes on with what an earlier daemon began.
restarter::ShutDown take_up_shutdown(const Core& core, const Descent& descent);
void answer_plan(Core& core, const control::Call& call);

}  // namespace vmkeep::daemon
