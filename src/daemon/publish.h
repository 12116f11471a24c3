// What the daemon publishes of an instance in the volatile store, so that tools can read it and a new daemon
// finds it again: the `restarter` group (spec of the facility, 2.6), and `vm_monitor` of VM instances.
#pragma once

#include "daemon/core.h"

namespace vmkeep::daemon {

void publish_state(Core& core, const Record& record);
void publish_vm(Core& core, const Record& record);
// The next contract id, before it is used.
contract::ContractId take_contract_id(Core& core);

// Fills a record from what an earlier daemon published in this boot, reopens its contract, and tells what the
// restarter has to know of it.
restarter::Recovered recover(Core& core, Record& record);
void recover_contract_ids(Core& core);

// Whether `vmkeep startup` came after the last `vmkeep shutdown` of this boot.
void publish_started(Core& core, bool started);
bool was_started(Core& core);

}  // namespace vmkeep::daemon
