// What svcprop prints, read back: the values that it printed, whatever they are.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "tools/property_text.h"

namespace vmkeep::tools {

// The input is values, each ended by a NUL, which no value has; and a line by itself.
inline void fuzz_quoting(std::string_view text) {
  const auto printed = [](const std::vector<std::string>& values) {
    auto group = std::make_shared<repository::PropertyGroup>();
    group->name = "g";
    group->properties["p"] = {repository::ValueType::astring, values};
    const fmri::Fmri entity{"a", "b", {}, {}};
    return print_properties(entity, {{"g", group}}, {{{"g", "p"}}, Detail::values, {}}).text;
  };
  const auto reads_back = [&printed](const std::vector<std::string>& values) {
    const std::string line = printed(values);
    if (line.empty() || line.back() != '\n') std::abort();
    const auto again = unquoted(std::string_view(line).substr(0, line.size() - 1));
    if (!again || *again != values) std::abort();
  };
  std::vector<std::string> values;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    values.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  reads_back(values);
  // Whatever is taken for such a line, means what the values mean when they are printed.
  if (const auto read = unquoted(text)) reads_back(*read);
}

}  // namespace vmkeep::tools
