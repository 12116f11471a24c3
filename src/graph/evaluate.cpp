#include "graph/evaluate.h"

#include <algorithm>

namespace vmkeep::graph {
namespace {

constexpr auto kSatisfied = Satisfaction::satisfied;
constexpr auto kUnsatisfied = Satisfaction::unsatisfied;
constexpr auto kUnsatisfiable = Satisfaction::unsatisfiable;

// Whether the satisfiability of an entity in this state hangs on its own dependencies.
bool hangs_on_its_own(const Node& node) {
  if (!node.configured || node.to_disable) return false;
  return node.state == State::offline || (node.state == State::disabled && node.enabled);
}

// The worst of many: in plain mode everything that is not satisfied is only "not now" (5.1, require_all).
class Worst {
 public:
  void add(Satisfaction s) { worst_ = std::min(worst_, s); }
  Satisfaction result(bool could_ever) const { return could_ever ? worst_ : std::max(worst_, kUnsatisfied); }

 private:
  Satisfaction worst_ = kSatisfied;
};

bool holds(const Target* target) {
  return target != nullptr && static_cast<const Thing*>(target)->holds;
}
const Record* instance(const Target* target) {
  return static_cast<const Record*>(target);
}
const std::vector<Record*>& instances(const Target* target) {
  static const std::vector<Record*> kNone;
  return target == nullptr ? kNone : static_cast<const Service*>(target)->instances;
}

Satisfaction instance_entity(const Record* record, bool could_ever) {
  if (record == nullptr || !record->known || !record->node.configured) return kUnsatisfiable;
  const auto& node = record->node;
  switch (node.state) {
    case State::online:
    case State::degraded:
      if (node.to_disable) return kUnsatisfiable;
      return node.to_offline ? kUnsatisfied : kSatisfied;
    case State::offline:
      if (!could_ever) return kUnsatisfied;
      if (node.to_disable) return kUnsatisfiable;
      return record->possible == kUnsatisfiable ? kUnsatisfiable : kUnsatisfied;
    case State::disabled:
      if (!could_ever) return kUnsatisfied;
      if (!node.enabled || node.to_disable) return kUnsatisfiable;
      return record->possible == kUnsatisfiable ? kUnsatisfiable : kUnsatisfied;
    case State::maintenance:
      return kUnsatisfiable;
    default:
      return kUnsatisfied;
  }
}

Satisfaction entity_now(EntityKind kind, const Target* target, bool could_ever) {
  switch (kind) {
    case EntityKind::file:
      return holds(target) ? kSatisfied : kUnsatisfiable;
    case EntityKind::host:
      return holds(target) ? kSatisfied : kUnsatisfied;
    case EntityKind::instance:
      return instance_entity(instance(target), could_ever);
    case EntityKind::service:
      break;
  }
  auto best = kUnsatisfiable;
  for (const auto* each : instances(target)) {
    best = std::max(best, instance_entity(each, could_ever));
    if (best == kSatisfied) break;
  }
  return best;
}

Satisfaction require_all(const Dependency& dependency, const Target* const* members, bool could_ever) {
  Worst worst;
  for (const auto& member : dependency.entities) worst.add(entity_now(member.kind, *members++, could_ever));
  return worst.result(could_ever);
}

Satisfaction require_any(const Dependency& dependency, const Target* const* members, bool could_ever) {
  if (dependency.entities.empty()) return kSatisfied;
  auto best = kUnsatisfiable;
  for (const auto& member : dependency.entities) {
    best = std::max(best, entity_now(member.kind, *members++, could_ever));
    if (best == kSatisfied) break;
  }
  return best;
}

// Satisfied for members that an optional dependency does not look at.
Satisfaction optional_instance(const Record* record, bool could_ever) {
  if (record == nullptr || !record->known || !record->node.configured) return kSatisfied;
  const auto state = record->node.state;
  if (state == State::maintenance) return kSatisfied;
  if (state != State::offline && state != State::disabled) return instance_entity(record, could_ever);
  const auto ever = instance_entity(record, true);
  return ever == kUnsatisfiable ? kSatisfied : ever;
}

Satisfaction optional_all(const Dependency& dependency, const Target* const* members, bool could_ever) {
  Worst worst;
  for (const auto& member : dependency.entities) {
    const auto* target = *members++;
    if (member.kind == EntityKind::instance) {
      worst.add(optional_instance(instance(target), could_ever));
    } else if (member.kind == EntityKind::service) {
      for (const auto* each : instances(target)) worst.add(optional_instance(each, could_ever));
    } else {
      worst.add(entity_now(member.kind, target, could_ever));
    }
  }
  return worst.result(could_ever);
}

Satisfaction excluded(const Record* record) {
  if (record == nullptr || !record->known || !record->node.configured) return kSatisfied;
  const auto& node = record->node;
  switch (node.state) {
    case State::online:
    case State::degraded:
      return node.enabled && !node.to_disable ? kUnsatisfiable : kUnsatisfied;
    case State::disabled:
    case State::maintenance:
      return kSatisfied;
    default:
      return kUnsatisfied;
  }
}

Satisfaction exclude_all(const Dependency& dependency, const Target* const* members) {
  auto worst = kSatisfied;
  for (const auto& member : dependency.entities) {
    const auto* target = *members++;
    switch (member.kind) {
      case EntityKind::file:
        if (holds(target)) worst = kUnsatisfiable;
        break;
      case EntityKind::host:  // a fact passes by itself, a file does not
        if (holds(target)) worst = std::min(worst, kUnsatisfied);
        break;
      case EntityKind::instance:
        worst = std::min(worst, excluded(instance(target)));
        break;
      case EntityKind::service:
        for (const auto* each : instances(target)) worst = std::min(worst, excluded(each));
        break;
    }
  }
  return worst;
}

// The members whose kept answer is needed and missing.  exclude_all looks at states only, so its edges, the
// only ones that may close a cycle, are not followed.
void push_unknown(Groups groups, std::vector<const Record*>& stack) {
  const auto push = [&](const Record* record) {
    if (record == nullptr || !record->known || record->possible) return;
    if (hangs_on_its_own(record->node)) stack.push_back(record);
  };
  const auto* member = groups.members;
  for (const auto& dependency : groups.dependencies) {
    for (const auto& named : dependency.entities) {
      const auto* target = *member++;
      if (dependency.grouping == Grouping::exclude_all) continue;
      if (named.kind == EntityKind::instance) push(instance(target));
      if (named.kind != EntityKind::service) continue;
      for (const auto* each : instances(target)) push(each);
    }
  }
}

}  // namespace

Groups groups_of(const Record& record) {
  static const std::vector<Dependency> kNone;
  return {record.dependencies == nullptr ? kNone : *record.dependencies, record.members.data()};
}

Satisfaction Graph::Data::entity(EntityKind kind, const Target* target, bool could_ever) {
  return entity_now(kind, target, could_ever);
}

Satisfaction Graph::Data::group(const Dependency& dependency, const Target* const* members, bool could_ever) {
  switch (dependency.grouping) {
    case Grouping::require_all:
      return require_all(dependency, members, could_ever);
    case Grouping::require_any:
      return require_any(dependency, members, could_ever);
    case Grouping::optional_all:
      return optional_all(dependency, members, could_ever);
    case Grouping::exclude_all:
      return exclude_all(dependency, members);
  }
  return kUnsatisfiable;
}

Satisfaction Graph::Data::all_of(Groups groups, bool could_ever) {
  auto worst = kSatisfied;
  const auto* members = groups.members;
  for (const auto& dependency : groups.dependencies) {
    worst = std::min(worst, group(dependency, members, could_ever));
    members += dependency.entities.size();
  }
  return worst;
}

void Graph::Data::prepare(Groups groups) {
  std::vector<const Record*> stack;
  push_unknown(groups, stack);
  while (!stack.empty()) {
    const auto* top = stack.back();
    if (top->possible) {
      stack.pop_back();
      continue;
    }
    const auto before = stack.size();
    push_unknown(groups_of(*top), stack);
    if (stack.size() != before) continue;
    top->possible = all_of(groups_of(*top), true);
    stack.pop_back();
  }
}

Satisfaction Graph::Data::possible(const Record& record) {
  if (!record.possible) {
    prepare(groups_of(record));
    record.possible = all_of(groups_of(record), true);
  }
  return *record.possible;
}

void Graph::Data::forget_above(const Target& target) {
  std::vector<const Record*> todo;
  const auto forget = [&todo](const Target& named) {
    for (const auto& edge : named.above.edges()) {
      if (!edge.from->possible) continue;  // then nobody above it keeps an answer that used it
      edge.from->possible.reset();
      todo.push_back(edge.from);
    }
  };
  forget(target);
  while (!todo.empty()) {
    const auto* record = todo.back();
    todo.pop_back();
    forget(*record);
    if (record->service != nullptr) forget(*record->service);
  }
}

void Graph::Data::forget_possible(const Record& record) {
  forget_above(record);
  if (record.service != nullptr) forget_above(*record.service);
}

}  // namespace vmkeep::graph
