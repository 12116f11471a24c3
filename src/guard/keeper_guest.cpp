// What a keeper does about the guest inside its VM: the end of a start, when the guest's service has to be
// there (vm/ready.h); the check that a person asks for; and what is collected when a VM comes to harm.
#include <utility>

#include "control/messages.h"
#include "guard/dossier.h"
#include "guard/guest_watch.h"
#include "guard/keeper.h"
#include "guard/messages.h"
#include "vm/ready.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int kFatal = 95;
constexpr int kConfig = 96;
constexpr Instant kBetween = 1s;
constexpr Instant kCall = 30s;
constexpr Instant kPatience = 30s;  // of who asks for the status
constexpr size_t kLines = 40;

json::object to_json(const Checked& checked) {
  std::string output;
  for (const auto& line : last_lines(checked.run.output, kLines)) output += line + "\n";
  return {{"code", checked.run.code},
          {"meaning", vm::to_string(checked.meaning)},
          {"output", control::value_to_json(output)}};
}

std::string sentence(const Checked& checked) {
  std::string text = checked.run.timed_out ? "The check took too long and was killed"
                                           : "The check exited with " + std::to_string(checked.run.code);
  text += std::string("; that means: ") + std::string(vm::to_string(checked.meaning)) + ".";
  for (const auto& line : last_lines(checked.run.output, kLines)) text += "\n" + line;
  return text;
}

}  // namespace

// ---- readiness
// ---------------------------------------------------------------------------------------------------

// One question to the guest.
Task<bool> Keeper::guest_ready(vm::ReadyBy by, Instant until) {
  if (by == vm::ReadyBy::hook) {
    const auto checked = co_await GuestWatch::check(guest_, until);
    co_return checked && checked->run.code == 0 && !checked->run.timed_out;
  }
  if (by != vm::ReadyBy::guest_property) co_return false;
  const auto value =
      co_await driver_.guest_property(uuid_, config_->ready_guest_property, std::min(until, now() + kCall));
  co_return value&& vm::says_ready(*config_, *value);
}

// `step`: what the start would answer now.  `launched`: this start began it, and may end it again.
Task<Step> Keeper::become_ready(const json::object& call, Step step, Instant deadline, bool launched) {
  if (step.code != 0) co_return step;
  vm::ReadyInput input;
  const int64_t limit = control::int_member(call, "limit_ms", -1);
  if (limit >= 0) input.limit = Instant(limit);
  input.deadline = deadline;
  input.hook_usable = co_await GuestWatch::usable(guest_);
  input.launched = launched;
  const auto plan = vm::ready_plan(*config_, input);
  if (plan.by == vm::ReadyBy::nothing) co_return step;
  log(plan.why);
  while (!abandoned_) {
    const bool ready = co_await guest_ready(plan.by, plan.until);
    if (ready) co_return step;
    if (now() >= plan.until) break;
    const Instant next = plan.by == vm::ReadyBy::time ? plan.until : std::min(plan.until, now() + kBetween);
    const auto news = co_await replies_.pop(next);
    if (news && text_of(*news, "kind") == "died") {
      co_return Step{"done",
                     kFatal,
                     "The VM's process " + text_of(*news, "text") + " before its guest was ready.\n",
                     {}};
    }
  }
  if (abandoned_) co_return Step{"done", 1, "The start was abandoned before the guest was ready.\n", {}};
  if (plan.by == vm::ReadyBy::time) co_return step;
  if (!plan.strict) {
    log("The guest was not ready in time; start_wait_policy lets that pass.");
    co_return step;
  }
  // The method has to be told before its time is over; the VM is stopped after that.
  stop_after_start_ = launched;
  co_return Step{"done",
                 kFatal,
                 launched ? "The guest was not ready in time; the VM is stopped again.\n"
                          : "The guest was not ready in time; the VM, which ran before, is left as it is.\n",
                 {}};
}

// ---- the check, asked for
// ----------------------------------------------------------------------------------------

// Beside the inbox: a check takes its time, and touches nothing that the keeper does.
Task<> Keeper::check_now(std::shared_ptr<Keeper> self, json::object call) {
  auto answer = message("outcome", self->fmri_);
  answer["call"] = control::int_member(call, "call", 0);
  answer["code"] = 0;
  const auto known = co_await self->identify(now() + kCall);
  if (!self->config_) {
    answer["code"] = kConfig;
    answer["text"] = control::value_to_json(known ? "" : known.error().message);
  } else if (self->config_->kicker_vmsvccheck_method.empty()) {
    answer["text"] = "No check is set (vm/kicker_vmsvccheck_method).";
  } else {
    const auto checked = co_await GuestWatch::check(self->guest_);
    if (checked) {
      answer["code"] = checked->run.code;
      answer["text"] = control::value_to_json(sentence(*checked));
    } else {
      answer["code"] = kConfig;
      answer["text"] = control::value_to_json("The check cannot be run: " + checked.error().message);
    }
  }
  self->channel_.send(answer);
}

// A status with a check first; what it said travels with the question.
Task<> Keeper::check_then_inspect(std::shared_ptr<Keeper> self, json::object call) {
  call["hook"] = false;
  const bool usable = co_await GuestWatch::usable(self->guest_);
  if (usable) {
    const auto checked = co_await GuestWatch::check(self->guest_, now() + kPatience);
    if (checked) call["hook_result"] = to_json(*checked);
  }
  self->deliver(std::move(call));
}

std::optional<json::object> Keeper::hook_of(const json::object& call) const {
  const auto* result = call.if_contains("hook_result");
  if (result != nullptr && result->is_object()) return result->get_object();
  if (const auto& last = guest_->last_check()) return to_json(*last);
  return std::nullopt;
}

// ---- harm
// --------------------------------------------------------------------------------------------------------

// Empty: not worth it, or told already of a VM that is as it was then.
Task<json::object> Keeper::dossier_of(vm::Observation observed, vm::Verdict verdict) {
  if (uuid_.empty() || !vm::deserves_dossier(verdict)) {
    if (verdict.reason == graph::Reason::none) dossier_told_ = graph::Reason::none;
    co_return json::object();
  }
  const auto told = std::exchange(dossier_told_, verdict.reason);
  // Whoever does not answer is asked again and again.
  const bool same = observed.process == vm::Witness::present || !observed.answered;
  const bool still = told == verdict.reason && same;
  if (still && !verdict.reboot) co_return json::object();
  std::string output;
  if (const auto& check = guest_->last_check()) output = check->run.output;
  auto dossier = co_await collect_dossier(driver_, fmri_, uuid_, observed, verdict, output);
  co_return dossier;
}

}  // namespace vmkeep::guard
