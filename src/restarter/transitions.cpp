// The queue, and what an instance does in each state once no method runs any more.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

void Restarter::Data::touch(Instance& i) {
  if (i.queued) return;
  i.queued = true;
  queue_.push_back(&i);
}

void Restarter::Data::work() {
  while (!queue_.empty()) {
    auto& i = *queue_.front();
    queue_.pop_front();
    i.queued = false;
    settle(i);
    // Only after settle(), and only then: an instance that was buried is gone from the table.
    for (const auto& loaded : std::exchange(reborn_, {})) on(loaded);
    if (!created_.empty()) obey_milestone();
  }
}

void Restarter::Data::settle(Instance& i) {
  count(i);
  if (i.phase != Phase::starting) admission_.ended(i.fmri);
  if (i.busy()) {
    record_requests(i);
    return;
  }
  i.wants_turn = false;
  const bool down = !i.up();
  if (i.removed && down) {
    bury(i);
    return;
  }
  if (!i.configured) return;
  switch (i.view.state) {
    case State::uninitialized:
      settle_uninitialized(i);
      break;
    case State::disabled:
    case State::offline:
      settle_down(i);
      break;
    case State::online:
    case State::degraded:
      settle_up(i);
      break;
    case State::maintenance:
      settle_maintenance(i);
      break;
    default:
      break;
  }
  if (!i.wants_turn) left_queue(i);
  record_requests(i);
}

void Restarter::Data::settle_uninitialized(Instance& i) {
  if (i.delegated()) return;  // 5.7: it is for another restarter to say what it is
  if (!i.config->invalid_restarter.empty()) {
    to_maintenance(i, Reason::invalid_restarter, i.config->invalid_restarter);
    return;
  }
  if (i.maintain) {
    const auto maintain = *i.maintain;
    log(i, fmt::format("Stopping for maintenance due to {}.", to_string(maintain.reason)));
    to_maintenance(i, maintain.reason, maintain.why);
    return;
  }
  Reason reason{};
  std::string why;
  if (!enter_dependencies(i, reason, why)) {
    to_maintenance(i, reason, why);
    return;
  }
  const auto entry = std::exchange(i.entry, Reason::none);
  if (i.view.enabled) {
    log(i, "Enabled.");
    set_state(i, State::offline, State::none, entry == Reason::none ? Reason::insert_in_graph : entry);
  } else {
    log(i, "Disabled.");
    set_state(i, State::disabled, State::none, entry == Reason::none ? Reason::per_configuration : entry);
  }
}

void Restarter::Data::settle_down(Instance& i) {
  if (i.maintain) {
    const auto maintain = *i.maintain;
    log(i, fmt::format("Stopping for maintenance due to {}.", to_string(maintain.reason)));
    to_maintenance(i, maintain.reason, maintain.why);
    return;
  }
  forget_marks(i);
  if (i.view.state == State::disabled) {
    if (!i.view.enabled || shutting_down_) return;
    log(i, "Enabled.");
    set_state(i, State::offline, State::none, Reason::enable_request);
    return;
  }
  if (!i.view.enabled) {
    cancel(i, i.throttle_timer);
    log(i, "Disabled.");
    set_state(i, State::disabled, State::none, Reason::disable_request);
    return;
  }
  if (shutting_down_) {
    cancel(i, i.throttle_timer);  // nothing waits for it any more
    return;
  }
  if (i.throttle_timer != 0) return;
  if (i.commanded && now_ < i.not_before) {
    i.throttle_timer = arm(i, i.not_before);
    return;
  }
  if (graph.satisfaction(i.fmri) == graph::Satisfaction::satisfied) want_start(i);
}

