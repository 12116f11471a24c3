#include "tools/waiting.h"

#include <algorithm>

#include "graph/milestone.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::EntityKind;
using graph::Grouping;
using graph::State;

Wait failed(int status, const std::string& fmri, const std::string& what) {
  return {true, status, "Instance \"" + fmri + "\" " + what};
}

// No other restarter than ours speaks with vmkeepd: an instance that is given to one stays as it is.
bool is_ours(const InstanceMessage& instance) {
  if (instance.restarter.empty()) return true;
  const auto restarter = fmri::Fmri::parse(instance.restarter);
  return restarter && restarter->str() == graph::kMasterRestarter;
}

class Requirements {
 public:
  explicit Requirements(const World& world) : world_(world) {}

  Result<> visit(const std::string& fmri) {
    if (std::find(order_.begin(), order_.end(), fmri) != order_.end()) return {};
    if (!under_way_.insert(fmri).second)
      return fail(ErrorKind::invalid, fmri + ": Dependency cycle detected.");
    const InstanceMessage* instance = world_.find(fmri);
    if (instance != nullptr) {
      for (const graph::Dependency& dependency : dependencies_of(*instance)) {
        if (auto visited = visit(fmri, dependency); !visited) return visited;
      }
      if (auto visited = visit_restarter(*instance); !visited) return visited;
    }
    under_way_.erase(fmri);
    order_.push_back(fmri);
    return {};
  }

  std::vector<std::string> order() && { return std::move(order_); }

 private:
  // Ours runs, or nobody would answer; somebody else's is an instance like any other.
  Result<> visit_restarter(const InstanceMessage& instance) {
    const auto restarter = fmri::Fmri::parse(instance.restarter);
    if (!restarter || !restarter->is_instance() || restarter->service == "system/svc/restarter") return {};
    const InstanceMessage* found = world_.find(restarter->entity());
    if (found == nullptr)
      return fail(ErrorKind::invalid, "No such instance \"" + restarter->entity() + "\".");
    if (is_up(*found)) return {};
    return visit(found->fmri);
  }

  Result<> visit(const std::string& fmri, const graph::Dependency& dependency) {
    if (dependency.grouping == Grouping::require_any) return visit_one_of(fmri, dependency);
    if (dependency.grouping != Grouping::require_all) return {};
    for (const graph::Entity& entity : dependency.entities) {
      if (entity.kind == EntityKind::file || entity.kind == EntityKind::host) continue;
      const auto members = members_of(entity);
      if (std::any_of(members.begin(), members.end(), [](const auto* member) { return is_up(*member); }))
        continue;
      if (members.empty()) {
        return fail(ErrorKind::invalid, entity.kind == EntityKind::service
                                            ? "Service \"" + entity.name + "\" has no instances."
                                            : "No such instance \"" + entity.name + "\".");
      }
      if (members.size() > 1) {
        return fail(ErrorKind::invalid,
                    fmri + " depends on " + entity.name + ", which has multiple instances.");
      }
      if (auto visited = visit(members.front()->fmri); !visited) return visited;
    }
    return {};
  }

  Result<> visit_one_of(const std::string& fmri, const graph::Dependency& dependency) {
    std::vector<const InstanceMessage*> candidates;
    for (const graph::Entity& entity : dependency.entities) {
      for (const InstanceMessage* member : members_of(entity)) {
        if (member->enabled) return visit(member->fmri);
        candidates.push_back(member);
      }
    }
    if (candidates.empty()) return {};
    if (candidates.size() == 1) return visit(candidates.front()->fmri);
    std::string message = fmri + " requires one of:";
    for (const InstanceMessage* candidate : candidates) message += "\n  " + candidate->fmri;
    return fail(ErrorKind::invalid, message);
  }

  std::vector<const InstanceMessage*> members_of(const graph::Entity& entity) const {
    if (entity.kind == EntityKind::service) return world_.instances_of(entity.name);
    if (entity.kind != EntityKind::instance) return {};
    const InstanceMessage* found = world_.find(entity.name);
    if (found == nullptr) return {};
    return {found};
  }

  const World& world_;
  std::vector<std::string> order_;
  std::set<std::string> under_way_;
};

}  // namespace

bool hangs_on_others(const InstanceMessage& instance) {
  return state_of(instance) == State::offline && next_state_of(instance) == State::none;
}

Wait judge(const World& world, const graph::Graph& graph, const std::string& fmri, Goal goal, double since) {
  const InstanceMessage* instance = world.find(fmri);
  if (instance == nullptr) return {true, kOtherwise, "No such instance \"" + fmri + "\"."};
  const State state = state_of(*instance);
  const bool settled = next_state_of(*instance) == State::none;
  const bool fresh = goal == Goal::enabled || goal == Goal::disabled || instance->state_time > since;
  // What is cleared goes where its flag says.
  const bool wants_up = goal == Goal::cleared ? instance->enabled : goal != Goal::disabled;
  const bool there = wants_up ? graph::is_up(state) : state == State::disabled;
  if (there && settled && fresh) return {true, 0, ""};
  if (!is_ours(*instance))
    return {true, kImpossible, "Restarter for instance \"" + fmri + "\" is unavailable."};
  if (instance->enabled != wants_up) {
    return failed(kOtherwise, fmri,
                  wants_up ? "has been disabled by another entity." : "has been enabled by another entity.");
  }
  if (state == State::maintenance && settled && (goal == Goal::enabled || instance->state_time > since)) {
    return failed(kOtherwise, fmri, "is in maintenance state.");
  }
  if (wants_up && hangs_on_others(*instance) &&
      graph.satisfaction(fmri, true) == graph::Satisfaction::unsatisfiable) {
    return failed(kImpossible, fmri, "has unsatisfied dependencies.");
  }
  return {};
}

Result<std::vector<std::string>> requirements(const World& world, const std::string& fmri) {
  Requirements all(world);
  if (auto visited = all.visit(fmri); !visited) return visited.error();
  std::vector<std::string> order = std::move(all).order();
  order.pop_back();  // the instance itself
  return order;
}

}  // namespace vmkeep::tools
