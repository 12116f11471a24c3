// Planning an import (3.4).  For each service: read what is there, merge, and write down the changes.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "manifest/elements.h"
#include "manifest/plan_parts.h"

namespace vmkeep::manifest {
namespace {

using fmri::Fmri;
using repository::ChangeSet;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

using Notes = std::vector<std::string>;

// One service or instance on its way through the transaction.
struct Entity {
  Fmri fmri;
  const EntityDescription* description = nullptr;
  bool exists = false;
  repository::Groups all;      // what the repository has
  Content now;                 // our part of it, as the changes so far leave it
  Content before;              // our part of it, before
  std::optional<Content> old;  // last-import
  Content next;                // the manifest
  Content merged;
  std::set<std::string> written;
  // For an instance: the service's level in its own last-import, and whether that snapshot must be taken
  // again.
  std::optional<Content> old_service;
  bool snapshot_needed = false;

  bool changes() const { return !same(merged, before); }
};

// general/enabled and general/restarter are live: as they are now, in all three of the merge, so that nothing
// is ever made of a difference.  A thing made by hand that has none takes the manifest's.
void keep_live(Entity& entity, Notes* notes) {
  const auto in = [](const Content& content, const char* name) -> const Property* {
    const auto general = content.find("general");
    return general == content.end() ? nullptr : general->second.find(name);
  };
  for (const char* name : {"enabled", "restarter"}) {
    const Property* live = in(entity.before, name);
    if (live == nullptr && !entity.old) continue;
    const Property* next = in(entity.next, name);
    const Property* old = entity.old ? in(*entity.old, name) : nullptr;
    const bool moved = next != nullptr && (old == nullptr || !(*old == *next));
    if (notes != nullptr && moved && (live == nullptr || !(*live == *next))) {
      notes->push_back(
          fmt::format("{}: Refusing to upgrade \"general/{}\" (live property).", entity.fmri.str(), name));
    }
    for (Content* content : {&entity.next, entity.old ? &*entity.old : nullptr}) {
      if (content == nullptr) continue;
      if (live != nullptr) {
        content->try_emplace("general", make_group("general", "framework"));
        content->at("general").properties[name] = *live;
      } else if (const auto general = content->find("general"); general != content->end()) {
        general->second.properties.erase(name);
        if (general->second.properties.empty()) content->erase(general);
      }
    }
  }
}

class Planner {
 public:
  Planner(repository::Repository& repository, const Bundle& bundle, Notes& warnings, Notes* notes)
      : repository_(repository), bundle_(bundle), warnings_(warnings), notes_(notes) {}

  Result<ChangeSet> plan() {
    auto entries = repository_.entries();
    if (!entries) return in("reading the repository", entries.error());
    known_ = Known(std::move(*entries));
    std::vector<Entity> all;
    for (const ServiceDescription& service : bundle_.services) {
      if (auto planned = plan_service(service, all); !planned) return planned.error();
    }
    const auto planned_content = [&](const Fmri& fmri) -> const Content* {
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const Entity& each) { return each.fmri == fmri; });
      return found == all.end() ? nullptr : &found->merged;
    };
    DependentPlanner dependents(repository_, known_, planned_content, changes_);
    for (const Entity& entity : all) {
      if (auto planned = plan_dependents(entity, dependents); !planned) return planned.error();
    }
    tell_snapshots();
    return std::move(changes_);
  }

 private:
  // In the order in which things happen: "previous" is taken before anything changes.
  void tell_snapshots() {
    if (notes_ == nullptr) return;
    Notes before;
    for (const repository::Change& change : changes_) {
      const auto* taken = std::get_if<repository::TakeSnapshot>(&change);
      if (taken == nullptr) continue;
      (taken->name == kLastImport || taken->name == "initial" ? *notes_ : before)
          .push_back(fmt::format("Taking \"{}\" snapshot for {}.", taken->name, taken->instance.str()));
    }
    notes_->insert(notes_->begin(), before.begin(), before.end());
  }

