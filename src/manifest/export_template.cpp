#include "manifest/export_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "manifest/elements.h"
#include "manifest/export_parts.h"
#include "manifest/pattern.h"

namespace vmkeep::manifest {
namespace {

using repository::PropertyGroup;
using repository::ValueType;

// What the reader makes of the text between the tags.
bool survives(const std::string& text) {
  const bool blank_ends = text.empty() || text.front() == ' ' || text.back() == ' ';
  return !blank_ends && text.find_first_of("\t\r\n") == std::string::npos &&
         text.find("  ") == std::string::npos;
}

bool survive(const Texts& texts) {
  return std::all_of(texts.begin(), texts.end(), [](const auto& each) { return survives(each.second); });
}

// The texts that stand between tags, not in attributes.
bool texts_survive(const PropertyGroup& group) {
  if (group.type == kPgPatternType) {
    const PgPattern pattern = read_pg_pattern(group);
    return survive(pattern.common_name) && survive(pattern.description);
  }
  const PropPattern pattern = read_prop_pattern(group);
  return survive(pattern.common_name) && survive(pattern.description) && survive(pattern.units) &&
         (!pattern.separators || !pattern.separators->empty()) &&
         std::all_of(pattern.meanings.begin(), pattern.meanings.end(), [](const auto& each) {
           return survive(each.second.common_name) && survive(each.second.description);
         });
}

bool is_text(const PropertyGroup& group) {
  if (group.type != "template") return false;
  const Rest rest(group);
  if (group.name == "tm_common_name" || group.name == "tm_description") {
    return !group.properties.empty() &&
           std::all_of(group.properties.begin(), group.properties.end(), [&](const auto& each) {
             return rest.has({each.first.c_str()}, ValueType::ustring) &&
                    survives(each.second.values.front()) && each.first.find('-') == std::string::npos;
           });
  }
  if (rest.has({"title", "section", "manpath"}) && group.properties.size() == 3) {
    return group.name == mangle(fmt::format("tm_man_{}{}", *group.value("title"), *group.value("section")));
  }
  return rest.has({"name", "uri"}) && group.properties.size() == 2 &&
         group.name == mangle(fmt::format("tm_doc_{}", *group.value("name")));
}

class TemplateWriter {
 public:
  TemplateWriter(Writer& writer, const Content& content) : writer_(writer), content_(content) {}

  void run() {
    writer_.open("template");
    for (const char* name : {"common_name", "description"}) {
      const auto group = content_.find(std::string("tm_") + name);
      if (group == content_.end()) continue;
      Texts texts;
      for (const auto& [locale, property] : group->second.properties) texts[locale] = property.values.front();
      write_texts(name, texts);
    }
    write_documents();
    for (const auto& [name, group] : content_) {
      if (group.type == kPgPatternType) write_pattern(read_pg_pattern(group));
    }
    writer_.close("template");
  }

 private:
  void write_texts(std::string_view element, const Texts& texts) {
    if (texts.empty()) return;
    writer_.open(element);
    for (const auto& [locale, text] : texts) writer_.text("loctext", {{"xml:lang", locale}}, text);
    writer_.close(element);
  }

  void write_documents() {
    const bool any = std::any_of(content_.begin(), content_.end(), [](const auto& each) {
      return each.second.type == "template" &&
             (each.second.find("title") != nullptr || each.second.find("uri") != nullptr);
    });
    if (!any) return;
    writer_.open("documentation");
    for (const auto& [name, group] : content_) {
      if (group.type == "template") write_document(group);
    }
    writer_.close("documentation");
  }

  void write_document(const PropertyGroup& group) {
    Rest rest(group);
    if (group.find("uri") != nullptr) {
      const std::string name = rest.take("name");
      writer_.empty("doc_link", {{"name", name}, {"uri", rest.take("uri")}});
    } else if (group.find("title") != nullptr) {
      const std::string title = rest.take("title");
      const std::string section = rest.take("section");
      writer_.empty("manpage", {{"title", title}, {"section", section}, {"manpath", rest.take("manpath")}});
    }
  }

  void write_pattern(const PgPattern& pattern) {
    Attributes attributes;
    if (!pattern.name.empty()) attributes.emplace_back("name", pattern.name);
    if (!pattern.type.empty()) attributes.emplace_back("type", pattern.type);
    attributes.emplace_back("target", pattern.target);
    attributes.emplace_back("required", pattern.required ? "true" : "false");
    writer_.open("pg_pattern", attributes);
    write_texts("common_name", pattern.common_name);
    write_texts("description", pattern.description);
    for (const auto& [name, group] : content_) {
      if (group.type != kPropPatternType) continue;
      const PropPattern property = read_prop_pattern(group);
      if (property.pg_pattern == pattern.group) write_property(property);
    }
    writer_.close("pg_pattern");
  }

  void write_property(const PropPattern& pattern) {
    Attributes attributes{{"name", pattern.name}};
    if (!pattern.type.empty()) attributes.emplace_back("type", pattern.type);
    attributes.emplace_back("required", pattern.required ? "true" : "false");
    writer_.open("prop_pattern", attributes);
    write_texts("common_name", pattern.common_name);
    write_texts("description", pattern.description);
    write_texts("units", pattern.units);
    if (!pattern.visibility.empty()) writer_.empty("visibility", {{"value", pattern.visibility}});
    if (pattern.min || pattern.max) {
      Attributes bounds;
      if (pattern.min) bounds.emplace_back("min", *pattern.min);
      if (pattern.max) bounds.emplace_back("max", *pattern.max);
      writer_.empty("cardinality", bounds);
    }
    if (pattern.separators) writer_.text("internal_separators", {}, *pattern.separators);
    if (!pattern.values.empty()) {
      writer_.open("values");
      for (const std::string& name : pattern.values) write_value(pattern, name);
      writer_.close("values");
    }
    write_set("constraints", pattern, pattern.constraints);
    write_set("choices", pattern, pattern.choices);
    writer_.close("prop_pattern");
  }

  void write_set(std::string_view element, const PropPattern& pattern, const ValueSet& values) {
    if (values.empty()) return;
    writer_.open(element);
    for (const std::string& name : values.names) write_value(pattern, name);
    for (const ValueRange& range : values.ranges) {
      writer_.empty("range", {{"min", range.min}, {"max", range.max}});
    }
    for (const std::string& type : values.include) writer_.empty("include_values", {{"type", type}});
    writer_.close(element);
  }

  void write_value(const PropPattern& pattern, const std::string& name) {
    const auto meaning = pattern.meanings.find(name);
    writer_.open("value", {{"name", name}});
    if (meaning != pattern.meanings.end()) {
      write_texts("common_name", meaning->second.common_name);
      write_texts("description", meaning->second.description);
    }
    writer_.close("value");
  }

  Writer& writer_;
  const Content& content_;
};

}  // namespace

Content template_of(const Content& content) {
  Content result;
  const auto name = content.find("tm_common_name");
  if (name == content.end() || !is_text(name->second)) return result;
  for (const auto& [group_name, group] : content) {
    const bool pattern = group.type == kPgPatternType && is_regular(group) && texts_survive(group);
    if (is_text(group) || pattern) result.emplace(group_name, group);
  }
  for (const auto& [group_name, group] : content) {
    if (group.type != kPropPatternType || !is_regular(group) || !texts_survive(group)) continue;
    if (result.contains(read_prop_pattern(group).pg_pattern)) result.emplace(group_name, group);
  }
  return result;
}

void write_template(Writer& writer, const Content& content) {
  if (!content.empty()) TemplateWriter(writer, content).run();
}

}  // namespace vmkeep::manifest
