// The two transitions that run a method: up (5.4, 6.8, 6.11) and down (6.9, 6.10).
#include <fmt/format.h>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

// ---- start
// ----------------------------------------------------------------------------------------------------

// Records a start, and whether this is one too many: the last N of them came, on average, closer together
// than the period.  A start that a verdict asked for counts in the VM's own window instead.
bool Restarter::Data::too_quick(Instance& i) {
  if (i.commanded) return false;
  const bool child = i.config->duration == Duration::child;
  const auto count = i.config->critical_failure_count;
  const Instant period = child ? Instant(std::chrono::seconds(1)) : i.config->critical_failure_period;
  i.starts.push_back(now_);
  if (i.starts.size() > count)
    i.starts.erase(i.starts.begin(), i.starts.end() - static_cast<std::ptrdiff_t>(count));
  if (i.starts.size() < count) return false;
  return (i.starts.back() - i.starts.front()) < period * static_cast<int64_t>(count - 1);
}

void Restarter::Data::begin_start(Instance& i) {
  i.failures = 0;
  i.by_hand = false;
  if (too_quick(i)) {
    if (i.config->duration != Duration::child) {
      log(i, "Restarting too quickly, changing state to maintenance.");
      to_maintenance(i, Reason::restarting_too_quickly);
      return;
    }
    log(i, "Failing too quickly, throttling.");
    i.starts.clear();
    i.throttle_timer = arm(i, now_ + kThrottle);
    return;
  }
  start_once(i);
}

void Restarter::Data::start_once(Instance& i) {
  // A VM's process that an attempt before left behind is adopted by this one.
  release(i, !i.view.vm_instance && !i.contract_empty);
  i.phase = Phase::starting;
  set_state(i, State::offline, State::online, Reason::dependencies_satisfied);
  switch (launch(i, MethodName::start)) {
    case Launched::running:
      i.has_contract = true;
      i.contract_empty = false;
      if (i.config->duration == Duration::child) {
        i.child_run = i.method.run;
        i.view.method_run = 0;  // it is the service now, and a stop method may run beside it
        started(i, {}, false);
      }
      break;
    case Launched::done:
      started(i, {}, false);
      break;
    case Launched::failed:
      start_failed(i, Outcome::fatal, {MethodEnd::Kind::exited, kExitFatal, false, {}});
      break;
  }
}

void Restarter::Data::start_ended(Instance& i, Outcome outcome, const MethodEnd& end) {
  if (outcome == Outcome::ok || outcome == Outcome::no_daemon) {
    started(i, end, outcome == Outcome::no_daemon);
  } else {
    start_failed(i, outcome, end);
  }
}

void Restarter::Data::started(Instance& i, const MethodEnd& end, bool daemonless) {
  i.phase = Phase::idle;
  i.failures = 0;
  i.commanded.reset();
  actions_.push_back(StoreStartStatus{i.fmri, end});
  const bool transient = i.config->duration == Duration::transient && !i.view.vm_instance;
  if (transient || (daemonless && !i.view.vm_instance)) release(i, false);
  // Of a VM instance: its start table left the VM down, which is as good; or it died just now.  A look tells.
  i.look = i.look || (i.view.vm_instance && i.has_contract && i.contract_empty);
  i.empty_pending = i.has_contract && i.contract_empty && !i.view.vm_instance;
  actions_.push_back(TakeStartSnapshot{i.fmri});
  set_state(i, State::online, State::none, Reason::dependencies_satisfied);
  came_up(graph.dependents(i.fmri));
  touch(i);
}

void Restarter::Data::start_failed(Instance& i, Outcome outcome, const MethodEnd& end) {
  actions_.push_back(StoreStartStatus{i.fmri, end});
  if (!i.view.vm_instance || i.contract_empty) release(i, !i.contract_empty);
  const std::string said = end.kind == MethodEnd::Kind::exited ? end.why : "";
  if (outcome != Outcome::retry) {
    notice_failure(i, outcome);
    leave(i, State::maintenance, Reason::method_failed, said, StopCause::fault, false);
    return;
  }
  if (++i.failures >= kFaultThreshold) {
    notice_failure(i, outcome);
    leave(i, State::maintenance, Reason::fault_threshold_reached, said, StopCause::fault, false);
    return;
  }
  // No further attempt for somebody who is wanted down, or whose ground has gone meanwhile.
  const bool may = graph.satisfaction(i.fmri) == graph::Satisfaction::satisfied;
  if (i.maintain || wants_order(i) || !may) {
    i.phase = Phase::idle;
    set_state(i, State::offline, State::none, may ? Reason::method_failed : Reason::dependency_activity);
    went_down(i);
    touch(i);
    return;
  }
  if (too_quick(i)) {
    log(i, "Restarting too quickly, changing state to maintenance.");
    to_maintenance(i, Reason::restarting_too_quickly);
    return;
  }
  start_once(i);
}

