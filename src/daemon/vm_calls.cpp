#include "daemon/vm_calls.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "daemon/calls.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {

std::string user_name(uid_t uid) {
  const auto* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

// What the daemon knows as a VM before it was ever started: its method says so.
bool is_vm(const Record& record) {
  if (record.claimed) return true;
  const auto exec = record.running.value("start", "exec").value_or("");
  return exec.find("vmkeep method") != std::string_view::npos ||
         exec.find("vbox.sh") != std::string_view::npos || record.running.own.count("vm") != 0 ||
         record.running.service.count("vm") != 0;
}

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using control::Call;

constexpr int kFailed = 95;
constexpr int kConfig = 96;
constexpr int kTryLater = 1;
constexpr Instant kInspect = 45s;
constexpr Instant kBegins = 10s;    // how soon a start that nothing hinders has begun
constexpr Instant kGlance = 500ms;  // between two glances at an instance that does not tell of itself
constexpr int64_t kHour = 3600;

std::string text_member(const Call& call, const char* name) {
  auto text = control::string_member(call.parameters, name);
  return text ? *text : std::string();
}

std::optional<vm::OutageKind> outage_of(const std::string& verb) {
  return verb == "start" || verb == "stop" ? std::nullopt : vm::outage_kind(verb);
}

// The contract of an instance that is up and has its VM in it.
bool is_online(Core& core, const Record& record) {
  return graph::is_up(record.state) && record.contract != 0 && !core.contracts->empty(record.contract);
}

// When a window's lease that is asked for now is over.
Instant lease_end(const Call& call) {
  const int64_t seconds = control::int_member(call.parameters, "seconds", 8 * kHour);
  return now() + Instant(std::chrono::seconds(std::clamp(seconds, int64_t{1}, kLongestAsked)));
}

// A start that is over is one until its instance's state tells what came of it.
bool starts_now(const Record& record) {
  const bool on_its_way = record.state == graph::State::offline && record.next_state == graph::State::online;
  return on_its_way || std::any_of(record.runs.begin(), record.runs.end(), [](const auto& run) {
           return run.second.method == restarter::MethodName::start;
         });
}

}  // namespace

// How a verb ended; `guard`: what the guard said of it.
struct VmCalls::Ended {
  int code = 0;
  std::string text;
  json::object guard = {};
  bool lost = false;
};

// The record of the VM that a call names; if there is none the call is answered.
Record* VmCalls::vm_parameter(const Call& call) {
  auto text = control::string_member(call.parameters, "fmri");
  auto name = text ? fmri::Fmri::parse(*text) : Result<fmri::Fmri>(text.error());
  if (!name) {
    call.fail(name.error());
    return nullptr;
  }
  Record* record = core_.record(name->entity());
  if (record == nullptr) {
    call.fail(fail(ErrorKind::not_found, fmt::format("No such instance \"{}\".", name->entity())));
    return nullptr;
  }
  if (!is_vm(*record)) {
    call.fail(fail(ErrorKind::invalid, fmt::format("{} is no virtual machine.", record->fmri.str())));
    return nullptr;
  }
  return record;
}

void VmCalls::publish(Record& record) {
  publish_vm(core_, record);
  core_.touch(record);
  leases_changed_.notify();
}

// ---- Vm
// --------------------------------------------------------------------------------------------------------

void VmCalls::verb(const Call& call) {
  Record* record = vm_parameter(call);
  if (record == nullptr) return;
  constexpr std::array<std::string_view, 18> kVerbs{
      "start",    "stop",    "poweroff", "reboot",     "reset",      "save",
      "pause",    "resume",  "check",    "screenshot", "snapshot",   "zfssnap",
      "suppress", "release", "gui",      "gui_renew",  "gui_closed", "gui_end"};
  const std::string verb = text_member(call, "verb");
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) {
    return call.fail(fail(ErrorKind::invalid, "unknown verb \"" + verb + "\""));
  }
  start(core_.executor, perform(*this, call, record->fmri.str(), verb));
}

