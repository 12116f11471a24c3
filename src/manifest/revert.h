// Back to what was: a snapshot (revert), or what the manifest last said (listcust, delcust).
//
// Whatever the way, these stay as they are: general/enabled and general/restarter, which are live;
// dependents, both those that others put here and our own, which are half in another entity; the list of
// manifest files; and what lives as long as the boot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "manifest/merge.h"
#include "repository/repository.h"

namespace vmkeep::manifest {

// Makes both levels of an instance what the snapshot holds, and takes the snapshot `previous` before.
// ErrorKind::not_found: there is no such snapshot.
Result<repository::ChangeSet> plan_revert(repository::Repository& repository, const fmri::Fmri& instance,
                                          const std::string& snapshot);

// What an administrator made different from what the manifest last said.
struct Customization {
  std::string group;
  std::string property;  // empty: the group as a whole, which is new, gone, or of another type
  enum Kind { added, changed, deleted } kind = changed;
};

struct Customizations {
  Content imported, current;
  std::vector<Customization> list;  // in the order of names
};

// ErrorKind::not_found: it was never imported, so nobody knows.
Result<Customizations> customizations(repository::Repository& repository, const fmri::Fmri& entity);

// Undoes those that the filter wants.
Result<repository::ChangeSet> plan_uncustomize(repository::Repository& repository, const fmri::Fmri& entity,
                                               const std::function<bool(const Customization&)>& wanted);

}  // namespace vmkeep::manifest
