#include "restarter/rights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "repository/repository.h"

namespace vmkeep::restarter {
namespace {

using repository::Groups;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;
using Names = std::vector<std::string>;

constexpr const char* kManage = "solaris.smf.manage";
constexpr const char* kModify = "solaris.smf.modify";
constexpr const char* kGeneral = "general";
constexpr const char* kOverride = "general_ovr";
constexpr const char* kActions = "restarter_actions";
constexpr const char* kAction = "action_authorization";
constexpr const char* kModifyProperty = "modify_authorization";
constexpr const char* kValueProperty = "value_authorization";
constexpr const char* kReadProperty = "read_authorization";

const PropertyGroup* find(const Groups& groups, const std::string& name) {
  const auto found = groups.find(name);
  return found == groups.end() ? nullptr : found->second.get();
}

// What a property of authorizations names.
void add_named(Names& names, const Levels& levels, const std::string& group, const char* property) {
  const Property* found = levels.find(group, property);
  if (found == nullptr || found->type != ValueType::astring) return;
  for (const auto& value : found->values) {
    if (!value.empty()) names.push_back(value);
  }
}

// The type of the groups that the facility looks for by their names.
const char* expected_type(const std::string& group) {
  static const std::set<std::string> kFramework{kGeneral,         kOverride, kActions,     "restarter",
                                                "method_context", "startd",  "dependents", "options",
                                                "options_ovr",    "pace"};
  static const std::set<std::string> kMethods{"start", "stop", "refresh"};
  if (kFramework.contains(group)) return "framework";
  return kMethods.contains(group) ? "method" : nullptr;
}

void add_type(Names& names, const std::string& type) {
  constexpr std::array<std::string_view, 4> kTypes{"application", "dependency", "framework", "method"};
  if (std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end())
    names.push_back(std::string(kModify) + "." + type);
}

bool has_any(const Caller& caller, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&caller](const std::string& name) {
    return std::any_of(caller.granted.begin(), caller.granted.end(),
                       [&name](const std::string& granted) { return covers(granted, name); });
  });
}

Ruling rule(const Caller& caller, const std::string& what, const Names& names) {
  if (caller.trusted || has_any(caller, names)) return {};
  std::string list;
  for (size_t n = 0; n < names.size(); ++n) {
    if (n != 0) list += n + 1 == names.size() ? " or " : ", ";
    list += names[n];
  }
  return {false, fmt::format("{} takes the authorization {}", what, list)};
}

Names to_operate(const Levels& levels) {
  Names names{kManage};
  add_named(names, levels, kGeneral, kAction);
  return names;
}

// ---- what a change does to a group

enum class Depth { nothing, values, properties, group };

struct Deed {
  Depth depth = Depth::nothing;
  std::string group;
  std::string type;  // that it gets or has
  bool persistent = true;
  bool changes_action = false;  // action_authorization among what changes
};

