// How svcprop prints property groups (spec of the facility, 7.4).  Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fmri/fmri.h"
#include "repository/types.h"

namespace vmkeep::tools {

// What -p names: a group, or one property of it.
struct PropertyName {
  std::string group;
  std::string property;  // empty: the whole group
};

// "pg" or "pg/prop"; nothing if it has more components, or empty ones.
std::optional<PropertyName> property_name(const std::string& text);

// So that a shell reads it back as one word: a backslash before what it would take apart; "" for nothing.
std::string quoted(const std::string& value);
// The values of a line that quoted() ones make up, separated by blanks.  Nothing: it is no such line.
std::optional<std::vector<std::string>> unquoted(std::string_view line);

enum class Detail { values, types, full };

struct PropertyQuestion {
  std::vector<PropertyName> names;  // empty: all
  Detail detail = Detail::types;    // values: of single properties; groups are told with types all the same
  std::vector<std::string> types = {};  // of groups; empty: any
};

struct PropertyAnswer {
  std::string text;
  repository::Groups groups;         // the same, with nothing but what was asked for
  std::vector<std::string> missing;  // messages
};

PropertyAnswer print_properties(const fmri::Fmri& entity, const repository::Groups& groups,
                                const PropertyQuestion& question);

}  // namespace vmkeep::tools
