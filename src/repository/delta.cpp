// The second half of a draft: what it makes different from the model, and taking it over.
#include <utility>

#include "repository/draft.h"

namespace vmkeep::repository {
namespace {

const Node kNothing;

FileDelta& file_of(Delta& delta, const PropertyGroup& group) {
  return group.persistent ? delta.persistent : delta.fleeting;
}

// Calls with (name, value before or null, value after or null) for every name of either map.
template <class Map, class Call>
void for_each_name(const Map& before, const Map& after, Call call) {
  auto old_one = before.begin();
  auto new_one = after.begin();
  while (old_one != before.end() || new_one != after.end()) {
    const bool take_old =
        old_one != before.end() && (new_one == after.end() || old_one->first <= new_one->first);
    const bool take_new =
        new_one != after.end() && (old_one == before.end() || new_one->first <= old_one->first);
    call(take_old ? old_one->first : new_one->first, take_old ? &old_one->second : nullptr,
         take_new ? &new_one->second : nullptr);
    if (take_old) ++old_one;
    if (take_new) ++new_one;
  }
}

}  // namespace

void Draft::use(const GroupPtr& group, int64_t by) {
  GroupUse& entry = group_uses_[group->generation];
  entry.group = group;
  entry.by += by;
}

void Draft::use(const Snapshot& snapshot, int64_t by) {
  for (const LevelPtr& level : {snapshot.own, snapshot.service}) {
    LevelUse& entry = level_uses_[level->id];
    entry.level = level;
    entry.uses += by;
  }
}

void Draft::compare_groups(const Key& key, const Groups& before, const Groups& after) {
  for_each_name(before, after,
                [&](const std::string& name, const GroupPtr* old_one, const GroupPtr* new_one) {
                  if (old_one != nullptr && new_one != nullptr && *old_one == *new_one) return;
                  if (old_one != nullptr) {
                    use(*old_one, -1);
                    if (new_one == nullptr || (*new_one)->persistent != (*old_one)->persistent)
                      file_of(delta_, **old_one).live_gone.push_back({key, name, (*old_one)->generation});
                  }
                  if (new_one != nullptr) {
                    use(*new_one, 1);
                    file_of(delta_, **new_one).live_new.push_back({key, name, (*new_one)->generation});
                  }
                });
}

void Draft::compare_snapshots(const Key& key, const Node& before, const Node& after) {
  for_each_name(before.snapshots, after.snapshots,
                [&](const std::string& name, const Snapshot* old_one, const Snapshot* new_one) {
                  if (old_one != nullptr && new_one != nullptr && *old_one == *new_one) return;
                  if (old_one != nullptr) use(*old_one, -1);
                  if (new_one != nullptr) {
                    use(*new_one, 1);
                    delta_.persistent.snapshots_new.push_back({key, name, *new_one});
                  } else {
                    delta_.persistent.snapshots_gone.push_back({key, name, {}});
                  }
                });
}

void Draft::compare(const Key& key, const Node* before, const Node* after) {
  if (before != nullptr && after == nullptr) delta_.persistent.entities_gone.push_back(key);
  if (before == nullptr && after != nullptr) delta_.persistent.entities_new.push_back(key);
  const Node& old_node = before == nullptr ? kNothing : *before;
  const Node& new_node = after == nullptr ? kNothing : *after;
  compare_groups(key, old_node.groups, new_node.groups);
  compare_snapshots(key, old_node, new_node);
}

void Draft::settle_levels() {
  for (const auto& [id, use_by] : level_uses_) {
    const auto known = model_.levels.find(id);
    const int64_t before = known == model_.levels.end() ? 0 : known->second.uses;
    const int64_t after = before + use_by.uses;
    if (before == 0 && after > 0) {
      delta_.persistent.levels_new.push_back(use_by.level);
      for (const auto& [name, group] : use_by.level->groups) use(group, 1);
    } else if (before > 0 && after == 0) {
      delta_.persistent.levels_gone.push_back(id);
      for (const auto& [name, group] : use_by.level->groups) use(group, -1);
    }
  }
}

void Draft::settle_groups() {
  for (const auto& [generation, use_by] : group_uses_) {
    const auto known = model_.uses.find(generation);
    const int64_t before = known == model_.uses.end() ? 0 : known->second;
    const int64_t after = before + use_by.by;
    FileDelta& file = file_of(delta_, *use_by.group);
    if (before == 0 && after > 0) {
      file.groups_new.push_back(use_by.group);
    } else if (before > 0 && after == 0) {
      file.groups_gone.push_back(generation);
    }
  }
}

const Delta& Draft::settle() {
  for (const auto& [key, node] : touched_) compare(key, model_.find(key), node ? &*node : nullptr);
  settle_levels();
  settle_groups();
  return delta_;
}

void Draft::adopt(Model& model) && {
  for (auto& [key, node] : touched_) {
    if (node) {
      model.nodes[key] = std::move(*node);
    } else {
      model.nodes.erase(key);
    }
  }
  for (const auto& [id, use_by] : level_uses_) {
    LevelUse& entry = model.levels[id];
    entry.level = use_by.level;
    entry.uses += use_by.uses;
    if (entry.uses > 0) {
      model.level_ids[content_of(entry.level->groups)] = id;
    } else {
      model.level_ids.erase(content_of(entry.level->groups));
      model.levels.erase(id);
    }
  }
  for (const auto& [generation, use_by] : group_uses_) {
    const auto entry = model.uses.try_emplace(generation, 0).first;
    entry->second += use_by.by;
    if (entry->second == 0) model.uses.erase(entry);
  }
  model.last_generation = last_generation_;
  model.last_level = last_level_;
}

}  // namespace vmkeep::repository
