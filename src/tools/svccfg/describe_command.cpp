// describe: properties with what their templates say.
#include <fmt/format.h>

#include <algorithm>

#include "tools/svccfg/bundles.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {
namespace {

using manifest::PropPattern;
using manifest::Template;
using manifest::Texts;
using manifest::ValueSet;

constexpr char kIndent[] = "    ";
constexpr char kValueIndent[] = "      ";

class Description {
 public:
  Description(bool verbose, bool templates_only, std::vector<Template> templates)
      : verbose_(verbose), templates_only_(templates_only), templates_(std::move(templates)) {}

  // `group` and `property` limit it; empty: all.
  void run(const repository::Groups& groups, const std::string& group, const std::string& property) {
    if (templates_only_) {
      for (const Template& each : templates_) describe_template(each, group, property);
      return;
    }
    for (const auto& [name, each] : groups) {
      if (group.empty() || name == group) describe_group(*each, property);
    }
  }

  bool empty() const { return rows_.empty(); }

  std::string text() const {
    size_t width = 0;
    for (const Row& row : rows_) width = std::max(width, row.name.size());
    std::string text;
    for (const Row& row : rows_) {
      text += fmt::format("{:<{}}  {}\n", row.name, width, row.value) + row.notes;
    }
    return text;
  }

  static std::string note(const char* indent, const std::string& text) {
    return text.empty() ? "" : indent + text + "\n";
  }

  // The name; and with -v, or without a name, the description.
  std::string texts(const Texts& name, const Texts& description, const char* indent = kIndent) const {
    const std::string title = manifest::text_of(name);
    const std::string more = manifest::text_of(description);
    return note(indent, title) + (verbose_ || title.empty() ? note(indent, more) : "");
  }

 private:
  struct Row {
    std::string name, value, notes;
  };

  void describe_template(const Template& pattern, const std::string& group, const std::string& property) {
    const std::string name = pattern.pg.name.empty() ? "*" : pattern.pg.name;
    if (!group.empty() && group != name) return;
    const std::string type = pattern.pg.type.empty() ? "*" : pattern.pg.type;
    if (property.empty()) {
      rows_.push_back({name, type, texts(pattern.pg.common_name, pattern.pg.description)});
    }
    for (const PropPattern& each : pattern.properties) {
      if (!property.empty() && each.name != property) continue;
      rows_.push_back({name + "/" + each.name, each.type.empty() ? "*" : each.type, notes_of(each)});
    }
  }

  void describe_group(const repository::PropertyGroup& group, const std::string& property) {
    std::vector<const Template*> speaking;
    for (const Template& each : templates_) {
      if (manifest::covers(each.pg, group.name, group.type)) speaking.push_back(&each);
    }
    if (property.empty()) {
      std::string notes;
      if (!speaking.empty())
        notes = texts(speaking.front()->pg.common_name, speaking.front()->pg.description);
      rows_.push_back({group.name, group.type + (group.persistent ? "" : "\tNONPERSISTENT"), notes});
    }
    for (const auto& [name, value] : group.properties) {
      if (!property.empty() && name != property) continue;
      const PropPattern* pattern = find_pattern(speaking, name);
      std::string notes = pattern == nullptr ? "" : notes_of(*pattern);
      if (pattern != nullptr && verbose_) notes += meanings(*pattern, value.values);
      rows_.push_back({group.name + "/" + name, print_property(value), notes});
    }
  }

  static const PropPattern* find_pattern(const std::vector<const Template*>& speaking,
                                         const std::string& name) {
    for (const Template* each : speaking) {
      for (const PropPattern& pattern : each->properties) {
        if (pattern.name == name) return &pattern;
      }
    }
    return nullptr;
  }

