// Profiles (3.5) and archives: bundles that overrule what is there, instead of being merged with it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "manifest/manifest.h"

namespace vmkeep::manifest {

struct Application {
  repository::ChangeSet changes;
  std::set<fmri::Fmri> touched;    // services and instances that something of changes for
  std::vector<std::string> notes;  // what was passed over
};

// A profile: its properties are set, whatever they were; what it does not name stays.  Only what exists is
// touched; an instance that is missing is made if its description is whole (its groups and properties have
// types).  ErrorKind::invalid: no profile, or a property that nobody knows the type of.
Result<Application> plan_apply(repository::Repository& repository, const Bundle& bundle);

// An archive: its groups become what they were, what is missing is made, and other groups stay.
Result<Application> plan_restore(repository::Repository& repository, const Bundle& bundle);

}  // namespace vmkeep::manifest
