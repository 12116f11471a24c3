// What an owner's guard can say about the end of a VM, for the crash dossier that vmkeepd writes
// (daemon/dossier.h): the last lines of the VM's own log, a picture of its screen where it still has one, and
// what the last check printed.
//
// It is collected between the judgement and what follows from it: a restart begins a new log.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/loop.h"
#include "hypervisor/hypervisor.h"
#include "vm/policy.h"

namespace vmkeep::guard {

// A message `dossier` {fmri, state, process, why, log, screenshot, check}; members that could not be had are
// missing, with the reason in `notes`.
Task<boost::json::object> collect_dossier(hypervisor::Hypervisor& driver, std::string fmri, std::string uuid,
                                          vm::Observation observed, vm::Verdict verdict, std::string check);

}  // namespace vmkeep::guard
