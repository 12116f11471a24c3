#include "tools/svccfg/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/svccfg/lexer.h"

namespace vmkeep::svccfg {

using repository::ValueType;

bool is_text(ValueType type) {
  switch (type) {
    case ValueType::boolean:
    case ValueType::count:
    case ValueType::integer:
    case ValueType::time:
    case ValueType::opaque:
      return false;
    default:
      return true;
  }
}

std::string print_values(const repository::Property& property) {
  const bool all_quoted = property.values.size() > 1 && is_text(property.type);
  std::string text;
  for (const std::string& value : property.values) {
    const bool needs_quotes = value.empty() || value.find_first_of(" \t\n\"()") != std::string::npos;
    text += ' ';
    text += all_quoted || needs_quotes ? quote_string(value) : value;
  }
  return text;
}

std::string print_property(const repository::Property& property) {
  return fmt::format("{:<7} {}", repository::to_string(property.type), print_values(property));
}

std::string aligned(const std::vector<NamedText>& rows) {
  size_t width = 0;
  for (const NamedText& row : rows) width = std::max(width, row.name.size());
  std::string text;
  for (const NamedText& row : rows) text += fmt::format("{:<{}}  {}\n", row.name, width, row.text);
  return text;
}

}  // namespace vmkeep::svccfg