  Result<Entity> load(const Fmri& fmri, const EntityDescription& description) {
    Entity entity;
    entity.fmri = fmri;
    entity.description = &description;
    entity.next = Content(description.groups.begin(), description.groups.end());
    add_dependents_group(description, entity.next);
    entity.exists = known_.contains(fmri);
    if (!entity.exists) return entity;
    auto levels = repository_.read(fmri);
    if (!levels) return in("reading " + fmri.str(), levels.error());
    entity.all = levels->own;
    entity.before = entity.now = ours(levels->own);
    for (const auto& [name, group] : entity.next) {
      const auto there = entity.all.find(name);
      if (there != entity.all.end() && !is_ours(*there->second)) return already_there(name, fmri);
    }
    if (!fmri.is_instance()) return entity;
    auto snapshot = repository_.read_snapshot(fmri, kLastImport);
    if (snapshot) {
      entity.old = ours(snapshot->own);
      entity.old_service = ours(snapshot->service);
    } else if (snapshot.error().kind != ErrorKind::not_found) {
      return in("reading snapshot last-import of " + fmri.str(), snapshot.error());
    }
    return entity;
  }

  // A manifest that only adds instances to a service which is there: its silence about the service means that
  // the service stays as it is, not that everything of it is to go.
  static bool says_nothing(const ServiceDescription& service) {
    return service.groups.empty() && service.dependents.empty() && service.removed.empty();
  }

  Result<> plan_service(const ServiceDescription& description, std::vector<Entity>& all) {
    const Fmri fmri{description.name, {}, {}, {}};
    auto loaded = load(fmri, description);
    if (!loaded) return loaded.error();
    Entity service = std::move(*loaded);
    std::vector<Entity> instances;
    for (const InstanceDescription& each : description.instances) {
      auto instance = load({description.name, each.name, {}, {}}, each);
      if (!instance) return instance.error();
      instances.push_back(std::move(*instance));
    }
    if (auto old = find_old_service(service, instances); !old) return old.error();
    const bool bare = service.exists && says_nothing(description);
    if (bare) service.next = service.old ? *service.old : service.before;
    merge_entity(service);
    for (Entity& instance : instances) {
      merge_entity(instance);
      if (bare && instance.old) {
        instance.snapshot_needed = !same(*instance.old, instance.next);
      } else if (instance.old_service && instance.old) {
        // The service's live properties are no difference here either.
        Entity level = service;
        level.old = instance.old_service;
        level.next = Content(description.groups.begin(), description.groups.end());
        add_dependents_group(description, level.next);
        keep_live(level, nullptr);
        instance.snapshot_needed = !same(*instance.old, instance.next) || !same(*level.old, level.next);
      } else {
        instance.snapshot_needed = true;
      }
    }
    write_service(service, instances);
    all.push_back(std::move(service));
    std::move(instances.begin(), instances.end(), std::back_inserter(all));
    return {};
  }

  // Snapshots belong to instances, so what the manifest last said about the service is found in one of
  // theirs.
  Result<> find_old_service(Entity& service, const std::vector<Entity>& instances) {
    for (const Entity& instance : instances) {
      if (service.exists && instance.old_service) {
        service.old = instance.old_service;
        return {};
      }
    }
    const fmri::Entry* entry = known_.service(service.fmri.service);
    if (entry == nullptr) return {};
    for (const std::string& name : entry->instances) {
      auto snapshot = repository_.read_snapshot({service.fmri.service, name, {}, {}}, kLastImport);
      if (snapshot) {
        service.old = ours(snapshot->service);
        return {};
      }
      if (snapshot.error().kind != ErrorKind::not_found) {
        return in("reading snapshot last-import of " + service.fmri.str() + ":" + name, snapshot.error());
      }
    }
    return {};
  }

  void merge_entity(Entity& entity) {
    if (!entity.exists) {
      entity.merged = entity.next;
      return;
    }
    keep_live(entity, notes_);
    entity.merged = merge({entity.fmri.str(), entity.old ? &*entity.old : nullptr, entity.next, entity.before,
                           entity.description->overrides, entity.description->removed},
                          warnings_, notes_);
    drop_removed_dependents(entity);
  }

  static void drop_removed_dependents(Entity& entity) {
    const auto group = entity.merged.find("dependents");
    if (group == entity.merged.end()) return;
    for (const Dependent& each : entity.description->dependents) {
      if (each.remove) group->second.properties.erase(each.name);
      if (each.replace && !each.remove) set(group->second, each.name, ValueType::fmri, each.target.str());
    }
    if (group->second.properties.empty()) entity.merged.erase(group);
  }

