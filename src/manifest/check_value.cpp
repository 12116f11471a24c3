#include "manifest/check_value.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace vmkeep::manifest {
namespace {

using repository::ValueType;

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number result{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return result;
}

template <class Number>
bool inside(const ValueRange& range, const std::string& text) {
  const auto value = number<Number>(text);
  const auto min = number<Number>(range.min);
  const auto max = number<Number>(range.max);
  return value && min && max && *min <= *value && *value <= *max;
}

bool in_range(ValueType type, const ValueRange& range, const std::string& text) {
  return type == ValueType::count ? inside<uint64_t>(range, text) : inside<int64_t>(range, text);
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Judged judge_part(const PropPattern& pattern, ValueType type, const std::string& part) {
  const ValueSet& allowed = pattern.constraints;
  const bool with_values = contains(allowed.include, "values");
  if (contains(allowed.names, part) || (with_values && contains(pattern.values, part))) return Judged::fits;
  const bool ranges = is_number(type) && !allowed.ranges.empty();
  const bool names = !allowed.names.empty() || (with_values && !pattern.values.empty());
  if (ranges && std::any_of(allowed.ranges.begin(), allowed.ranges.end(),
                            [&](const ValueRange& range) { return in_range(type, range, part); })) {
    return Judged::fits;
  }
  if (names) return Judged::illegal;
  return ranges ? Judged::out_of_range : Judged::fits;
}

}  // namespace

bool is_number(ValueType type) {
  return type == ValueType::count || type == ValueType::integer;
}

Literal judge_literal(ValueType type, const std::string& text) {
  if (repository::check_value(type, text)) return Literal::good;
  if (!is_number(type)) return Literal::bad;
  const std::string digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool numeric = !digits.empty() &&
                       std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numeric ? Literal::too_large : Literal::bad;
}

bool count_fits(const PropPattern& pattern, size_t values) {
  const auto min = number<uint64_t>(pattern.min.value_or("0"));
  const auto max = pattern.max ? number<uint64_t>(*pattern.max) : std::nullopt;
  return (!min || values >= *min) && (!max || values <= *max);
}

Judged judge_value(const PropPattern& pattern, ValueType type, const std::string& value) {
  if (!pattern.separators || pattern.separators->empty()) return judge_part(pattern, type, value);
  size_t at = 0;
  for (;;) {
    const size_t end = std::min(value.find_first_of(*pattern.separators, at), value.size());
    if (end > at) {
      const Judged judged = judge_part(pattern, type, value.substr(at, end - at));
      if (judged != Judged::fits) return judged;
    }
    if (end == value.size()) return Judged::fits;
    at = end + 1;
  }
}

}  // namespace vmkeep::manifest