Task<> VmCalls::perform(VmCalls& self, Call call, std::string fmri, std::string verb) {
  const Record* record = self.core_.record(fmri);
  const uint64_t before = record->starts - (starts_now(*record) ? 1 : 0);
  const bool up = graph::is_up(record->state);
  const bool enabled = record->enabled.value_or(false) || up;
  Ended ended;
  if (verb == "suppress" || verb == "release") {
    ended = self.lease(call, fmri, verb);
  } else if (verb == "gui_renew") {
    ended = self.renew(call, fmri);
  } else if (verb == "gui_closed") {
    ended = self.closed(fmri);
  } else if (verb == "stop" && enabled) {
    ended = co_await self.stop_vm(call, fmri);
    if (ended.code == 0 && !up) {
      // In maintenance a VM may have run on, and disabling that instance ran no stop method.
      Ended rest = co_await self.guarded(call, fmri, verb);
      if (rest.code != 0) ended = std::move(rest);
    }
  } else {
    ended = co_await self.guarded(call, fmri, verb);
    if (control::bool_member(ended.guard, "start", false)) {
      if (call.more && verb != "reboot") call.reply({{"done", false}, {"text", ended.text}}, true);
      ended = co_await self.start_vm(call, fmri, before);
    }
  }
  json::object reply{{"done", true}, {"code", ended.code}, {"text", control::value_to_json(ended.text)}};
  for (const char* member : {"argv", "environment"}) {
    const auto* list = ended.guard.if_contains(member);
    if (list != nullptr && list->is_array() && !list->get_array().empty()) reply[member] = *list;
  }
  call.reply(std::move(reply));
}

void VmCalls::begin_outage(Record& record, const Call& call, const std::string& verb) {
  auto& history = record.history;
  if (const auto kind = outage_of(verb)) {
    history.outage = vm::Outage{*kind, user_name(call.peer.uid), now(), std::nullopt, false};
    if (verb == "gui") {
      history.outage->until = lease_end(call);
      history.restart_saved_once = true;
      record.giving_back = false;
    }
    publish(record);
  }
}

// What was not done is taken back; what nobody knows is left to the monitor, which looks.
void VmCalls::end_outage(Record& record, const std::string& verb, const vm::History& before,
                         const Ended& ended) {
  auto& history = record.history;
  if (ended.lost) {
    core_.events.push(restarter::Reported{record.fmri.str()});
    return;
  }
  if (verb == "gui_end" && history.outage && history.outage->kind == vm::OutageKind::gui) {
    history.outage->until = now();
    record.giving_back = true;  // it just was
  } else if (verb == "resume" && ended.code == 0) {
    history.outage.reset();
  } else if (outage_of(verb) && !control::bool_member(ended.guard, "outage", false)) {
    history.outage = before.outage;
    history.restart_saved_once = before.restart_saved_once;
  } else {
    return;
  }
  publish(record);
  if (graph::is_up(record.state)) core_.events.push(restarter::Reported{record.fmri.str()});
}

