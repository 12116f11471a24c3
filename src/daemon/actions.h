// Carries out what the restarter wants done.
#pragma once

#include <set>
#include <utility>

#include "daemon/core.h"
#include "daemon/methods.h"
#include "daemon/owners.h"

namespace vmkeep::daemon {

class Actions {
 public:
  Actions(Core& core, Methods& methods, Owners& owners)
      : core_(core), methods_(methods), owners_(owners), timers_changed_(core.executor) {}

  // Those from `next` on, up to a method that has to wait until those that are prepared have begun
  // (Methods::full); returns the first that is left, or how many there are.
  size_t perform(const std::vector<restarter::Action>& actions, size_t next);
  // Fires what is armed, for ever.
  Task<> timers();

 private:
  void perform(const restarter::Action& action);
  void set_state(const restarter::SetState& action);
  void signal_contract(const restarter::SignalContract& action);
  void store_start_status(const restarter::StoreStartStatus& action);
  void release_contract(const restarter::ReleaseContract& action);
  void disable_temporarily(const restarter::DisableTemporarily& action);
  void lift_temporarily(const restarter::LiftTemporarily& action);

  Core& core_;
  Methods& methods_;
  Owners& owners_;
  using TimerKey = std::pair<std::string, uint64_t>;  // instance, number
  void arm(const TimerKey& timer, Instant at);
  void disarm(const TimerKey& timer);
  std::map<TimerKey, Instant> armed_;
  std::set<std::pair<Instant, TimerKey>> by_time_;  // the same
  Signal timers_changed_;
};

}  // namespace vmkeep::daemon
