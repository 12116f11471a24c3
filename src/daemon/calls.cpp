#include "daemon/calls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <csignal>

#include "base/version.h"
#include "daemon/contract_calls.h"
#include "daemon/listing.h"
#include "daemon/milestone.h"
#include "daemon/plan_calls.h"
#include "daemon/publish.h"
#include "daemon/watch_calls.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using control::Call;

constexpr Instant kLookAgain = std::chrono::seconds(30);
constexpr Instant kHandled = std::chrono::seconds(30);  // no brain needs as long as this for its queue

Result<fmri::Fmri> fmri_parameter(const Call& call) {
  auto text = control::string_member(call.parameters, "fmri");
  if (!text) return text.error();
  return fmri::Fmri::parse(*text);
}

// The record of the instance that a call names, or an answer that says why not.
Record* record_parameter(Core& core, const Call& call) {
  auto name = fmri_parameter(call);
  if (!name) {
    call.fail(name.error());
    return nullptr;
  }
  Record* record = core.record(name->entity());
  if (record == nullptr) {
    call.fail(fail(ErrorKind::not_found, fmt::format("No such instance \"{}\".", name->entity())));
  }
  return record;
}

// The names of those that change next; none: something else did.  Absent: somebody was removed, or nothing
// changed for a while, and whoever follows some of them looks at all of those.
Task<std::optional<std::vector<std::string>>> changes(Core& core, uint64_t seen, uint64_t removals) {
  std::vector<std::string> names;
  const bool told = co_await core.changed.wait(now() + kLookAgain);
  if (!told || core.removals != removals) co_return std::nullopt;
  for (const Record* record : core.changed_since(seen)) names.push_back(record->fmri.str());
  co_return std::optional(std::move(names));
}

// Whoever is told that his request was taken may rely on it: by then it is done, or on record (2.7).
Task<> reply_when_handled(Core& core, Call call) {
  const Instant until = now() + kHandled;
  while ((core.deciding || !core.events.empty()) && now() < until) co_await core.handled.wait(until);
  call.reply({});
}

}  // namespace

const std::map<std::string, std::pair<Calls::Handler, bool>>& Calls::handlers() {
  static const std::map<std::string, std::pair<Handler, bool>> table{
      {"Entries", {&Calls::entries, false}},
      {"Read", {&Calls::read, false}},
      {"Snapshots", {&Calls::snapshots, false}},
      {"Commit", {&Calls::commit, true}},
      {"AwaitGroup", {&Calls::await_group, false}},
      {"Instances", {&Calls::instances, false}},
      {"Processes", {&Calls::processes, false}},
      {"Contracts", {&Calls::contracts, false}},
      {"SignalContract", {&Calls::signal_contract, false}},  // a method may, of its own instance
      {"AwaitContract", {&Calls::await_contract, false}},
      {"Act", {&Calls::act, true}},
      {"Watch", {&Calls::watch, false}},
      {"Shutdown", {&Calls::shutdown, true}},
      {"Startup", {&Calls::startup, true}},
      {"Milestone", {&Calls::milestone, true}},
      {"VmMethod", {&Calls::vm_method, false}},
      {"VmStatus", {&Calls::vm_status, true}},
      {"Vm", {&Calls::vm, true}},
      {"VmList", {&Calls::vm_list, false}},
      {"Plan", {&Calls::plan, false}},
      {"Version", {&Calls::version, false}},
  };
  return table;
}

Task<> Calls::serve(control::Server& server) {
  for (;;) {
    auto call = co_await server.calls().pop();
    if (!call) continue;
    const auto found = handlers().find(call->method);
    if (found == handlers().end()) {
      call->fail(fail(ErrorKind::unsupported, "no such method: " + call->method));
      continue;
    }
    const auto refusal = found->second.second ? rights_.refusal(*call) : std::nullopt;
    if (refusal) {
      call->fail(*refusal);
    } else {
      (this->*found->second.first)(*call);
    }
  }
}

// ---- the repository
// ----------------------------------------------------------------------------------------------

void Calls::entries(const Call& call) {
  answer_entries(core_, call);
}

void Calls::read(const Call& call) {
  auto name = fmri_parameter(call);
  if (!name) return call.fail(name.error());
  const auto* snapshot = call.parameters.if_contains("snapshot");
  const bool named = snapshot != nullptr && snapshot->is_string();
  auto levels = named ? core_.store->read_snapshot(*name, std::string(snapshot->get_string()))
                      : core_.store->read(*name);
  if (!levels) return call.fail(levels.error());
  rights_.hide(call.peer, *name, *levels);
  call.reply(control::to_json(*levels));
}

void Calls::snapshots(const Call& call) {
  auto name = fmri_parameter(call);
  if (!name) return call.fail(name.error());
  auto names = core_.store->snapshots(*name);
  if (!names) return call.fail(names.error());
  call.reply({{"names", json::array(names->begin(), names->end())}});
}

