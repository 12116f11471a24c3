#include "manifest/pattern.h"

#include <algorithm>

#include "manifest/elements.h"
#include "manifest/merge.h"

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

constexpr std::string_view kPgPrefix = "tm_pgpat";

void put_texts(PropertyGroup& group, const std::string& prefix, const Texts& texts) {
  for (const auto& [locale, text] : texts) set(group, mangle(prefix + locale), ValueType::ustring, text);
}

Texts take_texts(const PropertyGroup& group, const std::string& prefix) {
  Texts texts;
  for (const auto& [name, property] : group.properties) {
    if (name.size() <= prefix.size() || !name.starts_with(prefix) || property.values.size() != 1) continue;
    texts[name.substr(prefix.size())] = property.values.front();
  }
  return texts;
}

std::string text(const PropertyGroup& group, const char* property) {
  return std::string(group.value(property).value_or(""));
}

std::optional<std::string> optional_text(const PropertyGroup& group, const char* property) {
  const auto value = group.value(property);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::vector<std::string> list(const PropertyGroup& group, const std::string& property) {
  const Property* found = group.find(property);
  return found == nullptr ? std::vector<std::string>() : found->values;
}

void put_list(PropertyGroup& group, const std::string& property, const std::vector<std::string>& values) {
  if (!values.empty()) group.properties[property] = Property{ValueType::astring, values};
}

void put_set(PropertyGroup& group, const std::string& kind, const ValueSet& values) {
  put_list(group, kind + "_name", values.names);
  std::vector<std::string> ranges;
  for (const ValueRange& range : values.ranges) ranges.push_back(range.min + "," + range.max);
  put_list(group, kind + "_range", ranges);
  put_list(group, kind + "_include_values", values.include);
}

ValueSet take_set(const PropertyGroup& group, const std::string& kind) {
  ValueSet values;
  values.names = list(group, kind + "_name");
  for (const std::string& range : list(group, kind + "_range")) {
    const size_t comma = range.find(',');
    values.ranges.push_back(
        {range.substr(0, comma), comma == std::string::npos ? "" : range.substr(comma + 1)});
  }
  values.include = list(group, kind + "_include_values");
  return values;
}

std::string meaning_of(const std::string& value, const char* what) {
  return mangle("value_" + value) + "_" + what + "_";
}

void take_meanings(const PropertyGroup& group, PropPattern& pattern) {
  for (const auto* names : {&pattern.values, &pattern.constraints.names, &pattern.choices.names}) {
    for (const std::string& name : *names) {
      ValueTexts texts{take_texts(group, meaning_of(name, "common_name")),
                       take_texts(group, meaning_of(name, "description"))};
      if (!texts.common_name.empty() || !texts.description.empty()) pattern.meanings[name] = std::move(texts);
    }
  }
}

// "nt_NAME_TYPE", the part that the names of both kinds of groups share.
std::string stem_of(const std::string& name, const std::string& type) {
  const std::string kind = std::string(name.empty() ? "" : "n") + (type.empty() ? "" : "t");
  return kind + "_" + name + (name.empty() || type.empty() ? "" : "_") + type;
}

}  // namespace

std::string group_of(const PgPattern& pattern) {
  return mangle(std::string(kPgPrefix) + stem_of(pattern.name, pattern.type));
}

PropertyGroup to_group(const PgPattern& pattern) {
  PropertyGroup group = make_group(pattern.group, kPgPatternType);
  set(group, "name", pattern.name);
  set(group, "type", pattern.type);
  set(group, "required", ValueType::boolean, pattern.required ? "true" : "false");
  set(group, "target", pattern.target);
  put_texts(group, "common_name_", pattern.common_name);
  put_texts(group, "description_", pattern.description);
  return group;
}

