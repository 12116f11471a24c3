#include "tools/config_flags.h"

#include <algorithm>

namespace vmkeep::tools {

std::string ConfigArguments::value(const std::string& flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> ConfigArguments::values(const std::string& flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::vector<std::string>() : found->second;
}

Result<ConfigArguments> parse_config_arguments(const Arguments& arguments,
                                               std::initializer_list<ConfigFlag> flags) {
  ConfigArguments result;
  bool operands_only = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!operands_only && argument == "--") {
      operands_only = true;
      continue;
    }
    if (operands_only || argument.size() < 2 || argument[0] != '-') {
      result.operands.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string word = argument.substr(0, equals);
    const auto* const flag =
        std::find_if(flags.begin(), flags.end(), [&](const ConfigFlag& each) { return word == each.word; });
    if (flag == flags.end()) return fail(ErrorKind::invalid, "unknown flag " + word);
    auto& values = result.flags[word];
    if (!flag->takes_value) {
      if (equals != std::string::npos) return fail(ErrorKind::invalid, word + " takes no value");
    } else if (equals != std::string::npos) {
      values.push_back(argument.substr(equals + 1));
    } else if (i + 1 < arguments.size()) {
      values.push_back(arguments[++i]);
    } else {
      return fail(ErrorKind::invalid, word + " needs a value");
    }
    if (flag->takes_value && values.back().empty()) return fail(ErrorKind::invalid, word + " needs a value");
  }
  return result;
}

}  // namespace vmkeep::tools
