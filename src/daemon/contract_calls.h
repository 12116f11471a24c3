// The calls about contracts (control/org.vmkeep.varlink): Contracts, SignalContract, AwaitContract.
//
// Who may signal: root and the daemon's user, and a method of the instance whose contract it is: a process
// that runs as the instance's user in the contract of a method that is under way.  So smf_kill_contract works
// for `stop %{restarter/contract}` of an ordinary user's service, and nobody else's.
#pragma once

#include "control/server.h"
#include "daemon/core.h"

namespace vmkeep::daemon {

// Releases a contract; if what was started in it lives on, `Contracts` still tells of it, as an orphan.
void let_go(Core& core, contract::ContractId id, Origin origin);

void answer_contracts(Core& core, const control::Call& call);
void signal_contract(Core& core, const control::Call& call);
// Answers when the contract is empty, or after `seconds`.
Task<> await_contract(Core& core, control::Call call);

// The method of this instance that is under way and that the peer belongs to; null: none.
const std::pair<const uint64_t, MethodRun>* method_of_peer(Core& core, const Record& record,
                                                           const control::Peer& peer);

}  // namespace vmkeep::daemon