void Calls::commit(const Call& call) {
  const auto* list = call.parameters.if_contains("changes");
  if (list == nullptr) return call.fail(fail(ErrorKind::invalid, "changes is missing"));
  auto changes = control::changes_from(*list);
  if (!changes) return call.fail(changes.error());
  if (auto done = core_.store->commit(*changes); !done) return call.fail(done.error());
  instances_.follow(*changes);
  follow_pace(core_, *changes);
  call.reply({});
}

void Calls::await_group(const Call& call) {
  auto name = fmri_parameter(call);
  auto group = control::string_member(call.parameters, "group");
  if (!name || !group) return call.fail(name ? group.error() : name.error());
  const int64_t generation = control::int_member(call.parameters, "generation", 0);
  start(core_.executor, daemon::await_group(core_, call, *name, *group, static_cast<uint64_t>(generation)));
}

// ---- instances
// ---------------------------------------------------------------------------------------------------

void Calls::instances(const Call& call) {
  answer_instances(core_, instances_, call);
}

void Calls::processes(const Call& call) {
  const Record* record = record_parameter(core_, call);
  if (record == nullptr) return;
  std::set<contract::ContractId> contracts;
  if (control::bool_member(call.parameters, "previous", false)) contracts = record->previous_contracts;
  if (record->contract != 0) contracts.insert(record->contract);
  json::array list;
  for (const auto id : contracts) {
    for (const auto& member : core_.contracts->members(id)) {
      list.push_back(control::to_json(
          control::ProcessMessage{member.pid, member.start_time, member.command, member.arguments}));
    }
  }
  call.reply({{"processes", std::move(list)}});
}

// restart -d: their death is a fault like any other, and what follows from that restarts the instance.
Result<> Calls::dump(Record& record) {
  if (!graph::is_up(record.state) || record.contract == 0) return {};
  if (record.claimed) {
    return fail(ErrorKind::invalid,
                "its process is a virtual machine, which a dump would crash; use svcadm restart without -d");
  }
  return core_.contracts->signal(record.contract, SIGABRT);
}

Result<> Calls::request(Record& record, const std::string& verb, const Call& call) {
  using restarter::Request;
  const bool temporary = control::bool_member(call.parameters, "temporary", false);
  const bool immediate = control::bool_member(call.parameters, "immediate", false);
  if (verb == "restart" && control::bool_member(call.parameters, "dump", false)) return dump(record);
  restarter::Requested event{record.fmri.str(), Request::restart, immediate, true};
  if (verb == "clear") {
    if (record.state != graph::State::maintenance && record.state != graph::State::degraded) {
      return fail(
          ErrorKind::invalid,
          fmt::format("Instance \"{}\" is not in a maintenance or degraded state.", record.fmri.str()));
    }
    event.request = Request::clear;
  } else if (verb == "maintenance") {
    event.request = Request::maintain;
    const auto by = control::string_member(call.parameters, "by");
    const auto asking = by ? fmri::Fmri::parse(*by) : Result<fmri::Fmri>(fmri::Fmri{});
    if (!asking) return asking.error();
    event.administrative = !asking->is_instance();
    record.requested_by = event.administrative ? "" : asking->entity();
  } else if (verb == "degraded") {
    if (temporary) return fail(ErrorKind::invalid, "-t may not be used with degraded.");
    if (record.state != graph::State::online) {
      return fail(ErrorKind::invalid, fmt::format("Instance \"{}\" is not online.", record.fmri.str()));
    }
    event.request = Request::degrade;
  } else if (verb != "restart") {
    return fail(ErrorKind::invalid, "unknown verb \"" + verb + "\"");
  }
  if (verb == "clear") instances_.forget_aborts(record);
  core_.events.push(std::move(event));
  return {};
}

void Calls::act(const Call& call) {
  auto name = fmri_parameter(call);
  if (!name) return call.fail(name.error());
  auto verb = control::string_member(call.parameters, "verb");
  if (!verb) return call.fail(verb.error());
  Result<> done;
  if (*verb == "enable" || *verb == "disable") {
    const auto comment = control::string_member(call.parameters, "comment");
    done =
        instances_.enable(*name, *verb == "enable", control::bool_member(call.parameters, "temporary", false),
                          comment ? std::optional(*comment) : std::nullopt);
  } else if (*verb == "refresh") {
    done = instances_.refresh(*name);
  } else {
    Record* record = record_parameter(core_, call);
    if (record == nullptr) return;
    done = request(*record, *verb, call);
  }
  if (!done) return call.fail(done.error());
  start(core_.executor, reply_when_handled(core_, call));
}

// ---- streams
// -----------------------------------------------------------------------------------------------------

void Calls::watch(const Call& call) {
  std::vector<std::string> fmris;
  const auto* list = call.parameters.if_contains("fmris");
  if (list != nullptr && list->is_array()) {
    for (const auto& name : list->get_array()) {
      if (name.is_string()) fmris.emplace_back(name.get_string());
    }
  }
  for (const auto& name : fmris) {
    if (core_.record(name) == nullptr) {
      return call.fail(fail(ErrorKind::not_found, "No such instance \"" + name + "\"."));
    }
  }
  if (fmris.empty()) return start(core_.executor, watch_everything(core_, instances_, call));
  start(core_.executor, stream(call, std::move(fmris)));
}

