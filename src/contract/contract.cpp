#include "contract/contract.h"

#include <sys/prctl.h>

#include "contract/backends.h"

namespace vmkeep::contract {

Result<std::unique_ptr<Contracts>> Contracts::open(Executor executor, Reaper& reaper,
                                                   ContractsOptions options) {
  // Daemons that fork themselves away from their method become our children, so that their ends are told to
  // us.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return errno_error("cannot become a subreaper");
  using Backend = ContractsOptions::Backend;
  if (options.backend == Backend::pids) return open_pids_backend(executor, reaper, options);
  auto cgroups = open_cgroup_backend(executor, reaper, options);
  if (cgroups || options.backend == Backend::cgroup) return cgroups;
  return open_pids_backend(executor, reaper, options);
}

}  // namespace vmkeep::contract