Task<VmCalls::Ended> VmCalls::guarded(const Call& call, std::string fmri, std::string verb) {
  Record* record = core_.record(fmri);
  if (record == nullptr) co_return Ended{0, "the instance was deleted"};
  const vm::History before = record->history;
  begin_outage(*record, call, verb);
  auto message = guard::message("verb", fmri);
  for (const char* member : {"force", "kill", "if_running", "timeout", "name", "path", "text"}) {
    if (const auto* value = call.parameters.if_contains(member)) message[member] = *value;
  }
  message["verb"] = verb;
  message["by"] = user_name(call.peer.uid);
  message["online"] = is_online(core_, *record);
  auto answers = owners_.request(*record, std::move(message));
  Ended ended{kTryLater, "", {}, false};
  if (!answers) {
    ended.text = answers.error().message;
    end_outage(*record, verb, before, ended);
    co_return ended;
  }
  for (;;) {
    auto answer = co_await (*answers)->pop();
    if (!answer) continue;
    if (guard::text_of(*answer, "kind") == "outcome") {
      ended.guard = std::move(*answer);
      break;
    }
    if (!call.more || !call.alive()) continue;
    json::object news{{"done", false}};
    for (const char* member : {"percent", "text"}) {
      if (const auto* value = answer->if_contains(member)) news[member] = *value;
    }
    call.reply(std::move(news), true);
  }
  ended.code = static_cast<int>(control::int_member(ended.guard, "code", kFailed));
  ended.text = guard::text_of(ended.guard, "text");
  ended.lost = control::bool_member(ended.guard, "lost", false);
  record = core_.record(fmri);
  if (record != nullptr) end_outage(*record, verb, before, ended);
  co_return ended;
}

// Waits for a start method that began after `before`; whoever asks while one runs waits for that one (T43).
Task<VmCalls::Ended> VmCalls::start_vm(const Call& call, std::string fmri, uint64_t before) {
  using graph::State;
  Record* record = core_.record(fmri);
  if (record == nullptr) co_return Ended{kFailed, "the instance was deleted"};
  if (record->state == State::maintenance) {
    co_return Ended{kFailed,
                    "its instance is in maintenance; find out why (svcs -x), then svcadm clear " + fmri};
  }
  if (record->starts == before) {
    core_.events.push(restarter::StartCommanded{fmri});
    if (!record->enabled.value_or(false)) {
      if (auto enabled = instances_.enable(record->fmri, true, true); !enabled) {
        co_return Ended{kFailed, enabled.error().message};
      }
    }
  }
  const Instant begins = now() + kBegins;
  while (call.alive()) {
    record = core_.record(fmri);
    if (record == nullptr) co_return Ended{kFailed, "the instance was deleted"};
    const bool settled = !starts_now(*record) && record->next_state == State::none;
    if (record->state == State::maintenance) {
      const std::string why =
          record->why.empty() ? std::string(graph::text(record->reason).description) : record->why;
      co_return Ended{kFailed, "its instance is in maintenance: " + why};
    }
    if (record->starts != before && settled) {
      if (graph::is_up(record->state)) co_return Ended{0, "The VM was started."};
      if (record->state == State::disabled) co_return Ended{kTryLater, "its instance was disabled meanwhile"};
    }
    if (record->starts == before && settled && now() >= begins) {
      co_return Ended{kTryLater, "its instance does not start yet; svcs -x tells what it waits for"};
    }
    co_await core_.changed.wait(now() + kGlance);
  }
  co_return Ended{kTryLater, "nobody waits for it any more"};
}

// As svcadm disable -t, which an owner may not say to other instances than those of his VMs.
Task<VmCalls::Ended> VmCalls::stop_vm(const Call& call, std::string fmri) {
  using graph::State;
  Record* record = core_.record(fmri);
  if (graph::is_up(record->state)) record->stop_timeout = control::int_member(call.parameters, "timeout", 0);
  if (auto disabled = instances_.enable(record->fmri, false, true); !disabled) {
    co_return Ended{kFailed, disabled.error().message};
  }
  while (call.alive()) {
    record = core_.record(fmri);
    if (record == nullptr) co_return Ended{0, "the instance was deleted"};
    const bool lives_on = record->contract != 0 && !core_.contracts->empty(record->contract);
    if (record->state == State::disabled && lives_on) {
      co_return Ended{0, "Its instance is disabled; the VM runs on, as its stop_method leaves it active."};
    }
    if (record->state == State::disabled) co_return Ended{0, "The VM was stopped."};
    if (record->state == State::maintenance && record->next_state == State::none) {
      co_return Ended{kFailed, "its instance is in maintenance: " + record->why};
    }
    co_await core_.changed.wait(now() + kGlance);
  }
  co_return Ended{kTryLater, "nobody waits for it any more"};
}

