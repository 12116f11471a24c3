#include "tools/vm_session.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <map>
#include <memory>

#include "control/messages.h"
#include "tools/start_log.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

// Of every JSON document that is printed here; it grows when a member changes its meaning or goes.
constexpr int kDocument = 1;

constexpr int kNoAnswer = 125;

json::object document(const std::string& command, json::array vms) {
  return {{"schema", "vmkeep/vms/1"}, {"version", kDocument}, {"command", command}, {"vms", std::move(vms)}};
}

json::value service_json(const control::InstanceMessage* service) {
  if (service == nullptr) return nullptr;
  return json::object{
      {"state", service->state}, {"next_state", service->next_state}, {"reason", service->reason},
      {"why", service->why},     {"state_time", service->state_time}, {"enabled", service->enabled},
      {"log", service->log}};
}

// How long these usually take to start; nothing where one of them was never measured.
std::optional<Instant> usual_start(const VmSession& session) {
  auto plan = session.client->call("Plan", {{"what", "start"}});
  const json::value* steps = plan ? plan->if_contains("steps") : nullptr;
  if (steps == nullptr || !steps->is_array()) return std::nullopt;
  size_t known = 0;
  Instant longest{};
  for (const json::value& step : steps->get_array()) {
    if (!step.is_object()) continue;
    const auto fmri = control::string_member(step.get_object(), "fmri");
    const int64_t takes = control::int_member(step.get_object(), "takes", -1);
    const bool ours =
        fmri && std::find(session.fmris.begin(), session.fmris.end(), *fmri) != session.fmris.end();
    if (!ours || takes < 0) continue;
    ++known;
    longest = std::max(longest, Instant(takes));
  }
  return known == session.fmris.size() ? std::optional(longest) : std::nullopt;
}

// The percent of each start, from the log of its instance; and what a start takes where there is none.
Watch start_watch(const VmSession& session, Progress& progress) {
  if (const auto usual = usual_start(session)) progress.expect(*usual);
  auto logs = std::make_shared<std::map<std::string, StartLog>>();
  for (const std::string& fmri : session.fmris) {
    if (const auto* instance = session.world.find(fmri)) logs->emplace(fmri, StartLog(instance->log));
  }
  return [logs](const std::string& fmri, Progress& shown) {
    const auto log = logs->find(fmri);
    const auto percent = log == logs->end() ? std::nullopt : log->second.percent();
    // A VM whose memory is mostly untouched says nothing until the end: then the time tells more.
    const bool moves = percent && percent->percent > 0;
    shown.set(short_name(fmri), percent ? percent->doing : "starting", moves ? percent->percent : -1);
  };
}

// Who may ask how a VM is may not always run its owner's hook (vmkeep-authorizations(5)): what was refused
// for that is asked again without it, and why it was not run is told, by FMRI.
std::map<std::string, std::string> look_without_hook(std::vector<VmOutcome>& outcomes, Progress& progress) {
  std::vector<std::string> refused;
  std::map<std::string, std::string> why;
  for (const VmOutcome& outcome : outcomes) {
    if (outcome.answer || outcome.error.kind != ErrorKind::permission) continue;
    refused.push_back(outcome.fmri);
    why[outcome.fmri] = outcome.text();
  }
  if (refused.empty()) return why;
  auto again = look_at_vms(refused, false, true, progress);
  size_t next = 0;
  for (VmOutcome& outcome : outcomes) {
    if (next < again.size() && outcome.fmri == again[next].fmri) outcome = std::move(again[next++]);
  }
  return why;
}

// Of a VM that has no hook there is nothing to tell.
bool may_have_hook(const VmView& vm) {
  const VmSetting* program = vm.setting("kicker_vmsvccheck_method");
  return program == nullptr || !program->value.empty();
}

json::object failure_json(const VmOutcome& outcome, int code) {
  return {{"fmri", outcome.fmri}, {"code", code}, {"error", outcome.text()}};
}

}  // namespace

bool shows_progress(bool as_json) {
  return !as_json && ::isatty(STDERR_FILENO) == 1;
}

Result<VmSession> open_session(const Arguments& operands) {
  auto connected = control::Client::connect();
  if (!connected) return connected.error();
  VmSession session;
  session.client = std::make_unique<control::Client>(std::move(*connected));
  auto world = fetch_world(*session.client, false);
  if (!world) return world.error();
  session.world = std::move(*world);
  auto fmris = resolve_vms(*session.client, session.world, operands);
  if (!fmris) return fmris.error();
  session.fmris = std::move(*fmris);
  return session;
}

Result<VmView> look_closely(const std::string& fmri) {
  Progress progress(shows_progress(false));
  const VmOutcome outcome = look_at_vms({fmri}, false, true, progress).front();
  if (!outcome.answer) return in(fmri, {outcome.error.kind, outcome.text()});
  return vm_from(*outcome.answer);
}

