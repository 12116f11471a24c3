#include "daemon/plan_calls.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

#include "daemon/calls.h"
#include "host/pressure.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr char kService[] = "system/svc/restarter";
constexpr char kGroup[] = "pace";
constexpr Instant kPressurePeriod = 2s;

size_t standard_width() {
  const auto processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return std::clamp<size_t>(2 * static_cast<size_t>(processors), 4, 16);
}

int64_t setting(Core& core, const repository::Levels& levels, const char* name, int64_t standard,
                int64_t most) {
  const auto value = levels.value(kGroup, name);
  if (!value) return standard;
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (problem == std::errc() && end == value->data() + value->size() && number >= 0 && number <= most)
    return number;
  core.logs.notice(fmt::format("{}/{} of svc:/{} is \"{}\"; it must be a whole number from 0 to {}; using {}",
                               kGroup, name, kService, *value, most, standard));
  return standard;
}

bool is_pace(const fmri::Fmri& entity) {
  return entity.service == kService;
}

std::optional<Instant> budget_of(const control::Call& call) {
  const auto seconds = control::int_member(call.parameters, "budget", 0);
  if (seconds <= 0) return std::nullopt;
  return Instant(std::chrono::seconds(std::min(seconds, kLongestAsked)));
}

restarter::PressureRead pressure_event() {
  const auto pressure = host::read_pressure();
  return {{pressure.cpu.value_or(-1), pressure.io.value_or(-1), pressure.memory.value_or(-1)}};
}

// A VM's stop is known under what it does.
const char* kind_of(const Record& record, restarter::MethodName method) {
  if (method == restarter::MethodName::start) return "start";
  return record.config->saves ? "save" : "stop";
}

json::object to_json(const restarter::PlanStep& step) {
  json::object result{
      {"fmri", step.fmri}, {"at", step.at.count()}, {"what", step.what}, {"forced", step.forced}};
  result["takes"] = nullptr;
  if (step.takes) result["takes"] = step.takes->count();
  result["after"] = json::array(step.after.begin(), step.after.end());
  return result;
}

}  // namespace

void configure_pace(Core& core) {
  repository::Levels levels;
  if (auto read = core.store->read(fmri::Fmri{kService, {}, {}, {}})) levels = std::move(*read);
  restarter::AdmissionConfig config;
  config.width = static_cast<size_t>(
      setting(core, levels, "start_width", static_cast<int64_t>(standard_width()), 100'000));
  config.stagger = Instant(setting(core, levels, "start_stagger", 200, 3'600'000));
  config.save_width = static_cast<size_t>(setting(core, levels, "save_width", 24, 100'000));
  core.events.push(restarter::PaceConfigured{config});
}

void follow_pace(Core& core, const repository::ChangeSet& changes) {
  const bool ours = std::any_of(changes.begin(), changes.end(), [](const repository::Change& change) {
    if (const auto* c = std::get_if<repository::SetProperty>(&change)) return is_pace(c->entity);
    if (const auto* c = std::get_if<repository::PutGroup>(&change)) return is_pace(c->entity);
    if (const auto* c = std::get_if<repository::DeleteGroup>(&change)) return is_pace(c->entity);
    return false;
  });
  if (ours) configure_pace(core);
}

Task<> follow_pressure(Core& core) {
  for (;;) {
    if (!core.restarter.paces_starts()) co_await core.pacing.wait();
    core.events.push(pressure_event());
    co_await sleep_until(now() + kPressurePeriod);
  }
}

void note_duration(Core& core, const Record& record, const MethodRun& run) {
  if (run.method == restarter::MethodName::refresh) return;
  // Near its end it was perhaps forced: that tells nothing about the next time.
  if (run.until && now() + restarter::kForcedTime >= *run.until) return;
  core.durations.note(record.fmri.str(), kind_of(record, run.method), now() - run.started);
}

restarter::Measurements measurements(const Core& core) {
  restarter::Measurements all;
  for (const auto& [fmri, record] : core.records) {
    all[fmri] = {core.durations.typical(fmri, "start"),
                 core.durations.typical(fmri, kind_of(record, restarter::MethodName::stop))};
  }
  return all;
}

restarter::ShutDown shut_down_event(const Core& core, const control::Call& call) {
  return {budget_of(call), measurements(core)};
}

restarter::ShutDown take_up_shutdown(const Core& core, const Descent& descent) {
  // What has no time left is forced at once.
  constexpr Instant kLeast = 1s;
  restarter::ShutDown event{std::nullopt, measurements(core)};
  if (descent.until) event.budget = std::max(*descent.until - now(), kLeast);
  return event;
}

void answer_plan(Core& core, const control::Call& call) {
  auto what = control::string_member(call.parameters, "what");
  if (!what) return call.fail(what.error());
  if (*what != "start" && *what != "stop") {
    return call.fail(fail(ErrorKind::invalid, "a plan is of start or of stop, not of \"" + *what + "\""));
  }
  const auto budget = budget_of(call);
  const auto plan = *what == "start" ? core.restarter.start_plan(measurements(core))
                                     : core.restarter.stop_plan(measurements(core), budget);
  json::array steps;
  for (const auto& step : plan.steps) steps.emplace_back(to_json(step));
  json::object reply{{"steps", std::move(steps)},
                     {"total", plan.total.count()},
                     {"chain", json::array(plan.chain.begin(), plan.chain.end())},
                     {"budget", nullptr}};
  if (budget) reply["budget"] = std::chrono::duration_cast<std::chrono::seconds>(*budget).count();
  call.reply(std::move(reply));
}

}  // namespace vmkeep::daemon
