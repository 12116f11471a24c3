// The records, who names whom, and the search for cycles (5.5).
#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/evaluate.h"

namespace vmkeep::graph {
namespace {

bool by_name(const Record* a, const Record* b) {
  return a->name < b->name;
}

// The instances that these groups lead to.
void push_below(Groups groups, std::vector<const Record*>& out) {
  const auto* member = groups.members;
  for (const auto& dependency : groups.dependencies) {
    for (const auto& named : dependency.entities) {
      const auto* target = *member++;
      if (dependency.grouping == Grouping::exclude_all || target == nullptr) continue;
      if (named.kind == EntityKind::instance) out.push_back(static_cast<const Record*>(target));
      if (named.kind != EntityKind::service) continue;
      const auto& all = static_cast<const Service*>(target)->instances;
      out.insert(out.end(), all.begin(), all.end());
    }
  }
}

// The instances that lead to this one.
void push_above(const Record& record, std::vector<const Record*>& out) {
  for (const Target* target :
       {static_cast<const Target*>(&record), static_cast<const Target*>(record.service)}) {
    if (target == nullptr) continue;
    for (const auto& edge : target->above.edges()) {
      if ((*edge.from->dependencies)[edge.group].grouping != Grouping::exclude_all) out.push_back(edge.from);
    }
  }
}

}  // namespace

void Above::add(Record& from, uint32_t group) {
  if (!edges_.empty()) {
    const auto& last = edges_.back();
    if (last.from == &from && last.group == group) return;  // a group may name a member twice
    // Those of one record come together, and in their order.
    if (last.from != &from && !by_name(last.from, &from)) sorted_ = false;
  }
  edges_.push_back({&from, group});
}

void Above::remove(const Record& from) {
  std::erase_if(edges_, [&from](const Edge& edge) { return edge.from == &from; });
}

const std::vector<Above::Edge>& Above::edges() const {
  if (!sorted_) {
    std::sort(edges_.begin(), edges_.end(), [](const Edge& a, const Edge& b) {
      return a.from == b.from ? a.group < b.group : by_name(a.from, b.from);
    });
    sorted_ = true;
  }
  return edges_;
}

Record& Graph::Data::enter(const std::string& instance) {
  const auto entry = records.try_emplace(instance).first;
  auto& record = entry->second;
  if (record.service != nullptr) return record;
  record.name = entry->first;
  record.service = &services[service_of(instance)];
  auto& all = record.service->instances;
  all.insert(std::lower_bound(all.begin(), all.end(), &record, by_name), &record);
  forget_possible(record);
  return record;
}

void Graph::Data::leave(Record& record) {
  forget_possible(record);
  unindex(record);
  std::erase(record.service->instances, &record);
  record.service = nullptr;
  record.known = false;
  record.node = Node{};
  record.possible.reset();
  const std::string name(record.name);
  drop_unused({EntityKind::service, service_of(name)});
  drop_unused({EntityKind::instance, name});
}

Record* Graph::Data::find(const std::string& instance) {
  const auto found = records.find(instance);
  return found == records.end() || found->second.service == nullptr ? nullptr : &found->second;
}

const Record* Graph::Data::find(const std::string& instance) const {
  const auto found = records.find(instance);
  return found == records.end() || found->second.service == nullptr ? nullptr : &found->second;
}

const Target* Graph::Data::find(const Entity& entity) const {
  const auto in = [&entity](const auto& table) -> const Target* {
    const auto found = table.find(entity.name);
    return found == table.end() ? nullptr : &found->second;
  };
  switch (entity.kind) {
    case EntityKind::instance:
      return in(records);
    case EntityKind::service:
      return in(services);
    case EntityKind::file:
      return in(files);
    case EntityKind::host:
      return in(facts);
  }
  return nullptr;
}

Target& Graph::Data::target(const Entity& entity) {
  switch (entity.kind) {
    case EntityKind::instance: {
      const auto entry = records.try_emplace(entity.name).first;
      entry->second.name = entry->first;
      return entry->second;
    }
    case EntityKind::service:
      return services[entity.name];
    case EntityKind::file:
      return files[entity.name];
    case EntityKind::host:
      break;
  }
  return facts[entity.name];
}

// Files and facts stay: what was told of them may be asked for again.
void Graph::Data::drop_unused(const Entity& entity) {
  if (entity.kind == EntityKind::instance) {
    const auto found = records.find(entity.name);
    if (found != records.end() && found->second.service == nullptr && found->second.above.empty())
      records.erase(found);
  } else if (entity.kind == EntityKind::service) {
    const auto found = services.find(entity.name);
    if (found != services.end() && found->second.instances.empty() && found->second.above.empty())
      services.erase(found);
  }
}

void Graph::Data::index(Record& record) {
  uint32_t group = 0;
  for (const auto& dependency : *record.dependencies) {
    for (const auto& member : dependency.entities) {
      auto& named = target(member);
      named.above.add(record, group);
      record.members.push_back(&named);
    }
    ++group;
  }
  record.members.shrink_to_fit();
}

void Graph::Data::unindex(Record& record) {
  const auto dependencies = std::exchange(record.dependencies, nullptr);
  for (auto* member : std::exchange(record.members, {})) member->above.remove(record);
  if (dependencies == nullptr) return;
  for (const auto& dependency : *dependencies) {
    for (const auto& member : dependency.entities) drop_unused(member);
  }
}

std::vector<const Record*> Graph::Data::below(const std::vector<Dependency>& dependencies) const {
  std::vector<const Target*> members;
  for (const auto& dependency : dependencies) {
    for (const auto& member : dependency.entities) members.push_back(find(member));
  }
  std::vector<const Record*> found;
  push_below({dependencies, members.data()}, found);
  return found;
}

// Searches down from the new targets and up from the instance in turns, and ends when either side has seen
// everything: whoever is loaded first, dependents or dependencies, one of the sides is short, so that loading
// a deep graph stays linear.
bool Graph::Data::closes_cycle(const Record& record, const std::vector<Dependency>& dependencies) const {
  auto down = below(dependencies);
  // An instance that names itself does not follow itself yet.
  if (std::find(down.begin(), down.end(), &record) != down.end()) return true;
  std::vector<const Record*> up;
  push_above(record, up);
  if (down.empty() || up.empty()) return false;
  std::unordered_set<const Record*> seen_below;
  std::unordered_set<const Record*> seen_above{&record};
  while (!down.empty() && !up.empty()) {
    const auto* lower = down.back();
    down.pop_back();
    if (seen_above.contains(lower)) return true;
    if (seen_below.insert(lower).second) push_below(groups_of(*lower), down);
    const auto* upper = up.back();
    up.pop_back();
    if (seen_below.contains(upper)) return true;
    if (seen_above.insert(upper).second) push_above(*upper, up);
  }
  const auto is_above = [&](const Record* each) { return seen_above.contains(each); };
  const auto is_below = [&](const Record* each) { return seen_below.contains(each); };
  return std::any_of(down.begin(), down.end(), is_above) || std::any_of(up.begin(), up.end(), is_below);
}

std::vector<std::string> Graph::Data::cycle_path(const Record& record,
                                                 const std::vector<Dependency>& dependencies) const {
  std::unordered_map<const Record*, const Record*> from;
  std::deque<const Record*> todo{&record};
  while (!todo.empty()) {
    const auto* at = todo.front();
    todo.pop_front();
    std::vector<const Record*> next;
    if (at == &record) {
      next = below(dependencies);
    } else {
      push_below(groups_of(*at), next);
    }
    for (const auto* target : next) {
      if (!from.try_emplace(target, at).second) continue;
      if (target != &record) {
        todo.push_back(target);
        continue;
      }
      std::vector<std::string> path{std::string(record.name)};
      for (const auto* step = at; step != &record; step = from[step]) path.emplace_back(step->name);
      path.emplace_back(record.name);
      std::reverse(path.begin(), path.end());
      return path;
    }
  }
  return {};
}

}  // namespace vmkeep::graph
