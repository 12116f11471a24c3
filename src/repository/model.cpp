#include "repository/model.h"

namespace vmkeep::repository {

LevelContent content_of(const Groups& persistent_groups) {
  LevelContent content;
  content.reserve(persistent_groups.size());
  for (const auto& [name, group] : persistent_groups) content.push_back(group->generation);
  return content;
}

const Node* Model::find(const Key& key) const {
  const auto it = nodes.find(key);
  return it == nodes.end() ? nullptr : &it->second;
}

bool FileDelta::empty() const {
  return entities_gone.empty() && entities_new.empty() && live_gone.empty() && live_new.empty() &&
         snapshots_gone.empty() && snapshots_new.empty() && levels_gone.empty() && levels_new.empty() &&
         groups_gone.empty() && groups_new.empty();
}

}  // namespace vmkeep::repository
