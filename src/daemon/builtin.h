// The services that every host has: milestone/network and system/filesystem/local, which tell what the kernel
// knows, and the master restarter's own entry.
#pragma once

#include "repository/repository.h"

namespace vmkeep::daemon {

// Adds what is missing; what an administrator changed stays.
Result<> ensure_builtin(repository::Repository& store);

}  // namespace vmkeep::daemon
