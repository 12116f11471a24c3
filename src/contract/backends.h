// The two ways to keep contracts; Contracts::open() chooses.
//
// Both learn of deaths the same way: an orphan that the Reaper took in, a pidfd that became readable, or a
// cgroup that says it is empty.  Both put the reports in order before they push them: whatever died is reaped
// and reported before the emptiness that it causes.
#pragma once

#include <memory>
#include <string>

#include "contract/contract.h"

namespace vmkeep::contract {

// Errors: ErrorKind::unsupported, permission, io: no cgroup here that we may divide.
Result<std::unique_ptr<Contracts>> open_cgroup_backend(const Executor& executor, Reaper& reaper,
                                                       const ContractsOptions& options);

std::unique_ptr<Contracts> open_pids_backend(const Executor& executor, Reaper& reaper,
                                             const ContractsOptions& options);

}  // namespace vmkeep::contract