int print_status(const VmSession& session, bool hook, bool as_json, bool as_table, Output& output) {
  Progress progress(shows_progress(as_json));
  json::array vms;
  int worst = 0;
  if (as_table && !as_json) output.print(status_header());
  bool first = true;
  auto outcomes = look_at_vms(session.fmris, hook, true, progress);
  auto not_run = hook ? look_without_hook(outcomes, progress) : std::map<std::string, std::string>();
  // The state of a service may have changed since its VM was asked for.
  for (const VmOutcome& outcome : outcomes) {
    const control::InstanceMessage* service = session.world.find(outcome.fmri);
    auto vm = outcome.answer ? vm_from(*outcome.answer) : Result<VmView>(outcome.error);
    if (vm && may_have_hook(*vm)) vm->hook_not_run = not_run[outcome.fmri];
    const int code = vm ? vm->code : kNoAnswer;
    worst = std::max(worst, code);
    if (!vm) {
      if (as_json)
        vms.push_back(failure_json(outcome, code));
      else
        output.warn(outcome.fmri + ": " + (outcome.answer ? vm.error().message : outcome.text()), code);
      continue;
    }
    if (as_json) {
      json::object all = *outcome.answer;
      all["service"] = service_json(service);
      all["hook_not_run"] = vm->hook_not_run.empty() ? json::value(nullptr) : json::value(vm->hook_not_run);
      vms.push_back(std::move(all));
      continue;
    }
    if (!as_table && !first) output.line("");
    first = false;
    output.print(as_table ? status_line(*vm, service) : status_text(*vm, service));
  }
  if (as_json) {
    json::object all = document("status", std::move(vms));
    all["code"] = worst;
    output.line(json::serialize(all));
  }
  return worst;
}

json::object verb_parameters(const VmArguments& arguments) {
  json::object parameters{{"verb", arguments.verb->name}};
  for (const auto& [flag, name] :
       {std::pair{Flag::force, "force"}, {Flag::kill, "kill"}, {Flag::if_running, "if_running"}}) {
    if (arguments.has(flag)) parameters[name] = true;
  }
  if (const auto timeout = arguments.number(Flag::timeout)) parameters["timeout"] = *timeout;
  if (std::string_view(arguments.verb->name) == "screenshot") {
    // The guard, which writes it, stands in another folder.
    std::error_code unknown;
    const auto here = std::filesystem::current_path(unknown);
    parameters["path"] = (here / arguments.text(Flag::output).value_or("")).string();
  }
  if (std::string_view(arguments.verb->name) == "snapshot") {
    const auto name = arguments.text(Flag::name);
    if (arguments.has(Flag::zfs)) {
      parameters["verb"] = "zfssnap";
      if (name) parameters["text"] = *name;
    } else {
      parameters["name"] = name.value_or("manual-snapshot");
    }
  }
  if (const auto why = arguments.text(Flag::why)) parameters["text"] = *why;
  if (std::string_view(arguments.verb->name) == "suppress") {
    constexpr int kHour = 3600;
    parameters["seconds"] = arguments.number(Flag::duration).value_or(kHour);
  }
  return parameters;
}

int do_verb(const VmSession& session, const std::string& verb, const json::object& parameters, bool as_json,
            Output& output) {
  Progress progress(shows_progress(as_json));
  json::array vms;
  int worst = 0;
  const Watch watch = verb == "start" && progress.shown() ? start_watch(session, progress) : Watch();
  for (const VmOutcome& outcome : tell_vms(session.fmris, parameters, progress, watch)) {
    // What the hook says is an answer, whatever it says.
    const bool answered = verb == "check" && outcome.answer;
    const int code = verb == "check" && !answered ? kNoAnswer : outcome.code();
    worst = std::max(worst, code);
    if (as_json) {
      json::object one{{"fmri", outcome.fmri}, {"code", code}, {"text", outcome.text()}};
      vms.push_back(std::move(one));
    } else if (outcome.ok() || answered) {
      output.line(outcome.fmri + ": " + (outcome.text().empty() ? "done" : outcome.text()));
    } else {
      output.flush();  // in the order of the operands
      output.warn(outcome.fmri + ": " + outcome.text());
    }
  }
  if (as_json) {
    json::object all = document(verb, std::move(vms));
    all["code"] = worst;
    output.line(json::serialize(all));
  }
  return worst;
}

int print_explanation(const VmSession& session, bool as_json, Output& output) {
  Progress progress(shows_progress(as_json));
  json::array vms;
  bool first = true;
  for (const VmOutcome& outcome : look_at_vms(session.fmris, false, true, progress)) {
    auto vm = outcome.answer ? vm_from(*outcome.answer) : Result<VmView>(outcome.error);
    if (as_json) {
      vms.push_back(outcome.answer ? *outcome.answer : failure_json(outcome, kFailed));
      if (!vm) output.raise(kFailed);
    } else if (!vm) {
      output.warn(outcome.fmri + ": " + (outcome.answer ? vm.error().message : outcome.text()));
    } else {
      if (!first) output.line("");
      first = false;
      output.print(explain_text(*vm));
    }
  }
  if (as_json) output.line(json::serialize(document("explain", std::move(vms))));
  return output.finish();
}

}  // namespace vmkeep::tools