  void write_service(Entity& service, std::vector<Entity>& instances) {
    for (const Entity& instance : instances) {
      if (instance.exists && (instance.changes() || service.changes())) {
        changes_.push_back(repository::TakeSnapshot{instance.fmri, "previous"});
      }
    }
    if (!service.exists) changes_.push_back(repository::AddService{service.fmri.service});
    for (const Entity& instance : instances) {
      if (!instance.exists) {
        changes_.push_back(repository::AddInstance{instance.fmri.service, instance.fmri.instance});
      }
    }
    const bool snapshots = std::any_of(instances.begin(), instances.end(),
                                       [](const Entity& each) { return each.snapshot_needed; });
    if (snapshots) {
      write(service, service.next);
      for (Entity& instance : instances) {
        if (instance.snapshot_needed) write(instance, instance.next);
      }
    }
    write_manifest_file(service);
    for (const Entity& instance : instances) {
      if (instance.snapshot_needed) changes_.push_back(repository::TakeSnapshot{instance.fmri, kLastImport});
      if (!instance.exists) changes_.push_back(repository::TakeSnapshot{instance.fmri, "initial"});
    }
    write(service, service.merged);
    for (Entity& instance : instances) write(instance, instance.merged);
  }

  // The changes that make our part of the entity `content`; general last, because it tells the restarter that
  // the instance is there.
  void write(Entity& entity, const Content& content) {
    for (const auto& [name, group] : entity.now) {
      if (content.contains(name)) continue;
      changes_.push_back(repository::DeleteGroup{entity.fmri, name, expected(entity, name)});
      entity.written.insert(name);
    }
    for (const bool general : {false, true}) {
      for (const auto& [name, group] : content) {
        if ((name == "general") != general) continue;
        const auto there = entity.now.find(name);
        if (there != entity.now.end() && same(there->second, group)) continue;
        changes_.push_back(repository::PutGroup{entity.fmri, group, expected(entity, name)});
        entity.written.insert(name);
      }
    }
    entity.now = content;
  }

  // What nobody else may have changed since we read it; what we wrote ourselves is ours.
  static std::optional<uint64_t> expected(const Entity& entity, const std::string& group) {
    if (entity.written.contains(group)) return std::nullopt;
    const auto there = entity.all.find(group);
    return there == entity.all.end() ? 0 : there->second->generation;
  }

  void write_manifest_file(Entity& service) {
    if (!bundle_.file.starts_with('/')) return;
    const auto there = service.all.find("manifestfiles");
    PropertyGroup group =
        there == service.all.end() ? make_group("manifestfiles", "framework") : PropertyGroup(*there->second);
    const std::string property = mangle(std::string_view(bundle_.file).substr(1));
    if (group.value(property) == bundle_.file) return;
    set(group, property, bundle_.file);
    changes_.push_back(repository::PutGroup{service.fmri, group, expected(service, group.name)});
  }

  static Result<> plan_dependents(const Entity& entity, DependentPlanner& dependents) {
    const auto value = [](const Content& content, const std::string& name) {
      const auto group = content.find("dependents");
      const auto found = group == content.end() ? std::nullopt : group->second.value(name);
      return std::string(found.value_or(""));
    };
    if (const auto group = entity.before.find("dependents"); group != entity.before.end()) {
      for (const auto& [name, property] : group->second.properties) {
        const std::string was = value(entity.before, name);
        if (was == value(entity.merged, name)) continue;
        if (auto done = dependents.remove(entity.fmri, name, was); !done) return done.error();
      }
    }
    for (const Dependent& each : entity.description->dependents) {
      if (each.remove || value(entity.merged, each.name) != each.target.str()) continue;
      if (auto done = dependents.put(each); !done) return done.error();
    }
    return {};
  }

  repository::Repository& repository_;
  const Bundle& bundle_;
  Notes& warnings_;
  Notes* notes_;
  Known known_;
  ChangeSet changes_;
};

}  // namespace

Result<ChangeSet> plan_import(repository::Repository& repository, const Bundle& bundle, Notes& warnings,
                              Notes* notes) {
  if (bundle.type != "manifest") return fail(ErrorKind::invalid, "document is not a manifest.");
  return Planner(repository, bundle, warnings, notes).plan();
}

}  // namespace vmkeep::manifest
