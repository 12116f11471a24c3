// The records, their index, and the search for cycles (5.5).
#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "graph/evaluate.h"

namespace vmkeep::graph {

Record& Graph::Data::enter(const std::string& instance) {
  const auto [entry, is_new] = records.try_emplace(instance);
  if (is_new) {
    services[service_of(instance)].insert(instance);
    forget_possible(instance);
  }
  return entry->second;
}

const Record* Graph::Data::find(const std::string& instance) const {
  const auto found = records.find(instance);
  return found == records.end() ? nullptr : &found->second;
}

void Graph::Data::index(const std::string& instance, const Record& record) {
  for (size_t i = 0; i < record.dependencies.size(); i++) {
    for (const auto& member : record.dependencies[i].entities) {
      auto& groups = by_entity[member][instance];
      if (groups.empty() || groups.back() != i) groups.push_back(i);  // a group may name a member twice
    }
  }
}

void Graph::Data::unindex(const std::string& instance, const Record& record) {
  for (const auto& dependency : record.dependencies) {
    for (const auto& member : dependency.entities) {
      const auto entry = by_entity.find(member);
      if (entry == by_entity.end()) continue;
      entry->second.erase(instance);
      if (entry->second.empty()) by_entity.erase(entry);
    }
  }
}

// The instances that these groups lead to.
void Graph::Data::targets(const std::vector<Dependency>& dependencies, std::vector<std::string>& out) const {
  for (const auto& dependency : dependencies) {
    if (dependency.grouping == Grouping::exclude_all) continue;
    for (const auto& member : dependency.entities) {
      if (member.kind == EntityKind::instance) out.push_back(member.name);
      if (member.kind != EntityKind::service) continue;
      const auto service = services.find(member.name);
      if (service != services.end()) out.insert(out.end(), service->second.begin(), service->second.end());
    }
  }
}

// The instances that lead to this one.
void Graph::Data::followers(const std::string& instance, std::vector<std::string>& out) const {
  for (const auto& entity :
       {Entity{EntityKind::instance, instance}, Entity{EntityKind::service, service_of(instance)}}) {
    const auto entry = by_entity.find(entity);
    if (entry == by_entity.end()) continue;
    for (const auto& [name, groups] : entry->second) {
      const auto& all = find(name)->dependencies;
      const auto followed = [&](size_t i) { return all[i].grouping != Grouping::exclude_all; };
      if (std::any_of(groups.begin(), groups.end(), followed)) out.push_back(name);
    }
  }
}

// Searches down from the new targets and up from the instance in turns, and ends when either side has seen
// everything: whoever is loaded first, dependents or dependencies, one of the sides is short, so that loading
// a deep graph stays linear.
bool Graph::Data::closes_cycle(const std::string& instance,
                               const std::vector<Dependency>& dependencies) const {
  std::unordered_set<std::string> below;
  std::unordered_set<std::string> above{instance};
  std::vector<std::string> down;
  std::vector<std::string> up;
  targets(dependencies, down);
  followers(instance, up);
  // An instance that names itself does not follow itself yet.
  for (const auto& name : down) {
    if (name == instance) return true;
  }
  while (!down.empty() && !up.empty()) {
    const std::string lower = std::move(down.back());
    down.pop_back();
    if (above.contains(lower)) return true;
    if (below.insert(lower).second) {
      if (const auto* record = find(lower)) targets(record->dependencies, down);
    }
    const std::string upper = std::move(up.back());
    up.pop_back();
    if (below.contains(upper)) return true;
    if (above.insert(upper).second) followers(upper, up);
  }
  const auto is_above = [&](const std::string& name) { return above.contains(name); };
  const auto is_below = [&](const std::string& name) { return below.contains(name); };
  return std::any_of(down.begin(), down.end(), is_above) || std::any_of(up.begin(), up.end(), is_below);
}

std::vector<std::string> Graph::Data::cycle_path(const std::string& instance,
                                                 const std::vector<Dependency>& dependencies) const {
  std::unordered_map<std::string, std::string> from;
  std::deque<std::string> todo{instance};
  while (!todo.empty()) {
    const std::string name = std::move(todo.front());
    todo.pop_front();
    std::vector<std::string> next;
    if (name == instance) {
      targets(dependencies, next);
    } else if (const auto* record = find(name)) {
      targets(record->dependencies, next);
    }
    for (const auto& target : next) {
      if (!from.try_emplace(target, name).second) continue;
      if (target != instance) {
        todo.push_back(target);
        continue;
      }
      std::vector<std::string> path{instance};
      for (auto at = name; at != instance; at = from[at]) path.push_back(at);
      path.push_back(instance);
      std::reverse(path.begin(), path.end());
      return path;
    }
  }
  return {};
}

}  // namespace vmkeep::graph
