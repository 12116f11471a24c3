#include "tools/world.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cerrno>

#include "control/patterns.h"
#include "tools/narrow_world.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

Result<> take_facts(const json::object& reply, World& world) {
  const json::value* facts = reply.if_contains("facts");
  if (facts == nullptr || !facts->is_array()) return {};
  for (const json::value& element : facts->get_array()) {
    const json::object* fact = element.if_object();
    if (fact == nullptr) return fail(ErrorKind::invalid, "vmkeepd told a fact that is no object");
    auto name = control::string_member(*fact, "name");
    if (!name) return in("a fact of vmkeepd", name.error());
    auto why = control::string_member(*fact, "why");
    world.facts[*name] = {control::bool_member(*fact, "holds", false), why ? *why : std::string()};
  }
  return {};
}

void look_at_files(World& world) {
  for (const auto& instance : world.instances) {
    for (const graph::Dependency& dependency : dependencies_of(instance)) {
      for (const graph::Entity& entity : dependency.entities) {
        if (entity.kind != graph::EntityKind::file || world.files.contains(entity.name)) continue;
        struct stat found {};
        const bool there = ::stat(entity.name.c_str(), &found) == 0;
        if (!there && errno != ENOENT && errno != ENOTDIR) world.hidden_files.insert(entity.name);
        world.files[entity.name] = there;
      }
    }
  }
}

}  // namespace

void World::take_places() const {
  if (places_.size() == instances.size()) return;
  places_.clear();
  services_.clear();
  for (size_t i = 0; i < instances.size(); ++i) {
    const std::string& name = instances[i].fmri;
    places_.emplace(name, i);
    services_[name.substr(0, name.rfind(':'))].push_back(i);
  }
}

size_t World::place(const control::InstanceMessage& instance) const {
  return static_cast<size_t>(&instance - instances.data());
}

const control::InstanceMessage* World::find(const std::string& fmri) const {
  take_places();
  const auto found = places_.find(fmri);
  if (found == places_.end() || instances[found->second].fmri != fmri) return nullptr;
  return &instances[found->second];
}

std::vector<fmri::Entry> World::entries() const {
  std::map<std::string, std::vector<std::string>> services;
  for (const auto& instance : instances) {
    if (auto name = fmri::Fmri::parse(instance.fmri)) services[name->service].push_back(name->instance);
  }
  std::vector<fmri::Entry> all;
  for (auto& [service, names] : services) {
    std::sort(names.begin(), names.end());
    all.push_back({service, std::move(names)});
  }
  return all;
}

std::vector<const control::InstanceMessage*> World::instances_of(const std::string& service) const {
  std::vector<const control::InstanceMessage*> all;
  take_places();
  const auto found = services_.find(service);
  if (found == services_.end()) return all;
  all.reserve(found->second.size());
  for (const size_t at : found->second) all.push_back(&instances[at]);
  return all;
}

std::unique_ptr<graph::Graph> World::graph() const {
  auto graph = std::make_unique<graph::Graph>();
  for (const auto& [name, fact] : facts) graph->set_fact(name, fact.holds);
  for (const auto& [path, present] : files) graph->set_file(path, present);
  for (const auto& instance : instances) {
    graph::Node node;
    node.configured = instance.configured;
    node.enabled = instance.enabled;
    node.state = state_of(instance);
    graph->set_node(instance.fmri, node);
  }
  for (const auto& instance : instances) graph->set_dependencies(instance.fmri, dependencies_of(instance));
  return graph;
}

namespace {

Result<World> ask_world(control::Client& client, const json::object& parameters) {
  auto reply = client.call("Instances", parameters);
  if (!reply) return reply.error();
  const json::value* instances = reply->if_contains("instances");
  if (instances == nullptr || !instances->is_array()) {
    return fail(ErrorKind::invalid, "vmkeepd answered without instances");
  }
  World world;
  world.instances.reserve(instances->get_array().size());
  for (const json::value& element : instances->get_array()) {
    auto instance = control::instance_from(element);
    if (!instance) return in("vmkeepd answered with something else than an instance", instance.error());
    world.instances.push_back(std::move(*instance));
  }
  if (auto facts = take_facts(*reply, world); !facts) return facts.error();
  return world;
}

}  // namespace

Result<World> fetch_world(control::Client& client, bool dependencies) {
  auto world = ask_world(client, {{"dependencies", dependencies}});
  if (world && dependencies) look_at_files(*world);
  return world;
}

Result<World> fetch_brief_world(control::Client& client) {
  return ask_world(client, {{"brief", true}});
}

Result<World> fetch_world_of(control::Client& client, const std::vector<std::string>& operands) {
  return ask_world(client, {{"dependencies", false}, {"patterns", control::patterns_of(operands)}});
}

graph::State state_of(const control::InstanceMessage& instance) {
  return graph::state(instance.state).value_or(graph::State::none);
}

graph::State next_state_of(const control::InstanceMessage& instance) {
  return graph::state(instance.next_state).value_or(graph::State::none);
}

bool is_up(const control::InstanceMessage& instance) {
  return graph::is_up(state_of(instance));
}

Result<graph::Entity> entity_from(const std::string& text) {
  if (text.starts_with("file:")) {
    auto path = fmri::parse_file_fmri(text);
    if (!path) return path.error();
    return graph::Entity{graph::EntityKind::file, *path};
  }
  if (text.starts_with("host:")) return graph::Entity{graph::EntityKind::host, text.substr(5)};
  auto name = fmri::Fmri::parse(text);
  if (!name) return name.error();
  return graph::Entity{name->is_instance() ? graph::EntityKind::instance : graph::EntityKind::service,
                       name->entity()};
}

std::vector<graph::Dependency> dependencies_of(const control::InstanceMessage& instance) {
  std::vector<graph::Dependency> all;
  if (!instance.dependencies) return all;
  for (const control::DependencyMessage& message : *instance.dependencies) {
    graph::Dependency dependency;
    dependency.name = message.name;
    dependency.grouping = graph::grouping(message.grouping).value_or(graph::Grouping::require_all);
    dependency.restart_on = graph::restart_on(message.restart_on).value_or(graph::RestartOn::none);
    for (const std::string& text : message.entities) {
      if (auto entity = entity_from(text)) dependency.entities.push_back(std::move(*entity));
    }
    all.push_back(std::move(dependency));
  }
  return all;
}

}  // namespace vmkeep::tools