PropertyGroup to_group(const PropPattern& pattern) {
  const std::string stem = pattern.pg_pattern.starts_with(kPgPrefix)
                               ? pattern.pg_pattern.substr(kPgPrefix.size())
                               : pattern.pg_pattern;
  PropertyGroup group = make_group(mangle("tm_proppat_" + stem + "_" + pattern.name), kPropPatternType);
  set(group, "name", pattern.name);
  set(group, "type", pattern.type);
  set(group, "required", ValueType::boolean, pattern.required ? "true" : "false");
  set(group, "pg_pattern", pattern.pg_pattern);
  put_texts(group, "common_name_", pattern.common_name);
  put_texts(group, "description_", pattern.description);
  put_texts(group, "units_", pattern.units);
  if (!pattern.visibility.empty()) set(group, "visibility", pattern.visibility);
  if (pattern.min) set(group, "cardinality_min", ValueType::count, *pattern.min);
  if (pattern.max) set(group, "cardinality_max", ValueType::count, *pattern.max);
  if (pattern.separators) set(group, "internal_separators", *pattern.separators);
  put_list(group, "value_name", pattern.values);
  put_set(group, "constraint", pattern.constraints);
  put_set(group, "choices", pattern.choices);
  for (const auto& [value, texts] : pattern.meanings) {
    put_texts(group, meaning_of(value, "common_name"), texts.common_name);
    put_texts(group, meaning_of(value, "description"), texts.description);
  }
  return group;
}

PgPattern read_pg_pattern(const PropertyGroup& group) {
  PgPattern pattern;
  pattern.group = group.name;
  pattern.name = text(group, "name");
  pattern.type = text(group, "type");
  pattern.required = text(group, "required") == "true";
  pattern.target = text(group, "target");
  pattern.common_name = take_texts(group, "common_name_");
  pattern.description = take_texts(group, "description_");
  return pattern;
}

PropPattern read_prop_pattern(const PropertyGroup& group) {
  PropPattern pattern;
  pattern.pg_pattern = text(group, "pg_pattern");
  pattern.name = text(group, "name");
  pattern.type = text(group, "type");
  pattern.required = text(group, "required") == "true";
  pattern.common_name = take_texts(group, "common_name_");
  pattern.description = take_texts(group, "description_");
  pattern.units = take_texts(group, "units_");
  pattern.visibility = text(group, "visibility");
  pattern.min = optional_text(group, "cardinality_min");
  pattern.max = optional_text(group, "cardinality_max");
  pattern.separators = optional_text(group, "internal_separators");
  pattern.values = list(group, "value_name");
  pattern.constraints = take_set(group, "constraint");
  pattern.choices = take_set(group, "choices");
  take_meanings(group, pattern);
  return pattern;
}

bool is_regular(const PropertyGroup& group) {
  if (!group.persistent) return false;
  if (group.type == kPgPatternType) {
    const PgPattern pattern = read_pg_pattern(group);
    const std::string& target = pattern.target;
    return group.name == group_of(pattern) && same(to_group(pattern), group) &&
           (target == "this" || target == "instance" || target == "delegate" || target == "all");
  }
  if (group.type != kPropPatternType) return false;
  const PropPattern pattern = read_prop_pattern(group);
  const auto known = [](const ValueSet& values) {
    return std::all_of(values.include.begin(), values.include.end(),
                       [](const std::string& what) { return what == "values" || what == "constraints"; });
  };
  // Every word in its place is one that the DTD knows.
  return same(to_group(pattern), group) && known(pattern.constraints) && known(pattern.choices) &&
         (pattern.type.empty() || repository::value_type(pattern.type)) &&
         (pattern.visibility.empty() || pattern.visibility == "hidden" || pattern.visibility == "readonly" ||
          pattern.visibility == "readwrite");
}

std::vector<Template> templates_of(const repository::Groups& groups, const std::string& source) {
  std::vector<Template> templates;
  std::map<std::string, size_t> places;
  for (const auto& [name, group] : groups) {
    if (group->type != kPgPatternType) continue;
    places[name] = templates.size();
    templates.push_back({source, read_pg_pattern(*group), {}});
  }
  for (const auto& [name, group] : groups) {
    if (group->type != kPropPatternType) continue;
    PropPattern pattern = read_prop_pattern(*group);
    const auto place = places.find(pattern.pg_pattern);
    if (place != places.end()) templates[place->second].properties.push_back(std::move(pattern));
  }
  return templates;
}

std::string text_of(const Texts& texts) {
  if (texts.empty()) return {};
  const auto common = texts.find("C");
  return common == texts.end() ? texts.begin()->second : common->second;
}

}  // namespace vmkeep::manifest
