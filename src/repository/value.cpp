// What a value of each type looks like (section 2.3 of the spec of the facility).
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "repository/types.h"

namespace vmkeep::repository {
namespace {

using Checked = Result<std::string>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

Error bad(ValueType type, std::string_view value, std::string_view wanted) {
  const std::string_view name = to_string(type);
  const bool vowel = std::string_view("aeio").find(name.front()) != std::string_view::npos;
  return fail(ErrorKind::invalid, fmri::quote(value) + " is not " + (vowel ? "an " : "a ") +
                                      std::string(name) + " (" + std::string(wanted) + ")");
}

template <class Number>
Checked check_number(ValueType type, std::string_view value, std::string_view wanted) {
  Number number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value.empty() || error != std::errc() || end != value.data() + value.size())
    return bad(type, value, wanted);
  return std::to_string(number);
}

// "-1.5" is kept as it is written, minus one and a half seconds.
Checked check_time(std::string_view value) {
  constexpr std::string_view kWanted = "seconds, and if need be \".\" and 1 to 9 digits of a second";
  constexpr size_t kNanoDigits = 9;
  const size_t dot = value.find('.');
  const std::string_view whole = value.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? "0" : value.substr(dot + 1);
  auto seconds = check_number<int64_t>(ValueType::time, whole, kWanted);
  if (!seconds || !all_digits(fraction) || fraction.size() > kNanoDigits)
    return bad(ValueType::time, value, kWanted);
  const bool zero_fraction = fraction.find_first_not_of('0') == std::string_view::npos;
  std::string text = whole.starts_with('-') && *seconds == "0" && !zero_fraction ? "-0" : *seconds;
  text.append(".").append(fraction).append(kNanoDigits - fraction.size(), '0');
  return text;
}

// Length of the UTF-8 sequence at the front, 0 if it is none: no overlong forms, no surrogates, nothing
// beyond U+10FFFF.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first < 0xe0 ? 2
                        : (first & 0xf0U) == 0xe0     ? 3
                        : first >= 0xf0               ? 4
                                                      : 0;
  if (length == 0 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || beyond ? 0 : length;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Checked check_opaque(std::string_view value) {
  std::string text(value);
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!is_digit(c) && !(c >= 'a' && c <= 'f')) return bad(ValueType::opaque, value, "hexadecimal digits");
  }
  if (text.size() % 2 != 0) return bad(ValueType::opaque, value, "two hexadecimal digits a byte");
  return text;
}

bool valid_uri(std::string_view value) {
  if (value.empty() || !valid_utf8(value)) return false;
  const auto forbidden = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '<' || c == '>' || c == '"';
  };
  if (std::any_of(value.begin(), value.end(), forbidden)) return false;
  const size_t end = value.find_first_of(":/?#");
  if (end == std::string_view::npos || value[end] != ':') return true;  // relative
  const std::string_view scheme = value.substr(0, end);
  return !scheme.empty() && is_alpha(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

bool valid_fmri(std::string_view value) {
  if (value.starts_with("file:")) return fmri::parse_file_fmri(value).has_value();
  if (value.starts_with("lrc:/")) return value.size() > 5 && valid_uri(value);
  return fmri::Fmri::parse(value).has_value();
}

bool valid_hostname(std::string_view value) {
  constexpr size_t kMaxHostname = 253;
  constexpr size_t kMaxLabel = 63;
  if (value.ends_with('.')) value.remove_suffix(1);
  if (value.empty() || value.size() > kMaxHostname) return false;
  for (;;) {
    const size_t dot = value.find('.');
    const std::string_view label = value.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabel || label.front() == '-' || label.back() == '-')
      return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    value.remove_prefix(dot + 1);
  }
}

// An address, perhaps with "/" and the length of a prefix.
bool valid_address(int family, std::string_view value) {
  const size_t slash = value.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view prefix = value.substr(slash + 1);
    unsigned length = 0;
    if (!all_digits(prefix) || prefix.size() > 3) return false;
    std::from_chars(prefix.data(), prefix.data() + prefix.size(), length);
    if (length > (family == AF_INET ? 32U : 128U)) return false;
  }
  const std::string address(value.substr(0, slash));
  in6_addr parsed{};
  return address.find('\0') == std::string::npos && inet_pton(family, address.c_str(), &parsed) == 1;
}

bool valid_any_address(std::string_view value) {
  return valid_address(AF_INET, value) || valid_address(AF_INET6, value);
}

Checked keep(bool valid, ValueType type, std::string_view value, std::string_view wanted) {
  if (!valid) return bad(type, value, wanted);
  return std::string(value);
}

}  // namespace

Result<std::string> check_value(ValueType type, std::string_view value) {
  if (value.size() > fmri::kMaxValue)
    return fail(ErrorKind::invalid, "a value of " + std::to_string(value.size()) +
                                        " bytes is too long (at most " + std::to_string(fmri::kMaxValue) +
                                        ")");
  if (value.find('\0') != std::string_view::npos) return bad(type, value, "no NUL byte");
  switch (type) {
    case ValueType::boolean:
      return keep(value == "true" || value == "false", type, value, "\"true\" or \"false\"");
    case ValueType::count:
      return check_number<uint64_t>(type, value, "a decimal number from 0 to 2^64-1");
    case ValueType::integer:
      return check_number<int64_t>(type, value, "a decimal number from -2^63 to 2^63-1");
    case ValueType::time:
      return check_time(value);
    case ValueType::astring:
      return std::string(value);
    case ValueType::ustring:
      return keep(valid_utf8(value), type, value, "text in UTF-8");
    case ValueType::opaque:
      return check_opaque(value);
    case ValueType::uri:
      return keep(valid_uri(value), type, value, "like scheme:rest, without blanks");
    case ValueType::fmri:
      return keep(valid_fmri(value), type, value, "like svc:/service:instance or file:///path");
    case ValueType::host:
      return keep(valid_hostname(value) || valid_any_address(value), type, value,
                  "a host name or an address");
    case ValueType::hostname:
      return keep(valid_hostname(value), type, value,
                  "labels of letters, digits and \"-\" with \".\" between");
    case ValueType::net_address:
      return keep(valid_any_address(value), type, value, "an IPv4 or IPv6 address, perhaps with /prefix");
    case ValueType::net_address_v4:
      return keep(valid_address(AF_INET, value), type, value, "an IPv4 address, perhaps with /prefix");
    case ValueType::net_address_v6:
      return keep(valid_address(AF_INET6, value), type, value, "an IPv6 address, perhaps with /prefix");
  }
  return fail(ErrorKind::invalid, "unknown type of value");
}

}  // namespace vmkeep::repository
