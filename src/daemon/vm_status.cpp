// What is known of VMs: VmStatus and VmList.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "contract/context.h"
#include "daemon/vm_calls.h"
#include "guard/messages.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using control::Call;

constexpr Instant kInspect = 45s;
constexpr Instant kList = 60s;

double wall(Instant at) {
  const auto then = wall_now() + (at - now());
  return std::chrono::duration<double>(then.time_since_epoch()).count();
}

std::string text_member(const Call& call, const char* name) {
  auto text = control::string_member(call.parameters, name);
  return text ? *text : std::string();
}

uid_t uid_of(const contract::MethodContext& context) {
  return context.credentials ? context.credentials->uid : ::geteuid();
}

// With or without braces, in either case: vm/uuid is as somebody wrote it.
std::string plain_uuid(std::string_view text) {
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  std::string uuid(text);
  for (char& c : uuid) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return uuid;
}

// The instances of one user, by what they know their VMs by.
struct Kept {
  std::map<std::string, std::string> by_uuid, by_name;

  const std::string* of(const json::object& vm) const {
    auto found = by_uuid.find(plain_uuid(guard::text_of(vm, "uuid")));
    if (found != by_uuid.end()) return &found->second;
    found = by_name.find(guard::text_of(vm, "name"));
    return found != by_name.end() ? &found->second : nullptr;
  }
};

// A name tells a VM in one registry only.  A UUID tells it whichever registry the instance is said to look
// in: two paths may well lead to the same one, and two instances of one VM would fight over it.  Of two users
// each may have a machine that was copied with its UUID.
Kept kept_by(const Core& core, uid_t user, const std::string& registry) {
  Kept kept;
  for (const auto& [fmri, record] : core.records) {
    if (!is_vm(record)) continue;
    const auto context = contract::read_context(record.running, record.fmri, "start");
    if (!context || uid_of(*context) != user) continue;
    const bool here = Owners::key_of(*context) == registry;
    const repository::Levels own{record.running.own, {}};
    const auto uuid = plain_uuid(own.value("vm", "uuid").value_or(""));
    if (!uuid.empty()) {
      // The one of this registry comes first, if there are two already.
      auto& slot = kept.by_uuid[uuid];
      if (slot.empty() || here) slot = fmri;
    } else if (here) {
      kept.by_name[std::string(own.value("vm", "name").value_or(record.fmri.instance))] = fmri;
    }
  }
  return kept;
}

const char* monitor_word(const Record& record, int code) {
  if (!graph::is_up(record.state)) return "idle";
  const auto& lease = record.history.suppression;
  if (lease && now() < lease->until) return "suppressed";
  const bool silent = record.reason == graph::Reason::hypervisor_silent || code == 125;
  return silent ? "silent" : "watching";
}

}  // namespace

// ---- VmStatus
// --------------------------------------------------------------------------------------------------

void VmCalls::status(const Call& call) {
  Record* record = vm_parameter(call);
  if (record == nullptr) return;
  auto message = guard::message("inspect", record->fmri.str());
  message["instance"] = graph::to_string(record->state);
  message["details"] = control::bool_member(call.parameters, "details", false);
  message["hook"] = control::bool_member(call.parameters, "hook", false);
  message["history"] = guard::to_json(record->history);
  auto answers = owners_.request(*record, std::move(message));
  if (!answers) return call.fail(answers.error());
  start(core_.executor, inspect(*this, call, record->fmri.str(), std::move(*answers)));
}

