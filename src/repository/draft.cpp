#include "repository/draft.h"

#include <utility>

namespace vmkeep::repository {
namespace {

const GroupPtr* find_group(const Node* node, std::string_view name) {
  if (node == nullptr) return nullptr;
  const auto it = node->groups.find(name);
  return it == node->groups.end() ? nullptr : &it->second;
}

uint64_t generation_of(const GroupPtr* group) {
  return group == nullptr ? 0 : (*group)->generation;
}

std::string place(const Key& key, std::string_view group) {
  return key.str() + ": property group " + fmri::quote(group);
}

// The property with its values in normal form.
Result<Property> normal(const std::string& name, const Property& property) {
  if (!fmri::valid_name(name))
    return fail(ErrorKind::invalid, "the name of property " + fmri::quote(name) + " is not valid");
  Property result{property.type, {}};
  result.values.reserve(property.values.size());
  for (const std::string& value : property.values) {
    auto checked = check_value(property.type, value);
    if (!checked) return in("property " + fmri::quote(name), checked.error());
    result.values.push_back(std::move(*checked));
  }
  return result;
}

Result<> check_group_names(const std::string& name, const std::string& type) {
  if (!fmri::valid_name(name)) return fail(ErrorKind::invalid, "the name of the property group is not valid");
  if (!fmri::valid_name(type))
    return fail(ErrorKind::invalid, "the type " + fmri::quote(type) + " of the property group is not valid");
  return {};
}

Error persistence_differs(const PropertyGroup& existing) {
  return fail(ErrorKind::invalid, existing.persistent
                                      ? "it is persistent; delete it first to make it nonpersistent"
                                      : "it is nonpersistent; delete it first to make it persistent");
}

}  // namespace

Draft::Draft(const Model& model)
    : model_(model), last_generation_(model.last_generation), last_level_(model.last_level) {}

Result<> Draft::apply(const ChangeSet& changes) {
  for (const Change& one : changes) {
    auto done = std::visit([this](const auto& wanted) { return change(wanted); }, one);
    if (!done) return done;
  }
  return {};
}

const Node* Draft::look(const Key& key) const {
  const auto it = touched_.find(key);
  if (it == touched_.end()) return model_.find(key);
  return it->second ? &*it->second : nullptr;
}

Node& Draft::touch(const Key& key) {
  const auto [it, fresh] = touched_.try_emplace(key);
  if (fresh) it->second = *model_.find(key);
  return *it->second;
}

Result<Key> Draft::existing(const fmri::Fmri& entity) const {
  if (!entity.property_group.empty())
    return fail(ErrorKind::invalid,
                entity.str() + " names a property group; a service or an instance is wanted");
  Key key{entity.service, entity.instance};
  if (look(key) != nullptr) return key;
  const bool service_missing = key.instance.empty() || look({key.service, ""}) == nullptr;
  return fail(ErrorKind::not_found, service_missing
                                        ? "No such service " + fmri::quote(Key{key.service, ""}.str())
                                        : "No such instance " + fmri::quote(key.str()));
}

Result<> Draft::change(const AddService& wanted) {
  if (!fmri::valid_service(wanted.service))
    return fail(ErrorKind::invalid,
                "cannot add service " + fmri::quote(wanted.service) + ": the name is not valid");
  const Key key{wanted.service, ""};
  if (look(key) != nullptr) return fail(ErrorKind::exists, "service " + key.str() + " exists already");
  touched_[key] = Node{};
  return {};
}

Result<> Draft::change(const AddInstance& wanted) {
  if (!fmri::valid_name(wanted.instance))
    return fail(ErrorKind::invalid, "cannot add instance " + fmri::quote(wanted.instance) + " to service " +
                                        fmri::quote(wanted.service) + ": the name is not valid");
  auto service = existing({wanted.service, {}, {}, {}});
  if (!service) return service.error();
  const Key key{wanted.service, wanted.instance};
  if (look(key) != nullptr) return fail(ErrorKind::exists, "instance " + key.str() + " exists already");
  touched_[key] = Node{};
  return {};
}

Result<> Draft::change(const DeleteEntity& wanted) {
  auto key = existing(wanted.entity);
  if (!key) return key.error();
  if (key->instance.empty()) {
    constexpr size_t kNamed = 5;
    std::map<std::string, bool> instances;
    const auto collect = [&](const auto& nodes, auto&& present) {
      for (auto it = nodes.upper_bound(*key); it != nodes.end() && it->first.service == key->service; ++it)
        instances[it->first.instance] = present(it->second);
    };
    collect(model_.nodes, [](const Node&) { return true; });
    collect(touched_, [](const std::optional<Node>& node) { return node.has_value(); });
    std::erase_if(instances, [](const auto& one) { return !one.second; });
    if (!instances.empty()) {
      std::string names;
      size_t named = 0;
      for (const auto& [name, present] : instances) {
        if (named++ == kNamed) break;
        names += (names.empty() ? "" : ", ") + name;
      }
      if (instances.size() > kNamed) names += " and " + std::to_string(instances.size() - kNamed) + " more";
      return fail(ErrorKind::busy, "cannot delete service " + key->str() + ": it has instances (" + names +
                                       "); delete them first");
    }
  }
  touched_[*key] = std::nullopt;
  return {};
}

// `expected` is what the caller read before this change-set; what the change-set itself did to the group
// since is not somebody else's change.
Result<> Draft::check_expected(const Key& key, const std::string& group,
                               std::optional<uint64_t> expected) const {
  if (!expected) return {};
  const uint64_t current = generation_of(find_group(look(key), group));
  const uint64_t before = generation_of(find_group(model_.find(key), group));
  if (*expected == current || *expected == before) return {};
  if (*expected == 0) return fail(ErrorKind::exists, place(key, group) + " exists already");
  return fail(ErrorKind::stale, place(key, group) +
                                    (current == 0 ? " was deleted meanwhile" : " was changed meanwhile") +
                                    "; read it again and retry");
}

void Draft::put(const Key& key, PropertyGroup group) {
  group.generation = ++last_generation_;
  std::string name = group.name;
  touch(key).groups[std::move(name)] = std::make_shared<const PropertyGroup>(std::move(group));
}

Result<> Draft::change(const PutGroup& wanted) {
  auto key = existing(wanted.entity);
  if (!key) return key.error();
  const PropertyGroup& group = wanted.group;
  const std::string where = place(*key, group.name);
  if (auto named = check_group_names(group.name, group.type); !named) return in(where, named.error());
  if (auto fresh = check_expected(*key, group.name, wanted.expected); !fresh) return fresh;
  const GroupPtr* current = find_group(look(*key), group.name);
  if (current != nullptr && (*current)->persistent != group.persistent)
    return in(where, persistence_differs(**current));
  PropertyGroup made{group.name, group.type, group.persistent, 0, {}};
  for (const auto& [name, property] : group.properties) {
    auto checked = normal(name, property);
    if (!checked) return in(where, checked.error());
    made.properties.emplace_hint(made.properties.end(), name, std::move(*checked));
  }
  if (current != nullptr && (*current)->type == made.type && (*current)->properties == made.properties)
    return {};
  put(*key, std::move(made));
  return {};
}

Result<> Draft::change(const DeleteGroup& wanted) {
  auto key = existing(wanted.entity);
  if (!key) return key.error();
  if (auto fresh = check_expected(*key, wanted.group, wanted.expected); !fresh) return fresh;
  if (find_group(look(*key), wanted.group) == nullptr)
    return fail(ErrorKind::not_found,
                "No such property group " + fmri::quote(wanted.group) + " of " + key->str());
  touch(*key).groups.erase(wanted.group);
  return {};
}

Result<> Draft::change(const SetProperty& wanted) {
  auto key = existing(wanted.entity);
  if (!key) return key.error();
  const std::string where = place(*key, wanted.group);
  const GroupPtr* current = find_group(look(*key), wanted.group);
  if (current != nullptr && (*current)->persistent != wanted.persistent)
    return in(where, persistence_differs(**current));
  const Property* before = current == nullptr ? nullptr : (*current)->find(wanted.property);
  PropertyGroup made{wanted.group, wanted.group_type, wanted.persistent, 0, {}};
  if (wanted.value) {
    // The type counts only where the group is made; an existing one keeps its own.
    const std::string& type = current == nullptr ? wanted.group_type : (*current)->type;
    if (auto named = check_group_names(wanted.group, type); !named) return in(where, named.error());
    auto checked = normal(wanted.property, *wanted.value);
    if (!checked) return in(where, checked.error());
    if (before != nullptr && *before == *checked) return {};
    if (current != nullptr) made = **current;
    made.properties[wanted.property] = std::move(*checked);
  } else {
    if (before == nullptr) return {};
    made = **current;
    made.properties.erase(wanted.property);
  }
  put(*key, std::move(made));
  return {};
}

LevelPtr Draft::level_of(const Groups& groups) {
  Level level;
  for (const auto& [name, group] : groups)
    if (group->persistent) level.groups.emplace_hint(level.groups.end(), name, group);
  LevelContent content = content_of(level.groups);
  if (const auto known = model_.level_ids.find(content); known != model_.level_ids.end())
    return model_.levels.at(known->second).level;
  LevelPtr& made = new_levels_[std::move(content)];
  if (!made) {
    level.id = ++last_level_;
    made = std::make_shared<const Level>(std::move(level));
  }
  return made;
}

Result<> Draft::change(const TakeSnapshot& wanted) {
  auto key = existing(wanted.instance);
  if (!key) return key.error();
  if (key->instance.empty())
    return fail(ErrorKind::invalid, key->str() + " is a service; only instances have snapshots");
  if (!fmri::valid_name(wanted.name))
    return fail(ErrorKind::invalid,
                key->str() + ": the name of snapshot " + fmri::quote(wanted.name) + " is not valid");
  Snapshot snapshot{level_of(look(*key)->groups), level_of(look({key->service, ""})->groups)};
  touch(*key).snapshots[wanted.name] = std::move(snapshot);
  return {};
}

}  // namespace vmkeep::repository
