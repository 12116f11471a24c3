// Templates: what people are told about a service.  The tools read tm_common_name and tm_man_*; the patterns
// are kept so that a manifest comes out of the repository as it went in.
#include <fmt/format.h>

#include <algorithm>

#include "manifest/reader.h"

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

// One ustring a locale, called PREFIX + locale.
void read_texts(Reporter& reporter, const xmlNode* node, const std::string& prefix, PropertyGroup& group) {
  if (node == nullptr) return;
  for (const xmlNode* each : children(node, "loctext")) {
    std::string locale = mangle(reporter.required(each, "xml:lang"));
    std::replace(locale.begin(), locale.end(), '-', '_');
    set(group, prefix + locale, ValueType::ustring,
        reporter.value(each, std::string(name_of(node)), ValueType::ustring, text_of(each)));
  }
}

void copy(const xmlNode* node, const char* name, PropertyGroup& group) {
  if (node == nullptr) return;
  if (auto text = attribute(node, name)) set(group, name, *text);
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

// `values`, `constraints` and `choices` of a property pattern.
void read_values(Reporter& reporter, const xmlNode* node, const std::string& kind, PropertyGroup& group) {
  if (node == nullptr) return;
  Property names{ValueType::astring, {}};
  Property ranges{ValueType::astring, {}};
  for (const xmlNode* each : children(node)) {
    if (name_of(each) == "value") {
      const std::string name = reporter.required(each, "name");
      names.values.push_back(name);
      const std::string prefix = mangle("value_" + name);
      read_texts(reporter, child(each, "common_name"), prefix + "_common_name_", group);
      read_texts(reporter, child(each, "description"), prefix + "_description_", group);
    } else if (name_of(each) == "range") {
      ranges.values.push_back(reporter.required(each, "min") + "," + reporter.required(each, "max"));
    } else if (name_of(each) == "include_values") {
      set(group, kind + "_include_values", reporter.required(each, "type"));
    }
  }
  if (!names.values.empty()) group.properties[kind + "_name"] = std::move(names);
  if (!ranges.values.empty()) group.properties[kind + "_range"] = std::move(ranges);
}

PropertyGroup read_property_pattern(Reporter& reporter, const xmlNode* node, const std::string& pattern,
                                    const std::string& pattern_stem) {
  const std::string name = reporter.required(node, "name");
  PropertyGroup group =
      make_group(mangle("tm_proppat_" + pattern_stem + "_" + name), "template_prop_pattern");
  set(group, "name", name);
  set(group, "type", attribute(node, "type").value_or(""));
  set(group, "required", ValueType::boolean, reporter.truth(node, "required", false) ? "true" : "false");
  set(group, "pg_pattern", pattern);
  read_texts(reporter, child(node, "common_name"), "common_name_", group);
  read_texts(reporter, child(node, "description"), "description_", group);
  read_texts(reporter, child(node, "units"), "units_", group);
  if (const xmlNode* visibility = child(node, "visibility")) {
    set(group, "visibility", reporter.required(visibility, "value"));
  }
  if (const xmlNode* cardinality = child(node, "cardinality")) {
    for (const char* bound : {"min", "max"}) {
      const auto text = attribute(cardinality, bound);
      if (!text) continue;
      set(group, fmt::format("cardinality_{}", bound), ValueType::count,
          reporter.value(cardinality, bound, ValueType::count, *text));
    }
  }
  if (const xmlNode* separators = child(node, "internal_separators")) {
    set(group, "internal_separators", text_of(separators));
  }
  read_values(reporter, child(node, "values"), "value", group);
  read_values(reporter, child(node, "constraints"), "constraint", group);
  read_values(reporter, child(node, "choices"), "choices", group);
  return group;
}

void read_pattern(Reporter& reporter, const xmlNode* node, std::vector<PropertyGroup>& groups) {
  const std::string name = attribute(node, "name").value_or("");
  const std::string type = attribute(node, "type").value_or("");
  const std::string kind = std::string(name.empty() ? "" : "n") + (type.empty() ? "" : "t");
  const std::string both = name + (name.empty() || type.empty() ? "" : "_") + type;
  const std::string stem = kind + "_" + both;
  PropertyGroup group = make_group(mangle("tm_pgpat" + stem), "template_pg_pattern");
  const std::string pattern = group.name;
  set(group, "name", name);
  set(group, "type", type);
  set(group, "required", ValueType::boolean, reporter.truth(node, "required", false) ? "true" : "false");
  set(group, "target", "this");
  copy(node, "target", group);
  read_texts(reporter, child(node, "common_name"), "common_name_", group);
  read_texts(reporter, child(node, "description"), "description_", group);
  groups.push_back(std::move(group));
  for (const xmlNode* each : children(node, "prop_pattern")) {
    groups.push_back(read_property_pattern(reporter, each, pattern, stem));
  }
}

}  // namespace

std::vector<PropertyGroup> read_template(Reporter& reporter, const xmlNode* node) {
  std::vector<PropertyGroup> groups;
  for (const char* name : {"common_name", "description"}) {
    if (const xmlNode* texts = child(node, name)) {
      groups.push_back(make_group(std::string("tm_") + name, "template"));
      read_texts(reporter, texts, "", groups.back());
    }
  }
  read_documentation(reporter, child(node, "documentation"), groups);
  for (const xmlNode* each : children(node, "pg_pattern")) read_pattern(reporter, each, groups);
  return groups;
}

}  // namespace vmkeep::manifest
