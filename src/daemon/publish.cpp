#include "daemon/publish.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <csignal>

#include "guard/messages.h"

namespace vmkeep::daemon {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::PutGroup;
using repository::ValueType;

constexpr char kRestarterService[] = "system/svc/restarter";
constexpr char kHostGroup[] = "vmkeep-host";
constexpr char kLifeGroup[] = "vmkeep-life";
constexpr char kActionsGroup[] = "restarter_actions";

Property text(std::string value) {
  return {ValueType::astring, {std::move(value)}};
}
Property count(uint64_t value) {
  return {ValueType::count, {std::to_string(value)}};
}
Property counts(const std::set<contract::ContractId>& values) {
  Property property{ValueType::count, {}};
  for (const auto value : values) property.values.push_back(std::to_string(value));
  return property;
}
Property integer(int64_t value) {
  return {ValueType::integer, {std::to_string(value)}};
}
Property boolean(bool value) {
  return {ValueType::boolean, {value ? "true" : "false"}};
}
Property time(WallTime value) {
  const auto ns = value.time_since_epoch().count();
  return {ValueType::time, {fmt::format("{}.{:09}", ns / 1000000000, ns % 1000000000)}};
}

std::optional<WallTime> time_of(std::string_view value) {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  const auto dot = value.find('.');
  const auto whole = value.substr(0, dot);
  if (std::from_chars(whole.data(), whole.data() + whole.size(), seconds).ec != std::errc())
    return std::nullopt;
  if (dot != std::string_view::npos) {
    const auto rest = value.substr(dot + 1);
    std::from_chars(rest.data(), rest.data() + rest.size(), nanoseconds);
  }
  return WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

int64_t number_of(std::optional<std::string_view> value, int64_t otherwise = 0) {
  int64_t number = otherwise;
  if (value) std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

void put(Core& core, const fmri::Fmri& entity, PropertyGroup group) {
  const std::string what = group.name;
  group.persistent = false;
  repository::ChangeSet change;
  change.emplace_back(PutGroup{entity, std::move(group), std::nullopt});
  auto done = core.store->commit(change);
  Record* record = core.record(entity.str());
  // An instance that is deleted while it runs is stopped first, and tells nobody how that goes.
  if (!done && done.error().kind == ErrorKind::not_found && record != nullptr && record->removed) return;
  std::string trouble = done ? "" : done.error().message;
  const bool known = record != nullptr && record->unrecorded == trouble;
  if (record != nullptr) record->unrecorded = trouble;
  if (!done && !known) core.logs.notice("cannot publish " + what + " of " + entity.str() + ": " + trouble);
}

// Where there are no cgroups, the processes of a contract are found again by pid and start time.
Property members(Core& core, const Record& record) {
  Property pids{ValueType::astring, {}};
  if (core.contracts->uses_cgroups()) return pids;
  auto contracts = record.previous_contracts;
  if (record.contract != 0) contracts.insert(record.contract);
  for (const auto id : contracts) {
    for (const auto& member : core.contracts->members(id)) {
      pids.values.push_back(fmt::format("{}:{}", member.pid, member.start_time));
    }
  }
  return pids;
}

std::vector<std::pair<pid_t, int64_t>> members_of(const repository::Levels& levels) {
  std::vector<std::pair<pid_t, int64_t>> pids;
  const auto* property = levels.find("restarter", "members");
  if (property == nullptr) return pids;
  for (const std::string_view entry : property->values) {
    const auto colon = entry.find(':');
    if (colon == std::string_view::npos) continue;
    pids.emplace_back(static_cast<pid_t>(number_of(entry.substr(0, colon))),
                      number_of(entry.substr(colon + 1)));
  }
  return pids;
}

std::vector<contract::ContractId> contracts_of(const repository::Levels& levels, std::string_view property) {
  std::vector<contract::ContractId> ids;
  if (const auto* found = levels.find("restarter", property)) {
    for (const std::string_view id : found->values)
      ids.push_back(static_cast<contract::ContractId>(number_of(id)));
  }
  return ids;
}

// 2.7: the names that requests have on record.  `start` is ours.
std::vector<std::pair<const char*, bool>> waiting_parts(const restarter::Requests& waiting) {
  return {{"restart", waiting.restart},
          {"refresh", waiting.refresh},
          {"degraded", waiting.degrade},
          {"start", waiting.start},
          {"maint_on", waiting.maintain && !waiting.immediate},
          {"maint_on_immediate", waiting.maintain && waiting.immediate}};
}

restarter::Requests requests_of(const repository::Levels& own) {
  const auto asked = [&own](const char* name) { return number_of(own.value(kActionsGroup, name)) > 0; };
  restarter::Requests waiting;
  waiting.restart = asked("restart");
  waiting.refresh = asked("refresh");
  waiting.degrade = asked("degraded");
  waiting.start = asked("start");
  waiting.immediate = asked("maint_on_immediate");
  waiting.maintain = waiting.immediate || asked("maint_on");
  waiting.administrative = own.value(kActionsGroup, "auxiliary_tty") != "false";
  return waiting;
}

// A method that the last daemon was running is nobody's any more: it would run beside the next one.  The
// method of a VM's start finds that out by itself; its contract is the VM's too.
void end_methods(Core& core, const repository::Levels& own) {
  for (const auto id : contracts_of(own, "method_contracts")) {
    if (!core.contracts->reopen(id, {})) continue;
    if (auto killed = core.contracts->signal(id, SIGKILL); !killed) core.logs.notice(killed.error().message);
    core.contracts->release(id);
  }
}

PropertyGroup requests_group(const Record& record) {
  const auto& waiting = record.waiting;
  PropertyGroup group;
  group.name = kActionsGroup;
  group.type = "framework";
  const auto stamp = integer(std::chrono::nanoseconds(now()).count());
  for (const auto& [name, asked] : waiting_parts(waiting)) {
    if (asked) group.properties[name] = stamp;
  }
  group.properties["auxiliary_tty"] = boolean(waiting.administrative);
  if (!waiting.administrative && !record.requested_by.empty()) {
    group.properties["auxiliary_fmri"] = text(record.requested_by);
  }
  return group;
}

}  // namespace

PropertyGroup state_group(Core& core, const Record& record) {
  PropertyGroup group;
  group.persistent = false;
  group.name = "restarter";
  group.type = "framework";
  auto& p = group.properties;
  p["state"] = text(std::string(graph::to_string(record.state)));
  p["next_state"] = text(std::string(graph::to_string(record.next_state)));
  p["auxiliary_state"] = text(std::string(graph::to_string(record.reason)));
  const bool by_service = record.reason == graph::Reason::service_request;
  if (by_service || record.reason == graph::Reason::administrative_request)
    p["auxiliary_tty"] = boolean(!by_service);
  if (by_service && !record.requested_by.empty()) {
    p["auxiliary_fmri"] = text(record.requested_by);
  }
  p["state_timestamp"] = time(record.state_time);
  p["logfile"] = text(core.logs.path(record.fmri));
  if (!record.why.empty()) p["why"] = text(record.why);
  // Without a contract it has no value, and stays: %{restarter/contract} of a transient service is nothing,
  // no error.
  p["contract"] = record.contract != 0 ? count(record.contract) : Property{ValueType::count, {}};
  if (!record.previous_contracts.empty()) p["previous_contracts"] = counts(record.previous_contracts);
  if (record.start_pid > 0) p["start_pid"] = count(static_cast<uint64_t>(record.start_pid));
  if (record.start_status) p["start_method_waitstatus"] = integer(*record.start_status);
  if (record.start_ended) p["start_method_timestamp"] = time(*record.start_ended);
  std::set<contract::ContractId> methods;  // those that run in a contract of their own
  for (const auto& [run, method] : record.runs) {
    if (method.pid > 0) p["method_pid"] = count(static_cast<uint64_t>(method.pid));
    if (method.contract != record.contract) methods.insert(method.contract);
  }
  if (!methods.empty()) p["method_contracts"] = counts(methods);
  if (auto pids = members(core, record); !pids.values.empty()) p["members"] = std::move(pids);
  return group;
}

void publish_state(Core& core, const Record& record) {
  put(core, record.fmri, state_group(core, record));
}

void publish(Core& core, std::vector<Publication> publications) {
  repository::ChangeSet changes;
  changes.reserve(publications.size());
  for (auto& each : publications) {
    changes.emplace_back(PutGroup{*each.instance, std::move(each.group), std::nullopt});
  }
  const bool alone = changes.size() == 1;
  if (!alone && (changes.empty() || core.store->commit(changes))) {
    for (const auto& each : publications) {
      if (Record* record = core.record(each.instance->str())) record->unrecorded.clear();
    }
    return;
  }
  for (auto& change : changes) {
    auto& one = std::get<PutGroup>(change);
    put(core, one.entity, std::move(one.group));
  }
}

void take_start_snapshots(Core& core) {
  repository::ChangeSet changes;
  for (const auto& instance : std::exchange(core.started, {})) {
    changes.emplace_back(repository::TakeSnapshot{instance, "start"});
  }
  if (changes.empty() || core.store->commit(changes)) return;
  for (const auto& change : changes) {
    if (auto taken = core.store->commit({change}); !taken) core.logs.notice(taken.error().message);
  }
}

void publish_vm(Core& core, const Record& record) {
  PropertyGroup group;
  group.name = "vm_monitor";
  group.type = "implementation";
  auto& p = group.properties;
  p["claimed"] = boolean(record.claimed);
  p["history"] = text(boost::json::serialize(guard::to_json(record.history)));
  if (!record.dossier.empty()) p["dossier"] = text(record.dossier);
  if (record.process_ended) p["process_ended"] = time(*record.process_ended);
  if (record.restart_issued) p["restart_issued"] = time(*record.restart_issued);
  if (record.running_again) p["running_again"] = time(*record.running_again);
  put(core, record.fmri, std::move(group));
}

void publish_requests(Core& core) {
  for (Record* record : std::exchange(core.asked, {})) {
    if (record->waiting == record->waiting_on_record || record->removed) continue;
    record->waiting_on_record = record->waiting;
    if (record->waiting.any()) {
      put(core, record->fmri, requests_group(*record));
      continue;
    }
    auto done = core.store->commit({repository::DeleteGroup{record->fmri, kActionsGroup, std::nullopt}});
    if (!done && done.error().kind != ErrorKind::not_found) core.logs.notice(done.error().message);
  }
}

contract::ContractId take_contract_id(Core& core) {
  constexpr contract::ContractId kBlock = 64;
  const auto id = core.next_contract++;
  if (id < core.reserved_contracts) return id;
  core.reserved_contracts = id + kBlock;
  PropertyGroup group;
  group.name = "svc-startd-private";
  group.type = "framework";
  group.properties["next_contract"] = count(core.reserved_contracts);
  put(core, fmri::Fmri{kRestarterService, {}, {}, {}}, std::move(group));
  return id;
}

void publish_started(Core& core) {
  PropertyGroup group;
  group.name = kHostGroup;
  group.type = "framework";
  group.properties["started"] = boolean(true);
  put(core, fmri::Fmri{kRestarterService, {}, {}, {}}, std::move(group));
}

bool was_started(Core& core) {
  auto levels = core.store->read(fmri::Fmri{kRestarterService, {}, {}, {}});
  return levels && levels->value(kHostGroup, "started") == "true";
}

void publish_descent(Core& core, const Descent& descent) {
  PropertyGroup group;
  group.name = kHostGroup;
  group.type = "framework";
  group.properties["started"] = boolean(false);
  group.properties["going_down"] = boolean(!descent.over);
  if (descent.until) group.properties["until"] = integer(descent.until->count());
  put(core, fmri::Fmri{kRestarterService, {}, {}, {}}, std::move(group));
}

std::optional<Descent> recorded_descent(Core& core) {
  auto levels = core.store->read(fmri::Fmri{kRestarterService, {}, {}, {}});
  if (!levels || levels->value(kHostGroup, "going_down") != "true") return std::nullopt;
  Descent descent;
  if (const auto until = levels->value(kHostGroup, "until")) descent.until = Instant(number_of(until));
  return descent;
}

void mark_up(Core& core, Record& record) {
  record.history.fell.clear();
  if (auto marked = core.marks.came_up(record.fmri.str()); !marked) {
    core.logs.notice("whether " + record.fmri.str() +
                     " was up will not be known after a power cut: " + marked.error().message);
  }
}

void mark_down(Core& core, const Record& record) {
  const bool lives =
      (record.contract != 0 && !core.contracts->empty(record.contract)) || !record.previous_contracts.empty();
  // On its way back up it should be up all the while; and where nobody answers, nobody knows how it went
  // down.
  const bool comes_back = record.state == graph::State::offline && record.reason >= graph::Reason::vm_aborted;
  const bool unknown = record.state == graph::State::degraded;
  if (record.claimed && !lives && !comes_back && !unknown && record.next_state == graph::State::none) {
    core.marks.went_down(record.fmri.str());
  }
}

std::string life(Core& core) {
  const fmri::Fmri service{kRestarterService, {}, {}, {}};
  if (auto levels = core.store->read(service)) {
    if (const auto id = levels->value(kLifeGroup, "id")) return std::string(*id);
  }
  std::array<unsigned char, 16> bytes{};
  (void)!::getrandom(bytes.data(), bytes.size(), 0);
  std::string id;
  for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  PropertyGroup group;
  group.name = kLifeGroup;
  group.type = "framework";
  group.properties["id"] = text(id);
  put(core, service, std::move(group));
  return id;
}

void recover_contract_ids(Core& core) {
  auto levels = core.store->read(fmri::Fmri{kRestarterService, {}, {}, {}});
  if (!levels) return;
  const auto next = number_of(levels->value("svc-startd-private", "next_contract"), 1);
  core.next_contract = static_cast<contract::ContractId>(std::max<int64_t>(next, 1));
  core.reserved_contracts = core.next_contract;
}

restarter::Recovered recover(Core& core, Record& record) {
  restarter::Recovered recovered;
  auto levels = core.store->read(record.fmri);
  if (!levels) return recovered;
  const auto own = repository::Levels{levels->own, {}};  // what was published is the instance's alone
  recovered.state = graph::state(own.value("restarter", "state").value_or("")).value_or(recovered.state);
  recovered.next_state =
      graph::state(own.value("restarter", "next_state").value_or("")).value_or(recovered.next_state);
  recovered.reason =
      graph::reason(own.value("restarter", "auxiliary_state").value_or("")).value_or(recovered.reason);
  record.state = recovered.state;
  record.reason = recovered.reason;
  record.why = std::string(own.value("restarter", "why").value_or(""));
  record.requested_by = std::string(own.value("restarter", "auxiliary_fmri").value_or(""));
  record.state_time = time_of(own.value("restarter", "state_timestamp").value_or("0")).value_or(WallTime{});
  if (own.find("restarter", "start_method_waitstatus") != nullptr) {
    record.start_status = static_cast<int>(number_of(own.value("restarter", "start_method_waitstatus")));
  }
  if (const auto ended = own.value("restarter", "start_method_timestamp"))
    record.start_ended = time_of(*ended);
  record.start_pid = static_cast<pid_t>(number_of(own.value("restarter", "start_pid"), -1));
  recovered.waiting = requests_of(own);
  record.waiting = record.waiting_on_record = recovered.waiting;
  if (const auto by = own.value(kActionsGroup, "auxiliary_fmri")) record.requested_by = std::string(*by);
  record.claimed = own.value("vm_monitor", "claimed") == "true";
  recovered.claimed = record.claimed;
  record.dossier = std::string(own.value("vm_monitor", "dossier").value_or(""));
  boost::json::error_code none;
  const auto history = boost::json::parse(own.value("vm_monitor", "history").value_or("{}"), none);
  if (history.is_object()) record.history = guard::history_from(history.get_object());
  end_methods(core, own);
  for (const auto id : contracts_of(own, "previous_contracts")) {
    if (!core.contracts->reopen(id, members_of(own)) || core.contracts->empty(id)) continue;
    record.previous_contracts.insert(id);
    core.contract_owners[id] = record.fmri.str();
  }
  record.contract = static_cast<contract::ContractId>(number_of(own.value("restarter", "contract")));
  if (record.contract != 0) {
    // A contract that vanished is an empty one, and the restarter has to hear of it.
    recovered.has_contract = true;
    core.contract_owners[record.contract] = record.fmri.str();
    const bool found = core.contracts->reopen(record.contract, members_of(own)).has_value();
    recovered.contract_empty = !found || core.contracts->empty(record.contract);
    if (found && !record.claimed && !graph::is_up(recovered.state)) {
      // A start was under way, and begins again: what the first one left would be there twice.
      if (auto killed = core.contracts->signal(record.contract, SIGKILL); !killed) {
        core.logs.notice(killed.error().message);
      }
    }
  }
  return recovered;
}

}  // namespace vmkeep::daemon
