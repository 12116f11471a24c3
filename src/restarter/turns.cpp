// Whose turn it is: starts while the host comes up, saves and latest finishes while everything goes down.
#include <fmt/format.h>

#include <algorithm>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;

namespace {

// Of a shutdown's budget, for everything that is not a stop method: messages, the last write to disk.
Instant usable(Instant budget) {
  return budget - std::min<Instant>(std::chrono::seconds(1), budget / 10);
}

}  // namespace

void Restarter::Data::on(const PaceConfigured& event) {
  pace_config_ = event.config;
  admission_.configure(event.config);
}

void Restarter::Data::on(const PressureRead& event) {
  admission_.press(event.pressure);
}

// ---- starts
// ----------------------------------------------------------------------------------------------------

void Restarter::Data::want_start(Instance& i) {
  const bool vm = i.view.vm_instance || i.config->starts_vm;
  if (!vm || !admission_.limited()) {
    begin_start(i);
    return;
  }
  i.wants_turn = true;
  if (!admission_.waits(i.fmri)) untold_.push_back(i.fmri);
  auto urgency = Urgency::boot;
  if (i.by_hand || i.commanded) urgency = Urgency::administrator;
  if (i.commanded && *i.commanded != vm::Cause::operator_word) urgency = Urgency::verdict;
  admission_.enter(i.fmri, urgency);
}

// It cannot, or need not, start any more; what it said about its turn is not true any longer.
void Restarter::Data::left_queue(Instance& i) {
  if (!admission_.waits(i.fmri)) return;
  admission_.leave(i.fmri);
  if (i.view.state == State::offline && i.view.reason == Reason::waits_turn && !i.busy()) {
    set_state(i, State::offline, State::none, Reason::dependency_activity);
  }
}

bool Restarter::Data::give_start_turns() {
  bool given = false;
  while (const auto fmri = admission_.next(now_)) {
    auto* i = find(*fmri);
    if (i == nullptr) continue;
    given = true;
    i->wants_turn = false;
    begin_start(*i);
    if (i->phase != Phase::starting) admission_.ended(*fmri);
  }
  for (const auto& fmri : std::exchange(untold_, {})) {
    auto* i = find(fmri);
    if (i == nullptr || !admission_.waits(fmri)) continue;
    const auto why = admission_.why();
    log(*i, fmt::format("Waiting for its turn to start. {}", why));
    set_state(*i, State::offline, State::none, Reason::waits_turn, why);
  }
  arm_own(turn_timer_, turn_at_, admission_.wake(now_));
  return given;
}

// ---- the end of everything
// -------------------------------------------------------------------------------------

void Restarter::Data::on(const ShutDown& event) {
  shutting_down_ = true;
  shut_down_told_ = false;
  shutdown_began_ = now_;
  const auto budget = event.budget ? std::optional(usable(*event.budget)) : std::nullopt;
  windows_ = stop_windows(stop_items(event.measured), budget);
  save_queue_.clear();  // with other ranks; whoever waits queues again
  forced_queue_.clear();
  if (event.budget) arm_own(end_timer_, end_at_, now_ + *event.budget);
  for (auto& [fmri, instance] : instances) {
    if (budget) limit_running_method(instance);
    touch(instance);
  }
}

void Restarter::Data::on(const StartUp&) {
  shutting_down_ = false;
  windows_.clear();
  save_queue_.clear();
  forced_queue_.clear();
  arm_own(end_timer_, end_at_, std::nullopt);
  arm_own(save_timer_, save_at_, std::nullopt);
  for (auto& [fmri, instance] : instances) touch(instance);
}

// How late it may be down; absent: nobody set a limit.
std::optional<Instant> Restarter::Data::finish_limit(const Instance& i) const {
  if (!shutting_down_) return std::nullopt;
  const auto found = windows_.find(i.fmri);
  if (found == windows_.end() || !found->second.latest_finish) return std::nullopt;
  return shutdown_began_ + *found->second.latest_finish;
}

// From then on it does not wait for a place any more.
std::optional<Instant> Restarter::Data::forced_at(const Instance& i) const {
  const auto limit = finish_limit(i);
  if (!limit) return std::nullopt;
  const Instant window = std::max(*limit - shutdown_began_, Instant(0));
  return *limit - std::min(kForcedTime, window / 2);
}

// A stop of a VM that began before a limit was set forces nothing: another one follows that does.
bool Restarter::Data::is_forced_next(const Instance& i) const {
  const auto limit = finish_limit(i);
  return i.view.vm_instance && !i.method.in_budget && limit && now_ < *limit;
}

