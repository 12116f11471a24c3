#include "tools/property_text.h"

#include "restarter/rights.h"

namespace vmkeep::tools {
namespace {

std::string values_text(const repository::Property& property) {
  std::string text;
  for (const std::string& value : property.values) {
    if (!text.empty()) text += ' ';
    text += quoted(value);
  }
  return text;
}

std::string line(const fmri::Fmri& entity, const std::string& group, const std::string& name,
                 const repository::Property& property, Detail detail) {
  const std::string values = values_text(property);
  if (detail == Detail::values) return values + "\n";
  std::string text = group + "/" + name;
  if (detail == Detail::full) text = entity.entity() + "/:properties/" + text;
  text += " " + std::string(repository::to_string(property.type));
  return (values.empty() ? text : text + " " + values) + "\n";
}

std::string whole_group(const fmri::Fmri& entity, const repository::PropertyGroup& group, Detail detail) {
  std::string text;
  for (const auto& [name, property] : group.properties) {
    text += line(entity, group.name, name, property, detail == Detail::values ? Detail::types : detail);
  }
  return text;
}

}  // namespace

std::optional<PropertyName> property_name(const std::string& text) {
  const size_t slash = text.find('/');
  PropertyName name{text.substr(0, slash), slash == std::string::npos ? "" : text.substr(slash + 1)};
  // "pg/" is the whole group, too.
  if (name.group.empty() || name.property.find('/') != std::string::npos) return std::nullopt;
  return name;
}

std::string quoted(const std::string& value) {
  if (value.empty()) return "\"\"";
  std::string text;
  for (const char c : value) {
    if (c != '\0' && std::string_view(";&()|^<>\n \t\\\"'`").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

PropertyAnswer print_properties(const fmri::Fmri& entity, const repository::Groups& groups,
                                const PropertyQuestion& question) {
  PropertyAnswer answer;
  if (question.names.empty()) {
    for (const auto& [name, group] : groups) answer.text += whole_group(entity, *group, question.detail);
    return answer;
  }
  const std::string whose =
      std::string(entity.is_instance() ? "instance" : "service") + " `" + entity.entity() + "'.";
  for (const PropertyName& name : question.names) {
    const auto group = groups.find(name.group);
    if (group != groups.end() && restarter::is_hidden(*group->second)) {
      answer.missing.push_back(entity.entity() + "/:properties/" + name.group + ": Permission denied.");
      continue;
    }
    if (name.property.empty()) {
      if (group == groups.end()) {
        answer.missing.push_back("Couldn't find property group `" + name.group + "' for " + whose);
      } else {
        answer.text += whole_group(entity, *group->second, question.detail);
      }
      continue;
    }
    const repository::Property* property =
        group == groups.end() ? nullptr : group->second->find(name.property);
    if (property == nullptr) {
      answer.missing.push_back("Couldn't find property `" + name.group + "/" + name.property + "' for " +
                               whose);
    } else {
      answer.text += line(entity, name.group, name.property, *property, question.detail);
    }
  }
  return answer;
}

}  // namespace vmkeep::tools
