#include "tools/listing.h"

#include "tools/time_text.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::EntityKind;

std::string labelled(std::string label, const std::string& value) {
  label.append(13 - std::min<size_t>(13, label.size()), ' ');
  return label + value + "\n";
}

std::string state_or_dash(const InstanceMessage& instance) {
  return instance.state.empty() ? "-" : instance.state;
}

}  // namespace

std::string standing(const World& world, const std::string& text) {
  const auto entity = entity_from(text);
  if (!entity) return "invalid";
  switch (entity->kind) {
    case EntityKind::file: {
      const auto found = world.files.find(entity->name);
      if (found == world.files.end() || world.hidden_files.contains(entity->name)) return "unknown";
      return found->second ? "online" : "absent";
    }
    case EntityKind::host: {
      const auto found = world.facts.find(entity->name);
      if (found == world.facts.end()) return "absent";
      return found->second.holds ? "online" : "offline";
    }
    case EntityKind::instance: {
      const InstanceMessage* found = world.find(entity->name);
      return found == nullptr ? "absent" : state_or_dash(*found);
    }
    case EntityKind::service: {
      const auto members = world.instances_of(entity->name);
      if (members.size() > 1) return "multiple";
      return members.empty() ? "absent" : state_or_dash(*members.front());
    }
  }
  return "-";
}

namespace {

std::string enabled_text(const InstanceMessage& instance) {
  std::string text = instance.enabled ? "true" : "false";
  if (instance.enabled_temporary && instance.enabled_temporary != instance.enabled_permanent)
    text += " (temporary)";
  return text;
}

bool is_text(repository::ValueType type) {
  using repository::ValueType;
  return type != ValueType::boolean && type != ValueType::count && type != ValueType::integer &&
         type != ValueType::time && type != ValueType::opaque;
}

// What the templates say of a group: the first that speaks of its name, or of its type.
std::string description_of(const repository::PropertyGroup& group, const repository::Levels& running) {
  std::string about;
  for (const auto* groups : {&running.service, &running.own}) {
    for (const auto& each : *groups) {
      const repository::PropertyGroup& pattern = *each.second;
      if (pattern.type != "template_pg_pattern") continue;
      const auto name = pattern.value("name").value_or("");
      const auto type = pattern.value("type").value_or("");
      if ((!name.empty() && name != group.name) || (!type.empty() && type != group.type)) continue;
      if (const auto text = pattern.value("description_C"); text && (about.empty() || !name.empty())) {
        about = std::string(*text);
      }
    }
  }
  return about;
}

}  // namespace

std::string list_instance(const World& world, const InstanceMessage& instance,
                          const std::vector<control::ProcessMessage>& processes, bool zone) {
  std::string text = labelled("fmri", instance.fmri);
  if (instance.name) text += labelled("name", *instance.name);
  if (zone) text += labelled("zone", "global");
  text += labelled("enabled", enabled_text(instance));
  if (instance.comment) text += labelled("comment", *instance.comment);
  text += labelled("state", state_or_dash(instance));
  text += labelled("next_state", instance.next_state.empty() ? "none" : instance.next_state);
  if (instance.state_time != 0) {
    text += labelled("state_time", long_time(static_cast<std::time_t>(instance.state_time)));
  }
  if (!instance.log.empty()) text += labelled("logfile", instance.log);
  text += labelled("restarter", instance.restarter);
  if (instance.contract != 0) text += labelled("contract_id", std::to_string(instance.contract) + " ");
  for (const control::DependencyMessage& dependency :
       instance.dependencies.value_or(std::vector<control::DependencyMessage>())) {
    std::string value = dependency.grouping + "/" + dependency.restart_on;
    for (const std::string& entity : dependency.entities)
      value += " " + entity + " (" + standing(world, entity) + ")";
    text += labelled("dependency", value);
  }
  for (const control::ProcessMessage& process : processes) {
    const std::string what = process.arguments.empty() ? process.command : process.arguments;
    text += labelled("process", std::to_string(process.pid) + " " + what);
  }
  return text;
}

std::string list_application_groups(const repository::Levels& running) {
  std::string text;
  for (const auto& [name, group] : running.composed()) {
    if (group->type != "application") continue;
    text += name + " (application)\n";
    if (const std::string about = description_of(*group, running); !about.empty())
      text.append("  ").append(about).append("\n");
    for (const auto& [property_name, property] : group->properties) {
      text.append(name).append("/").append(property_name).append(" (");
      text.append(repository::to_string(property.type)).append(") = ");
      for (const std::string& value : property.values) {
        text += (is_text(property.type) ? "\"" + value + "\"" : value) + " ";
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace vmkeep::tools
