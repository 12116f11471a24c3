// The stop method of a VM: look, ask stop_plan(), step by step until it is where it should be.
#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr Instant kLook = 30s;
constexpr Instant kCall = 12s;  // for the command itself, at least: one in 300 hangs for 10 s (facts 3)
constexpr Instant kIdentify = 60s;
constexpr Instant kSnapshot = 60s;
constexpr Instant kUnlimited = std::chrono::hours(24 * 365);
constexpr Instant kGlance = 500ms;  // whether something stronger wants the VM meanwhile
constexpr Instant kNoticed = 2s;    // for the end of the process, after a call that was good
constexpr int64_t kMaxSeconds = 1'000'000'000;
constexpr Instant kForcedCall = 500ms;  // the least that it gets when time is running out

Step done(int code, const std::string& text) {
  return Step{"done", code, text + "\n", {}};
}

}  // namespace

// Whether the VM comes to the wanted state, its process gone, before the deadline.  The end of the process is
// what wakes us; the hypervisor then says what the state is.
Task<bool> Keeper::reached(vm::VmState wanted, Instant deadline) {
  while (!cut_short()) {
    if (driver_.process(uuid_)) {
      co_await driver_.hint(uuid_, std::min(deadline, now() + kGlance));
    }
    if (!driver_.process(uuid_)) {
      const auto observed = co_await settled_look(std::min(deadline, now() + Instant(10s)));
      const auto state = observed.agreed();
      if (state == wanted) co_return true;
      if (!vm::is_passing(state) && state != vm::VmState::unknown) co_return false;
    }
    if (now() >= deadline) co_return false;
    co_await sleep_until(std::min(deadline, now() + Instant(20ms)));
  }
  co_return false;
}

// `timeout` of the call stands in place of vm/stop_timeout.
vm::VmConfig Keeper::with_asked_timeout(const json::object& call) const {
  vm::VmConfig config = *config_;
  const int64_t timeout = std::min(control::int_member(call, "timeout", 0), kMaxSeconds);
  if (timeout > 0) config.stop_timeout = std::chrono::seconds(timeout);
  return config;
}

Task<Step> Keeper::stop_vm(const json::object& call, std::optional<Instant> deadline) {
  const bool force = control::bool_member(call, "force", false);
  const Instant patience = deadline.value_or(now() + kUnlimited);
  auto known = co_await identify(std::min(patience, now() + kIdentify));
  if (!known) {
    const bool gone = known.error().kind == ErrorKind::not_found;
    co_return done(gone ? 0 : 1, known.error().message);
  }
  const vm::VmConfig config = with_asked_timeout(call);
  // By name: GCC 12 destroys a lambda twice that is made in the midst of a co_await.
  const Planner planner = [config, deadline, force](const vm::Observation& observed) {
    std::optional<std::chrono::milliseconds> budget;
    if (deadline) budget = std::max(*deadline - now(), Instant(0));
    return vm::stop_plan(config, observed, budget, force);
  };
  const hypervisor::Percent nobody;
  const Descent descent = co_await bring_down(planner, patience, nobody);
  if (descent.end != Descent::End::nothing_to_do && !force) {
    const auto tag =
        vm::snapshot_tag(vm::SnapshotOccasion::stop, vm::to_string(config.stop_method), descent.code);
    co_await zfs_snapshot(vm::SnapshotOccasion::stop, tag, std::min(patience, now() + kSnapshot));
  }
  Step step = done(descent.code, descent.text);
  if (descent.end == Descent::End::still_up) step.up = "kept";
  co_return step;
}

// Looks until there is a plan, and goes through its steps: the next one only if the one before did not get
// there.
Task<Descent> Keeper::bring_down(Planner planner, Instant patience, hypervisor::Percent progress) {
  vm::StopPlan plan;
  Instant pause = 50ms;
  for (;;) {
    const auto looked = co_await driver_.look(uuid_, std::min(patience, now() + kLook));
    const auto observed = note(looked);
    plan = planner(observed);
    if (!plan.wait_first) break;
    if (cut_short() || now() >= patience) co_return Descent{Descent::End::failed, 1, plan.why};
    co_await sleep_until(now() + pause);
    pause = std::min<Instant>(pause * 2, 1s);
  }
  log(plan.why);
  if (plan.steps.empty()) co_return Descent{Descent::End::nothing_to_do, 0, plan.why};
  std::string trouble;
  for (const auto& step : plan.steps) {
    if (cut_short()) co_return Descent{Descent::End::failed, 1, "It was given up for something stronger."};
    auto ended = co_await take_step(step, plan.forced ? kForcedCall : kCall, patience, progress, trouble);
    if (ended) co_return *ended;
    log(trouble);
  }
  co_return Descent{Descent::End::failed, 95, trouble};
}

// Nothing: the next step, at once if this one was refused.
Task<std::optional<Descent>> Keeper::take_step(vm::StopStep step, Instant least, Instant patience,
                                               hypervisor::Percent progress, std::string& trouble) {
  const std::string word(vm::to_string(step.action));
  const std::string wanted(vm::in_words(step.wanted));
  const Instant limit = step.budget ? now() + *step.budget : patience;
  const auto sent =
      co_await driver_.control(uuid_, step.action, std::max(limit, now() + least), std::move(progress));
  if (!sent) {
    const bool late = sent.error().kind == ErrorKind::timeout;
    trouble = word + (late ? ": " : " was refused: ") + sent.error().message;
    // A call that ran out of time may have done its work all the same.
    if (!late || step.wanted == vm::VmState::unknown) co_return std::nullopt;
    if (!co_await reached(step.wanted, limit)) co_return std::nullopt;
  } else if (step.wanted == vm::VmState::unknown) {
    co_return Descent{Descent::End::still_up, 0, "The VM was sent " + word + " and stays active."};
  } else if (!co_await reached(step.wanted, std::max(limit, now() + std::min(least, kNoticed)))) {
    trouble = "The VM did not become " + wanted + " by " + word + ".";
    if (seen_.agreed() == vm::VmState::aborted) trouble += "  It died: VirtualBox says aborted.";
    co_return std::nullopt;
  }
  co_return Descent{Descent::End::down, 0, "The VM is " + wanted + "."};
}

}  // namespace vmkeep::guard
