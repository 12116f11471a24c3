// A service of the repository as a manifest (3.7) that brings the same configuration in again.
//
// What has an element of its own gets it, if all that the element needs is there; anything else is written as
// a plain property group.  Left out: what lives as long as the boot, the files that the service came from,
// and the dependency groups that other services' dependents put here (those services export them).
#pragma once

#include <string>

#include "repository/repository.h"

namespace vmkeep::manifest {

// The editing view.  ErrorKind::invalid: a value that XML cannot carry; the message names it.
Result<std::string> export_service(repository::Repository& repository, const fmri::Fmri& service);

}  // namespace vmkeep::manifest
