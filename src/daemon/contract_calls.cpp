#include "daemon/contract_calls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "control/contract_message.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using contract::ContractId;
using control::Call;
using control::ContractMessage;
using restarter::MethodName;

// What the original's restarter wrote into the contracts that it made.
constexpr char kCreator[] = "svc.startd";
constexpr uint64_t kStartCookie = 0x20;
constexpr uint64_t kMethodCookie = 0x21;

// Who has a contract, and what was started in it.
struct Holding {
  const Record* record = nullptr;
  MethodName method = MethodName::start;
};

std::map<ContractId, Holding> holdings(const Core& core) {
  std::map<ContractId, Holding> all;
  for (const auto& [fmri, record] : core.records) {
    for (const auto id : record.previous_contracts) all[id] = {&record, MethodName::start};
    for (const auto& [number, run] : record.runs) {
      if (run.contract != 0) all[run.contract] = {&record, run.method};
    }
    if (record.contract != 0) all[record.contract] = {&record, MethodName::start};
  }
  return all;
}

// The events of a member, or of all, that are a fault of the instance (restarter.cpp is who judges).
std::vector<std::string> critical_events(const Record& record, ContractId id) {
  const auto& config = *record.config;
  if (id != record.contract) return {};
  // Of a VM only the empty contract counts, and then the VM itself is looked at.
  if (record.claimed) return {"empty"};
  if (config.duration == restarter::Duration::transient) return {};
  std::vector<std::string> events;
  if (!config.ignore_core) events.emplace_back("core");
  if (!config.ignore_signal) events.emplace_back("signal");
  events.emplace_back("hwerr");
  const bool empties = config.duration == restarter::Duration::contract && !config.ignore_empty;
  if (empties) events.emplace_back("empty");
  return events;
}

ContractMessage describe(Core& core, ContractId id, const Holding& holding) {
  ContractMessage message;
  message.id = id;
  message.creator = kCreator;
  message.parameters = {"inherit", "regent"};
  auto method = holding.method;
  if (holding.record != nullptr) {
    message.state = "owned";
    message.holder = ::getpid();
    message.fmri = holding.record->fmri.str();
    message.critical = critical_events(*holding.record, id);
    // The end of the last member was told, and what follows from it has not happened yet.
    const bool pending = holding.record->contract == id && holding.record->runs.empty() &&
                         graph::is_up(holding.record->state) && core.contracts->empty(id);
    message.events = pending ? 1 : 0;
  } else {
    message.state = "orphan";
    const auto origin = core.abandoned.find(id);
    if (origin != core.abandoned.end()) {
      message.fmri = origin->second.fmri;
      method = origin->second.method;
    }
  }
  message.aux = restarter::to_string(method);
  message.cookie = method == MethodName::start ? kStartCookie : kMethodCookie;
  return message;
}

Result<ContractId> id_parameter(const Core& core, const Call& call) {
  const int64_t id = control::int_member(call.parameters, "id", 0);
  if (id <= 0 || static_cast<ContractId>(id) >= core.next_contract) {
    return fail(ErrorKind::not_found, fmt::format("there is no contract {}, and never was", id));
  }
  return static_cast<ContractId>(id);
}

bool may_signal(Core& core, const control::Peer& peer, const Record* record) {
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  return record != nullptr && method_of_peer(core, *record, peer) != nullptr;
}

}  // namespace

const std::pair<const uint64_t, MethodRun>* method_of_peer(Core& core, const Record& record,
                                                           const control::Peer& peer) {
  for (const auto& each : record.runs) {
    const MethodRun& run = each.second;
    // A pid alone may be another's by now: SO_PEERCRED tells who connected, not who is there.
    if (peer.uid != run.uid && peer.uid != 0) continue;
    const auto members = core.contracts->members(run.contract);
    const bool inside = std::any_of(members.begin(), members.end(),
                                    [&peer](const auto& member) { return member.pid == peer.pid; });
    if (inside) return &each;
  }
  return nullptr;
}

void let_go(Core& core, ContractId id, Origin origin) {
  if (!core.contracts->empty(id)) {
    // Nobody tells when an orphan ends: those that did are forgotten when there is another one.
    std::erase_if(core.abandoned, [&core](const auto& each) { return core.contracts->empty(each.first); });
    core.abandoned[id] = std::move(origin);
  }
  core.release(id);
}

void answer_contracts(Core& core, const Call& call) {
  const bool members = control::bool_member(call.parameters, "members", false);
  const auto held = holdings(core);
  const auto ids = core.contracts->ids();
  json::array list;
  for (const auto id : ids) {
    const auto found = held.find(id);
    auto message = describe(core, id, found == held.end() ? Holding{} : found->second);
    if (members) {
      message.members.emplace();
      for (const auto& member : core.contracts->members(id)) message.members->push_back(member.pid);
    }
    list.push_back(control::to_json(message));
  }
  call.reply({{"contracts", std::move(list)}});
}

void signal_contract(Core& core, const Call& call) {
  const auto id = id_parameter(core, call);
  if (!id) return call.fail(id.error());
  const int64_t number = control::int_member(call.parameters, "signal", -1);
  if (number < 0 || number > 64) {
    return call.fail(fail(ErrorKind::invalid, fmt::format("{} is no signal", number)));
  }
  const auto held = holdings(core);
  const auto found = held.find(*id);
  if (!may_signal(core, call.peer, found == held.end() ? nullptr : found->second.record)) {
    return call.fail(fail(ErrorKind::permission, "Permission denied."));
  }
  // A contract that is gone is an empty one.
  if (core.contracts->empty(*id)) return call.reply({{"empty", true}});
  if (auto sent = core.contracts->signal(*id, static_cast<int>(number)); !sent)
    return call.fail(sent.error());
  call.reply({{"empty", core.contracts->empty(*id)}});
}

Task<> await_contract(Core& core, Call call) {
  constexpr int64_t kLongest = 86'400;  // a day
  // Nobody tells of the end of a contract that was abandoned.
  constexpr Instant kOrphanLook{200};
  const auto id = id_parameter(core, call);
  if (!id) {
    call.fail(id.error());
    co_return;
  }
  const int64_t seconds =
      std::clamp<int64_t>(control::int_member(call.parameters, "seconds", 0), 0, kLongest);
  const Instant deadline = now() + Instant(seconds * 1000);
  for (;;) {
    const bool empty = core.contracts->empty(*id);
    if (empty || now() >= deadline) {
      call.reply({{"empty", empty}});
      co_return;
    }
    if (!call.alive()) co_return;
    const bool told = holdings(core).contains(*id);
    co_await core.changed.wait(told ? deadline : std::min(deadline, now() + kOrphanLook));
  }
}

}  // namespace vmkeep::daemon
