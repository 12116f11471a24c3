// The stop method of a VM: look, ask stop_plan(), step by step until it is where it should be.
#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

using namespace std::chrono_literals;

constexpr Instant kLook = 30s;
constexpr Instant kCall = 60s;  // for the command itself, where the plan sets no limit

Step done(int code, const std::string& text) {
  return Step{"done", code, text + "\n", {}};
}

}  // namespace

// Whether the VM comes to the wanted state, its process gone, before the deadline.  The end of the process is
// what wakes us; the hypervisor then says what the state is.
Task<bool> Keeper::reached(vm::VmState wanted, Instant deadline) {
  while (!abandoned_) {
    if (driver_.process(uuid_)) {
      co_await driver_.hint(uuid_, std::min(deadline, now() + Instant(5s)));
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

Task<Step> Keeper::stop_vm(std::optional<Instant> deadline) {
  const Instant patience = deadline.value_or(now() + Instant(3600s));
  auto known = co_await identify(patience);
  if (!known) {
    const bool gone = known.error().kind == ErrorKind::not_found;
    co_return done(gone ? 0 : 1, known.error().message);
  }
  vm::StopPlan plan;
  Instant pause = 50ms;
  for (;;) {
    const auto looked = co_await driver_.look(uuid_, std::min(patience, now() + kLook));
    const auto observed =
        looked ? *looked : vm::Observation{vm::VmState::unknown, vm::Witness::unsure, looked.error().message};
    std::optional<std::chrono::milliseconds> budget;
    if (deadline) budget = std::max(*deadline - now(), Instant(0));
    plan = vm::stop_plan(*config_, observed, budget);
    if (!plan.wait_first) break;
    if (abandoned_ || now() >= patience) co_return done(1, plan.why);
    co_await sleep_until(now() + pause);
    pause = std::min<Instant>(pause * 2, 1s);
  }
  log(plan.why);
  if (plan.steps.empty()) co_return done(0, "");
  std::string trouble;
  for (const auto& step : plan.steps) {
    if (abandoned_) co_return done(1, "The stop was abandoned.");
    const Instant limit = step.budget ? now() + *step.budget : patience;
    const auto sent = co_await driver_.control(uuid_, step.action, std::max(limit, now() + kCall));
    if (!sent) {
      trouble = std::string(vm::to_string(step.action)) + " was refused: " + sent.error().message;
      log(trouble);
      continue;  // the next step, at once: nothing is to be waited for
    }
    if (step.wanted == vm::VmState::unknown) {
      co_return done(0, "The VM was sent " + std::string(vm::to_string(step.action)) + " and stays active.");
    }
    if (co_await reached(step.wanted, limit)) {
      co_return done(0, "The VM is " + std::string(vm::to_string(step.wanted)) + ".");
    }
    trouble = "The VM did not become " + std::string(vm::to_string(step.wanted)) + " by " +
              std::string(vm::to_string(step.action)) + ".";
    log(trouble);
  }
  co_return done(95, trouble);
}

}  // namespace vmkeep::guard