// ---- leases
// ----------------------------------------------------------------------------------------------------

VmCalls::Ended VmCalls::lease(const Call& call, const std::string& fmri, const std::string& verb) {
  Record* record = core_.record(fmri);
  auto& held = record->history.suppression;
  Ended ended;
  if (verb == "suppress") {
    const int64_t seconds = control::int_member(call.parameters, "seconds", kHour);
    if (seconds < 1 || seconds > kLongestAsked) {
      return Ended{kConfig, fmt::format("a lease takes a week at most ({} seconds)", kLongestAsked)};
    }
    held = vm::Suppression{user_name(call.peer.uid), text_member(call, "text"), now(),
                           now() + Instant(std::chrono::seconds(seconds))};
    ended.text = fmt::format("Nothing is done by itself to the VM for {} s.", seconds);
  } else {
    ended.text = held ? "The VM is looked after again." : "Nothing was suppressed.";
    held.reset();
    core_.events.push(restarter::Reported{fmri});
  }
  publish(*record);
  return ended;
}

// The window lives: its lease counts anew, and nothing else happens.
VmCalls::Ended VmCalls::renew(const Call& call, const std::string& fmri) {
  Record* record = core_.record(fmri);
  auto& outage = record->history.outage;
  if (!outage || outage->kind != vm::OutageKind::gui || record->giving_back) {
    return Ended{kFailed, "The VM is not handed over to a window."};
  }
  outage->until = lease_end(call);
  publish(*record);
  return Ended{0, "The lease of the window was renewed."};
}

// The window's process has ended.  It may have come and gone between two looks; that it was there is all that
// is missing, and the question that follows gives the VM back.
VmCalls::Ended VmCalls::closed(const std::string& fmri) {
  Record* record = core_.record(fmri);
  auto& outage = record->history.outage;
  if (!outage || outage->kind != vm::OutageKind::gui) return Ended{0, "The VM was given back already."};
  outage->seen = true;
  publish(*record);
  core_.events.push(restarter::Reported{fmri});
  return Ended{0, "The VM is given back."};
}

Task<> VmCalls::leases() {
  for (;;) {
    Instant next = kNever;
    for (auto& [fmri, record] : core_.records) {
      auto& history = record.history;
      if (history.suppression && history.suppression->until <= now()) {
        history.suppression.reset();
        publish_vm(core_, record);
        core_.events.push(restarter::Reported{fmri});
      }
      if (history.suppression) next = std::min(next, history.suppression->until);
      const bool window =
          history.outage && history.outage->kind == vm::OutageKind::gui && history.outage->until;
      if (!window || record.giving_back) continue;
      if (*history.outage->until > now()) {
        next = std::min(next, *history.outage->until);
      } else {
        record.giving_back = true;
        start(core_.executor, give_back(*this, fmri));
      }
    }
    co_await leases_changed_.wait(next);
  }
}

// The lease of a window is over: what still runs in it is saved, and the monitor starts it where it belongs.
Task<> VmCalls::give_back(VmCalls& self, std::string fmri) {
  Record* record = self.core_.record(fmri);
  auto message = guard::message("verb", fmri);
  message["verb"] = "gui_end";
  message["by"] = "the end of the lease";
  message["text"] = "savestate";
  if (auto answers = self.owners_.request(*record, std::move(message))) {
    for (;;) {
      const auto answer = co_await (*answers)->pop();
      if (answer && guard::text_of(*answer, "kind") == "outcome") break;
    }
  }
  record = self.core_.record(fmri);
  if (record == nullptr) co_return;
  self.core_.events.push(restarter::Reported{fmri});
  // The question that follows ends the outage; only a later lease is given back again.
  co_await sleep_until(now() + kInspect);
  record = self.core_.record(fmri);
  if (record == nullptr) co_return;
  record->giving_back = false;
  self.leases_changed_.notify();
}

}  // namespace vmkeep::daemon
