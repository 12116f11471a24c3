// <template>: what people are told about a service.
#include <fmt/format.h>

#include <algorithm>

#include "manifest/pattern.h"
#include "manifest/reader.h"

namespace vmkeep::manifest {
namespace {

using repository::PropertyGroup;
using repository::ValueType;

Texts read_texts(Reporter& reporter, const xmlNode* node) {
  Texts texts;
  if (node == nullptr) return texts;
  for (const xmlNode* each : children(node, "loctext")) {
    std::string locale = mangle(reporter.required(each, "xml:lang"));
    std::replace(locale.begin(), locale.end(), '-', '_');
    texts[locale] = reporter.value(each, std::string(name_of(node)), ValueType::ustring, text_of(each));
  }
  return texts;
}

void read_documentation(Reporter& reporter, const xmlNode* node, std::vector<PropertyGroup>& groups) {
  if (node == nullptr) return;
  for (const xmlNode* each : children(node)) {
    if (name_of(each) == "manpage") {
      const std::string title = reporter.required(each, "title");
      const std::string section = reporter.required(each, "section");
      PropertyGroup group = make_group(mangle("tm_man_" + title + section), "template");
      set(group, "title", title);
      set(group, "section", section);
      set(group, "manpath", attribute(each, "manpath").value_or(":default"));
      groups.push_back(std::move(group));
    } else if (name_of(each) == "doc_link") {
      const std::string name = reporter.required(each, "name");
      PropertyGroup group = make_group(mangle("tm_doc_" + name), "template");
      set(group, "name", name);
      set(group, "uri", reporter.required(each, "uri"));
      groups.push_back(std::move(group));
    }
  }
}

std::string read_value_name(Reporter& reporter, const xmlNode* node, PropPattern& pattern) {
  std::string name = reporter.required(node, "name");
  ValueTexts texts{read_texts(reporter, child(node, "common_name")),
                   read_texts(reporter, child(node, "description"))};
  if (!texts.common_name.empty() || !texts.description.empty()) pattern.meanings[name] = std::move(texts);
  return reporter.value(node, "name", ValueType::astring, name);
}

// <constraints> or <choices>.
void read_set(Reporter& reporter, const xmlNode* node, PropPattern& pattern, ValueSet& values) {
  if (node == nullptr) return;
  for (const xmlNode* each : children(node)) {
    if (name_of(each) == "value") {
      values.names.push_back(read_value_name(reporter, each, pattern));
    } else if (name_of(each) == "range") {
      values.ranges.push_back({reporter.required(each, "min"), reporter.required(each, "max")});
    } else if (name_of(each) == "include_values") {
      values.include.push_back(reporter.required(each, "type"));
    }
  }
}

void read_form(Reporter& reporter, const xmlNode* node, PropPattern& pattern) {
  if (const xmlNode* visibility = child(node, "visibility")) {
    pattern.visibility = reporter.required(visibility, "value");
  }
  if (const xmlNode* cardinality = child(node, "cardinality")) {
    const auto bound = [&](const char* name, std::optional<std::string>& number) {
      const auto text = attribute(cardinality, name);
      if (text) number = reporter.value(cardinality, name, ValueType::count, *text);
    };
    bound("min", pattern.min);
    bound("max", pattern.max);
  }
  if (const xmlNode* separators = child(node, "internal_separators")) {
    pattern.separators = raw_text_of(separators);
  }
}

PropertyGroup read_property_pattern(Reporter& reporter, const xmlNode* node, const PgPattern& pg) {
  PropPattern pattern;
  pattern.pg_pattern = pg.group;
  pattern.name = reporter.required(node, "name");
  pattern.type = attribute(node, "type").value_or("");
  if (!pattern.type.empty() && !repository::value_type(pattern.type)) {
    reporter.problem(node, fmt::format("property type invalid for property '{}/{}'", pg.name, pattern.name));
  }
  pattern.required = reporter.truth(node, "required", false);
  pattern.common_name = read_texts(reporter, child(node, "common_name"));
  pattern.description = read_texts(reporter, child(node, "description"));
  pattern.units = read_texts(reporter, child(node, "units"));
  read_form(reporter, node, pattern);
  if (const xmlNode* values = child(node, "values")) {
    for (const xmlNode* each : children(values, "value")) {
      pattern.values.push_back(read_value_name(reporter, each, pattern));
    }
  }
  read_set(reporter, child(node, "constraints"), pattern, pattern.constraints);
  read_set(reporter, child(node, "choices"), pattern, pattern.choices);
  return to_group(pattern);
}

void read_pattern(Reporter& reporter, const xmlNode* node, std::vector<PropertyGroup>& groups) {
  PgPattern pattern;
  pattern.name = attribute(node, "name").value_or("");
  pattern.type = attribute(node, "type").value_or("");
  pattern.group = group_of(pattern);
  pattern.required = reporter.truth(node, "required", false);
  pattern.target = attribute(node, "target").value_or("this");
  pattern.common_name = read_texts(reporter, child(node, "common_name"));
  pattern.description = read_texts(reporter, child(node, "description"));
  groups.push_back(to_group(pattern));
  for (const xmlNode* each : children(node, "prop_pattern")) {
    groups.push_back(read_property_pattern(reporter, each, pattern));
  }
}

}  // namespace

std::vector<PropertyGroup> read_template(Reporter& reporter, const xmlNode* node) {
  std::vector<PropertyGroup> groups;
  for (const char* name : {"common_name", "description"}) {
    const xmlNode* texts = child(node, name);
    if (texts == nullptr) continue;
    groups.push_back(make_group(std::string("tm_") + name, "template"));
    for (auto& [locale, text] : read_texts(reporter, texts)) {
      set(groups.back(), locale, ValueType::ustring, text);
    }
  }
  read_documentation(reporter, child(node, "documentation"), groups);
  for (const xmlNode* each : children(node, "pg_pattern")) read_pattern(reporter, each, groups);
  return groups;
}

}  // namespace vmkeep::manifest
