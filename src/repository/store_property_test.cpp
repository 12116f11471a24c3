// Random change-sets against a model that is so simple that it is plainly right, with the store closed and
// opened again in between, sometimes in another boot.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "repository/store_test_support.h"

namespace vmkeep::repository {
namespace {

using namespace testing;

struct SimpleGroup {
  PropertyGroup content;
  bool touched = false;  // by the change-set at hand
};
using SimpleEntity = std::map<std::string, SimpleGroup>;

struct SimpleModel {
  std::map<std::string, SimpleEntity> entities;  // by canonical FMRI
  std::map<std::string, std::map<std::string, std::pair<Groups, Groups>>> snapshots;
};

constexpr uint64_t kWrongGeneration = 1'000'000'000'000;

std::string service_of(const std::string& entity) {
  return entity.substr(0, entity.find(':', 4));
}

std::optional<ErrorKind> missing(const SimpleModel& model, const std::string& entity) {
  if (model.entities.count(entity) != 0) return std::nullopt;
  return ErrorKind::not_found;
}

class Applier {
 public:
  Applier(SimpleModel& model, const SimpleModel& before) : model_(model), before_(before) {}

  std::optional<ErrorKind> operator()(const AddService& one) { return add("svc:/" + one.service); }
  std::optional<ErrorKind> operator()(const AddInstance& one) {
    if (auto bad = missing(model_, "svc:/" + one.service)) return bad;
    return add("svc:/" + one.service + ":" + one.instance);
  }
  std::optional<ErrorKind> operator()(const DeleteEntity& one) {
    const std::string entity = one.entity.str();
    if (auto bad = missing(model_, entity)) return bad;
    for (const auto& [other, groups] : model_.entities)
      if (other.starts_with(entity + ":")) return ErrorKind::busy;
    model_.entities.erase(entity);
    model_.snapshots.erase(entity);
    return std::nullopt;
  }
  std::optional<ErrorKind> operator()(const PutGroup& one) {
    const std::string entity = one.entity.str();
    if (auto bad = missing(model_, entity)) return bad;
    if (auto bad = moved(entity, one.group.name, one.expected)) return bad;
    SimpleEntity& groups = model_.entities[entity];
    const auto there = groups.find(one.group.name);
    if (there != groups.end() && there->second.content.persistent != one.group.persistent)
      return ErrorKind::invalid;
    if (!valid(one.group)) return ErrorKind::invalid;
    groups[one.group.name] = {one.group, true};
    return std::nullopt;
  }
  std::optional<ErrorKind> operator()(const DeleteGroup& one) {
    const std::string entity = one.entity.str();
    if (auto bad = missing(model_, entity)) return bad;
    if (auto bad = moved(entity, one.group, one.expected)) return bad;
    if (model_.entities[entity].erase(one.group) == 0) return ErrorKind::not_found;
    return std::nullopt;
  }
  std::optional<ErrorKind> operator()(const SetProperty& one) {
    const std::string entity = one.entity.str();
    if (auto bad = missing(model_, entity)) return bad;
    SimpleEntity& groups = model_.entities[entity];
    const auto there = groups.find(one.group);
    if (there != groups.end() && there->second.content.persistent != one.persistent)
      return ErrorKind::invalid;
    PropertyGroup made{one.group, one.group_type, one.persistent, 0, {}};
    if (there != groups.end()) made = there->second.content;
    if (one.value) {
      made.properties[one.property] = *one.value;
      if (!valid(made)) return ErrorKind::invalid;
    } else if (made.properties.erase(one.property) == 0) {
      return std::nullopt;
    }
    groups[one.group] = {made, true};
    return std::nullopt;
  }
  std::optional<ErrorKind> operator()(const TakeSnapshot& one) {
    const std::string entity = one.instance.str();
    if (auto bad = missing(model_, entity)) return bad;
    if (!one.instance.is_instance()) return ErrorKind::invalid;
    model_.snapshots[entity][one.name] = {persistent(entity), persistent(service_of(entity))};
    return std::nullopt;
  }

 private:
  std::optional<ErrorKind> add(const std::string& entity) {
    if (!model_.entities.try_emplace(entity).second) return ErrorKind::exists;
    return std::nullopt;
  }
  static bool valid(const PropertyGroup& group) {
    for (const auto& [name, property] : group.properties)
      for (const auto& value : property.values)
        if (property.type == ValueType::boolean && value != "true" && value != "false") return false;
    return true;
  }
  static const SimpleGroup* find(const SimpleModel& model, const std::string& entity,
                                 const std::string& group) {
    const auto it = model.entities.find(entity);
    if (it == model.entities.end()) return nullptr;
    const auto found = it->second.find(group);
    return found == it->second.end() ? nullptr : &found->second;
  }
  // The generator expects nothing, "not there", what was there before the change-set, or nonsense.
  std::optional<ErrorKind> moved(const std::string& entity, const std::string& group,
                                 std::optional<uint64_t> expected) const {
    if (!expected) return std::nullopt;
    const bool is = find(model_, entity, group) != nullptr;
    const bool was = find(before_, entity, group) != nullptr;
    if (*expected == 0) return is && was ? std::optional(ErrorKind::exists) : std::nullopt;
    if (*expected == kWrongGeneration) return ErrorKind::stale;
    return std::nullopt;
  }
  Groups persistent(const std::string& entity) {
    Groups result;
    for (const auto& [name, one] : model_.entities[entity])
      if (one.content.persistent) result[name] = std::make_shared<const PropertyGroup>(one.content);
    return result;
  }