// What is asked of an instance that is up, the strongest first.
void Restarter::Data::settle_up(Instance& i) {
  if (std::exchange(i.cut_off, false) && lost_ground(i)) i.dependency_stop = false;
  if (i.maintain) {
    StopGoal goal;
    goal.to = State::maintenance;
    goal.reason = i.maintain->reason;
    goal.why = i.maintain->why;
    goal.log = fmt::format("Stopping for maintenance due to {}.", to_string(goal.reason));
    goal.run_method = !i.maintain->immediate;
    i.maintain.reset();
    begin_stop(i, std::move(goal));
    return;
  }
  if (i.verdict_stop && i.verdict_stop->to == State::maintenance) {
    begin_stop(i, *std::exchange(i.verdict_stop, std::nullopt));
    return;
  }
  if (wants_order(i)) {
    ordered_stop(i);
    return;
  }
  cancel_order(i);
  if (i.verdict_stop) {
    begin_stop(i, *std::exchange(i.verdict_stop, std::nullopt));
  } else if (i.restart) {
    begin_stop(i, {State::offline,
                   Reason::restart_request,
                   {},
                   stopping_because("service restarting"),
                   StopCause::restart,
                   true,
                   // A person wants the VM started that is down: there is nothing to stop.
                   !(i.commanded && i.view.vm_instance && i.emptied())});
  } else if (i.fault) {
    begin_stop(i, *std::exchange(i.fault, std::nullopt));
  } else if (i.empty_pending && !i.view.vm_instance && !i.config->ignore_empty && i.child_run == 0) {
    begin_stop(i, {State::offline,
                   Reason::ct_ev_exit,
                   {},
                   stopping_because("all processes in service exited"),
                   StopCause::restart,
                   false,
                   true});
  } else if (i.dependency_stop) {
    begin_stop(i, {State::offline,
                   Reason::dependency_activity,
                   {},
                   stopping_because("dependency activity requires stop"),
                   StopCause::restart,
                   *i.dependency_stop,
                   true});
  } else {
    refresh_or_ask(i);
  }
}

void Restarter::Data::refresh_or_ask(Instance& i) {
  if (std::exchange(i.refresh, false)) {
    begin_refresh(i);
    return;
  }
  if (std::exchange(i.degrade, false) && i.view.state == State::online) {
    set_state(i, State::degraded, i.view.next_state, Reason::administrative_request);
  }
  if (!i.view.vm_instance) return;
  if (i.empty_pending) {
    set_state(i, i.view.state, State::offline, i.view.reason, i.view.why);
    if (i.question == 0) {
      cancel(i, i.question_timer);  // what was to be asked again later is overtaken by this
      ask(i, vm::Cause::contract_empty);
    }
  } else if ((i.reported || i.look) && i.question == 0 && i.question_timer == 0) {
    ask(i, i.reported ? vm::Cause::report : vm::Cause::look);
  }
}

void Restarter::Data::settle_maintenance(Instance& i) {
  forget_marks(i);
  i.maintain.reset();
  const auto leave = std::exchange(i.leave_maintenance, std::nullopt);
  if (!leave) return;
  log(i, fmt::format("Leaving maintenance because {} requested.",
                     *leave == Reason::clear_request ? "clear" : "disable"));
  i.starts.clear();
  i.failures = 0;
  i.entry = *leave;
  set_state(i, State::uninitialized, State::none, i.entry);
}

// Enters the configured dependencies into the graph.  False, with the reason, if they are no good.
bool Restarter::Data::enter_dependencies(Instance& i, Reason& reason, std::string& why) {
  if (!i.config->invalid_dependency.empty()) {
    reason = Reason::invalid_dependency;
    why = i.config->invalid_dependency;
    return false;
  }
  const auto path =
      graph.share_dependencies(i.fmri, graph::DependenciesPtr(i.config, &i.config->dependencies));
  if (path.empty()) return true;
  reason = Reason::dependency_cycle;
  why = fmt::format("{}", fmt::join(path, " -> "));
  return false;
}

void Restarter::Data::set_state(Instance& i, State state, State next, Reason reason, std::string why) {
  auto& view = i.view;
  // While refresh runs the pair says so, whatever a verdict does to the state meanwhile.
  if (i.phase == Phase::refreshing && graph::is_up(state)) next = state;
  if (view.state == state && view.next_state == next && view.reason == reason && view.why == why) return;
  const bool moved = view.state != state;
  view.state = state;
  view.next_state = next;
  view.reason = reason;
  view.why = std::move(why);
  actions_.push_back(SetState{i.fmri, state, next, reason, view.why});
  count(i);
  if (!moved) return;
  publish_node(i);
  changed(i);
  touch(i);
}

