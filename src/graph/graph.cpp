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
  Data::forget_possible(record);
}

const Node* Graph::node(const std::string& instance) const {
  const auto* record = std::as_const(*data_).find(instance);
  return record != nullptr && record->known ? &record->node : nullptr;
}

void Graph::remove(const std::string& instance) {
  if (auto* record = data_->find(instance)) data_->leave(*record);
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
  std::vector<std::string> names;
  const auto found = data_->services.find(service);
  if (found == data_->services.end()) return names;
  for (const auto* record : found->second.instances) names.emplace_back(record->name);
  return names;
}

std::vector<std::string> Graph::set_dependencies(const std::string& instance,
                                                 std::vector<Dependency> dependencies) {
  return share_dependencies(instance,
                            std::make_shared<const std::vector<Dependency>>(std::move(dependencies)));
}

std::vector<std::string> Graph::share_dependencies(const std::string& instance,
                                                   DependenciesPtr dependencies) {
  auto& record = data_->enter(instance);
  if (data_->closes_cycle(record, *dependencies)) return data_->cycle_path(record, *dependencies);
  data_->unindex(record);
  record.dependencies = std::move(dependencies);
  data_->index(record);
  record.possible.reset();
  Data::forget_possible(record);
  return {};
}

const std::vector<Dependency>& Graph::dependencies(const std::string& instance) const {
  static const std::vector<Dependency> kNone;
  const auto* record = std::as_const(*data_).find(instance);
  return record != nullptr ? groups_of(*record).dependencies : kNone;
}

void Graph::set_fact(const std::string& name, bool holds) {
  auto& fact = data_->facts[name];
  fact.holds = holds;
  Data::forget_above(fact);
}

void Graph::set_file(const std::string& path, bool present) {
  auto& file = data_->files[path];
  file.holds = present;
  Data::forget_above(file);
}

std::vector<std::string> Graph::files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : data_->files) {
    if (!file.above.empty()) paths.push_back(path);
  }
  return paths;
}

Satisfaction Graph::satisfaction(const std::string& instance, bool could_ever) const {
  const auto* record = std::as_const(*data_).find(instance);
  if (record == nullptr) return Satisfaction::unsatisfiable;
  if (could_ever) return Data::possible(*record);
  Data::prepare(groups_of(*record));
  return Data::all_of(groups_of(*record), false);
}

Satisfaction Graph::satisfaction(const Dependency& dependency, bool could_ever) const {
  std::vector<const Target*> members;
  for (const auto& member : dependency.entities) members.push_back(std::as_const(*data_).find(member));
  const std::vector<Dependency> alone{dependency};
  Data::prepare({alone, members.data()});
  return Data::group(dependency, members.data(), could_ever);
}

Satisfaction Graph::satisfaction(const Entity& entity, bool could_ever) const {
  const std::vector<Dependency> alone{{"", Grouping::require_all, RestartOn::none, {entity}}};
  const auto* target = std::as_const(*data_).find(entity);
  Data::prepare({alone, &target});
  return Data::entity(entity.kind, target, could_ever);
}

namespace {

void add_dependents(const Target& target, std::vector<Graph::Dependent>& found) {
  for (const auto& edge : target.above.edges()) {
    found.push_back({edge.from->name, &(*edge.from->dependencies)[edge.group]});
  }
}

}  // namespace

std::vector<Graph::Dependent> Graph::dependents(const Entity& entity) const {
  std::vector<Dependent> found;
  if (const auto* target = std::as_const(*data_).find(entity)) add_dependents(*target, found);
  return found;
}

std::vector<Graph::Dependent> Graph::dependents(const std::string& instance) const {
  std::vector<Dependent> found;
  const auto* target = std::as_const(*data_).find(Entity{EntityKind::instance, instance});
  if (target != nullptr) add_dependents(*target, found);
  const auto of_instance = found.size();
  const auto service = data_->services.find(service_of(instance));
  if (service != data_->services.end()) add_dependents(service->second, found);
  if (of_instance == 0 || of_instance == found.size()) return found;
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
    std::string name(dependent.instance);
    const auto* node = graph.node(name);
    if (node == nullptr || !is_up(node->state) || !binds_it(*dependent.dependency)) continue;
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
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
