// What a template says about property groups (pg_pattern) and their properties (prop_pattern).
//
// The repository keeps a pattern as a group of its own (3.3): tm_pgpat{nt,n,t,}_NAME_TYPE of type
// template_pg_pattern, and tm_proppat_..._PROPERTY of type template_prop_pattern, whose property pg_pattern
// names the group of the first.  A group that somebody wrote by hand may say more or other things than the
// elements can: it is read as far as it goes, and `is_regular` tells that nothing was lost.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "repository/types.h"

namespace vmkeep::manifest {

using Texts = std::map<std::string, std::string>;  // by locale: "C", "pt_BR"

inline constexpr char kPgPatternType[] = "template_pg_pattern";
inline constexpr char kPropPatternType[] = "template_prop_pattern";

struct PgPattern {
  std::string group;       // that keeps it; follows from name and type
  std::string name, type;  // empty: any
  std::string target = "this";
  bool required = false;
  Texts common_name, description;
};

struct ValueRange {
  std::string min, max;
};

// <constraints> or <choices>.
struct ValueSet {
  std::vector<std::string> names;
  std::vector<ValueRange> ranges;
  std::vector<std::string> include;  // "values", "constraints"
  bool empty() const { return names.empty() && ranges.empty() && include.empty(); }
};

struct ValueTexts {
  Texts common_name, description;
};

struct PropPattern {
  std::string pg_pattern;  // the group of its pg_pattern
  std::string name, type;  // empty: any
  bool required = false;
  Texts common_name, description, units;
  std::string visibility;                      // empty: readwrite
  std::optional<std::string> min, max;         // of the number of values
  std::optional<std::string> separators;       // characters between the parts of one value
  std::vector<std::string> values;             // that are explained
  ValueSet constraints;                        // what a value must be
  ValueSet choices;                            // what to offer
  std::map<std::string, ValueTexts> meanings;  // of values, by name
};

// A pg_pattern with what it says about properties, and the entity that says it.
struct Template {
  std::string source;
  PgPattern pg;
  std::vector<PropPattern> properties;
};

std::string group_of(const PgPattern& pattern);
repository::PropertyGroup to_group(const PgPattern& pattern);
repository::PropertyGroup to_group(const PropPattern& pattern);
PgPattern read_pg_pattern(const repository::PropertyGroup& group);
PropPattern read_prop_pattern(const repository::PropertyGroup& group);
// Whether the elements of a template can say all that this group says.
bool is_regular(const repository::PropertyGroup& group);

// All templates of one entity, in the order of their groups' names.
std::vector<Template> templates_of(const repository::Groups& groups, const std::string& source);

// The text for a person: in the locale "C", else any; empty: there is none.
std::string text_of(const Texts& texts);

}  // namespace vmkeep::manifest
