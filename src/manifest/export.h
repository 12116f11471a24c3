// Services of the repository as XML (3.7) that brings the same configuration in again.
//
// What has an element of its own gets it, if all that the element needs is there; anything else is written as
// a plain property group.  Left out: what lives as long as the boot, the files that the service came from,
// and the dependency groups that other services' dependents put here (those services export them).  Values of
// groups that only some may read (read_authorization) are left out unless they are asked for.
#pragma once

#include <string>

#include "repository/repository.h"

namespace vmkeep::manifest {

struct ExportOptions {
  bool protected_values = false;
};

// A manifest of one service, of the editing view.  ErrorKind::invalid: a value that XML cannot carry; the
// message names it.
Result<std::string> export_service(repository::Repository& repository, const fmri::Fmri& service,
                                   const ExportOptions& options = {});

// All services as an archive, which restore reads.
Result<std::string> export_archive(repository::Repository& repository, const ExportOptions& options = {});

// Which instances are enabled, as a profile.
Result<std::string> export_profile(repository::Repository& repository);

}  // namespace vmkeep::manifest
