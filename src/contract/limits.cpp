#include "contract/limits.h"

#include <unistd.h>

#include "base/fd.h"

namespace vmkeep::contract {
namespace {

struct Setting {
  const char* controller;
  const char* file;
  std::optional<std::string> value;
  const char* standard;
};

template <class Number>
std::optional<std::string> text(const std::optional<Number>& number, const char* before = "") {
  return number ? std::optional(before + std::to_string(*number)) : std::nullopt;
}

}  // namespace

std::vector<std::string> write_limits(const std::string& folder, const Limits& limits) {
  const std::vector<Setting> settings{
      {"memory", "memory.low", text(limits.memory_low), "0"},
      {"memory", "memory.high", text(limits.memory_high), "max"},
      {"cpu", "cpu.weight", text(limits.cpu_weight), "100"},
      {"io", "io.weight", text(limits.io_weight, "default "), "default 100"},
  };
  std::vector<std::string> missing;
  for (const auto& setting : settings) {
    const std::string path = folder + "/" + setting.file;
    const bool there = ::access(path.c_str(), F_OK) == 0;
    if (!there && !setting.value) continue;
    if (!there) {
      missing.push_back(std::string(setting.file) +
                        " is not in force: the host does not delegate the cgroup controller " +
                        setting.controller + " to vmkeep");
      continue;
    }
    auto written = write_existing(path, setting.value.value_or(setting.standard));
    if (!written && setting.value)
      missing.push_back(std::string(setting.file) + " is not in force: " + written.error().message);
  }
  return missing;
}

}  // namespace vmkeep::contract
