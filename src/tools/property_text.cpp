#include "tools/property_text.h"

#include <algorithm>

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

std::optional<std::vector<std::string>> unquoted(std::string_view line) {
  std::vector<std::string> values;
  for (size_t at = 0; at < line.size(); ++at) {
    if (at > 0 && line[at++] != ' ') return std::nullopt;
    if (line.substr(at, 2) == "\"\"") {
      values.emplace_back();
      at += 1;
    } else {
      std::string value;
      for (; at < line.size() && line[at] != ' '; ++at) {
        if (line[at] == '\\' && ++at == line.size()) return std::nullopt;
        value += line[at];
      }
      if (value.empty()) return std::nullopt;
      values.push_back(std::move(value));
      --at;
    }
  }
  return values;
}

namespace {

// One property of a group, as a group that has nothing else.
void keep(repository::Groups& groups, const repository::PropertyGroup& group, const std::string& name,
          const repository::Property& property) {
  const auto found = groups.find(group.name);
  auto kept = std::make_shared<repository::PropertyGroup>(found == groups.end() ? repository::PropertyGroup{}
                                                                                : *found->second);
  if (found == groups.end()) {
    kept->name = group.name;
    kept->type = group.type;
    kept->persistent = group.persistent;
  }
  kept->properties.insert_or_assign(name, property);
  groups[group.name] = std::move(kept);
}

}  // namespace

PropertyAnswer print_properties(const fmri::Fmri& entity, const repository::Groups& groups,
                                const PropertyQuestion& question) {
  PropertyAnswer answer;
  const auto is_meant = [&question](const repository::PropertyGroup& group) {
    const auto& types = question.types;
    return types.empty() || std::find(types.begin(), types.end(), group.type) != types.end();
  };
  const auto take = [&](const repository::GroupPtr& group) {
    answer.groups[group->name] = group;
    answer.text += whole_group(entity, *group, question.detail);
  };
  if (question.names.empty()) {
    for (const auto& each : groups) {
      if (is_meant(*each.second)) take(each.second);
    }
    return answer;
  }
  const std::string whose =
      std::string(entity.is_instance() ? "instance" : "service") + " `" + entity.entity() + "'.";
  for (const PropertyName& name : question.names) {
    const auto found = groups.find(name.group);
    const bool there = found != groups.end() && is_meant(*found->second);
    if (there && restarter::is_hidden(*found->second)) {
      answer.missing.push_back(entity.entity() + "/:properties/" + name.group + ": Permission denied.");
      continue;
    }
    if (name.property.empty()) {
      if (there) {
        take(found->second);
      } else {
        answer.missing.push_back("Couldn't find property group `" + name.group + "' for " + whose);
      }
      continue;
    }
    const repository::Property* property = there ? found->second->find(name.property) : nullptr;
    if (property == nullptr) {
      answer.missing.push_back("Couldn't find property `" + name.group + "/" + name.property + "' for " +
                               whose);
    } else {
      keep(answer.groups, *found->second, name.property, *property);
      answer.text += line(entity, name.group, name.property, *property, question.detail);
    }
  }
  return answer;
}

}  // namespace vmkeep::tools
