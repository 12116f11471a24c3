// What the daemon publishes of an instance in the volatile store, so that tools can read it and a new daemon
// finds it again: the `restarter` group (spec of the facility, 2.6), and `vm_monitor` of VM instances.
#pragma once

#include "daemon/core.h"

namespace vmkeep::daemon {

// What is on record of a state: the group `restarter` as it is now.
repository::PropertyGroup state_group(Core& core, const Record& record);
void publish_state(Core& core, const Record& record);
// The same of many, in one transaction; where that is refused each is tried alone, so that the trouble of one
// is not the others'.
struct Publication {
  const fmri::Fmri* instance = nullptr;
  repository::PropertyGroup group;
};
void publish(Core& core, std::vector<Publication> publications);
// Attaches the snapshots that Core::started asks for.
void take_start_snapshots(Core& core);
void publish_vm(Core& core, const Record& record);
// What was asked of it and waits: the `restarter_actions` group (2.7), which goes when nothing does any more.
// To be called when the states that followed from it are on record: a request must not vanish before its
// effect is there.
void publish_requests(Core& core);
// The next contract id.  It is on record as given before it is used: ids are taken from the store in blocks.
contract::ContractId take_contract_id(Core& core);

// Fills a record from what an earlier daemon published in this boot, reopens its contract, and tells what the
// restarter has to know of it.
restarter::Recovered recover(Core& core, Record& record);
void recover_contract_ids(Core& core);

// Whether `vmkeep startup` came after the last `vmkeep shutdown` of this boot.
void publish_started(Core& core);
bool was_started(Core& core);

// A `vmkeep shutdown` that no `vmkeep startup` came after in this boot: when it has to be over, whether it
// is.
struct Descent {
  std::optional<Instant> until;
  bool over = false;
};
void publish_descent(Core& core, const Descent& descent);
std::optional<Descent> recorded_descent(Core& core);

// A name for the time since the host came up, as long as the volatile store: the kernel's boot id is the same
// for all boots of a container.
std::string life(Core& core);

// The mark of a VM that went down for good or comes up (run_marks.h).
void mark_up(Core& core, Record& record);
void mark_down(Core& core, const Record& record);

}  // namespace vmkeep::daemon
