// A change-set carried out on a copy of what it touches.  Everything is checked here, before anything is
// written: that names exist or do not, that nothing moved since the caller read it, that names and values are
// valid.  The model stays as it is until adopt().
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "repository/change_set.h"
#include "repository/model.h"

namespace vmkeep::repository {

class Draft {
 public:
  explicit Draft(const Model& model);

  // After an error the draft is worthless.
  Result<> apply(const ChangeSet& changes);

  // What has to be written, compared with the model.  Call once, after apply().
  const Delta& settle();
  uint64_t last_generation() const { return last_generation_; }

  // Makes the draft what `model`, the one that it was made from, says.
  void adopt(Model& model) &&;

 private:
  Result<> change(const AddService& wanted);
  Result<> change(const AddInstance& wanted);
  Result<> change(const DeleteEntity& wanted);
  Result<> change(const PutGroup& wanted);
  Result<> change(const DeleteGroup& wanted);
  Result<> change(const SetProperty& wanted);
  Result<> change(const TakeSnapshot& wanted);

  const Node* look(const Key& key) const;
  Node& touch(const Key& key);  // it must exist
  Result<Key> existing(const fmri::Fmri& entity) const;
  Result<> check_expected(const Key& key, const std::string& group, std::optional<uint64_t> expected) const;
  void put(const Key& key, PropertyGroup group);
  LevelPtr level_of(const Groups& groups);

  void compare(const Key& key, const Node* before, const Node* after);
  void compare_groups(const Key& key, const Groups& before, const Groups& after);
  void compare_snapshots(const Key& key, const Node& before, const Node& after);
  void use(const GroupPtr& group, int64_t by);
  void use(const Snapshot& snapshot, int64_t by);
  void settle_levels();
  void settle_groups();

  struct GroupUse {
    GroupPtr group;
    int64_t by = 0;
  };

  const Model& model_;
  std::map<Key, std::optional<Node>> touched_;  // nothing: deleted
  std::map<LevelContent, LevelPtr> new_levels_;
  uint64_t last_generation_ = 0;
  int64_t last_level_ = 0;

  Delta delta_;
  std::unordered_map<uint64_t, GroupUse> group_uses_;  // by how much uses change
  std::map<int64_t, LevelUse> level_uses_;
};

}  // namespace vmkeep::repository