// A method that runs already when the end is announced: a service's stop has until its latest finish,
// anything else has to leave time for the stop that follows.
void Restarter::Data::limit_running_method(Instance& i) {
  if (!i.busy()) return;
  const bool stops = i.phase == Phase::stopping || i.phase == Phase::emptying;
  const auto limit = stops && !is_forced_next(i) ? finish_limit(i) : forced_at(i);
  if (!limit || (i.method.deadline && *i.method.deadline <= *limit)) return;
  cancel(i, i.method.timer);
  i.method.deadline = std::max(*limit, now_);
  i.method.timer = arm(i, *i.method.deadline);
}

bool Restarter::Data::needs_save_turn(const Instance& i) const {
  return shutting_down_ && pace_config_.save_width != 0 && i.config->saves && !i.emptied();
}

void Restarter::Data::want_ordered_stop(Instance& i) {
  if (!needs_save_turn(i)) {
    begin_stop(i, order_goal(i));
    return;
  }
  const auto window = windows_.find(i.fmri);
  const Instant rank = window == windows_.end() ? Instant(0) : window->second.latest_start;
  save_queue_.insert({rank, i.fmri});
  if (const auto forced = forced_at(i)) forced_queue_.insert({*forced, i.fmri});
}

// Somebody who stands in the save queue and still wants to be saved.
bool Restarter::Data::waits_for_save(const Instance* i) const {
  return i != nullptr && i->up() && !i->busy() && wants_order(*i) && i->awaits.empty();
}

bool Restarter::Data::give_save_turns() {
  std::erase_if(saving_, [this](const std::string& fmri) {
    const auto* i = find(fmri);
    return i == nullptr || (i->phase != Phase::stopping && i->phase != Phase::emptying);
  });
  // Only the heads of the queues are looked at: this runs after every event, and the queues may be long.  Who
  // stands in both begins by one, and does not wait any more when it comes to the head of the other.
  bool given = false;
  const auto take = [&](auto& queue) {
    auto* i = find(queue.begin()->second);
    queue.erase(queue.begin());
    if (!waits_for_save(i)) return;
    if (saving_.size() < pace_config_.save_width) saving_.insert(i->fmri);
    given = true;
    begin_stop(*i, order_goal(*i));
  };
  while (!save_queue_.empty() && saving_.size() < pace_config_.save_width) take(save_queue_);
  while (!forced_queue_.empty() && forced_queue_.begin()->first <= now_) take(forced_queue_);
  while (!forced_queue_.empty() && !waits_for_save(find(forced_queue_.begin()->second))) {
    forced_queue_.erase(forced_queue_.begin());
  }
  std::optional<Instant> wake;
  if (!forced_queue_.empty()) wake = forced_queue_.begin()->first;
  arm_own(save_timer_, save_at_, wake);
  return given;
}

bool Restarter::Data::give_turns() {
  const bool started = give_start_turns();
  const bool saved = give_save_turns();
  return started || saved;
}

void Restarter::Data::tell_end_of_shutdown() {
  shut_down_told_ = true;
  arm_own(end_timer_, end_at_, std::nullopt);
  arm_own(save_timer_, save_at_, std::nullopt);
  ShutDownDone done;
  for (const auto& [fmri, i] : instances) {
    const bool lives_on = i.view.vm_instance && i.has_contract && !i.contract_empty;
    if (i.up() || i.busy() || lives_on) done.left.push_back(fmri);
  }
  actions_.push_back(std::move(done));
}

// ---- timers of the restarter's own
// -----------------------------------------------------------------------------

void Restarter::Data::arm_own(uint64_t& timer, Instant& armed_for, std::optional<Instant> at) {
  if (timer != 0 && at && armed_for == *at) return;
  if (timer != 0) actions_.push_back(CancelTimer{"", timer});
  timer = 0;
  if (!at) return;
  armed_for = *at;
  actions_.push_back(ArmTimer{"", ++timers_, *at});
  timer = timers_;
}

bool Restarter::Data::own_timer_fired(uint64_t timer) {
  if (timer == 0) return false;
  for (uint64_t* own : {&turn_timer_, &save_timer_}) {
    if (timer != *own) continue;
    *own = 0;  // handle() gives the turns
    return true;
  }
  if (timer != end_timer_) return false;
  end_timer_ = 0;
  if (!shut_down_told_) tell_end_of_shutdown();
  return true;
}

}  // namespace vmkeep::restarter
