#include "tools/simulate/guest_model.h"

#include <algorithm>
#include <utility>

namespace vmkeep::simulate {

using vm::VmState;

GuestModel::GuestModel(Schedule& schedule, VmModel& vm, const vm::History& history, Ports ports)
    : schedule_(schedule), vm_(vm), history_(history), ports_(std::move(ports)) {}

void GuestModel::configure(const vm::VmConfig& config) {
  config_ = config;
  changed();
}

void GuestModel::begin(bool started) {
  if (started) {
    started_ = schedule_.now();
    failing_ = false;
  }
  last_begun_.reset();
  hook_news_.reset();
  // One that was lost before is heard of again: the VM's log says so.
  if (started) heartbeat_.reset();
  watching_ = true;
  ++watch_;
  plan_check();
}

void GuestModel::end() {
  watching_ = false;
  ++watch_;
  hook_news_.reset();
  heartbeat_.reset();
}

void GuestModel::changed() {
  if (watching_) plan_check();
}

vm::GuestNews GuestModel::take_news() {
  return {std::exchange(hook_news_, std::nullopt), heartbeat_};
}

// ---- the check

bool GuestModel::may_check() const {
  const bool suppressed = history_.suppression && history_.suppression->until > schedule_.now();
  return vm::has_hook(config_) && vm_.state() == VmState::running && !suppressed && !history_.outage;
}

// The next one that is due by itself; whatever was planned before is void.
void GuestModel::plan_check() {
  const uint64_t plan = ++plan_;
  if (busy_ || !may_check()) return;
  const Instant due = vm::next_hook(config_, std::max(started_, history_.started), last_begun_);
  schedule_.at(std::max(due, schedule_.now()), [this, plan, watch = watch_] {
    if (plan != plan_ || watch != watch_ || !watching_ || !may_check()) return;
    last_begun_ = schedule_.now();
    check([this, watch](const vm::HookNews& news) {
      if (watch == watch_ && watching_) digest(news);
      changed();
    });
  });
}

void GuestModel::check(Checked then) {
  busy_ = true;
  const Instant limit = config_.kicker_vmsvccheck_timeout;
  const Instant takes = vm_.takes["check"];
  const bool late = takes > limit;
  schedule_.after(std::min(takes, limit), [this, late, then = std::move(then)] {
    busy_ = false;
    vm::HookNews news{vm::HookMeaning::failure, vm_.check_code(), late};
    if (!late) news.meaning = vm::hook_meaning(config_, news.code);
    then(news);
  });
}

// As the guard's: a check that goes on succeeding is nobody's news.
void GuestModel::digest(const vm::HookNews& news) {
  const bool failed = news.meaning != vm::HookMeaning::okay;
  if (!failed && !failing_ && history_.hook_failures.empty()) return;
  failing_ = failed;
  hook_news_ = news;
  ports_.log(news.timed_out ? std::string("the check of the guest does not end")
                            : "the check of the guest exits with " + std::to_string(news.code) +
                                  ", that is " + std::string(vm::to_string(news.meaning)));
  ports_.report();
}

// ---- the heartbeat

void GuestModel::heartbeat(bool lost) {
  if (!vm_.process() || (heartbeat_ && heartbeat_->lost == lost)) return;
  if (!heartbeat_ && !lost) return;
  heartbeat_ = vm::HeartbeatNews{lost, schedule_.now(), false};
  if (!watching_) return;
  ports_.report();
  if (!lost) return;
  if (const auto limit = vm::heartbeat_limit(config_, heartbeat_->since)) plan_sample(*limit);
}

// At the limit, and once each such time after that, it is asked what the VM moves.
void GuestModel::plan_sample(Instant at) {
  const Instant since = heartbeat_->since;
  schedule_.at(at, [this, since, watch = watch_] {
    if (watch != watch_ || !watching_ || !heartbeat_ || !heartbeat_->lost || heartbeat_->since != since)
      return;
    heartbeat_->moves = vm_.moves;
    if (!vm_.moves) return ports_.report();
    plan_sample(schedule_.now() + Instant(config_.heartbeat_restart_after));
  });
}

}  // namespace vmkeep::simulate