// The service of duration child is its start method.
void Restarter::Data::child_ended(Instance& i, const MethodEnd& end) {
  i.child_run = 0;
  i.view.method_run = i.busy() ? i.view.method_run : 0;
  actions_.push_back(StoreStartStatus{i.fmri, end});
  if (i.phase == Phase::emptying && i.gone()) finish_stop(i);
  if (!i.up() || i.phase == Phase::stopping || i.phase == Phase::emptying) return;
  const bool refreshing = i.phase == Phase::refreshing;
  StopGoal goal;
  goal.reason = Reason::ct_ev_exit;
  goal.run_method = false;
  if (end.kind == MethodEnd::Kind::not_started ||
      (end.kind == MethodEnd::Kind::exited && end.value == kExitConfig)) {
    if (!end.why.empty()) log(i, end.why);
    goal.to = State::maintenance;
    goal.reason = Reason::method_failed;
    goal.cause = StopCause::fault;
    goal.log = stopping_because("service exited with a configuration error");
  } else if (end.kind == MethodEnd::Kind::exited && end.value == 0) {
    i.starts.clear();
    goal.log = stopping_because("all processes in service exited");
  } else {
    goal.log = stopping_because("service exited with an error");
  }
  i.fault = std::move(goal);
  if (!refreshing) touch(i);
}

// ---- stop
// -----------------------------------------------------------------------------------------------------

void Restarter::Data::begin_stop(Instance& i, StopGoal goal) {
  drop_question(i);
  cancel_order(i);
  forget_marks(i);
  if (goal.reset) i.starts.clear();
  // A verdict knows that the VM is gone; SMF's rule, that a stop method must bear that, is for others.  An
  // empty contract alone does not say so: somebody may have started the VM elsewhere meanwhile.
  if (i.view.vm_instance && i.emptied() && goal.cause == StopCause::fault) goal.run_method = false;
  log(i, goal.log);
  i.failures = 0;
  i.phase = Phase::stopping;
  set_state(i, i.view.state, goal.to, goal.reason, goal.why);
  i.goal = std::move(goal);
  if (i.goal.run_method) {
    stop_once(i);
  } else {
    finish_stop(i);
  }
}

void Restarter::Data::stop_once(Instance& i) {
  i.phase = Phase::stopping;
  switch (launch(i, MethodName::stop)) {
    case Launched::running:
      break;
    case Launched::done:
      stop_method_done(i);
      break;
    case Launched::failed:
      notice_failure(i, Outcome::fatal);
      stop_failed(i, Reason::method_failed, "the stop method is not usable");
      break;
  }
}

// What is left of the method's time is for the contract to empty.
void Restarter::Data::stop_method_done(Instance& i) {
  if (i.gone()) {
    finish_stop(i);
    return;
  }
  i.phase = Phase::emptying;
  if (i.method.deadline) i.method.timer = arm(i, *i.method.deadline);
}

void Restarter::Data::stop_ended(Instance& i, Outcome outcome, const MethodEnd& end) {
  if (outcome == Outcome::ok && end.kept && i.view.vm_instance) {
    // Nobody waits for the contract: it is left alone, and released when the VM ends, or adopted by a start.
    finish_stop(i);
    return;
  }
  if (outcome == Outcome::ok) {
    stop_method_done(i);
    return;
  }
  if (is_forced_next(i) && !i.emptied()) {
    stop_once(i);
    return;
  }
  if (i.method.timed_out && i.has_contract) {
    // 6.9: killed; only a contract that was empty by then makes it a stop.
    if (i.method.empty_in_time) {
      finish_stop(i);
      return;
    }
    if (!i.view.vm_instance) {
      notice_failure(i, Outcome::timed_out);
      stop_failed(i, Reason::method_failed, "the stop method timed out");
      return;
    }
  }
  // When everything goes down in a budget there is no second attempt after its time.
  const auto limit = finish_limit(i);
  const bool late = limit && now_ >= *limit;
  if (outcome == Outcome::retry && !late && ++i.failures < kFaultThreshold) {
    stop_once(i);
    return;
  }
  notice_failure(i, outcome);
  stop_failed(i, outcome == Outcome::retry ? Reason::fault_threshold_reached : Reason::method_failed,
              "the stop method failed" + (i.method.said.empty() ? "" : ": " + i.method.said));
}

void Restarter::Data::stop_failed(Instance& i, Reason reason, std::string why) {
  cancel(i, i.method.timer);
  i.child_run = 0;
  if (!i.view.vm_instance || i.contract_empty) release(i, !i.contract_empty);
  leave(i, State::maintenance, reason, std::move(why), StopCause::fault, false);
}

void Restarter::Data::finish_stop(Instance& i) {
  cancel(i, i.method.timer);
  // Without a stop method something may live on: abandoned as the spec wants it (6.13, -I); of a service of
  // duration child it is what its only process left behind.  The VM of a VM instance keeps its contract.
  const bool child =
      i.config->duration == Duration::child && !i.goal.run_method && i.goal.to != State::maintenance;
  if (!i.view.vm_instance || i.contract_empty) release(i, child && !i.contract_empty);
  i.child_run = 0;
  leave(i, i.goal.to, i.goal.reason, i.goal.why, i.goal.cause, i.goal.reset);
}

}  // namespace vmkeep::restarter
