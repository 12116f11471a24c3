#include "tools/svccfg/values.h"

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

}  // namespace vmkeep::svccfg
