// The services that every host has: the milestones and the services of filesystems, which tell what is true
// of the host (host/facts.h) under the names that manifests of old depend on, and the master restarter's own
// entry.
#pragma once

#include "repository/repository.h"

namespace vmkeep::daemon {

// Adds what is missing; what an administrator changed stays.
Result<> ensure_builtin(repository::Repository& store);

}  // namespace vmkeep::daemon
