#include "tools/svccfg/deletion.h"

#include <algorithm>

namespace vmkeep::svccfg {
namespace {

using repository::ChangeSet;

Result<> delete_dependents(repository::Repository& repository, const fmri::Fmri& entity, ChangeSet& changes) {
  auto levels = repository.read(entity);
  if (!levels) return levels.error();
  const auto dependents = levels->own.find("dependents");
  if (dependents == levels->own.end()) return {};
  for (const auto& [name, property] : dependents->second->properties) {
    if (property.values.empty()) continue;
    const auto target = fmri::Fmri::parse(property.values.front());
    if (!target) continue;
    auto there = repository.read(*target);
    if (!there) continue;  // it is gone already
    const auto group = there->own.find(name);
    if (group == there->own.end() || group->second->value("entities") != entity.str()) continue;
    changes.push_back(repository::DeleteGroup{*target, name, group->second->generation});
  }
  return {};
}

}  // namespace

Result<std::vector<fmri::Fmri>> with_instances(repository::Repository& repository, const fmri::Fmri& entity) {
  std::vector<fmri::Fmri> doomed;
  if (!entity.is_instance()) {
    auto entries = repository.entries();
    if (!entries) return entries.error();
    for (const fmri::Entry& entry : *entries) {
      if (entry.service != entity.service) continue;
      for (const std::string& name : entry.instances) doomed.push_back({entity.service, name, {}, {}});
    }
  }
  doomed.push_back(entity);
  return doomed;
}

Result<ChangeSet> plan_deletion(repository::Repository& repository, const std::vector<fmri::Fmri>& doomed) {
  ChangeSet changes;
  for (const fmri::Fmri& each : doomed) {
    if (auto done = delete_dependents(repository, each, changes); !done) return done.error();
  }
  // A dependency on something that goes too needs no deletion of its own.
  std::erase_if(changes, [&](const repository::Change& change) {
    const auto& group = std::get<repository::DeleteGroup>(change);
    return std::find(doomed.begin(), doomed.end(), group.entity) != doomed.end();
  });
  for (const fmri::Fmri& each : doomed) changes.push_back(repository::DeleteEntity{each});
  return changes;
}

}  // namespace vmkeep::svccfg
