// The stop method's table (behaviour spec 4.1 to 4.3), with the spec's corrections:
//
//   agreed state           steps
//   running, paused        by vm/stop_method
//   passing, up or down    wait for what it becomes, then decide (B11, B12): nothing can be saved meanwhile
//   stuck                  poweroff, then emergencystop (B9)
//   down, stable           none: it is down
//   missing, inaccessible  none: there is no process, and nothing that one could tell the hypervisor
//   unknown                wait: look again; a live process is never taken for stopped
//
// The limit of a step is vm/stop_timeout (absent: none, B2) or what is left of the method's own timeout less
// two seconds for the way out, whichever is shorter.  poweroff-graceful keeps a reserve for its hard step
// (T50).
//
// With `force` the VM is down by the end of the budget: after its own steps it is powered off, and after that
// its process is ended, in the budget's last seconds; nothing is waited for then that is just passing (T62).
#include <algorithm>

#include "vm/policy.h"

namespace vmkeep::vm {
namespace {

using std::chrono::milliseconds;
using Budget = std::optional<milliseconds>;

constexpr milliseconds kWayOut{2'000};
// A hard power-off takes 0.1 s, but one call in 300 hangs for 10 s (facts 3).
constexpr milliseconds kHardReserve{15'000};
// When everything goes down in a budget there is no time for such a call: poweroff, and then the process.
constexpr milliseconds kForceReserve{4'000};

Budget shorter(Budget a, Budget b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

Budget without_way_out(Budget budget) {
  if (!budget) return budget;
  return std::max(*budget - kWayOut, milliseconds(0));
}

std::vector<StopStep> graceful(Budget limit, Budget left) {
  // With little time the guest still gets two thirds of it.
  const Budget reserve = left ? Budget(std::min(kHardReserve, *left / 3)) : left;
  const Budget soft = shorter(limit, left ? Budget(*left - *reserve) : left);
  const Budget hard = shorter(limit, left ? Budget(*left - *soft) : left);
  return {{StopAction::acpipowerbutton, VmState::poweroff, soft},
          {StopAction::poweroff, VmState::poweroff, hard}};
}

std::vector<StopStep> steps(StopMethod method, Budget limit, Budget left) {
  const Budget budget = shorter(limit, left);
  switch (method) {
    case StopMethod::savestate:
      return {{StopAction::savestate, VmState::saved, budget}};
    case StopMethod::acpipowerbutton:
      return {{StopAction::acpipowerbutton, VmState::poweroff, budget}};
    case StopMethod::poweroff:
      return {{StopAction::poweroff, VmState::poweroff, budget}};
    case StopMethod::acpisleepbutton:
      return {{StopAction::acpisleepbutton, VmState::unknown, budget}};
    case StopMethod::reset:
      return {{StopAction::reset, VmState::unknown, budget}};
    case StopMethod::poweroff_graceful:
      return graceful(limit, left);
  }
  return {};
}

// What keeps a guest running is not forced: it is reported as still up.
bool stays_active(const std::vector<StopStep>& steps) {
  return steps.size() == 1 && steps.front().wanted == VmState::unknown;
}

// The plan within `budget`, and at its end the VM is down.
void force(StopPlan& plan, const VmConfig& config, Budget limit, milliseconds budget, bool up) {
  const milliseconds left = budget - std::min(kWayOut, budget / 5);
  const milliseconds hard = std::min(kForceReserve, left / 2);
  if (plan.wait_first) {
    if (left > kForceReserve) return;  // there is time to see what becomes of it
    plan.wait_first = false;
    plan.steps = {{StopAction::emergencystop, VmState::aborted, left}};
    plan.why += "; the time for that is over: its process is ended";
    return;
  }
  if (!up || stays_active(plan.steps)) return;
  plan.steps = steps(config.stop_method, limit, left - hard);
  if (plan.steps.back().action != StopAction::poweroff) {
    plan.steps.push_back({StopAction::poweroff, VmState::poweroff, hard / 2});
  }
  plan.steps.push_back({StopAction::emergencystop, VmState::aborted, hard / 2});
  plan.why += "; it is forced if that is not done in " + std::to_string((left - hard).count()) + " ms";
}

std::string method_why(const VmConfig& config, VmState state) {
  std::string why = "the VM is " + std::string(to_string(state)) + "; stop_method is " +
                    std::string(to_string(config.stop_method));
  const bool button = config.stop_method == StopMethod::acpipowerbutton ||
                      config.stop_method == StopMethod::poweroff_graceful;
  if (state == VmState::paused && button) why += "; a paused VM does not hear the power button";
  if (config.stop_method == StopMethod::acpisleepbutton || config.stop_method == StopMethod::reset) {
    why += "; the VM stays active after it";  // T54
  }
  return why;
}

}  // namespace

std::string_view to_string(StopAction action) {
  switch (action) {
    case StopAction::savestate:
      return "savestate";
    case StopAction::acpipowerbutton:
      return "acpipowerbutton";
    case StopAction::acpisleepbutton:
      return "acpisleepbutton";
    case StopAction::poweroff:
      return "poweroff";
    case StopAction::reset:
      return "reset";
    case StopAction::emergencystop:
      return "emergencystop";
  }
  return "";
}

StopPlan stop_plan(const VmConfig& config, const Observation& observed, Budget budget, bool forced) {
  const Budget limit = config.stop_timeout ? Budget(*config.stop_timeout) : Budget();
  const Budget left = without_way_out(budget);
  StopPlan plan;
  plan.forced = forced && budget;
  if (observed.stuck()) {
    const Budget half = left ? Budget(*left / 2) : left;
    plan.steps = {{StopAction::poweroff, VmState::poweroff, shorter(limit, half)},
                  {StopAction::emergencystop, VmState::aborted, shorter(limit, half)}};
    plan.why = "the VM is stuck (" + std::string(to_string(observed.state)) + "); powering it off";
    return plan;
  }
  const VmState state = observed.agreed();
  const std::string word(to_string(state));
  if (is_passing(state)) {
    plan.wait_first = true;
    plan.why = "the VM is " + word + "; waiting for the end of that";
  } else if (is_up(state)) {
    plan.steps = steps(config.stop_method, limit, left);
    plan.why = method_why(config, state);
  } else if (observed.disagree()) {
    plan.wait_first = true;
    plan.why = "the hypervisor says that the VM is " + std::string(to_string(observed.state)) +
               ", but its process is " + std::string(to_string(observed.process)) + "; looking again";
  } else if (state == VmState::unknown) {
    plan.wait_first = true;
    plan.why = "the state of the VM is not known; looking again";
    if (!observed.detail.empty()) plan.why += ": " + observed.detail;
  } else if (state == VmState::missing || state == VmState::inaccessible) {
    plan.why = "the VM is " + word + " and has no process; nothing to stop";
  } else {
    plan.why = "the VM is " + std::string(in_words(state)) + " already";
  }
  if (plan.forced) force(plan, config, limit, *budget, is_up(state));
  return plan;
}

StopPlan take_down_plan(TakeDown how, const Observation& observed, Budget limit) {
  VmConfig config;
  if (how != TakeDown::save) config.stop_method = StopMethod::poweroff_graceful;
  StopPlan plan = stop_plan(config, observed, std::nullopt);
  for (StopStep& step : plan.steps) step.budget = limit;
  if (how == TakeDown::reboot && !plan.steps.empty()) {
    plan.steps.push_back({StopAction::reset, VmState::unknown, limit});
  }
  if (plan.steps.empty() || plan.wait_first) return plan;
  const char* const word = how == TakeDown::save       ? "saving it"
                           : how == TakeDown::poweroff ? "powering it off"
                                                       : "rebooting it";
  plan.why = "the VM is " + std::string(to_string(observed.state)) + "; " + word;
  return plan;
}

}  // namespace vmkeep::vm
