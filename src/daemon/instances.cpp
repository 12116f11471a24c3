#include "daemon/instances.h"

#include <set>

#include "daemon/publish.h"
#include "daemon/resources.h"
#include "repository/look.h"

namespace vmkeep::daemon {
namespace {

std::string entity_text(const graph::Entity& entity) {
  switch (entity.kind) {
    case graph::EntityKind::file:
      return "file:" + entity.name;
    case graph::EntityKind::host:
      return "host:" + entity.name;
    default:
      return entity.name;
  }
}

// Whatever a change names: the entity, or for a service all its instances.
fmri::Fmri entity_of(const repository::Change& change) {
  using namespace repository;
  if (const auto* c = std::get_if<AddInstance>(&change)) return {c->service, c->instance, {}, {}};
  if (const auto* c = std::get_if<DeleteEntity>(&change)) return c->entity;
  if (const auto* c = std::get_if<PutGroup>(&change)) return c->entity;
  if (const auto* c = std::get_if<DeleteGroup>(&change)) return c->entity;
  if (const auto* c = std::get_if<SetProperty>(&change)) return c->entity;
  if (const auto* c = std::get_if<TakeSnapshot>(&change)) return c->instance;
  return {};
}

// Templates are for people.  The service of VMs has nearly a hundred groups of them, which nobody here reads
// and which would be kept once for every instance.
void drop_templates(repository::Levels& running) {
  for (auto* groups : {&running.own, &running.service}) {
    std::erase_if(*groups, [](const auto& each) { return each.second->type.starts_with("template"); });
  }
}

}  // namespace

Result<std::optional<restarter::Loaded>> Instances::load(const fmri::Fmri& instance, Origin origin) {
  const bool recovering = origin == Origin::recovered;
  auto current = core_.store->read(instance);
  if (!current) return current.error();
  const auto enabled = restarter::read_enabled(*current);
  if (!enabled)
    return std::optional<restarter::Loaded>();  // not configured: the restarter is never told about it
  auto running = core_.store->read_snapshot(instance, repository::kRunning);
  if (!running && running.error().kind == ErrorKind::not_found) {
    auto taken = core_.store->commit({repository::TakeSnapshot{instance, repository::kRunning}});
    if (!taken) return taken.error();
    running = core_.store->read_running(instance);
  }
  if (!running) return running.error();
  Record& record = core_.records[instance.str()];
  record.fmri = instance;
  record.running = std::move(*running);
  drop_templates(record.running);
  auto config = restarter::read_config(record.running, instance.str());
  restarter::read_restarter(*current, config);
  record.config = core_.restarter.share(config);
  record.enabled = enabled;
  record.removed = false;
  if (record.state == graph::State::uninitialized) record.state_time = wall_now();
  restarter::Recovered recovered;
  if (recovering) recovered = recover(core_, record);
  if (recovering && core_.marks.taken_up(instance.str(), enabled.value_or(false))) {
    record.history.fell = "the host went down under it";
  }
  // What an earlier version of vmkeep started has no mark.
  if (recovered.claimed && graph::is_up(recovered.state) && record.contract != 0 &&
      !recovered.contract_empty) {
    mark_up(core_, record);
  }
  return std::optional(restarter::Loaded{instance.str(), std::move(config), enabled, recovered, false,
                                         origin == Origin::created});
}

// Those that were just imported have no running snapshot yet.  One change for all of them: each would be
// written to the disk on its own.
void Instances::take_running(const std::vector<fmri::Fmri>& instances) {
  repository::ChangeSet changes;
  for (const auto& name : instances) {
    const auto current = core_.store->read(name);
    if (!current || !restarter::read_enabled(*current)) continue;
    const auto running = core_.store->read_snapshot(name, repository::kRunning);
    if (running || running.error().kind != ErrorKind::not_found) continue;
    changes.emplace_back(repository::TakeSnapshot{name, repository::kRunning});
  }
  if (changes.empty()) return;
  // What this does not do is tried again one by one, and told there.
  (void)core_.store->commit(changes);
}

// The restarter evaluates nothing before it knows all of a batch.
void Instances::load_batch(const std::vector<fmri::Fmri>& instances, Origin origin) {
  take_running(instances);
  std::vector<restarter::Loaded> batch;
  for (const auto& name : instances) {
    auto loaded = load(name, origin);
    if (!loaded) {
      core_.logs.notice("cannot load " + name.str() + ": " + loaded.error().message);
    } else if (*loaded) {
      batch.push_back(std::move(**loaded));
    }
  }
  for (size_t n = 0; n < batch.size(); ++n) {
    batch[n].more = n + 1 < batch.size();
    core_.events.push(std::move(batch[n]));
  }
}

Result<> Instances::load_all() {
  auto entries = core_.store->entries();
  if (!entries) return entries.error();
  std::vector<fmri::Fmri> all;
  for (const auto& entry : *entries) {
    for (const auto& instance : entry.instances) all.push_back({entry.service, instance, {}, {}});
  }
  load_batch(all, Origin::recovered);
  return {};
}

// 5.7: it is read as it is now, not as of the last refresh.
void Instances::follow_restarter(Record& record, const repository::Levels& current) {
  auto config = *record.config;
  restarter::read_restarter(current, config);
  const bool same = config.delegated_to == record.config->delegated_to &&
                    config.invalid_restarter == record.config->invalid_restarter;
  if (same) return;
  record.config = core_.restarter.share(config);
  core_.events.push(restarter::Refreshed{record.fmri.str(), std::move(config)});
}

// Tells the restarter what became of an instance that it knows; true: it does not know it yet.
bool Instances::sync(const fmri::Fmri& instance) {
  Record* record = core_.record(instance.str());
  auto current = core_.store->read(instance);
  if (!current) {
    if (record == nullptr || record->removed) return false;
    record->removed = true;
    owners_.forget(*record);
    core_.events.push(restarter::Removed{instance.str()});
    return false;
  }
  if (record == nullptr || record->removed) return true;
  follow_restarter(*record, *current);
  const auto enabled = restarter::read_enabled(*current);
  if (!enabled || enabled == record->enabled) return false;
  record->enabled = enabled;
  core_.events.push(restarter::EnabledChanged{instance.str(), *enabled});
  core_.touch(*record);
  return false;
}

void Instances::follow(const repository::ChangeSet& changes, bool asked) {
  std::set<fmri::Fmri> touched;
  for (const auto& change : changes) {
    const auto entity = entity_of(change);
    if (entity.is_instance()) touched.insert({entity.service, entity.instance, {}, {}});
  }
  std::vector<fmri::Fmri> fresh;
  for (const auto& instance : touched) {
    if (sync(instance)) fresh.push_back(instance);
  }
  load_batch(fresh, asked ? Origin::asked : Origin::created);
}

Result<> Instances::refresh(const fmri::Fmri& instance) {
  Record* record = core_.record(instance.str());
  auto current = core_.store->read(instance);
  if (!current) return current.error();
  if (record != nullptr && record->claimed) {
    // What the guard would refuse is refused here, where somebody reads the answer; nothing changes.
    auto config = vm::VmConfig::read(*current, instance.instance);
    if (!config) return fail(ErrorKind::invalid, config.error().message);
  }
  auto taken = core_.store->commit({repository::TakeSnapshot{instance, repository::kRunning}});
  if (!taken) return taken.error();
  if (record == nullptr) return {};
  auto running = core_.store->read_running(instance);
  if (!running) return running.error();
  record->running = std::move(*running);
  drop_templates(record->running);
  auto config = restarter::read_config(record->running, instance.str());
  restarter::read_restarter(*current, config);
  record->config = core_.restarter.share(config);
  core_.events.push(restarter::Refreshed{instance.str(), std::move(config)});
  owners_.configure(*record);
  limit_contract(core_, *record, record->running);
  return {};
}

control::InstanceMessage Instances::describe(const Record& record, Detail detail) {
  control::InstanceMessage message;
  message.fmri = record.fmri.str();
  message.state = graph::to_string(record.state);
  message.next_state = graph::to_string(record.next_state);
  // What is not on record may not be claimed to be well: the next daemon would not know it.
  if (!record.unrecorded.empty() && record.state == graph::State::online) {
    message.state = graph::to_string(graph::State::degraded);
  }
  message.contract = record.contract;
  message.vm = record.claimed;
  message.state_time = std::chrono::duration<double>(record.state_time.time_since_epoch()).count();
  message.configured = record.enabled.has_value();
  message.enabled = record.enabled.value_or(false);
  if (detail == Detail::brief) return message;
  message.reason = graph::to_string(record.reason);
  message.why = record.why;
  if (const auto current = repository::look(*core_.store, record.fmri)) {
    const repository::View own{current->own, nullptr};
    if (const auto value = own.value("general", "enabled")) message.enabled_permanent = *value == "true";
    if (const auto value = own.value("general_ovr", "enabled")) message.enabled_temporary = *value == "true";
    if (message.enabled_temporary) message.comment = own.value("general_ovr", "comment");
    if (!message.comment) message.comment = own.value("general", "comment");
    message.restarter = current->value("general", "restarter").value_or(restarter::kMasterRestarter);
    if (const auto name = current->value("tm_common_name", "C")) message.name = std::string(*name);
  }
  if (!record.unrecorded.empty()) {
    message.reason = graph::to_string(graph::Reason::bad_repo_state);
    message.why = record.unrecorded;
  }
  const bool starts = record.state == graph::State::offline && record.next_state == graph::State::online;
  if (starts && message.why.empty()) message.why = record.waits_for;
  message.log = core_.logs.path(record.fmri);
  if (!record.dossier.empty()) message.dossier = record.dossier;
  message.start_status = record.start_status;
  if (record.reason == graph::Reason::service_request && !record.requested_by.empty()) {
    message.requested_by = record.requested_by;
  }
  if (detail != Detail::dependencies) return message;
  message.dependencies.emplace();
  for (const auto& dependency : record.config->dependencies) {
    control::DependencyMessage out{dependency.name,
                                   std::string(graph::to_string(dependency.grouping)),
                                   std::string(graph::to_string(dependency.restart_on)),
                                   {}};
    for (const auto& entity : dependency.entities) out.entities.push_back(entity_text(entity));
    message.dependencies->push_back(std::move(out));
  }
  message.satisfied =
      core_.restarter.graph().satisfaction(record.fmri.str()) == graph::Satisfaction::satisfied;
  return message;
}

repository::ChangeSet switching(const fmri::Fmri& instance, bool enabled, bool temporary) {
  using repository::SetProperty;
  const repository::Property value{repository::ValueType::boolean, {enabled ? "true" : "false"}};
  repository::ChangeSet changes;
  if (!temporary) changes.emplace_back(SetProperty{instance, "general", "framework", true, "enabled", value});
  changes.emplace_back(SetProperty{instance, "general_ovr", "framework", false, "enabled",
                                   temporary ? std::optional(value) : std::nullopt});
  return changes;
}

// It goes with the flag that it is about, and so does that of the switch before.
Result<> Instances::add_comment(const fmri::Fmri& instance, bool temporary,
                                const std::optional<std::string>& comment, repository::ChangeSet& changes) {
  const auto current = core_.store->read(instance);
  if (!current) return current.error();
  for (const bool permanent : {true, false}) {
    if (permanent && temporary) continue;  // a permanent one comes back with its flag
    const char* group = permanent ? "general" : "general_ovr";
    std::optional<repository::Property> value;
    if (comment && permanent != temporary) {
      value = repository::Property{repository::ValueType::astring, {*comment}};
    }
    const bool there = current->own.contains(group) && current->own.at(group)->find("comment") != nullptr;
    if (!value && !there) continue;
    changes.emplace_back(repository::SetProperty{instance, group, "framework", permanent, "comment", value});
  }
  return {};
}

Result<> Instances::enable(const fmri::Fmri& instance, bool enabled, bool temporary,
                           const std::optional<std::string>& comment) {
  auto changes = switching(instance, enabled, temporary);
  if (auto added = add_comment(instance, temporary, comment, changes); !added) return added;
  if (auto done = core_.store->commit(changes); !done) return done;
  Record* record = core_.record(instance.str());
  if (record != nullptr && !enabled) forget_aborts(*record);
  // Only an administrative disable leads out of maintenance: told even if the flag is what it was.
  const bool out_of_maintenance =
      record != nullptr && !enabled && record->state == graph::State::maintenance && record->enabled == false;
  follow(changes, true);
  if (out_of_maintenance) core_.events.push(restarter::EnabledChanged{instance.str(), false});
  return {};
}

void Instances::forget_aborts(Record& record) {
  core_.marks.forget(record.fmri.str());
  record.history.fell.clear();
  if (!record.claimed) return;
  record.history.aborts.clear();
  record.history.unknown_in_a_row = 0;
  record.history.hook_failures.clear();
  record.history.hook_reboots.clear();
  publish_vm(core_, record);
}

}  // namespace vmkeep::daemon
