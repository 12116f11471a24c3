#include "manifest/export_parts.h"

#include <algorithm>
#include <map>
#include <vector>

#include "fmri/fmri.h"

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

using Names = std::initializer_list<const char*>;

constexpr Names kContext = {"working_directory", "project", "resource_pool", "security_flags"};
constexpr Names kCredential = {"user", "group", "supp_groups", "privileges", "limit_privileges"};

// The element cannot be empty: a list without values stays a property of its own.
const Property* environment_of(const PropertyGroup& group) {
  const Property* environment = group.find("environment");
  return environment == nullptr || environment->values.empty() ? nullptr : environment;
}

void drop_context(Rest& rest) {
  for (const char* name : kContext) rest.drop(name);
  for (const char* name : kCredential) rest.drop(name);
  for (const char* name : {"use_profile", "profile"}) rest.drop(name);
  if (environment_of(rest.group()) != nullptr) rest.drop("environment");
}

bool is_environment(const Property& environment) {
  return environment.type == ValueType::astring &&
         std::all_of(environment.values.begin(), environment.values.end(), [](const std::string& entry) {
           return entry.find('=') != std::string::npos && entry.front() != '=' && !entry.starts_with("SMF_");
         });
}

// Whether the context properties of a group have the form that the elements can say.
bool context_fits(const PropertyGroup& group) {
  const Rest rest(group);
  const auto fits = [&](const char* name) { return group.find(name) == nullptr || rest.has({name}); };
  if (!std::all_of(kContext.begin(), kContext.end(), fits)) return false;
  if (!std::all_of(kCredential.begin(), kCredential.end(), fits)) return false;
  const bool credential = std::any_of(kCredential.begin(), kCredential.end(),
                                      [&](const char* name) { return group.find(name) != nullptr; });
  const Property* flag = group.find("use_profile");
  if (flag != nullptr && !rest.has({"use_profile"}, ValueType::boolean)) return false;
  const std::string_view profile = group.value("use_profile").value_or("");
  if (profile == "true" ? credential || !rest.has({"profile"}) : group.find("profile") != nullptr)
    return false;
  if (credential && (profile != "false" || !rest.has({"user"}))) return false;
  if (profile == "false" && !credential) return false;
  const Property* environment = environment_of(group);
  return environment == nullptr || is_environment(*environment);
}

}  // namespace

bool Rest::has(Names names, ValueType type) const {
  return std::all_of(names.begin(), names.end(), [&](const char* name) {
    const Property* property = group_.find(name);
    return property != nullptr && property->type == type && property->values.size() == 1;
  });
}

std::string Rest::take(const char* name) {
  std::string value(group_.value(name).value_or(""));
  group_.properties.erase(name);
  return value;
}

void write_properties(Writer& writer, const PropertyGroup& group) {
  for (const auto& [name, property] : group.properties) {
    const std::string type(repository::to_string(property.type));
    if (property.values.size() == 1) {
      writer.empty("propval", {{"name", name}, {"type", type}, {"value", property.values.front()}});
      continue;
    }
    writer.open("property", {{"name", name}, {"type", type}});
    if (!property.values.empty()) {
      writer.open(type + "_list");
      for (const std::string& value : property.values) writer.empty("value_node", {{"value", value}});
      writer.close(type + "_list");
    }
    writer.close("property");
  }
}

void write_group(Writer& writer, const PropertyGroup& group) {
  writer.open("property_group", {{"name", group.name}, {"type", group.type}});
  write_properties(writer, group);
  writer.close("property_group");
}

bool is_context(const PropertyGroup& group) {
  Rest rest(group);
  drop_context(rest);
  return group.name == "method_context" && group.type == "framework" && rest.group().properties.empty() &&
         context_fits(group);
}

void write_context(Writer& writer, Rest& rest) {
  const PropertyGroup group = rest.group();
  Attributes attributes;
  for (const char* name : kContext) {
    if (group.find(name) != nullptr) attributes.emplace_back(name, *group.value(name));
  }
  Attributes credential;
  for (const char* name : kCredential) {
    if (group.find(name) != nullptr) credential.emplace_back(name, *group.value(name));
  }
  const Property* environment = environment_of(group);
  const bool profile = group.find("profile") != nullptr;
  drop_context(rest);
  if (credential.empty() && environment == nullptr && !profile) {
    writer.empty("method_context", attributes);
    return;
  }
  writer.open("method_context", attributes);
  if (profile) writer.empty("method_profile", {{"name", std::string(*group.value("profile"))}});
  if (!credential.empty()) writer.empty("method_credential", credential);
  if (environment != nullptr) {
    writer.open("method_environment");
    for (const std::string& entry : environment->values) {
      const size_t equals = entry.find('=');
      writer.empty("envvar", {{"name", entry.substr(0, equals)}, {"value", entry.substr(equals + 1)}});
    }
    writer.close("method_environment");
  }
  writer.close("method_context");
}

bool is_method(const PropertyGroup& group) {
  const Rest rest(group);
  const auto type = group.value("type");
  return group.type == "method" && rest.has({"exec", "type"}) && (type == "method" || type == "monitor") &&
         rest.has({"timeout_seconds"}, ValueType::count) && context_fits(group);
}

void write_method(Writer& writer, const PropertyGroup& group) {
  Rest rest(group);
  const std::string type = rest.take("type");
  const std::string exec = rest.take("exec");
  writer.open("exec_method", {{"name", group.name},
                              {"type", type},
                              {"exec", exec},
                              {"timeout_seconds", rest.take("timeout_seconds")}});
  Rest without(rest.group());
  drop_context(without);
  if (without.group().properties.size() != rest.group().properties.size()) write_context(writer, rest);
  write_properties(writer, rest.group());
  writer.close("exec_method");
}

// "smtp,to": the type of notification, and its parameter.
bool is_notification(const PropertyGroup& group) {
  if (group.type != "notify_params" || group.properties.empty()) return false;
  const Rest rest(group);
  return std::all_of(group.properties.begin(), group.properties.end(), [&](const auto& each) {
    const size_t comma = each.first.find(',');
    if (comma == std::string::npos) return false;
    const std::string active = each.first.substr(0, comma) + ",active";
    if (!rest.has({active.c_str()}, ValueType::boolean)) return false;
    return each.first == active ||
           (each.second.type == ValueType::astring && fmri::valid_name(each.first.substr(comma + 1)));
  });
}

void write_notification(Writer& writer, const PropertyGroup& group) {
  std::map<std::string, std::vector<std::pair<std::string, const Property*>>> types;
  for (const auto& [name, property] : group.properties) {
    const size_t comma = name.find(',');
    types[name.substr(0, comma)].emplace_back(name.substr(comma + 1), &property);
  }
  writer.open("notification_parameters");
  writer.empty("event", {{"value", group.name}});
  for (const auto& [type, parameters] : types) {
    const std::string active(group.value(type + ",active").value_or("true"));
    writer.open("type", {{"name", type}, {"active", active}});
    for (const auto& [name, property] : parameters) {
      if (name == "active") continue;
      if (property->values.size() == 1) {
        writer.empty("paramval", {{"name", name}, {"value", property->values.front()}});
        continue;
      }
      writer.open("parameter", {{"name", name}});
      for (const std::string& value : property->values) writer.empty("value_node", {{"value", value}});
      writer.close("parameter");
    }
    writer.close("type");
  }
  writer.close("notification_parameters");
}

}  // namespace vmkeep::manifest
