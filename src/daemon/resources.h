// What a VM takes of its host (vm/nice, cpu_set, cpu_weight, io_weight, memory_low, memory_high): given to
// the start method's process and contract, from which the VM's process has it, all its threads included.
//
// The priority and the CPUs count from the next start on; the limits of the contract's cgroup at once after a
// refresh.  What the host does not allow is told in the instance's log, once for each daemon, and the VM
// starts all the same: a VM that runs with less priority than wished is of more use than none.
#pragma once

#include "base/spawn.h"
#include "daemon/core.h"

namespace vmkeep::daemon {

// Of a start method; `levels` is the running view that it is started with.
void give_resources(Core& core, Record& record, const repository::Levels& levels, SpawnSpec& spec);
// To the contract that the instance has.
void limit_contract(Core& core, Record& record, const repository::Levels& levels);

}  // namespace vmkeep::daemon
