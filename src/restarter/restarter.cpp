// Events: what each of them marks.  The marks are worked off in transitions.cpp.
#include "restarter/restarter.h"

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

std::string_view to_string(MethodName method) {
  switch (method) {
    case MethodName::start:
      return "start";
    case MethodName::stop:
      return "stop";
    case MethodName::refresh:
      return "refresh";
  }
  return "";
}

Restarter::Restarter() : data_(std::make_unique<Data>()) {}
Restarter::~Restarter() = default;

std::vector<Action> Restarter::handle(const Event& event, Instant now) {
  return data_->handle(event, now);
}

const graph::Graph& Restarter::graph() const {
  return data_->graph;
}

const InstanceView* Restarter::view(const std::string& fmri) const {
  const auto* instance = data_->find(fmri);
  return instance == nullptr ? nullptr : &instance->view;
}

Plan Restarter::start_plan(const Measurements& measured) const {
  const auto& config = data_->pace_config();
  return make_plan(data_->start_items(measured), {config.width, config.stagger, false, std::nullopt});
}

Plan Restarter::stop_plan(const Measurements& measured, std::optional<Instant> budget) const {
  return make_plan(data_->stop_items(measured), {data_->pace_config().save_width, Instant(0), true, budget});
}

bool Restarter::paces_starts() const {
  return data_->paces_starts();
}

ConfigPtr Restarter::share(const InstanceConfig& config) {
  return data_->configs.share(config);
}

Instance* Restarter::Data::find(std::string_view fmri) {
  const auto found = by_name.find(fmri);
  return found == by_name.end() ? nullptr : found->second;
}

std::vector<Action> Restarter::Data::handle(const Event& event, Instant now) {
  now_ = now;
  actions_.clear();
  std::visit([this](const auto& what) { on(what); }, event);
  if (!loading_) {
    obey_milestone();
    do {
      work();
    } while (give_turns());
  }
  if (shutting_down_ && !shut_down_told_ && active_ == 0) tell_end_of_shutdown();
  return std::move(actions_);
}

void Restarter::Data::on(const Loaded& event) {
  loading_ = event.more;
  if (auto* known = find(event.fmri)) {
    if (known->removed) {
      known->reborn = event;
      known->reborn->more = false;
      return;
    }
    on(Refreshed{event.fmri, event.config});
    if (event.enabled) on(EnabledChanged{event.fmri, *event.enabled});
    return;
  }
  const auto entry = instances.try_emplace(event.fmri).first;
  auto& i = entry->second;
  by_name.emplace(entry->first, &i);
  i.fmri = event.fmri;
  i.config = configs.share(event.config);
  i.configured = event.enabled.has_value();
  i.view.enabled = event.enabled.value_or(false);
  i.view.vm_instance = event.recovered.claimed;
  if (i.configured) recover(i, event.recovered);
  if (event.created) created_.push_back(i.fmri);
  if (i.configured && i.delegated()) {
    if (i.view.state ==
        State::uninitialized) {  // there is no other restarter here, so nobody ever tells more
      actions_.push_back(SetState{i.fmri, State::uninitialized, State::none, Reason::none, {}});
    } else {
      hand_over(i, *i.config);
    }
  }
  publish_node(i);
  if (!i.configured || i.delegated()) {  // its edges count for cycles nevertheless
    Reason reason{};
    std::string why;
    enter_dependencies(i, reason, why);
  }
  changed(i);
  touch(i);
}

// 6.15: what runs stays as it is; whatever was in the middle of something is evaluated again.
void Restarter::Data::recover(Instance& i, const Recovered& recovered) {
  const bool known = recovered.state != State::uninitialized && recovered.state != State::none;
  i.entry = known ? Reason::startd_restart : Reason::none;
  i.has_contract = recovered.has_contract;
  i.contract_empty = recovered.contract_empty;
  const bool stays = graph::is_up(recovered.state) || recovered.state == State::maintenance;
  if (!stays) {
    // A start that was cut off may have left processes; those of a VM are adopted by the next start.
    if (i.has_contract && (i.contract_empty || !i.view.vm_instance)) release(i, !i.contract_empty);
    if (known) set_state(i, State::uninitialized, State::none, Reason::startd_restart);
    take_up(i, recovered.waiting);
    return;
  }
  set_state(i, recovered.state, State::none, recovered.reason);
  // The same state may have been published with a next_state that nobody pursues any more.
  if (actions_.empty() || !std::holds_alternative<SetState>(actions_.back())) {
    actions_.push_back(SetState{i.fmri, recovered.state, State::none, recovered.reason, {}});
  }
  Reason reason{};
  std::string why;
  if (!enter_dependencies(i, reason, why) && recovered.state != State::maintenance) {
    request_maintenance(i, reason, why, false);
  }
  i.recorded = recovered.waiting;
  if (!graph::is_up(recovered.state)) return;
  if (!i.config->invalid_restarter.empty()) {
    request_maintenance(i, Reason::invalid_restarter, i.config->invalid_restarter, false);
  }
  if (i.view.vm_instance) {
    i.empty_pending = i.emptied();
    i.look = !i.empty_pending;
  } else {
    i.empty_pending = i.has_contract && i.contract_empty && i.config->duration != Duration::transient;
  }
  resume(i, recovered);
  take_up(i, recovered.waiting);
}

