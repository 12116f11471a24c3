#include <utility>

#include "repository/file.h"

namespace vmkeep::repository {
namespace {

constexpr int kCacheBytes = 256 << 10;

}  // namespace

void File::begin(bool synced) {
  if (kind_ == Kind::persistent && std::exchange(synced_, synced) != synced) {
    db_.exec(synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  }
  run_.begin.run();
}

void File::commit() {
  run_.commit.run();
  // Everything is read from our own memory: of the pages only those that the next commit meets are of use.
  db_.trim(kCacheBytes);
}

void File::write_group(const PropertyGroup& group) {
  run_.add_group.run(group.generation, group.name, group.type);
  for (const auto& [name, property] : group.properties) {
    const std::string_view type = to_string(property.type);
    if (property.values.empty()) run_.add_value.run(group.generation, name, int64_t{0}, type, nullptr);
    int64_t position = 0;
    for (const std::string& value : property.values)
      run_.add_value.run(group.generation, name, position++, type, value);
  }
}

void File::write_names(const FileDelta& delta) {
  for (const Key& key : delta.entities_gone) run_.delete_entity.run(key.service, key.instance);
  for (const Key& key : delta.entities_new) run_.add_entity.run(key.service, key.instance);
  for (const auto& live : delta.live_gone)
    run_.delete_live.run(live.key.service, live.key.instance, live.group);
  for (const auto& live : delta.live_new)
    run_.add_live.run(live.key.service, live.key.instance, live.group, live.generation);
  for (const auto& [key, name, snapshot] : delta.snapshots_gone)
    run_.delete_snapshot.run(key.service, key.instance, name);
  for (const auto& [key, name, snapshot] : delta.snapshots_new)
    run_.add_snapshot.run(key.service, key.instance, name, snapshot.own->id, snapshot.service->id);
}

void File::write(const FileDelta& delta, std::optional<uint64_t> reserved_generation) {
  write_names(delta);
  for (const int64_t id : delta.levels_gone) run_.delete_level.run(id);
  for (const LevelPtr& level : delta.levels_new)
    for (const auto& [name, group] : level->groups) run_.add_level_group.run(level->id, group->generation);
  for (const uint64_t generation : delta.groups_gone) {
    run_.delete_values.run(generation);
    run_.delete_group.run(generation);
  }
  for (const GroupPtr& group : delta.groups_new) write_group(*group);
  if (reserved_generation) run_.set_meta.run(std::string_view("reserved_generation"), *reserved_generation);
}

void File::begin_boot(const std::string& boot_id) {
  if (db_.text("SELECT value FROM meta WHERE name = 'boot_id'") == boot_id) return;
  begin();
  db_.exec("DELETE FROM live_group; DELETE FROM property_group; DELETE FROM property_value");
  run_.set_meta.run(std::string_view("boot_id"), boot_id);
  commit();
}

}  // namespace vmkeep::repository