bool same(const Property* a, const Property* b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

// From `before` to `after` of one property; null: there is none.
void weigh(Deed& deed, const std::string& name, const Property* before, const Property* after) {
  if (same(before, after)) return;
  const bool value =
      before != nullptr && after != nullptr && before->type == after->type && name != kModifyProperty;
  deed.depth = std::max(deed.depth, value ? Depth::values : Depth::properties);
  deed.changes_action = deed.changes_action || name == kAction;
}

Deed put(const repository::PutGroup& change, const PropertyGroup* before) {
  Deed deed{Depth::values, change.group.name, change.group.type, change.group.persistent, false};
  if (before == nullptr || before->type != change.group.type ||
      before->persistent != change.group.persistent) {
    deed.depth = Depth::group;
  }
  for (const auto& [name, property] : change.group.properties) {
    weigh(deed, name, before == nullptr ? nullptr : before->find(name), &property);
  }
  if (before == nullptr) return deed;
  for (const auto& [name, property] : before->properties) {
    if (change.group.find(name) == nullptr) weigh(deed, name, &property, nullptr);
  }
  return deed;
}

Deed set(const repository::SetProperty& change, const PropertyGroup* before) {
  Deed deed{change.value ? Depth::values : Depth::nothing, change.group, change.group_type, change.persistent,
            false};
  const Property* old = before == nullptr ? nullptr : before->find(change.property);
  if (!change.value && old == nullptr) return deed;
  if (before == nullptr) {
    deed.depth = Depth::group;
  } else {
    deed.type = before->type;
    deed.persistent = before->persistent;
  }
  weigh(deed, change.property, old, change.value ? &*change.value : nullptr);
  return deed;
}

std::optional<Deed> deed_of(const repository::Change& change, const Groups& own) {
  if (const auto* c = std::get_if<repository::PutGroup>(&change)) return put(*c, find(own, c->group.name));
  if (const auto* c = std::get_if<repository::SetProperty>(&change)) return set(*c, find(own, c->group));
  if (const auto* c = std::get_if<repository::DeleteGroup>(&change)) {
    const PropertyGroup* before = find(own, c->group);
    if (before == nullptr) return Deed{};  // the store will say that there is none
    return Deed{Depth::group, c->group, before->type, before->persistent, before->find(kAction) != nullptr};
  }
  return std::nullopt;
}

fmri::Fmri entity_of(const repository::Change& change) {
  if (const auto* c = std::get_if<repository::PutGroup>(&change)) return c->entity;
  if (const auto* c = std::get_if<repository::SetProperty>(&change)) return c->entity;
  if (const auto* c = std::get_if<repository::DeleteGroup>(&change)) return c->entity;
  if (const auto* c = std::get_if<repository::DeleteEntity>(&change)) return c->entity;
  if (const auto* c = std::get_if<repository::TakeSnapshot>(&change)) return c->instance;
  if (const auto* c = std::get_if<repository::AddInstance>(&change)) return {c->service, c->instance, {}, {}};
  if (const auto* c = std::get_if<repository::AddService>(&change)) return {c->service, {}, {}, {}};
  return {};
}

// The types that this group is or would be taken for.
std::set<std::string> types_of(const Deed& deed, const Levels& levels) {
  std::set<std::string> types{deed.type};
  for (const Groups* level : {&levels.own, &levels.service}) {
    if (const auto* group = find(*level, deed.group)) types.insert(group->type);
  }
  if (const char* expected = expected_type(deed.group)) types.insert(expected);
  return types;
}

// What is asked for with the restarter's mailbox and the temporary enabled flag is operating.
bool is_operating(const Deed& deed) {
  return !deed.persistent && deed.type == "framework" && (deed.group == kOverride || deed.group == kActions);
}

Ruling judge(const Caller& caller, const Deed& deed, const std::string& entity, const Levels& levels) {
  if (deed.depth == Depth::nothing) return {};
  const std::string what = fmt::format(
      "{} {} of {}", deed.depth == Depth::group ? "making or deleting" : "changing", deed.group, entity);
  for (const auto& type : types_of(deed, levels)) {
    Names names{kModify};
    add_type(names, type);
    if (deed.depth <= Depth::properties) add_named(names, levels, deed.group, kModifyProperty);
    if (deed.depth <= Depth::values) add_named(names, levels, deed.group, kValueProperty);
    if (is_operating(deed)) {
      const Names operate = to_operate(levels);
      names.insert(names.end(), operate.begin(), operate.end());
    }
    if (auto ruling = rule(caller, what, names); !ruling.allowed) return ruling;
  }
  if (deed.group == kGeneral && deed.changes_action) {
    return rule(caller, fmt::format("changing {}/{} of {}", kGeneral, kAction, entity), {kManage});
  }
  return {};
}

bool is_protected(const std::string& group, const std::string& type, const Levels& levels) {
  if (type == "framework" || type == "dependency" || type == "method" || type.starts_with("template"))
    return false;
  const Property* readers = levels.find(group, kReadProperty);
  return readers != nullptr && readers->type == ValueType::astring;
}

bool is_readable(const Caller& caller, const std::string& group, const std::string& type,
                 const Levels& levels) {
  if (caller.trusted || caller.owner || !is_protected(group, type, levels)) return true;
  Names names{kModify};
  add_type(names, type);
  for (const char* property : {kModifyProperty, kValueProperty, kReadProperty})
    add_named(names, levels, group, property);
  return has_any(caller, names);
}

}  // namespace