// What was cut off in the middle of a method is done again: half stopped is neither up nor down, and whoever
// asked for it has been told that it is under way.
void Restarter::Data::resume(Instance& i, const Recovered& recovered) {
  i.cut_off = recovered.next_state != State::none;
  switch (recovered.next_state) {
    case State::maintenance:
      request_maintenance(i, recovered.reason, {}, false);
      break;
    case State::offline:  // an emptied contract leads there by itself
      if (!i.empty_pending) i.dependency_stop = false;
      break;
    case State::online:
    case State::degraded:
      i.refresh = true;
      break;
    case State::disabled:  // the flag says so, unless somebody has enabled it again: then it is half stopped
      if (i.view.enabled && !i.empty_pending) i.dependency_stop = false;
      break;
    default:
      break;
  }
}

// 5.7: what the restarter that it had until now has running is stopped first, and then it begins anew.
void Restarter::Data::hand_over(Instance& i, InstanceConfig config) {
  i.reborn = Loaded{i.fmri, std::move(config), i.view.enabled, {}, false};
  i.removed = true;
  i.view.enabled = false;
}

void Restarter::Data::on(const Refreshed& event) {
  auto* i = find(event.fmri);
  if (i == nullptr) return;
  if (i->reborn) {
    i->reborn->config = event.config;
    return;
  }
  if (i->configured && !i->removed && i->config->delegated_to != event.config.delegated_to) {
    hand_over(*i, event.config);
    publish_node(*i);
    changed(*i);
    touch(*i);
    return;
  }
  i->config = configs.share(event.config);
  if (!i->configured) return;
  log(*i, "Rereading configuration.");
  if (i->view.state != State::uninitialized || i->delegated()) {
    Reason reason{};
    std::string why;
    const bool good = enter_dependencies(*i, reason, why);
    if (!good && i->view.state != State::maintenance && !i->delegated()) {
      request_maintenance(*i, reason, why, false);
    }
  }
  if (!i->config->invalid_restarter.empty() && i->view.state != State::uninitialized) {
    request_maintenance(*i, Reason::invalid_restarter, i->config->invalid_restarter, false);
  }
  edges_changed_ = true;
  // A start that runs reads the new configuration already or not; refreshing tells it for certain.
  i->refresh = i->up() || i->phase == Phase::starting;
  changed(*i);
  touch(*i);
}

void Restarter::Data::on(const Removed& event) {
  auto* i = find(event.fmri);
  if (i == nullptr) return;
  i->reborn.reset();
  held_.erase(event.fmri);
  i->removed = true;
  i->view.enabled = false;
  publish_node(*i);
  changed(*i);
  touch(*i);
}

void Restarter::Data::on(const EnabledChanged& event) {
  auto* i = find(event.fmri);
  if (i == nullptr) return;
  if (i->removed) {
    if (i->reborn) i->reborn->enabled = event.enabled;
    return;
  }
  if (!event.enabled && i->own_disable) {
    i->own_disable = false;
    return;
  }
  i->own_disable = false;
  held_.erase(event.fmri);
  i->configured = true;
  i->view.enabled = event.enabled;
  i->by_hand = event.enabled;
  if (event.enabled) {
    // Somebody wants it up after all: a verdict that took it down has lost its point.
    // What was wrong with the VM still is, so that is asked again.
    if (i->verdict_stop && i->verdict_stop->to == State::disabled) {
      i->verdict_stop.reset();
      i->empty_pending = i->emptied();
      i->reported = !i->empty_pending;
    }
  } else {
    i->starts.clear();
    i->commanded.reset();
    if (i->view.state == State::maintenance) i->leave_maintenance = Reason::disable_request;
  }
  publish_node(*i);
  changed(*i);
  touch(*i);
}

void Restarter::Data::on(const Requested& event) {
  auto* i = find(event.fmri);
  if (i == nullptr || !i->configured || i->removed || i->delegated()) return;
  switch (event.request) {
    case Request::restart:
      // 6.13: only of what is up; what is on its way is left alone.
      if (i->up() && i->phase != Phase::stopping && i->phase != Phase::emptying) {
        i->restart = true;
        i->by_hand = event.administrative;
      }
      break;
    case Request::maintain:
      request_maintenance(*i, event.administrative ? Reason::administrative_request : Reason::service_request,
                          {}, event.immediate);
      break;
    case Request::degrade:
      // What is on its way down is left alone, as by a restart.
      i->degrade =
          i->view.state == State::online && i->phase != Phase::stopping && i->phase != Phase::emptying;
      break;
    case Request::clear:
      if (i->view.state == State::maintenance) {
        i->leave_maintenance = Reason::clear_request;
        i->by_hand = event.administrative;
      } else if (i->view.state == State::degraded) {
        set_state(*i, State::online,
                  i->view.next_state == State::degraded ? State::online : i->view.next_state,
                  Reason::clear_request);
      }
      break;
  }
  touch(*i);
}

