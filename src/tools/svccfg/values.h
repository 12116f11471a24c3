// The values of a property as people write and read them.
#pragma once

#include <string>
#include <vector>

#include "repository/types.h"

namespace vmkeep::svccfg {

// astring, ustring and the types that descend from it.
bool is_text(repository::ValueType type);

// " value" per value.  A value stands in quotes if it has blanks, quotes or parens, if it is empty, or if a
// text property has several values.
std::string print_values(const repository::Property& property);

// The type, in a column, and the values.
std::string print_property(const repository::Property& property);

// Lines of a name, padded to the longest, two blanks, and the rest.
struct NamedText {
  std::string name;
  std::string text;
};
std::string aligned(const std::vector<NamedText>& rows);

}  // namespace vmkeep::svccfg