bool covers(std::string_view granted, std::string_view authorization) {
  if (!granted.ends_with('*')) return granted == authorization;
  return authorization.starts_with(granted.substr(0, granted.size() - 1));
}

Ruling may_operate(const Caller& caller, const std::string& what, const Levels& target) {
  return rule(caller, what, to_operate(target));
}

Ruling may_use_vm(const Caller& caller, const std::string& verb, const std::string& what,
                  const Levels& target) {
  // The others run something of the owner's choice, write where he may write, or show what the guest shows.
  static const std::set<std::string> kState{"start", "stop",   "poweroff", "reboot",  "reset", "save",
                                            "pause", "resume", "suppress", "release", "status"};
  if (caller.trusted || caller.owner) return {};
  if (!kState.contains(verb)) return {false, what + " is for the owner of the VM and for root"};
  auto ruling = may_operate(caller, what, target);
  if (!ruling.allowed) ruling.why += ", or to be the owner of the VM";
  return ruling;
}

Ruling may_change(const Caller& caller, const repository::ChangeSet& changes, const ReadLevels& current) {
  if (caller.trusted) return {};
  static const Levels kNothing;
  for (const auto& change : changes) {
    const fmri::Fmri name = entity_of(change);
    const std::string entity = name.entity();
    const Levels* levels = current(name);
    if (levels == nullptr) levels = &kNothing;
    Ruling ruling;
    if (const auto deed = deed_of(change, levels->own)) {
      ruling = judge(caller, *deed, entity, *levels);
    } else if (const auto* snapshot = std::get_if<repository::TakeSnapshot>(&change)) {
      Names names{kModify};
      if (snapshot->name == repository::kRunning) names = to_operate(*levels), names.emplace_back(kModify);
      ruling = rule(caller, fmt::format("taking the snapshot {} of {}", snapshot->name, entity), names);
    } else {
      const bool gone = std::holds_alternative<repository::DeleteEntity>(change);
      ruling = rule(caller, (gone ? "deleting " : "adding ") + entity, {kModify});
    }
    if (!ruling.allowed) return ruling;
  }
  return {};
}

bool any_protected(const Levels& levels) {
  return std::any_of(levels.own.begin(), levels.own.end(),
                     [&](const auto& each) { return is_protected(each.first, each.second->type, levels); }) ||
         std::any_of(levels.service.begin(), levels.service.end(),
                     [&](const auto& each) { return is_protected(each.first, each.second->type, levels); });
}

bool may_read(const Caller& caller, const std::string& group, const Levels& target) {
  for (const Groups* level : {&target.own, &target.service}) {
    const PropertyGroup* found = find(*level, group);
    if (found != nullptr && !is_readable(caller, group, found->type, target)) return false;
  }
  return true;
}

void hide_protected(const Caller& caller, const Levels& current, Levels& levels) {
  if (caller.trusted || caller.owner) return;
  const Levels before = levels;
  for (Groups* level : {&levels.own, &levels.service}) {
    for (auto& [name, group] : *level) {
      if (is_readable(caller, name, group->type, before) && is_readable(caller, name, group->type, current))
        continue;
      auto hidden = std::make_shared<PropertyGroup>(*group);
      for (auto& [property, value] : hidden->properties) value.values.clear();
      group = std::move(hidden);
    }
  }
}

}  // namespace vmkeep::restarter