Task<> VmCalls::inspect(VmCalls& self, Call call, std::string fmri, Owners::Answers answers) {
  const auto answer = co_await answers->pop(now() + kInspect);
  const Record* record = self.core_.record(fmri);
  const auto* found = answer ? answer->if_contains("vm") : nullptr;
  if (record == nullptr || found == nullptr || !found->is_object()) {
    call.fail(fail(ErrorKind::timeout, "the guard of " + fmri + " did not answer"));
    co_return;
  }
  json::object vm = found->get_object();
  const auto& history = record->history;
  const auto context = contract::read_context(record->running, record->fmri, "start");
  vm["fmri"] = fmri;
  vm["owner"] = context ? context->user : std::string();
  vm["monitor"] = monitor_word(*record, static_cast<int>(control::int_member(vm, "code", 0)));
  vm.erase("watched");
  if (!self.rights_.may_read(call.peer, *record, "vm")) vm["settings"] = json::array();
  vm["aborts"] = static_cast<int64_t>(history.aborts.size());
  if (const auto& outage = history.outage) {
    json::object one{
        {"kind", vm::to_string(outage->kind)}, {"by", outage->by}, {"since", wall(outage->since)}};
    if (outage->until) one["until"] = wall(*outage->until);
    vm["outage"] = std::move(one);
  }
  if (const auto& lease = history.suppression) {
    vm["suppression"] = {{"by", lease->by},
                         {"why", control::value_to_json(lease->why)},
                         {"since", wall(lease->since)},
                         {"until", wall(lease->until)}};
  }
  json::array lines;
  for (size_t at = 0, end = 0; at < record->transitions.size(); at = end + 1) {
    end = record->transitions.find('\0', at);
    lines.push_back(control::value_to_json(record->transitions.substr(at, end - at)));
  }
  vm["transitions"] = std::move(lines);
  call.reply({{"vm", std::move(vm)}});
}

// ---- VmList
// ----------------------------------------------------------------------------------------------------

void VmCalls::list(const Call& call) {
  std::string user = text_member(call, "user");
  const std::string caller = user_name(call.peer.uid);
  if (user.empty()) user = caller;
  if (user != caller && call.peer.uid != 0) {
    return call.fail(
        fail(ErrorKind::permission, "Permission denied: only root may list another user's VMs."));
  }
  // Only what says where the VMs and the hypervisor's programs are: everything else is the user's own affair.
  // The guard runs as that user, so that nobody gets at anybody else by a PATH.
  constexpr std::array<std::string_view, 5> kAllowed{
      "HOME=", "PATH=", "VBOX_USER_HOME=", "VBOX_IPC_SOCKETID=", "VMKEEP_SIMULATED_HOME="};
  auto given = control::strings_member(call.parameters, "environment");
  if (!given) return call.fail(given.error());
  std::vector<std::string> environment;
  for (auto& entry : *given) {
    if (std::any_of(kAllowed.begin(), kAllowed.end(),
                    [&entry](std::string_view name) { return entry.compare(0, name.size(), name) == 0; })) {
      environment.push_back(std::move(entry));
    }
  }
  if (const auto driver = text_member(call, "driver"); !driver.empty()) {
    environment.push_back("VMKEEP_DRIVER=" + driver);
  }
  auto group = std::make_shared<repository::PropertyGroup>();
  group->name = "method_context";
  group->type = "framework";
  group->properties["user"] = {repository::ValueType::astring, {user}};
  if (!environment.empty()) {
    group->properties["environment"] = {repository::ValueType::astring, std::move(environment)};
  }
  repository::Levels levels;
  levels.own["method_context"] = group;
  auto context = contract::read_context(levels, fmri::Fmri{"site/vm-list", "default", {}, {}}, "start");
  if (!context) return call.fail(context.error());
  const std::string key = Owners::key_of(*context);
  const uid_t uid = uid_of(*context);
  auto answers = owners_.request_list(std::move(*context));
  if (!answers) return call.fail(answers.error());
  start(core_.executor, answer_list(*this, call, key, uid, std::move(*answers)));
}

Task<> VmCalls::answer_list(VmCalls& self, Call call, std::string key, uid_t user, Owners::Answers answers) {
  const auto answer = co_await answers->pop(now() + kList);
  const auto* found = answer ? answer->if_contains("vms") : nullptr;
  if (found == nullptr || !found->is_array()) {
    const std::string why = answer ? guard::text_of(*answer, "text") : "the guard did not answer";
    call.fail(fail(ErrorKind::unavailable, "The VMs cannot be listed: " + why));
    co_return;
  }
  const Kept kept = kept_by(self.core_, user, key);
  json::array vms;
  for (const auto& one : found->get_array()) {
    if (!one.is_object()) continue;
    json::object vm = one.get_object();
    if (const auto* instance = kept.of(vm)) vm["instance"] = *instance;
    vms.push_back(std::move(vm));
  }
  call.reply({{"vms", std::move(vms)}});
}

}  // namespace vmkeep::daemon
