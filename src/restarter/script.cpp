#include "restarter/script.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace vmkeep::restarter {

Words split(std::string_view line) {
  Words words;
  std::string word;
  bool quoted = false;
  bool any = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if ((c == ' ' || c == '\t') && !quoted) {
      if (any) words.push_back(std::exchange(word, {}));
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(word);
  return words;
}

std::optional<Instant> duration(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  // Far beyond any scenario, and far from overflowing.
  constexpr double kLongest = 1e12;
  double number = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (problem != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(word.data() + word.size() - end));
  for (const auto& [name, milliseconds] : kUnits) {
    if (name != unit) continue;
    const double value = number * milliseconds;
    if (!(value >= 0 && value < kLongest)) return std::nullopt;
    return Instant(std::llround(value));
  }
  return std::nullopt;
}

std::string to_string(const SetState& action) {
  const auto next =
      action.next_state == graph::State::none ? "" : fmt::format(" -> {}", to_string(action.next_state));
  const auto why = action.why.empty() ? "" : fmt::format(": {}", action.why);
  return fmt::format("{}{} ({}{})", to_string(action.state), next, to_string(action.reason), why);
}

bool Timers::arm(const ArmTimer& timer) {
  return armed_.emplace(timer.timer, timer).second;
}

bool Timers::cancel(uint64_t timer) {
  return armed_.erase(timer) == 1;
}

std::map<uint64_t, ArmTimer>::const_iterator Timers::earliest() const {
  auto found = armed_.end();
  for (auto it = armed_.begin(); it != armed_.end(); ++it) {
    if (found == armed_.end() || it->second.at < found->second.at) found = it;
  }
  return found;
}

std::optional<Instant> Timers::next() const {
  const auto found = earliest();
  return found == armed_.end() ? std::nullopt : std::optional(found->second.at);
}

std::optional<ArmTimer> Timers::take(Instant until) {
  const auto found = earliest();
  if (found == armed_.end() || found->second.at > until) return std::nullopt;
  ArmTimer timer = found->second;
  armed_.erase(found);
  return timer;
}

}  // namespace vmkeep::restarter
