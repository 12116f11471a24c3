#include "manifest/reader.h"

#include <fmt/format.h>

namespace vmkeep::manifest {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

void EntityReader::read(const xmlNode* node) {
  for (const xmlNode* each : children(node)) {
    const auto kind = name_of(each);
    if (kind == "restarter") {
      read_restarter(each);
    } else if (kind == "dependency") {
      read_dependency(each);
    } else if (kind == "dependent") {
      read_dependent(each);
    } else if (kind == "method_context") {
      PropertyGroup group = make_group("method_context", "framework");
      read_context(each, group);
      add(each, std::move(group));
    } else if (kind == "exec_method") {
      read_method(each);
    } else if (kind == "notification_parameters") {
      read_notification(each);
    } else if (kind == "property_group") {
      read_property_group(each);
    } else if (kind == "stability") {
      PropertyGroup general = make_group("general", "framework");
      set(general, "entity_stability", reporter_.required(each, "value"));
      add(each, std::move(general));
    } else if (kind == "template") {
      if (profile_) {
        reporter_.problem(
            each, fmt::format("Template data for \"{}\" may not be modified in a profile.", self_.str()));
        continue;
      }
      for (PropertyGroup& group : read_template(reporter_, each)) add(each, std::move(group));
    }
  }
}

bool EntityReader::taken(const xmlNode* node, const std::string& group) {
  const bool dependent = std::any_of(entity_.dependents.begin(), entity_.dependents.end(),
                                     [&](const Dependent& each) { return each.name == group; });
  if (!dependent && !entity_.groups.contains(group) && !entity_.removed.contains(group)) return false;
  reporter_.problem(node,
                    fmt::format("{} has the name \"{}\" twice: property groups, methods, dependencies and "
                                "dependents of one entity share their names",
                                self_.str(), group));
  return true;
}

void EntityReader::add(const xmlNode* node, PropertyGroup group) {
  const auto there = entity_.groups.find(group.name);
  if (there == entity_.groups.end() || group.name != "general" || there->second.type != group.type) {
    if (!taken(node, group.name)) entity_.groups.emplace(group.name, std::move(group));
    return;
  }
  for (auto& [name, property] : group.properties) {
    if (!there->second.properties.emplace(name, std::move(property)).second) {
      reporter_.problem(node, fmt::format("property \"{}/{}\" is given twice", group.name, name));
    }
  }
}

bool EntityReader::wants_removal(const xmlNode* node, const std::string& group) {
  if (!reporter_.truth(node, "delete", false)) return false;
  if (!taken(node, group)) entity_.removed.insert(group);
  return true;
}

void EntityReader::read_restarter(const xmlNode* node) {
  const xmlNode* target = child(node, "service_fmri");
  if (target == nullptr) return;
  const auto restarter = reporter_.fmri(target, reporter_.required(target, "value"));
  PropertyGroup general = make_group("general", "framework");
  set(general, "restarter", ValueType::fmri, restarter ? restarter->str() : "");
  add(node, std::move(general));
}

void EntityReader::read_dependency(const xmlNode* node) {
  const std::string name = reporter_.name(node);
  if (wants_removal(node, name)) return;
  const std::string type = reporter_.required(node, "type");
  if (type != "service" && type != "path" && type != "host") {
    reporter_.problem(node, fmt::format("illegal value \"{}\" for type (service, path or host)", type));
  }
  PropertyGroup group = make_group(name, "dependency");
  set(group, "type", type);
  set(group, "grouping", reporter_.required(node, "grouping"));
  set(group, "restart_on", reporter_.required(node, "restart_on"));
  Property entities{ValueType::fmri, {}};
  for (const xmlNode* each : children(node, "service_fmri")) {
    entities.values.push_back(reporter_.entity(each, type, reporter_.required(each, "value")));
  }
  group.properties["entities"] = std::move(entities);
  read_properties(node, group);
  add(node, std::move(group));
}

void EntityReader::read_dependent(const xmlNode* node) {
  const std::string name = reporter_.name(node);
  if (taken(node, name)) return;
  const xmlNode* element = child(node, "service_fmri");
  if (element == nullptr) return;
  const auto target = reporter_.fmri(element, reporter_.required(element, "value"));
  PropertyGroup group = make_group(name, "dependency");
  set(group, "type", "service");
  set(group, "grouping", reporter_.required(node, "grouping"));
  set(group, "restart_on", reporter_.required(node, "restart_on"));
  set(group, "entities", ValueType::fmri, self_.str());
  set(group, "external", ValueType::boolean, "true");
  read_properties(node, group);
  entity_.dependents.push_back({name, target.value_or(fmri::Fmri{}), std::move(group),
                                reporter_.truth(node, "delete", false),
                                reporter_.truth(node, "override", false)});
}

void EntityReader::read_method(const xmlNode* node) {
  const std::string name = reporter_.name(node);
  if (wants_removal(node, name)) return;
  PropertyGroup group = make_group(name, "method");
  set(group, "type", reporter_.required(node, "type"));
  set(group, "exec", reporter_.value(node, "exec", ValueType::astring, reporter_.required(node, "exec")));
  set(group, "timeout_seconds", ValueType::count,
      reporter_.timeout(node, reporter_.required(node, "timeout_seconds")));
  if (const xmlNode* context = child(node, "method_context")) read_context(context, group);
  read_properties(node, group);
  add(node, std::move(group));
}

void EntityReader::read_context(const xmlNode* node, PropertyGroup& group) {
  const auto copy = [&](const xmlNode* from, const char* name) {
    if (auto text = attribute(from, name)) {
      set(group, name, reporter_.value(from, name, ValueType::astring, *text));
    }
  };
  for (const char* name : {"working_directory", "project", "resource_pool", "security_flags"})
    copy(node, name);
  if (const xmlNode* credential = child(node, "method_credential")) {
    set(group, "use_profile", ValueType::boolean, "false");
    reporter_.required(credential, "user");
    for (const char* name : {"user", "group", "supp_groups", "privileges", "limit_privileges"}) {
      copy(credential, name);
    }
  }
  if (const xmlNode* profile = child(node, "method_profile")) {
    set(group, "use_profile", ValueType::boolean, "true");
    set(group, "profile", reporter_.required(profile, "name"));
  }
  if (const xmlNode* environment = child(node, "method_environment")) read_environment(environment, group);
}

void EntityReader::read_environment(const xmlNode* node, PropertyGroup& group) {
  Property environment{ValueType::astring, {}};
  for (const xmlNode* each : children(node, "envvar")) {
    const std::string name = reporter_.required(each, "name");
    if (name.empty() || name.find('=') != std::string::npos) {
      reporter_.problem(each, fmt::format("Invalid environment variable \"{}\".", name));
    } else if (name.starts_with("SMF_")) {
      reporter_.problem(
          each, fmt::format("Invalid environment variable \"{}\"; \"SMF_\" prefix is reserved.", name));
    }
    const std::string entry = name + "=" + reporter_.required(each, "value");
    environment.values.push_back(reporter_.value(each, "environment", ValueType::astring, entry));
  }
  group.properties["environment"] = std::move(environment);
}

// One group an event, of properties TYPE,PARAMETER: a type stands where a vendor does.
void EntityReader::read_notification(const xmlNode* node) {
  const xmlNode* event = child(node, "event");
  if (event == nullptr) return;
  PropertyGroup group = make_group(mangle(reporter_.required(event, "value")), "notify_params");
  for (const xmlNode* type : children(node, "type")) {
    const std::string prefix = reporter_.name(type) + ",";
    set(group, prefix + "active", ValueType::boolean,
        reporter_.truth(type, "active", true) ? "true" : "false");
    for (const xmlNode* each : children(type)) {
      Property property{ValueType::astring, {}};
      if (name_of(each) == "paramval") property.values.push_back(reporter_.required(each, "value"));
      for (const xmlNode* value : children(each, "value_node")) {
        property.values.push_back(reporter_.required(value, "value"));
      }
      add_property(each, group, prefix + reporter_.name(each), std::move(property));
    }
  }
  add(node, std::move(group));
}

void EntityReader::read_property_group(const xmlNode* node) {
  const std::string name = reporter_.name(node);
  if (wants_removal(node, name)) return;
  PropertyGroup group = make_group(name, attribute(node, "type").value_or(""));
  if (!leaves_type_out(node) && !fmri::valid_name(group.type)) {
    reporter_.problem(node, fmt::format("illegal type \"{}\" of property group \"{}\"", group.type, name));
  }
  read_properties(node, group);
  add(node, std::move(group));
}

void EntityReader::read_properties(const xmlNode* node, PropertyGroup& group) {
  for (const xmlNode* each : children(node)) {
    if (name_of(each) == "stability") {
      set(group, "stability", reporter_.required(each, "value"));
    } else if (name_of(each) == "propval") {
      read_propval(each, group);
    } else if (name_of(each) == "property") {
      read_property(each, group);
    }
  }
}

std::optional<ValueType> EntityReader::type_of(const xmlNode* node, const std::string& group,
                                               const std::string& property) {
  const auto type = repository::value_type(attribute(node, "type").value_or(""));
  if (!type) {
    reporter_.problem(node, fmt::format("property type invalid for property '{}/{}'", group, property));
  }
  return type;
}

bool EntityReader::leaves_type_out(const xmlNode* node) const {
  return profile_ && !attribute(node, "type");
}

void EntityReader::read_propval(const xmlNode* node, PropertyGroup& group) {
  const std::string name = reporter_.name(node);
  if (leaves_type_out(node)) {
    entity_.untyped.insert(group.name + "/" + name);
    return add_property(node, group, name, {ValueType::astring, {reporter_.required(node, "value")}});
  }
  const auto type = type_of(node, group.name, name);
  if (!type) return;
  Property property{*type, {reporter_.value(node, name, *type, reporter_.required(node, "value"))}};
  add_property(node, group, name, std::move(property));
}

void EntityReader::read_property(const xmlNode* node, PropertyGroup& group) {
  const std::string name = reporter_.name(node);
  const auto lists = children(node);
  if (leaves_type_out(node) && lists.empty()) {
    entity_.untyped.insert(group.name + "/" + name);
    return add_property(node, group, name, {ValueType::astring, {}});
  }
  // The name of the list says the type, too.
  const auto listed =
      lists.empty() || !name_of(lists.front()).ends_with("_list")
          ? std::nullopt
          : repository::value_type(name_of(lists.front()).substr(0, name_of(lists.front()).size() - 5));
  const auto type = leaves_type_out(node) && listed ? listed : type_of(node, group.name, name);
  if (!type) return;
  Property property{*type, {}};
  for (const xmlNode* list : lists) {
    if (name_of(list) != std::string(repository::to_string(*type)) + "_list") {
      reporter_.problem(list, fmt::format("property '{}' type-to-list mismatch", name));
      continue;
    }
    for (const xmlNode* each : children(list, "value_node")) {
      property.values.push_back(reporter_.value(each, name, *type, reporter_.required(each, "value")));
    }
  }
  add_property(node, group, name, std::move(property));
}

void EntityReader::add_property(const xmlNode* node, PropertyGroup& group, const std::string& name,
                                Property property) {
  if (!group.properties.emplace(name, std::move(property)).second) {
    reporter_.problem(node, fmt::format("property \"{}/{}\" is given twice", group.name, name));
  }
  if (reporter_.truth(node, "override", false)) entity_.overrides.insert(group.name + "/" + name);
}

}  // namespace vmkeep::manifest