Task<> Calls::stream(Call call, std::vector<std::string> fmris) {
  std::map<std::string, std::optional<uint64_t>> sent;
  for (const auto& name : fmris) sent.emplace(name, std::nullopt);
  std::vector<std::string> todo = std::move(fmris);
  while (call.alive()) {
    for (const auto& name : todo) {
      const auto told = sent.find(name);
      if (told == sent.end()) continue;
      const Record* record = core_.record(name);
      if (record == nullptr) {
        call.fail(fail(ErrorKind::not_found, "Instance \"" + name + "\" was deleted."));
        co_return;
      }
      if (told->second == record->version) continue;
      told->second = record->version;
      call.reply(
          {{"instance", control::to_json(instances_.describe(*record, Instances::Detail::dependencies))}},
          call.more);
      if (!call.more) co_return;
    }
    auto changed = co_await changes(core_, core_.last_version, core_.removals);
    if (changed) {
      todo = std::move(*changed);
      continue;
    }
    todo.clear();
    for (const auto& [name, version] : sent) todo.push_back(name);
  }
}

void Calls::shutdown(const Call& call) {
  auto event = shut_down_event(core_, call);
  // Whoever asks again may bring a budget that the first one had not, and is answered again.
  if (!core_.shutting_down || event.budget || core_.shut_down) {
    core_.shutting_down = true;
    core_.shut_down = false;
    core_.left_up.clear();
    // Before anything goes down: a daemon that is started meanwhile goes on with it.
    publish_descent(core_, {event.budget ? std::optional(now() + *event.budget) : std::nullopt, false});
    core_.logs.notice(event.budget
                          ? fmt::format("shutdown requested: everything goes down, in order, within {} s",
                                        event.budget->count() / 1000)
                          : "shutdown requested: everything goes down, in order");
    core_.events.push(std::move(event));
  }
  start(core_.executor, stream_shutdown(call));
}

void Calls::startup(const Call& call) {
  if (core_.shutting_down) core_.logs.notice("startup requested: what is enabled comes up");
  core_.shutting_down = core_.shut_down = false;
  publish_started(core_);
  core_.events.push(restarter::StartUp{});
  call.reply({});
}

void Calls::milestone(const Call& call) {
  answer_milestone(core_, instances_, call);
}

Task<> Calls::stream_shutdown(Call call) {
  std::set<std::string> up;
  for (const auto& [fmri, record] : core_.records) {
    if (graph::is_up(record.state)) up.insert(fmri);
  }
  std::vector<std::string> todo(up.begin(), up.end());
  for (;;) {
    std::vector<const Record*> down;  // told in the order in which they went down
    for (const auto& name : todo) {
      const Record* record = core_.record(name);
      if ((record != nullptr && graph::is_up(record->state)) || up.erase(name) == 0) continue;
      if (record != nullptr) down.push_back(record);
    }
    std::sort(down.begin(), down.end(),
              [](const Record* a, const Record* b) { return a->state_time < b->state_time; });
    for (const Record* record : down) {
      if (!call.more) continue;
      call.reply({{"instance", control::to_json(instances_.describe(*record, Instances::Detail::plain))},
                  {"done", false}},
                 true);
    }
    if (core_.shut_down) break;
    if (!call.alive()) co_return;
    auto changed = co_await changes(core_, core_.last_version, core_.removals);
    if (changed) {
      todo = std::move(*changed);
    } else {
      todo.assign(up.begin(), up.end());
    }
  }
  call.reply({{"done", true}, {"left", json::array(core_.left_up.begin(), core_.left_up.end())}});
}

// ---- methods
// -----------------------------------------------------------------------------------------------------

void Calls::vm_method(const Call& call) {
  Record* record = record_parameter(core_, call);
  if (record == nullptr) return;
  if (const auto* run = method_of_peer(core_, *record, call.peer)) {
    return owners_.method(*record, run->second, run->first, call);
  }
  call.fail(fail(ErrorKind::permission,
                 fmt::format("process {} is no method of {}: `vmkeep method` is run by vmkeepd, use svcadm",
                             call.peer.pid, record->fmri.str())));
}

void Calls::contracts(const Call& call) {
  answer_contracts(core_, call);
}

void Calls::signal_contract(const Call& call) {
  daemon::signal_contract(core_, call);
}

void Calls::await_contract(const Call& call) {
  start(core_.executor, daemon::await_contract(core_, call));
}

void Calls::plan(const Call& call) {
  answer_plan(core_, call);
}

void Calls::version(const Call& call) {
  call.reply({{"version", kVersion}, {"pid", ::getpid()}, {"boot_id", core_.options.boot_id}});
}

}  // namespace vmkeep::daemon
