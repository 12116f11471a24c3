#include <algorithm>

#include "repository/file.h"

namespace vmkeep::repository {

Result<> File::load_groups(std::map<uint64_t, GroupPtr>& groups) {
  std::map<uint64_t, std::shared_ptr<PropertyGroup>> made;
  Statement rows = db_.prepare("SELECT generation, name, type FROM property_group ORDER BY generation");
  while (rows.step()) {
    auto group = std::make_shared<PropertyGroup>();
    group->generation = static_cast<uint64_t>(rows.integer(0));
    group->name = rows.text(1);
    group->type = rows.text(2);
    group->persistent = kind_ == Kind::persistent;
    made.emplace_hint(made.end(), group->generation, std::move(group));
  }
  Statement values = db_.prepare(
      "SELECT generation, property, type, value FROM property_value ORDER BY generation, property, position");
  auto group = made.end();
  while (values.step()) {
    const auto generation = static_cast<uint64_t>(values.integer(0));
    if (group == made.end() || group->first != generation) group = made.find(generation);
    if (group == made.end())
      return damaged("there are values of generation " + std::to_string(generation) +
                     ", which does not exist");
    const auto type = value_type(values.text(2));
    if (!type) return damaged("type " + fmri::quote(values.text(2)) + " of a property is unknown");
    Property& property = group->second->properties[values.text(1)];
    property.type = *type;
    if (!values.null(3)) property.values.push_back(values.text(3));
  }
  groups.insert(made.begin(), made.end());
  return {};
}

Result<> File::load_entities(Model& model) {
  Statement entities = db_.prepare("SELECT service, instance FROM entity ORDER BY service, instance");
  while (entities.step()) {
    Key key{entities.text(0), entities.text(1)};
    if (!key.instance.empty() && model.find({key.service, ""}) == nullptr)
      return damaged("instance " + key.str() + " has no service");
    model.nodes.emplace_hint(model.nodes.end(), std::move(key), Node{});
  }
  return {};
}

Result<> File::load_live(Model& model, const std::map<uint64_t, GroupPtr>& groups) {
  FileDelta orphans;
  Statement live = db_.prepare("SELECT service, instance, name, generation FROM live_group");
  while (live.step()) {
    Key key{live.text(0), live.text(1)};
    const std::string name = live.text(2);
    const auto generation = static_cast<uint64_t>(live.integer(3));
    const auto node = model.nodes.find(key);
    const auto group = groups.find(generation);
    if (group == groups.end() || group->second->name != name)
      return damaged("property group " + fmri::quote(name) + " of " + key.str() + " is missing");
    if (node != model.nodes.end() && node->second.groups.emplace(name, group->second).second) {
      ++model.uses[generation];
    } else if (kind_ == Kind::persistent) {
      return damaged("there is a property group of " + key.str() + ", which does not exist");
    } else {
      orphans.live_gone.push_back({std::move(key), name, generation});
      orphans.groups_gone.push_back(generation);
    }
  }
  live.reset();
  if (orphans.empty()) return {};
  begin();
  write(orphans, {});
  commit();
  return {};
}

Result<> File::load_snapshots(Model& model, const std::map<uint64_t, GroupPtr>& groups) {
  std::map<int64_t, Level> levels;
  Statement content = db_.prepare("SELECT id, generation FROM level");
  while (content.step()) {
    const auto group = groups.find(static_cast<uint64_t>(content.integer(1)));
    if (group == groups.end()) return damaged("a property group of a snapshot is missing");
    Level& level = levels[content.integer(0)];
    model.last_level = std::max(model.last_level, content.integer(0));
    level.groups.emplace(group->second->name, group->second);
    ++model.uses[group->first];
  }
  const auto use = [&](int64_t id) {
    LevelUse& entry = model.levels[id];
    if (!entry.level) {
      Level level = std::move(levels[id]);
      level.id = id;
      model.level_ids[content_of(level.groups)] = id;
      entry.level = std::make_shared<const Level>(std::move(level));
      model.last_level = std::max(model.last_level, id);
    }
    ++entry.uses;
    return entry.level;
  };
  Statement rows = db_.prepare("SELECT service, instance, name, own_level, service_level FROM snapshot");
  while (rows.step()) {
    const auto node = model.nodes.find({rows.text(0), rows.text(1)});
    if (node == model.nodes.end())
      return damaged("there is a snapshot of " + Key{rows.text(0), rows.text(1)}.str() +
                     ", which does not exist");
    node->second.snapshots[rows.text(2)] = Snapshot{use(rows.integer(3)), use(rows.integer(4))};
  }
  return {};
}

Result<> File::load(Model& model) {
  std::map<uint64_t, GroupPtr> groups;
  if (auto loaded = load_groups(groups); !loaded) return loaded;
  if (auto loaded = load_entities(model); !loaded) return loaded;
  if (auto loaded = load_live(model, groups); !loaded) return loaded;
  if (auto loaded = load_snapshots(model, groups); !loaded) return loaded;
  if (kind_ == Kind::persistent)
    model.reserved_generation =
        static_cast<uint64_t>(db_.integer("SELECT value FROM meta WHERE name = 'reserved_generation'"));
  const uint64_t highest = groups.empty() ? 0 : groups.rbegin()->first;
  model.last_generation = std::max({model.last_generation, model.reserved_generation, highest});
  db_.configure(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0);  // it is sound
  return {};
}

}  // namespace vmkeep::repository
