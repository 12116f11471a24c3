#include "tools/time_text.h"

#include <array>

namespace vmkeep::tools {
namespace {

constexpr std::time_t kDay = 86400;

std::string format(const char* how, std::time_t time) {
  std::tm parts{};
  std::array<char, 64> text{};
  if (::localtime_r(&time, &parts) == nullptr) return "-";
  return {text.data(), std::strftime(text.data(), text.size(), how, &parts)};
}

}  // namespace

std::string short_time(std::time_t time, std::time_t now) {
  if (time == 0) return "-";
  // A time in the future, after a change of the clock, is told as it is.
  if (now - time < kDay) return format("%k:%M:%S", time);
  if (now - time < 360 * kDay) return format("%b_%d", time);
  return format("%Y", time);
}

std::string long_time(std::time_t time) {
  return format("%c", time);
}

}  // namespace vmkeep::tools
