#include "manifest/plan_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "manifest/elements.h"

namespace vmkeep::manifest {

using fmri::Fmri;
using repository::PropertyGroup;
using repository::ValueType;

bool is_external(const PropertyGroup& group) {
  return group.type == "dependency" && group.value("external").value_or("") == "true";
}

bool is_ours(const PropertyGroup& group) {
  return group.persistent && !is_external(group) && group.name != "manifestfiles";
}

Content ours(const repository::Groups& groups) {
  Content content;
  for (const auto& [name, group] : groups) {
    if (is_ours(*group)) content.emplace(name, *group);
  }
  return content;
}

void add_dependents_group(const EntityDescription& description, Content& content) {
  PropertyGroup group = make_group("dependents", "framework");
  for (const Dependent& each : description.dependents) {
    if (!each.remove) set(group, each.name, ValueType::fmri, each.target.str());
  }
  if (!group.properties.empty()) content.emplace(group.name, std::move(group));
}

Error already_there(const std::string& group, const Fmri& entity) {
  return fail(ErrorKind::exists,
              fmt::format("Could not create \"{}\" dependency in {} (already exists).", group, entity.str()));
}

const fmri::Entry* Known::service(const std::string& name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const fmri::Entry& entry) { return entry.service == name; });
  return found == entries_.end() ? nullptr : &*found;
}

bool Known::contains(const Fmri& entity) const {
  const fmri::Entry* entry = service(entity.service);
  return entry != nullptr &&
         (!entity.is_instance() || std::find(entry->instances.begin(), entry->instances.end(),
                                             entity.instance) != entry->instances.end());
}

Result<> DependentPlanner::remove(const Fmri& self, const std::string& name, const std::string& target) {
  const auto parsed = Fmri::parse(target);
  if (!parsed || !known_.contains(*parsed)) return {};
  auto levels = repository_.read(*parsed);
  if (!levels) return in("reading " + target, levels.error());
  const auto group = levels->own.find(name);
  if (group == levels->own.end() || !is_external(*group->second) ||
      group->second->value("entities") != self.str()) {
    return {};
  }
  changes_.push_back(repository::DeleteGroup{*parsed, name, group->second->generation});
  return {};
}

Result<> DependentPlanner::put(const Dependent& dependent) {
  const Fmri& target = dependent.target;
  const Content* const planned = planned_(target);
  if (planned != nullptr && planned->contains(dependent.name)) return already_there(dependent.name, target);
  uint64_t generation = 0;
  if (known_.contains(target)) {
    auto levels = repository_.read(target);
    if (!levels) return in("reading " + target.str(), levels.error());
    if (const auto there = levels->own.find(dependent.name); there != levels->own.end()) {
      const auto& group = *there->second;
      if (same(group, dependent.group)) return {};
      if (!is_external(group) || group.value("entities") != dependent.group.value("entities")) {
        return already_there(dependent.name, target);
      }
      generation = group.generation;
    }
  } else if (planned == nullptr) {
    create_target(target);
  }
  changes_.push_back(repository::PutGroup{target, dependent.group, generation});
  return {};
}

// Empty, so that the dependency is not lost when the target's own manifest comes later.
void DependentPlanner::create_target(const Fmri& target) {
  const bool service_planned = planned_(target.service_fmri()) != nullptr;
  if (!service_planned && known_.service(target.service) == nullptr && made_.insert(target.service).second) {
    changes_.push_back(repository::AddService{target.service});
  }
  if (target.is_instance() && made_.insert(target.str()).second) {
    changes_.push_back(repository::AddInstance{target.service, target.instance});
  }
}

}  // namespace vmkeep::manifest