  SimpleModel& model_;
  const SimpleModel& before_;
};

Groups all_groups(const SimpleEntity& entity) {
  Groups groups;
  for (const auto& [name, one] : entity) groups[name] = std::make_shared<const PropertyGroup>(one.content);
  return groups;
}

std::string dump(const SimpleModel& model) {
  // "/" sorts after "-" in names but ":" comes first of all here, so order by parts as the store does.
  std::map<fmri::Fmri, std::string> ordered;
  for (const auto& [entity, groups] : model.entities) {
    const auto parsed = testing::name(entity);
    const Groups service =
        parsed.is_instance() ? all_groups(model.entities.at(service_of(entity))) : Groups();
    std::string out = entity + "\n" + testing::dump(Levels{all_groups(groups), service}, false);
    const auto snapshots = model.snapshots.find(entity);
    if (snapshots != model.snapshots.end()) {
      for (const auto& [name, levels] : snapshots->second) {
        Levels shown{levels.first, levels.second};
        for (const auto& [group, one] : groups)
          if (!one.content.persistent) shown.own[group] = std::make_shared<const PropertyGroup>(one.content);
        for (const auto& [group, one] : service)
          if (!one->persistent) shown.service[group] = one;
        out += "  @" + name + "\n" + testing::dump(shown, false);
      }
    }
    ordered[parsed] = std::move(out);
  }
  std::string all;
  for (const auto& [entity, text] : ordered) all += text;
  return all;
}

template <class T>
T pick(std::vector<T> from) {
  return *rc::gen::elementOf(std::move(from));
}

Property some_property() {
  if (*rc::gen::inRange(0, 4) == 0)
    return {ValueType::boolean, {pick<std::string>({"true", "false", "true", "no"})}};
  std::vector<std::string> values;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    values.push_back(pick<std::string>({"", "v", "w", "\xff"}));
  return text(values);
}

std::optional<uint64_t> some_expected(Repository& store, const fmri::Fmri& entity, const std::string& group) {
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
      return 0;
    case 1:
      return kWrongGeneration;
    case 2: {
      auto levels = store.read(entity);
      if (!levels) return 0;
      const auto found = levels->own.find(group);
      return found == levels->own.end() ? 0 : found->second->generation;
    }
    default:
      return std::nullopt;
  }
}

Change some_change(Repository& store) {
  const auto service = pick<std::string>({"a", "b/c"});
  const auto instance = pick<std::string>({"x", "y"});
  const auto entity =
      testing::name(pick<std::string>({service, service + ":" + instance, service + ":" + instance}));
  const auto group_name = pick<std::string>({"g", "h", "v"});
  const bool persistent = group_name == "g" || (group_name == "h" && *rc::gen::arbitrary<bool>());
  const auto property = pick<std::string>({"p", "q"});
  switch (*rc::gen::weightedElement<int>({{2, 0}, {3, 1}, {1, 2}, {6, 3}, {2, 4}, {6, 5}, {4, 6}})) {
    case 0:
      return AddService{service};
    case 1:
      return AddInstance{service, instance};
    case 2:
      return DeleteEntity{entity};
    case 3: {
      PropertyGroup made{group_name, pick<std::string>({"t", "u"}), persistent, 0, {}};
      for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
        made.properties[pick<std::string>({"p", "q"})] = some_property();
      return PutGroup{entity, made, some_expected(store, entity, group_name)};
    }
    case 4:
      return DeleteGroup{entity, group_name, some_expected(store, entity, group_name)};
    case 5: {
      std::optional<Property> value;
      if (*rc::gen::inRange(0, 4) != 0) value = some_property();
      return SetProperty{entity, group_name, "t", persistent, property, value};
    }
    default:
      return TakeSnapshot{entity, pick<std::string>({"running", "start"})};
  }
}

void forget_volatile(SimpleModel& model) {
  for (auto& [entity, groups] : model.entities)
    std::erase_if(groups, [](const auto& one) { return !one.second.content.persistent; });
}

RC_GTEST_PROP(StoreProperty, DoesWhatTheSimpleModelDoes, ()) {
  TemporaryFolder folder;
  int boot = 0;
  Store store = open_or_die(folder.options("boot-0"));
  SimpleModel model;
  for (const char* service : {"a", "b/c"}) {
    RC_ASSERT(store->commit({AddService{service}, AddInstance{service, "x"}}).has_value());
    model.entities[std::string("svc:/") + service];
    model.entities[std::string("svc:/") + service + ":x"];
  }
  const int rounds = *rc::gen::inRange(1, 15);
  for (int round = 0; round < rounds; ++round) {
    ChangeSet changes;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) changes.push_back(some_change(*store));
    SimpleModel after = model;
    std::optional<ErrorKind> wanted;
    Applier applier(after, model);
    for (const Change& change : changes) {
      if (!wanted) wanted = std::visit(applier, change);
    }
    auto done = store->commit(changes);
    RC_ASSERT(done.has_value() == !wanted.has_value());
    if (wanted) {
      RC_ASSERT(static_cast<int>(done.error().kind) == static_cast<int>(*wanted));
    } else {
      model = std::move(after);
    }
    const int what = *rc::gen::inRange(0, 6);
    if (what < 2) {
      const std::string before = testing::dump(*store, true);
      if (what == 1) {
        ++boot;
        forget_volatile(model);
      }
      store.reset();
      store = open_or_die(folder.options("boot-" + std::to_string(boot)));
      if (what == 0) RC_ASSERT(testing::dump(*store, true) == before);
    }
    RC_ASSERT(testing::dump(*store, false) == dump(model));
  }
}

}  // namespace
}  // namespace vmkeep::repository
