// One interface to the repository, served by a local store (repository/store.h) or over the control socket
// (control/remote_repository.h).
#pragma once

#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "repository/change_set.h"
#include "repository/types.h"

namespace vmkeep::repository {

class Repository {
 public:
  virtual ~Repository() = default;

  // All services with their instances, in name order.
  virtual Result<std::vector<fmri::Entry>> entries() = 0;

  // The groups of a service or an instance in the editing view.  ErrorKind::not_found: "No such service ..."
  // or "No such instance ...".
  virtual Result<Levels> read(const fmri::Fmri& entity) = 0;

  // The groups that a snapshot of an instance holds, plus the current volatile groups (section 7.4).
  // ErrorKind::not_found if there is no such instance or snapshot.
  virtual Result<Levels> read_snapshot(const fmri::Fmri& instance, const std::string& snapshot) = 0;

  // The names of an instance's snapshots, in name order.
  virtual Result<std::vector<std::string>> snapshots(const fmri::Fmri& instance) = 0;

  // Carries a change-set out.  ErrorKind::stale: a generation moved; exists, not_found, invalid, permission:
  // what they say.  After an error nothing has changed.  After success it is durable.
  virtual Result<> commit(const ChangeSet& changes) = 0;

  // The running view (section 2.5): the running snapshot, or the editing view where there is none yet.
  Result<Levels> read_running(const fmri::Fmri& instance);
};

inline constexpr char kRunning[] = "running";

}  // namespace vmkeep::repository
