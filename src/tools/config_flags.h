// Flags of the commands about configuration: "--word", "--word VALUE" or "--word=VALUE", anywhere among the
// operands; "--" ends them.  Everything is checked before anything is done.  Pure.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/tool.h"

namespace vmkeep::tools {

struct ConfigFlag {
  const char* word;  // with its dashes
  bool takes_value = false;
};

struct ConfigArguments {
  std::map<std::string, std::vector<std::string>> flags;  // by word, with their values
  Arguments operands;

  bool has(const std::string& flag) const { return flags.contains(flag); }
  // The last value; empty if it was not given.
  std::string value(const std::string& flag) const;
  std::vector<std::string> values(const std::string& flag) const;
};

// Error: what to print above the usage.
Result<ConfigArguments> parse_config_arguments(const Arguments& arguments,
                                               std::initializer_list<ConfigFlag> flags);

}  // namespace vmkeep::tools
