#include "host/pressure.h"

#include <charconv>

#include "base/fd.h"

namespace vmkeep::host {

std::optional<double> some_avg10(std::string_view text) {
  constexpr std::string_view kKey = "some avg10=";
  const auto at = text.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const auto value = text.substr(at + kKey.size());
  double percent = 0;
  if (std::from_chars(value.data(), value.data() + value.size(), percent).ec != std::errc())
    return std::nullopt;
  return percent;
}

Pressure read_pressure(const std::string& folder) {
  const auto one = [&folder](const char* name) -> std::optional<double> {
    const auto text = read_file(folder + "/" + name);
    return text ? some_avg10(*text) : std::nullopt;
  };
  return {one("cpu"), one("io"), one("memory")};
}

}  // namespace vmkeep::host
