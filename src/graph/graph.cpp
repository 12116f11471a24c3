#include "graph/graph.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "graph/evaluate.h"

namespace vmkeep::graph {
namespace {

constexpr std::array<std::pair<Grouping, std::string_view>, 4> kGroupings = {{
    {Grouping::require_all, "require_all"},
    {Grouping::require_any, "require_any"},
    {Grouping::optional_all, "optional_all"},
    {Grouping::exclude_all, "exclude_all"},
}};

constexpr std::array<std::pair<RestartOn, std::string_view>, 4> kRestartOns = {{
    {RestartOn::none, "none"},
    {RestartOn::error, "error"},
    {RestartOn::restart, "restart"},
    {RestartOn::refresh, "refresh"},
}};

}  // namespace

std::string_view to_string(Grouping grouping) {
  return kGroupings[static_cast<size_t>(grouping)].second;
}
std::string_view to_string(RestartOn restart_on) {
  return kRestartOns[static_cast<size_t>(restart_on)].second;
}

std::optional<Grouping> grouping(std::string_view name) {
  for (const auto& [value, text] : kGroupings) {
    if (text == name) return value;
  }
  return std::nullopt;
}

std::optional<RestartOn> restart_on(std::string_view name) {
  for (const auto& [value, text] : kRestartOns) {
    if (text == name) return value;
  }
  return std::nullopt;
}

bool binds(const Dependency& dependency, StopCause cause) {
  if (dependency.grouping == Grouping::exclude_all) return false;
  return static_cast<int>(cause) + 1 <= static_cast<int>(dependency.restart_on);
}

bool binds_on_start(const Dependency& dependency) {
  switch (dependency.grouping) {
    case Grouping::exclude_all:
      return dependency.restart_on != RestartOn::none;
    case Grouping::optional_all:
      return dependency.restart_on >= RestartOn::restart;
    default:
      return false;
  }
}

std::string service_of(std::string_view instance) {
  const auto colon = instance.rfind(':');
  // The colon of "svc:" does not separate an instance.
  if (colon == std::string_view::npos || instance.substr(0, colon + 1) == "svc:")
    return std::string(instance);
  return std::string(instance.substr(0, colon));
}

Graph::Graph() : data_(std::make_unique<Data>()) {}
Graph::~Graph() = default;

void Graph::set_node(const std::string& instance, const Node& node) {
  auto& record = data_->enter(instance);
  record.node = node;
  record.known = true;
  data_->forget_possible(instance);
}

const Node* Graph::node(const std::string& instance) const {
  const auto* record = data_->find(instance);
  return record != nullptr && record->known ? &record->node : nullptr;
}

void Graph::remove(const std::string& instance) {
  const auto found = data_->records.find(instance);
  if (found == data_->records.end()) return;
  data_->forget_possible(instance);
  data_->unindex(instance, found->second);
  const auto service = data_->services.find(service_of(instance));
  if (service != data_->services.end()) {
    service->second.erase(instance);
    if (service->second.empty()) data_->services.erase(service);
  }
  data_->records.erase(found);
}

std::vector<std::string> Graph::instances() const {
  std::vector<std::string> names;
  for (const auto& [name, record] : data_->records) {
    if (record.known) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Graph::instances_of(const std::string& service) const {
  const auto found = data_->services.find(service);
  if (found == data_->services.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::string> Graph::set_dependencies(const std::string& instance,
                                                 std::vector<Dependency> dependencies) {
  auto& record = data_->enter(instance);
  if (data_->closes_cycle(instance, dependencies)) return data_->cycle_path(instance, dependencies);
  data_->unindex(instance, record);
  record.dependencies = std::move(dependencies);
  data_->index(instance, record);
  record.possible.reset();
  data_->forget_possible(instance);
  return {};
}

const std::vector<Dependency>& Graph::dependencies(const std::string& instance) const {
  static const std::vector<Dependency> kNone;
  const auto* record = data_->find(instance);
  return record != nullptr ? record->dependencies : kNone;
}

void Graph::set_fact(const std::string& name, bool holds) {
  data_->facts[name] = holds;
  data_->forget_dependents(Entity{EntityKind::host, name});
}

void Graph::set_file(const std::string& path, bool present) {
  data_->present_files[path] = present;
  data_->forget_dependents(Entity{EntityKind::file, path});
}

std::vector<std::string> Graph::files() const {
  std::vector<std::string> paths;
  // Asked for often; the files stand together, and most graphs have none.
  for (auto at = data_->by_entity.lower_bound(Entity{EntityKind::file, {}}); at != data_->by_entity.end();
       ++at) {
    if (at->first.kind != EntityKind::file) break;
    if (!at->second.empty()) paths.push_back(at->first.name);
  }
  return paths;
}

Satisfaction Graph::satisfaction(const std::string& instance, bool could_ever) const {
  const auto* record = data_->find(instance);
  if (record == nullptr) return Satisfaction::unsatisfiable;
  if (could_ever) return data_->possible(*record);
  data_->prepare(record->dependencies);
  return data_->all_of(record->dependencies, false);
}

Satisfaction Graph::satisfaction(const Dependency& dependency, bool could_ever) const {
  data_->prepare({dependency});
  return data_->group(dependency, could_ever);
}

Satisfaction Graph::satisfaction(const Entity& entity, bool could_ever) const {
  data_->prepare({Dependency{"", Grouping::require_all, RestartOn::none, {entity}}});
  return data_->entity(entity, could_ever);
}

std::vector<Graph::Dependent> Graph::dependents(const Entity& entity) const {
  std::vector<Dependent> found;
  const auto entry = data_->by_entity.find(entity);
  if (entry == data_->by_entity.end()) return found;
  for (const auto& [name, groups] : entry->second) {
    const auto* record = data_->find(name);
    for (const auto group : groups) found.push_back({name, &record->dependencies[group]});
  }
  return found;
}

std::vector<Graph::Dependent> Graph::dependents(const std::string& instance) const {
  auto found = dependents(Entity{EntityKind::instance, instance});
  auto of_service = dependents(Entity{EntityKind::service, service_of(instance)});
  if (of_service.empty()) return found;
  found.insert(found.end(), of_service.begin(), of_service.end());
  const auto key = [](const Dependent& d) { return std::tie(d.instance, d.dependency); };
  std::sort(found.begin(), found.end(),
            [&](const Dependent& a, const Dependent& b) { return key(a) < key(b); });
  const auto same = [&](const Dependent& a, const Dependent& b) { return key(a) == key(b); };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

namespace {

template <class Binds>
std::vector<std::string> running(const Graph& graph, const std::string& instance, Binds binds_it) {
  std::vector<std::string> names;
  for (const auto& dependent : graph.dependents(instance)) {
    const auto* node = graph.node(dependent.instance);
    if (node == nullptr || !is_up(node->state) || !binds_it(*dependent.dependency)) continue;
    if (names.empty() || names.back() != dependent.instance) names.push_back(dependent.instance);
  }
  return names;
}

}  // namespace

std::vector<std::string> Graph::stopped_by(const std::string& instance, StopCause cause) const {
  return running(*this, instance, [cause](const Dependency& d) { return binds(d, cause); });
}

std::vector<std::string> Graph::stopped_by_start(const std::string& instance) const {
  return running(*this, instance, binds_on_start);
}

std::vector<std::string> Graph::stop_order(const std::string& instance) const {
  struct Frame {
    std::string name;
    std::vector<std::string> dependents;
    size_t next = 0;
  };
  std::vector<std::string> order;
  std::unordered_set<std::string> seen{instance};
  std::vector<Frame> stack;
  stack.push_back({instance, stopped_by(instance, StopCause::restart), 0});
  while (!stack.empty()) {
    auto& top = stack.back();
    if (top.next < top.dependents.size()) {
      const std::string name = top.dependents[top.next++];
      if (seen.insert(name).second) stack.push_back({name, stopped_by(name, StopCause::restart), 0});
      continue;
    }
    if (top.name != instance) order.push_back(top.name);
    stack.pop_back();
  }
  return order;
}

}  // namespace vmkeep::graph
