// What the change of one instance means to others (5.2 to 5.4), and stops in order.
#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

void Restarter::Data::changed(Instance& i) {
  reconsider(graph.dependents(i.fmri));
}

void Restarter::Data::changed(const graph::Entity& entity) {
  reconsider(graph.dependents(entity));
}

// Marks those that may start now.  An offline instance that can never start any more, or can again, is news
// to its own dependents (optional_all looks at that); those whose prospects did not change end the walk.
void Restarter::Data::reconsider(const std::vector<graph::Graph::Dependent>& dependents) {
  std::vector<std::string_view> todo;  // nothing in here changes the graph
  todo.reserve(dependents.size());
  for (const auto& dependent : dependents) todo.push_back(dependent.instance);
  while (!todo.empty()) {
    auto* above = find(todo.back());
    todo.pop_back();
    if (above == nullptr) continue;
    if (above->view.state == State::offline) touch(*above);
    const bool unsatisfiable = graph.satisfaction(above->fmri, true) == graph::Satisfaction::unsatisfiable;
    if (unsatisfiable == above->unsatisfiable) continue;
    above->unsatisfiable = unsatisfiable;
    if (above->up()) continue;
    for (const auto& dependent : graph.dependents(above->fmri)) todo.push_back(dependent.instance);
  }
}

// Its start stops some of those that run: exclude_all, and optional_all that binds on.
void Restarter::Data::came_up(const std::vector<graph::Graph::Dependent>& dependents) {
  for (const auto& dependent : dependents) {
    auto* other = find(dependent.instance);
    if (other == nullptr || !graph::binds_on_start(*dependent.dependency)) continue;
    if (!other->up() && other->phase != Phase::starting) continue;
    if (!other->dependency_stop) other->dependency_stop = false;
    touch(*other);
  }
}

// Those whose start method runs are stopped when it is over: they were started on what is gone now.
void Restarter::Data::stop_dependents(const std::vector<graph::Graph::Dependent>& dependents, StopCause cause,
                                      bool reset) {
  for (const auto& dependent : dependents) {
    if (!graph::binds(*dependent.dependency, cause)) continue;
    auto* other = find(dependent.instance);
    if (other == nullptr) continue;
    const bool stops_already = other->phase == Phase::stopping || other->phase == Phase::emptying;
    if (stops_already || (!other->up() && other->phase != Phase::starting)) continue;
    other->dependency_stop = reset || other->dependency_stop.value_or(false);
    touch(*other);
  }
}

// Whether a dependency that stops it is down, or one that it excludes up.  Of files and facts only their
// changes count.
bool Restarter::Data::lost_ground(const Instance& i) const {
  for (const auto& dependency : graph.dependencies(i.fmri)) {
    if (dependency.entities.empty()) continue;
    const auto kind = dependency.entities.front().kind;
    if (kind == graph::EntityKind::file || kind == graph::EntityKind::host) continue;
    const auto satisfied = graph.satisfaction(dependency);
    const bool excludes = dependency.grouping == graph::Grouping::exclude_all;
    if (excludes && graph::binds_on_start(dependency) && satisfied == graph::Satisfaction::unsatisfiable)
      return true;
    if (graph::binds(dependency, StopCause::restart) && satisfied != graph::Satisfaction::satisfied)
      return true;
  }
  return false;
}

// ---- stops in order
// -------------------------------------------------------------------------------------------

bool Restarter::Data::wants_order(const Instance& i) const {
  return !i.view.enabled || shutting_down_ || !i.awaited_by.empty();
}

// A disable waits for the dependents that it would stop; the end of everything waits for all of them.
void Restarter::Data::ordered_stop(Instance& i) {
  drop_question(i);
  for (const auto& dependent : graph.dependents(i.fmri)) {
    const auto& group = *dependent.dependency;
    const bool follows = shutting_down_ ? group.grouping != graph::Grouping::exclude_all
                                        : graph::binds(group, StopCause::restart);
    auto* other = find(dependent.instance);
    if (!follows || other == nullptr || other == &i || (!other->up() && !other->busy())) continue;
    if (!i.awaits.insert(other->fmri).second) continue;
    other->awaited_by.insert(i.fmri);
    publish_node(*other);
    touch(*other);
  }
  if (i.awaits.empty()) want_ordered_stop(i);
}

StopGoal Restarter::Data::order_goal(const Instance& i) const {
  if (!i.view.enabled) {
    if (i.verdict_stop && i.verdict_stop->to == State::disabled) return *i.verdict_stop;
    return {State::disabled,
            Reason::disable_request,
            {},
            stopping_because("service disabled"),
            StopCause::restart,
            true,
            true};
  }
  if (shutting_down_) {
    return {State::offline,
            Reason::disable_request,
            {},
            stopping_because("the host or vmkeep goes down"),
            StopCause::restart,
            true,
            true};
  }
  return {State::offline,
          Reason::dependency_activity,
          {},
          stopping_because("dependency activity requires stop"),
          StopCause::restart,
          true,
          true};
}

// It need not wait, or not stop, any more: those that have not begun to stop for its sake need not either.
void Restarter::Data::cancel_order(Instance& i) {
  for (const auto& name : std::exchange(i.awaits, {})) {
    auto* other = find(name);
    if (other == nullptr) continue;
    other->awaited_by.erase(i.fmri);
    publish_node(*other);
    touch(*other);
  }
}

// It is down: those that waited for that may go on.
void Restarter::Data::went_down(Instance& i) {
  if (i.awaited_by.empty()) return;
  for (const auto& name : std::exchange(i.awaited_by, {})) {
    auto* other = find(name);
    if (other == nullptr) continue;
    other->awaits.erase(i.fmri);
    if (other->awaits.empty()) touch(*other);
  }
  publish_node(i);
}

}  // namespace vmkeep::restarter
