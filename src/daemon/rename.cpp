// A VM got another name.  It is known by its UUID, so nothing depends on that but what people read: vm/name.
#include <memory>

#include "daemon/owners.h"

namespace vmkeep::daemon {
namespace {

using repository::Levels;
using repository::Property;
using repository::ValueType;

// Whether somebody has edited the instance, or its service, since it was refreshed last: then a new snapshot
// would put in force what nobody has asked for yet.  The flag in `general` is in force without one.
bool has_edits(const Levels& edited, const Levels& running) {
  const auto persistent = [](const repository::Groups& groups) {
    std::map<std::string, uint64_t> generations;
    for (const auto& [name, group] : groups) {
      if (group->persistent && name != "general") generations[name] = group->generation;
    }
    return generations;
  };
  return persistent(edited.own) != persistent(running.own) ||
         persistent(edited.service) != persistent(running.service);
}

}  // namespace

void Owners::follow_name(Record& record, const std::string& name) {
  auto edited = core_.store->read(record.fmri);
  if (!edited || record.removed) return;
  const Levels own{edited->own, {}};
  const auto said = own.value("vm", "name");
  // Who is found by a UUID and never had vm/name needs none.
  if (said == name || (!said && own.value("vm", "uuid"))) return;
  const auto running = core_.store->read_running(record.fmri);
  const Property value{ValueType::astring, {name}};
  repository::ChangeSet changes{
      repository::SetProperty{record.fmri, "vm", "application", true, "name", value}};
  if (running && !has_edits(*edited, *running)) {
    changes.emplace_back(repository::TakeSnapshot{record.fmri, repository::kRunning});
  }
  if (auto done = core_.store->commit(changes); !done) {
    core_.logs.line(record.fmri, "vm/name could not follow the VM's new name: " + done.error().message);
    return;
  }
  auto group = std::make_shared<repository::PropertyGroup>();
  const auto before = record.running.own.find("vm");
  if (before != record.running.own.end()) *group = *before->second;
  group->name = "vm";
  group->type = "application";
  group->properties["name"] = value;
  record.running.own["vm"] = std::move(group);
  configure(record);
  core_.touch(record);
}

}  // namespace vmkeep::daemon
