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

bool lookup(const std::map<std::string, bool>& table, const std::string& name) {
  const auto found = table.find(name);
  return found != table.end() && found->second;
}

}  // namespace

Satisfaction Graph::Data::instance_entity(const Record* record, bool could_ever) const {
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

Satisfaction Graph::Data::entity(const Entity& entity, bool could_ever) const {
  switch (entity.kind) {
    case EntityKind::file:
      return lookup(present_files, entity.name) ? kSatisfied : kUnsatisfiable;
    case EntityKind::host:
      return lookup(facts, entity.name) ? kSatisfied : kUnsatisfied;
    case EntityKind::instance:
      return instance_entity(find(entity.name), could_ever);
    case EntityKind::service:
      break;
  }
  auto best = kUnsatisfiable;
  const auto service = services.find(entity.name);
  if (service == services.end()) return best;
  for (const auto& name : service->second) {
    best = std::max(best, instance_entity(find(name), could_ever));
    if (best == kSatisfied) break;
  }
  return best;
}

Satisfaction Graph::Data::require_all(const Dependency& dependency, bool could_ever) const {
  Worst worst;
  for (const auto& member : dependency.entities) worst.add(entity(member, could_ever));
  return worst.result(could_ever);
}

Satisfaction Graph::Data::require_any(const Dependency& dependency, bool could_ever) const {
  if (dependency.entities.empty()) return kSatisfied;
  auto best = kUnsatisfiable;
  for (const auto& member : dependency.entities) {
    best = std::max(best, entity(member, could_ever));
    if (best == kSatisfied) break;
  }
  return best;
}

// Nothing for members that an optional dependency does not look at.
std::optional<Satisfaction> Graph::Data::optional_instance(const Record* record, bool could_ever) const {
  if (record == nullptr || !record->known || !record->node.configured) return std::nullopt;
  const auto state = record->node.state;
  if (state == State::maintenance) return std::nullopt;
  if (state != State::offline && state != State::disabled) return instance_entity(record, could_ever);
  const auto ever = instance_entity(record, true);
  return ever == kUnsatisfiable ? kSatisfied : ever;
}

Satisfaction Graph::Data::optional_all(const Dependency& dependency, bool could_ever) const {
  Worst worst;
  for (const auto& member : dependency.entities) {
    if (member.kind == EntityKind::instance) {
      worst.add(optional_instance(find(member.name), could_ever).value_or(kSatisfied));
    } else if (member.kind == EntityKind::service) {
      const auto service = services.find(member.name);
      if (service == services.end()) continue;
      for (const auto& name : service->second) {
        worst.add(optional_instance(find(name), could_ever).value_or(kSatisfied));
      }
    } else {
      worst.add(entity(member, could_ever));
    }
  }
  return worst.result(could_ever);
}

Satisfaction Graph::Data::excluded(const Record* record) const {
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

Satisfaction Graph::Data::exclude_all(const Dependency& dependency) const {
  auto worst = kSatisfied;
  for (const auto& member : dependency.entities) {
    switch (member.kind) {
      case EntityKind::file:
        if (lookup(present_files, member.name)) worst = kUnsatisfiable;
        break;
      case EntityKind::host:  // a fact passes by itself, a file does not
        if (lookup(facts, member.name)) worst = std::min(worst, kUnsatisfied);
        break;
      case EntityKind::instance:
        worst = std::min(worst, excluded(find(member.name)));
        break;
      case EntityKind::service: {
        const auto service = services.find(member.name);
        if (service == services.end()) break;
        for (const auto& name : service->second) worst = std::min(worst, excluded(find(name)));
        break;
      }
    }
  }
  return worst;
}

Satisfaction Graph::Data::group(const Dependency& dependency, bool could_ever) const {
  switch (dependency.grouping) {
    case Grouping::require_all:
      return require_all(dependency, could_ever);
    case Grouping::require_any:
      return require_any(dependency, could_ever);
    case Grouping::optional_all:
      return optional_all(dependency, could_ever);
    case Grouping::exclude_all:
      return exclude_all(dependency);
  }
  return kUnsatisfiable;
}

Satisfaction Graph::Data::all_of(const std::vector<Dependency>& dependencies, bool could_ever) const {
  auto worst = kSatisfied;
  for (const auto& dependency : dependencies) worst = std::min(worst, group(dependency, could_ever));
  return worst;
}

// The members whose kept answer is needed and missing.  exclude_all looks at states only, so its edges, the
// only ones that may close a cycle, are not followed.
void Graph::Data::push_unknown(const std::vector<Dependency>& dependencies,
                               std::vector<const Record*>& stack) const {
  const auto push = [&](const std::string& name) {
    const auto* record = find(name);
    if (record == nullptr || !record->known || record->possible) return;
    if (hangs_on_its_own(record->node)) stack.push_back(record);
  };
  for (const auto& dependency : dependencies) {
    if (dependency.grouping == Grouping::exclude_all) continue;
    for (const auto& member : dependency.entities) {
      if (member.kind == EntityKind::instance) push(member.name);
      if (member.kind != EntityKind::service) continue;
      const auto service = services.find(member.name);
      if (service == services.end()) continue;
      for (const auto& name : service->second) push(name);
    }
  }
}

void Graph::Data::prepare(const std::vector<Dependency>& dependencies) const {
  std::vector<const Record*> stack;
  push_unknown(dependencies, stack);
  while (!stack.empty()) {
    const auto* top = stack.back();
    if (top->possible) {
      stack.pop_back();
      continue;
    }
    const auto before = stack.size();
    push_unknown(top->dependencies, stack);
    if (stack.size() != before) continue;
    top->possible = all_of(top->dependencies, true);
    stack.pop_back();
  }
}

Satisfaction Graph::Data::possible(const Record& record) const {
  if (!record.possible) {
    prepare(record.dependencies);
    record.possible = all_of(record.dependencies, true);
  }
  return *record.possible;
}

void Graph::Data::forget_dependents(const Entity& entity) {
  const auto entry = by_entity.find(entity);
  if (entry == by_entity.end()) return;
  for (const auto& [name, groups] : entry->second) {
    auto& record = records.find(name)->second;
    if (!record.possible) continue;  // then nobody above it keeps an answer that used it
    record.possible.reset();
    forget_possible(name);
  }
}

void Graph::Data::forget_possible(const std::string& instance) {
  std::vector<std::string> todo{instance};
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    for (const auto& entity :
         {Entity{EntityKind::instance, name}, Entity{EntityKind::service, service_of(name)}}) {
      const auto entry = by_entity.find(entity);
      if (entry == by_entity.end()) continue;
      for (const auto& [above, groups] : entry->second) {
        auto& record = records.find(above)->second;
        if (!record.possible) continue;
        record.possible.reset();
        todo.push_back(above);
      }
    }
  }
}

}  // namespace vmkeep::graph
