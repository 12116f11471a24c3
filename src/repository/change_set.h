// What one transaction changes.  All of it happens, or nothing does.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "repository/types.h"

namespace vmkeep::repository {

struct AddService {
  std::string service;
};
struct AddInstance {
  std::string service, instance;
};
struct DeleteEntity {
  fmri::Fmri entity;
};  // a service must have no instances left
// Writes a whole group: makes it, or replaces all its properties.  `expected` is the generation that the
// caller read; 0: the group must not exist; absent: whatever is there.
struct PutGroup {
  fmri::Fmri entity;
  PropertyGroup group;
  std::optional<uint64_t> expected;
};
struct DeleteGroup {
  fmri::Fmri entity;
  std::string group;
  std::optional<uint64_t> expected;
};
// Sets or deletes single properties of a group that is made if it is missing: what svcadm and the restarter
// do.
struct SetProperty {
  fmri::Fmri entity;
  std::string group, group_type;
  bool persistent = true;
  std::string property;
  std::optional<Property> value;  // absent: delete it (no error if it is not there)
};
// Attaches a snapshot of the instance's (and its service's) current persistent groups under this name.
struct TakeSnapshot {
  fmri::Fmri instance;
  std::string name;
};

using Change =
    std::variant<AddService, AddInstance, DeleteEntity, PutGroup, DeleteGroup, SetProperty, TakeSnapshot>;
using ChangeSet = std::vector<Change>;

}  // namespace vmkeep::repository