void Restarter::Data::request_maintenance(Instance& i, Reason reason, std::string why, bool immediate) {
  if (i.view.state == State::maintenance) return;
  i.maintain = Instance::Maintain{reason, std::move(why), immediate};
  touch(i);
}

void Restarter::Data::on(const MethodEnded& event) {
  auto* i = find(event.fmri);
  if (i == nullptr) return;
  if (event.run == i->child_run && event.run != 0) {
    child_ended(*i, event.end);
  } else if (i->busy() && i->phase != Phase::emptying && event.run == i->method.run) {
    method_ended(*i, event.end);
  }
  touch(*i);
}

void Restarter::Data::on(const ContractEmptied& event) {
  auto* i = find(event.fmri);
  // It may be told twice, once of them with the end of the start method.
  if (i == nullptr || !i->has_contract || i->contract_empty) return;
  i->contract_empty = true;
  if (i->phase == Phase::emptying) {
    if (i->gone()) finish_stop(*i);
  } else if (i->up() && (i->phase == Phase::idle || i->phase == Phase::refreshing)) {
    i->empty_pending = true;
  } else if (i->phase == Phase::idle) {
    release(*i, false);  // a VM that went on running in maintenance has ended
  }
  touch(*i);
}

void Restarter::Data::on(const ProcessFaulted& event) {
  auto* i = find(event.fmri);
  if (i == nullptr || !i->up() || i->view.vm_instance || i->config->duration == Duration::transient) return;
  if (i->phase == Phase::stopping || i->phase == Phase::emptying) return;
  StopGoal goal;
  goal.cause = StopCause::fault;
  switch (event.fault) {
    case Fault::core:
      if (i->config->ignore_core) return;
      goal.reason = Reason::ct_ev_core;
      goal.log = stopping_because("process dumped core");
      break;
    case Fault::signal:
      if (i->config->ignore_signal) return;
      goal.reason = Reason::ct_ev_signal;
      goal.log = stopping_because("process received fatal signal from outside the service");
      break;
    case Fault::hwerr:
      goal.reason = Reason::ct_ev_hwerr;
      goal.log = stopping_because("process killed due to uncorrectable hardware error");
      break;
  }
  i->fault = std::move(goal);
  touch(*i);
}

void Restarter::Data::on(const TimerFired& event) {
  if (own_timer_fired(event.timer)) return;
  auto* i = find(event.fmri);
  if (i == nullptr || event.timer == 0) return;
  if (i->busy() && event.timer == i->method.timer) {
    i->method.timer = 0;
    method_timeout(*i);
  } else if (event.timer == i->question_timer) {
    i->question_timer = 0;
    if (now_ >= i->question_deadline) {
      silent_question(*i);
    } else {
      put_question(*i);
    }
  } else if (event.timer == i->throttle_timer) {
    i->throttle_timer = 0;
  }
  touch(*i);
}

void Restarter::Data::on(const Claimed& event) {
  auto* i = find(event.fmri);
  if (i != nullptr) i->view.vm_instance = true;
}

void Restarter::Data::on(const Reported& event) {
  auto* i = find(event.fmri);
  if (i == nullptr || !i->view.vm_instance) return;
  // What is told while the start method still runs is asked about once it is over.
  if (!i->up() && i->phase != Phase::starting) return;
  i->reported = true;
  touch(*i);
}

void Restarter::Data::on(const StartCommanded& event) {
  auto* i = find(event.fmri);
  if (i == nullptr || !i->configured || i->removed || i->phase == Phase::starting) return;
  if (i->view.state == State::maintenance) return;
  i->commanded = vm::Cause::operator_word;
  i->not_before = {};
  cancel(*i, i->throttle_timer);
  // What is on its way down is left alone; a start may follow that, and then it is commanded.
  if (i->up() && i->phase != Phase::stopping && i->phase != Phase::emptying) i->restart = true;
  touch(*i);
}

// A fact that comes or goes is to its dependents what the start or stop of an instance is.  Its first value
// is no change: after a restart of the daemon it only becomes known again.
void Restarter::Data::on(const FactChanged& event) {
  const graph::Entity entity{graph::EntityKind::host, event.name};
  const auto before = facts_.find(event.name);
  const bool moved = before != facts_.end() && before->second != event.holds;
  facts_[event.name] = event.holds;
  graph.set_fact(event.name, event.holds);
  changed(entity);
  if (!moved) return;
  if (event.holds) {
    came_up(graph.dependents(entity));
  } else {
    stop_dependents(graph.dependents(entity), StopCause::restart, false);
  }
}

void Restarter::Data::on(const FileChanged& event) {
  graph.set_file(event.path, event.present);
  changed(graph::Entity{graph::EntityKind::file, event.path});
}

}  // namespace vmkeep::restarter
