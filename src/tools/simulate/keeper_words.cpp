// What an operator says of a VM with `vmkeep VERB`, and the reboot that a verdict asks for: as
// daemon/vm_calls.cpp and guard/keeper_verbs.cpp have them.
#include <utility>

#include "tools/simulate/keeper_model.h"

namespace vmkeep::simulate {

namespace {

using namespace std::chrono_literals;
using vm::VmState;

constexpr Instant kStopPatience = std::chrono::hours(24 * 365);
constexpr Instant kLease = 8h;
constexpr const char* kOperator = "the operator";

}  // namespace

void KeeperModel::take_down(vm::TakeDown how) {
  if (run_ != 0) return ports_.log("busy with a method: the operator's word comes too late");
  if (!vm_.process()) {
    if (how == vm::TakeDown::reboot) return ports_.start();
    return ports_.log("there is nothing to take down");
  }
  const auto kind = how == vm::TakeDown::save       ? vm::OutageKind::save
                    : how == vm::TakeDown::poweroff ? vm::OutageKind::poweroff
                                                    : vm::OutageKind::reboot;
  const auto before = std::exchange(history.outage, vm::Outage{kind, kOperator, schedule_.now(), {}, false});
  guest_.changed();
  std::optional<std::chrono::milliseconds> limit;
  if (config_.stop_timeout) limit = *config_.stop_timeout;
  const Planner planner = [how, limit](const vm::Observation& observed) {
    return vm::take_down_plan(how, observed, limit);
  };
  bring_down(planner, schedule_.now() + (limit ? Instant(*limit) : kStopPatience), [this, before](bool good) {
    if (!good) history.outage = before;
    guest_.changed();
  });
}

// The outage is in the history already: judge() put it there.
void KeeperModel::reboot(Instant patience) {
  const auto failed = [this] {
    if (history.outage && history.outage->kind == vm::OutageKind::reboot) history.outage.reset();
    ports_.report();
  };
  if (run_ != 0 || !vm_.process()) return failed();
  const Planner planner = [patience](const vm::Observation& observed) {
    return vm::take_down_plan(vm::TakeDown::reboot, observed, patience);
  };
  bring_down(planner, schedule_.now() + patience + kLease, [this, failed](bool good) {
    if (!good || vm_.process()) failed();
  });
}

void KeeperModel::start_wanted(bool force) {
  const auto plan = vm::start_plan(config_, vm_.observe(), force);
  ports_.log(plan.why);
  switch (plan.action) {
    case vm::StartAction::adopt:
    case vm::StartAction::save_then_launch:
    case vm::StartAction::leave:
    case vm::StartAction::refuse:
    case vm::StartAction::misconfigured:
      return;
    case vm::StartAction::resume:
      return resume();
    default:
      ports_.start();
  }
}

void KeeperModel::pause() {
  if (vm_.state() != VmState::running) return ports_.log("it does not run: it cannot be paused");
  history.outage = vm::Outage{vm::OutageKind::pause, kOperator, schedule_.now(), {}, false};
  vm_.befall(VmState::paused, "the VM is paused");
}

void KeeperModel::resume() {
  vm_.resume([this](const std::optional<std::string>& trouble) {
    if (trouble) return ports_.log("the VM could not be resumed: " + *trouble);
    if (history.outage && history.outage->kind == vm::OutageKind::pause) history.outage.reset();
    ports_.report();
  });
}

// ---- leases

void KeeperModel::suppress(Instant time) {
  const Instant until = schedule_.now() + time;
  history.suppression = vm::Suppression{kOperator, "", schedule_.now(), until};
  guest_.changed();
  schedule_.at(until, [this, until] {
    if (!history.suppression || history.suppression->until != until) return;
    ports_.log("the suppression is over");
    release();
  });
}

void KeeperModel::release() {
  history.suppression.reset();
  guest_.changed();
  ports_.report();
}

void KeeperModel::open_window(std::optional<Instant> lease) {
  if (run_ != 0) return ports_.log("busy with a method: the operator's word comes too late");
  const auto before = history;
  const Instant until = schedule_.now() + lease.value_or(kLease);
  history.outage = vm::Outage{vm::OutageKind::gui, kOperator, schedule_.now(), until, false};
  history.restart_saved_once = true;
  renews_ = !lease;
  guest_.changed();
  const auto opened = [this, before](bool good) {
    if (good && !vm_.process()) {
      await_lease_end();
      return schedule_.after(vm_.takes["window"], [this] { window_opens(); });
    }
    history.outage = before.outage;
    history.restart_saved_once = before.restart_saved_once;
  };
  if (!vm_.process()) return opened(true);
  const Planner planner = [](const vm::Observation& observed) {
    return vm::take_down_plan(vm::TakeDown::save, observed, std::nullopt);
  };
  bring_down(planner, schedule_.now() + kStopPatience, opened);
}

void KeeperModel::window_opens() {
  const bool meant = history.outage && history.outage->kind == vm::OutageKind::gui;
  if (!meant || vm_.process()) return ports_.log("the window finds its VM no more, and does not open");
  vm_.befall(VmState::running, "the VM runs in a window of the operator");
  watch(false);
  ports_.report();
}

// A window that is there renews its lease; one whose client is gone, or that never came, does not.
void KeeperModel::await_lease_end() {
  const Instant until = *history.outage->until;
  schedule_.at(until, [this, until] {
    auto& outage = history.outage;
    if (!outage || outage->kind != vm::OutageKind::gui || outage->until != until) return;
    if (renews_ && vm_.process()) {
      outage->until = until + kLease;
      return await_lease_end();
    }
    ports_.log("the lease of the window is over");
    if (!vm_.process() || run_ != 0) return ports_.report();
    const Planner planner = [](const vm::Observation& observed) {
      return vm::take_down_plan(vm::TakeDown::save, observed, std::nullopt);
    };
    bring_down(planner, schedule_.now() + kStopPatience, [this](bool) { ports_.report(); });
  });
}

}  // namespace vmkeep::simulate
