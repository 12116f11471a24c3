// The repository in memory: all that both files hold.  Reads are served from here.
//
// Groups and levels are immutable and shared.  A level is the set of persistent groups that an entity had
// when a snapshot was taken; snapshots of many instances share the level of their service, and several
// snapshots of an unchanged instance share its own.  `uses` counts who refers to a generation (its entity
// while it is current, and levels); what nobody refers to any more is deleted from the file in the same
// transaction.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "repository/types.h"

namespace vmkeep::repository {

struct Key {
  std::string service, instance;  // instance is empty: the service itself; it sorts before its instances
  auto operator<=>(const Key&) const = default;
  std::string str() const { return fmri::Fmri{service, instance, {}, {}}.entity(); }
};

struct Level {
  int64_t id = 0;
  Groups groups;
};
using LevelPtr = std::shared_ptr<const Level>;

struct Snapshot {
  LevelPtr own, service;
  bool operator==(const Snapshot&) const = default;
};

struct Node {
  Groups groups;  // current ones, persistent and volatile
  std::map<std::string, Snapshot, std::less<>> snapshots;
};

struct LevelUse {
  LevelPtr level;
  int64_t uses = 0;  // by snapshots, twice where both levels are this one
};

// What identifies a level: the generations of its groups, in the order of the groups' names.
using LevelContent = std::vector<uint64_t>;
LevelContent content_of(const Groups& persistent_groups);

struct Model {
  std::map<Key, Node> nodes;
  std::unordered_map<uint64_t, int64_t> uses;
  std::map<int64_t, LevelUse> levels;
  std::map<LevelContent, int64_t> level_ids;
  uint64_t last_generation = 0;
  uint64_t reserved_generation = 0;  // those up to here may be given without telling the file
  int64_t last_level = 0;

  const Node* find(const Key& key) const;
};

// What changes in one file.  Gone comes before new; new replaces a row of the same name.
struct FileDelta {
  struct Live {
    Key key;
    std::string group;
    uint64_t generation = 0;
  };
  struct Attached {
    Key key;
    std::string name;
    Snapshot snapshot;
  };
  std::vector<Key> entities_gone, entities_new;
  std::vector<Live> live_gone, live_new;
  std::vector<Attached> snapshots_gone, snapshots_new;
  std::vector<int64_t> levels_gone;
  std::vector<LevelPtr> levels_new;
  std::vector<uint64_t> groups_gone;
  std::vector<GroupPtr> groups_new;

  bool empty() const;
};

struct Delta {
  FileDelta persistent, fleeting;
  bool empty() const { return persistent.empty() && fleeting.empty(); }
};

}  // namespace vmkeep::repository