// What the graph knows of an instance follows from its record; it is told after every change of it.
void Restarter::Data::publish_node(Instance& i) {
  const graph::Node node{i.configured, i.view.enabled, i.view.state,
                         i.configured && !i.view.enabled && i.up(), !i.awaited_by.empty()};
  graph.set_node(i.fmri, node);
}

// Leaves the state that it has for maintenance, without a stop method.
void Restarter::Data::to_maintenance(Instance& i, Reason reason, std::string why) {
  leave(i, State::maintenance, reason, std::move(why), StopCause::fault, false);
}

// For the daemon's log: maintenance that no method's failure explains.
void Restarter::Data::notice_maintenance(const Instance& i, Reason reason, const std::string& why) {
  switch (reason) {
    case Reason::dependency_cycle:
      actions_.push_back(
          Notice{fmt::format("Transitioning {} to maintenance because it completes a dependency cycle "
                             "(see svcs -xv for details):\n{}",
                             i.fmri, why)});
      break;
    case Reason::invalid_dependency:
      actions_.push_back(Notice{why});
      break;
    case Reason::invalid_restarter:
      actions_.push_back(
          Notice{fmt::format("Transitioning {} to maintenance because its restarter \"{}\" is invalid "
                             "(see svcs -xv for details)",
                             i.fmri, why)});
      break;
    case Reason::administrative_request:
    case Reason::service_request:
      notice_transition(i, "transitioned to maintenance by request");
      break;
    default:
      break;
  }
}

// Every way out of a stable state passes here, so that dependents hear of each.
void Restarter::Data::leave(Instance& i, State to, Reason reason, std::string why, StopCause cause,
                            bool reset) {
  const bool was_up = i.up();
  i.phase = Phase::idle;
  i.view.method_run = 0;
  i.failures = 0;
  drop_question(i);
  cancel_order(i);
  forget_marks(i);
  if (to == State::maintenance) {
    notice_maintenance(i, reason, why);
    i.maintain.reset();
    cancel(i, i.throttle_timer);
  }
  if (to != State::offline) i.commanded.reset();
  // Those that have to stop for it come before it in the queue: none of them sees it start again first.
  if (was_up) stop_dependents(graph.dependents(i.fmri), cause, reset);
  set_state(i, to, State::none, reason, std::move(why));
  went_down(i);
}

// What can only be asked of an instance that is up.
void Restarter::Data::forget_marks(Instance& i) {
  i.dependency_stop.reset();
  i.fault.reset();
  i.verdict_stop.reset();
  i.restart = i.refresh = i.degrade = false;
  i.empty_pending = i.reported = i.look = false;
}

void Restarter::Data::bury(Instance& i) {
  admission_.leave(i.fmri);
  admission_.ended(i.fmri);
  drop_question(i);
  cancel(i, i.throttle_timer);
  cancel_order(i);
  went_down(i);
  if (i.has_contract) release(i, false);
  if (i.recorded.any()) actions_.push_back(RecordRequests{i.fmri, {}});
  if (i.reborn) reborn_.push_back(*std::exchange(i.reborn, std::nullopt));
  if (i.active) active_--;
  const auto fmri = i.fmri;
  const auto dependents = graph.dependents(fmri);
  graph.remove(fmri);
  reconsider(dependents);
  std::erase(queue_, &i);
  by_name.erase(fmri);
  instances.erase(fmri);
}

void Restarter::Data::count(Instance& i) {
  const bool active = i.up() || i.busy();
  if (active == i.active) return;
  i.active = active;
  if (active) {
    active_++;
  } else {
    active_--;
  }
}

uint64_t Restarter::Data::arm(const Instance& i, Instant at) {
  actions_.push_back(ArmTimer{i.fmri, ++timers_, at});
  return timers_;
}

void Restarter::Data::cancel(const Instance& i, uint64_t& timer) {
  if (timer != 0) actions_.push_back(CancelTimer{i.fmri, timer});
  timer = 0;
}

}  // namespace vmkeep::restarter
