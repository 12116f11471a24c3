// Deleting services and instances, with what they put into others.
#pragma once

#include <vector>

#include "repository/repository.h"

namespace vmkeep::svccfg {

// The entity, and before it the instances of a service: in the order in which they can go.
Result<std::vector<fmri::Fmri>> with_instances(repository::Repository& repository, const fmri::Fmri& entity);

// The dependency groups that the dependents of an entity put on others go with it.
Result<repository::ChangeSet> plan_deletion(repository::Repository& repository,
                                            const std::vector<fmri::Fmri>& doomed);

}  // namespace vmkeep::svccfg
