#include "manifest/check_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "manifest/check_value.h"

namespace vmkeep::manifest {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

Items items_of(const std::string& entity, const PgPattern& pattern, const PropPattern* property = nullptr) {
  Items items{{"FMRI", entity}};
  const auto add = [&](const char* item, const std::string& value) {
    if (!value.empty()) items.emplace_back(item, value);
  };
  add("pg_pattern name", pattern.name);
  add("pg_pattern type", pattern.type);
  if (property != nullptr) add("prop_pattern name", property->name);
  if (property != nullptr) add("prop_pattern type", property->type);
  return items;
}

// The values that a prop_pattern names itself.
class OwnValues {
 public:
  OwnValues(const Template& pattern, const PropPattern& property, TemplateProblems& problems)
      : pattern_(pattern), property_(property), problems_(problems) {}

  void run() {
    for (const std::string& name : property_.values) value(name);
    check(property_.constraints);
    check(property_.choices);
  }

 private:
  void add(const char* message, const std::string& item, const std::string& value) {
    Items items = items_of(pattern_.source, pattern_.pg, &property_);
    items.emplace_back(item, value);
    problems_.push_back({message, std::move(items)});
  }

  void value(const std::string& text) {
    const auto type = repository::value_type(property_.type);
    // What is empty stands for "none", in any type.
    if (!type || text.empty()) return;
    const std::string item = fmt::format("Value ({})", property_.type);
    switch (judge_literal(*type, text)) {
      case Literal::good:
        break;
      case Literal::too_large:
        add("Value is out of range", item, text);
        break;
      case Literal::bad:
        add("Value is not valid", item, text);
        break;
    }
  }

  void check(const ValueSet& values) {
    for (const std::string& name : values.names) value(name);
    for (const ValueRange& range : values.ranges) {
      const auto type = repository::value_type(property_.type);
      if (type && !is_number(*type)) {
        add("Property type and value type mismatch", fmt::format("Value ({})", property_.type),
            range.min + "," + range.max);
        continue;
      }
      value(range.min);
      value(range.max);
    }
    for (const std::string& type : values.include) {
      const bool there = type == "values"
                             ? !property_.values.empty()
                             : !property_.constraints.names.empty() || !property_.constraints.ranges.empty();
      if (!there) {
        add("Missing constraints or values for include_values element", "include_values type", type);
      }
    }
  }

  const Template& pattern_;
  const PropPattern& property_;
  TemplateProblems& problems_;
};

bool both_and_different(const std::string& a, const std::string& b) {
  return !a.empty() && !b.empty() && a != b;
}

// Whether there may be a group that both speak about.
bool overlap(const PgPattern& a, const PgPattern& b) {
  return !both_and_different(a.name, b.name) && !both_and_different(a.type, b.type);
}

}  // namespace

void check_patterns(const std::vector<Template>& own, const std::vector<Template>& inherited,
                    TemplateProblems& problems) {
  for (const Template& each : own) {
    if (each.pg.required && (each.pg.name.empty() || each.pg.type.empty())) {
      problems.push_back(
          {"Required pg_pattern is missing a name or type attribute", items_of(each.source, each.pg)});
    }
    const bool again = std::any_of(inherited.begin(), inherited.end(), [&](const Template& other) {
      return std::tie(other.pg.name, other.pg.type) == std::tie(each.pg.name, each.pg.type);
    });
    if (again) problems.push_back({"Instance redefines pg_pattern", items_of(each.source, each.pg)});
    for (const PropPattern& property : each.properties) {
      if (property.required && property.type.empty()) {
        problems.push_back(
            {"Required prop_pattern is missing a type attribute", items_of(each.source, each.pg, &property)});
      }
      OwnValues(each, property, problems).run();
    }
  }
}

void check_conflicts(const std::string& entity, const std::vector<const Template*>& all, size_t news,
                     TemplateProblems& problems) {
  for (size_t i = 0; i < std::min(news, all.size()); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      const Template& a = *all[i];
      const Template& b = *all[j];
      if (!a.pg.name.empty() && a.pg.name == b.pg.name && both_and_different(a.pg.type, b.pg.type)) {
        problems.push_back({"Conflicting pg_pattern specifications", items_of(entity, a.pg)});
      }
      if (!overlap(a.pg, b.pg)) continue;
      for (const PropPattern& mine : a.properties) {
        for (const PropPattern& theirs : b.properties) {
          if (mine.name != theirs.name || !both_and_different(mine.type, theirs.type)) continue;
          problems.push_back({"Conflicting prop_pattern specifications", items_of(entity, a.pg, &mine)});
        }
      }
    }
  }
}

}  // namespace vmkeep::manifest
