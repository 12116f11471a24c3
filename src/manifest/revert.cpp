#include "manifest/revert.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "manifest/elements.h"
#include "manifest/plan_parts.h"

namespace vmkeep::manifest {
namespace {

using fmri::Fmri;
using repository::ChangeSet;
using repository::Groups;
using repository::Property;
using repository::PropertyGroup;

constexpr const char* kLive[] = {"enabled", "restarter"};

// `content` with the live properties, and with the dependents, as they are in `current`.
void keep_live(Content& content, const Content& current) {
  content.erase("dependents");
  if (const auto there = current.find("dependents"); there != current.end()) content.insert(*there);
  for (const char* name : kLive) {
    const auto there = current.find("general");
    const Property* live = there == current.end() ? nullptr : there->second.find(name);
    if (live != nullptr) {
      content.try_emplace("general", make_group("general", there->second.type));
      content.at("general").properties[name] = *live;
    } else if (const auto general = content.find("general"); general != content.end()) {
      general->second.properties.erase(name);
      if (general->second.properties.empty()) content.erase(general);
    }
  }
}

// The changes that make our part of `groups` into `wanted`.
void make(const Fmri& entity, const Groups& groups, const Content& wanted, ChangeSet& changes) {
  const Content current = ours(groups);
  const auto generation = [&](const std::string& name) -> uint64_t {
    const auto there = groups.find(name);
    return there == groups.end() ? 0 : there->second->generation;
  };
  for (const auto& [name, group] : current) {
    if (!wanted.contains(name)) changes.push_back(repository::DeleteGroup{entity, name, generation(name)});
  }
  for (const auto& [name, group] : wanted) {
    const auto there = current.find(name);
    if (there != current.end() && same(there->second, group)) continue;
    changes.push_back(repository::PutGroup{entity, group, generation(name)});
  }
}

// What the manifest last said about an entity.  Snapshots belong to instances: a service is found in theirs.
Result<Content> last_import(repository::Repository& repository, const Fmri& entity) {
  std::vector<std::string> instances{entity.instance};
  if (!entity.is_instance()) {
    auto entries = repository.entries();
    if (!entries) return entries.error();
    instances.clear();
    for (const fmri::Entry& entry : *entries) {
      if (entry.service == entity.service) instances = entry.instances;
    }
  }
  for (const std::string& name : instances) {
    auto levels = repository.read_snapshot({entity.service, name, {}, {}}, kLastImport);
    if (levels) return ours(entity.is_instance() ? levels->own : levels->service);
    if (levels.error().kind != ErrorKind::not_found) return levels.error();
  }
  return fail(ErrorKind::not_found,
              fmt::format("{} was never imported: nobody knows what is customized.", entity.str()));
}

void compare_groups(const PropertyGroup& imported, const PropertyGroup& current,
                    std::vector<Customization>& list) {
  if (imported.type != current.type) list.push_back({current.name, {}, Customization::changed});
  for (const auto& [name, property] : imported.properties) {
    const Property* now = current.find(name);
    if (now == nullptr) list.push_back({current.name, name, Customization::deleted});
    if (now != nullptr && !(*now == property)) list.push_back({current.name, name, Customization::changed});
  }
  for (const auto& [name, property] : current.properties) {
    if (imported.find(name) == nullptr) list.push_back({current.name, name, Customization::added});
  }
}

}  // namespace

Result<ChangeSet> plan_revert(repository::Repository& repository, const Fmri& instance,
                              const std::string& snapshot) {
  auto wanted = repository.read_snapshot(instance, snapshot);
  if (!wanted) return wanted.error();
  auto current = repository.read(instance);
  if (!current) return current.error();
  ChangeSet changes;
  changes.push_back(repository::TakeSnapshot{instance, "previous"});
  Content service = ours(wanted->service);
  keep_live(service, ours(current->service));
  make(instance.service_fmri(), current->service, service, changes);
  Content own = ours(wanted->own);
  keep_live(own, ours(current->own));
  make(instance, current->own, own, changes);
  return changes;
}

Result<Customizations> customizations(repository::Repository& repository, const Fmri& entity) {
  auto imported = last_import(repository, entity);
  if (!imported) return imported.error();
  auto levels = repository.read(entity);
  if (!levels) return levels.error();
  Customizations result{std::move(*imported), ours(levels->own), {}};
  keep_live(result.imported, result.current);
  for (const auto& [name, group] : result.imported) {
    const auto now = result.current.find(name);
    if (now == result.current.end()) {
      result.list.push_back({name, {}, Customization::deleted});
    } else {
      compare_groups(group, now->second, result.list);
    }
  }
  for (const auto& [name, group] : result.current) {
    if (!result.imported.contains(name)) result.list.push_back({name, {}, Customization::added});
  }
  std::sort(result.list.begin(), result.list.end(), [](const Customization& a, const Customization& b) {
    return std::tie(a.group, a.property) < std::tie(b.group, b.property);
  });
  return result;
}

Result<ChangeSet> plan_uncustomize(repository::Repository& repository, const Fmri& entity,
                                   const std::function<bool(const Customization&)>& wanted) {
  auto found = customizations(repository, entity);
  if (!found) return found.error();
  auto levels = repository.read(entity);
  if (!levels) return levels.error();
  Content content = found->current;
  for (const Customization& each : found->list) {
    if (!wanted(each)) continue;
    const auto imported = found->imported.find(each.group);
    if (each.property.empty()) {
      if (each.kind == Customization::added) content.erase(each.group);
      if (each.kind == Customization::deleted) content[each.group] = imported->second;
      if (each.kind == Customization::changed) content.at(each.group).type = imported->second.type;
    } else if (each.kind == Customization::added) {
      content.at(each.group).properties.erase(each.property);
    } else {
      content.at(each.group).properties[each.property] = *imported->second.find(each.property);
    }
  }
  ChangeSet changes;
  make(entity, levels->own, content, changes);
  return changes;
}

}  // namespace vmkeep::manifest