  std::string notes_of(const PropPattern& pattern) const {
    std::string notes = texts(pattern.common_name, pattern.description);
    if (!verbose_) return notes;
    const auto add = [&](const char* what, const std::string& value) {
      notes += fmt::format("{}{}: {}\n", kIndent, what, value);
    };
    add("required", pattern.required ? "true" : "false");
    if (!pattern.units.empty()) add("units", manifest::text_of(pattern.units));
    add("visibility", pattern.visibility.empty() ? "readwrite" : pattern.visibility);
    if (pattern.min) add("minimum number of values", *pattern.min);
    if (pattern.max) add("maximum number of values", *pattern.max);
    if (pattern.separators) add("internal separators", quote_string(*pattern.separators));
    return notes + set_of("value constraints", pattern, pattern.constraints) +
           set_of("value choices", pattern, pattern.choices);
  }

  static bool includes(const ValueSet& values, const char* what) {
    return std::find(values.include.begin(), values.include.end(), what) != values.include.end();
  }

  std::string set_of(const char* title, const PropPattern& pattern, const ValueSet& values) const {
    if (values.empty()) return {};
    std::string notes = fmt::format("{}{}:\n", kIndent, title);
    const bool constraints = includes(values, "constraints");
    for (const std::string& name : values.names) notes += value_of(pattern, name);
    if (includes(values, "values")) {
      for (const std::string& name : pattern.values) notes += value_of(pattern, name);
    }
    if (constraints) {
      for (const std::string& name : pattern.constraints.names) notes += value_of(pattern, name);
    }
    for (const auto* ranges : {&values.ranges, constraints ? &pattern.constraints.ranges : nullptr}) {
      if (ranges == nullptr) continue;
      for (const auto& range : *ranges)
        notes += fmt::format("{}{} to {}\n", kValueIndent, range.min, range.max);
    }
    return notes;
  }

  std::string value_of(const PropPattern& pattern, const std::string& name) const {
    const auto meaning = pattern.meanings.find(name);
    std::string text = fmt::format("{}{}\n", kValueIndent, name.empty() ? "\"\"" : name);
    if (meaning != pattern.meanings.end()) {
      text += texts(meaning->second.common_name, meaning->second.description, "        ");
    }
    return text;
  }

  // What the values that are set mean, where that is told nowhere else.
  std::string meanings(const PropPattern& pattern, const std::vector<std::string>& values) const {
    if (!pattern.constraints.empty() || !pattern.choices.empty()) return {};
    std::string notes;
    for (const std::string& value : values) {
      if (pattern.meanings.contains(value)) notes += value_of(pattern, value);
    }
    return notes;
  }

  bool verbose_;
  bool templates_only_;
  std::vector<Template> templates_;
  std::vector<Row> rows_;
};

Texts texts_of(const repository::Levels& levels, const char* group) {
  Texts texts;
  for (const auto* groups : {&levels.own, &levels.service}) {
    const auto found = groups->find(group);
    if (found == groups->end()) continue;
    for (const auto& [locale, property] : found->second->properties) {
      if (property.values.size() == 1) texts.emplace(locale, property.values.front());
    }
    break;
  }
  return texts;
}

}  // namespace

Outcome run_describe(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "vt", 0, 1, options, operands)) return Outcome::usage;
  const repository::Levels* const levels = session.levels();
  if (levels == nullptr) return Outcome::failed;
  const bool verbose = options.find('v') != std::string::npos;
  Description description(verbose, options.find('t') != std::string::npos,
                          manifest::templates_for(session.selection(), *levels, lookup_in(session)));
  const std::string operand = operands.empty() ? "" : operands.front();
  const size_t slash = operand.find('/');
  const std::string property = slash == std::string::npos ? "" : operand.substr(slash + 1);
  description.run(levels->own, operand.substr(0, slash), property);
  if (!operand.empty() && description.empty()) {
    return session.fail(property.empty() ? "No such property group."
                                         : fmt::format("No such property {}.", operand));
  }
  if (operand.empty()) {
    session.out() << session.selection().str() << '\n'
                  << description.texts(texts_of(*levels, "tm_common_name"),
                                       texts_of(*levels, "tm_description"));
  }
  session.out() << description.text();
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
