#include "control/text.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace vmkeep::control {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint32_t byte(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// The length of the UTF-8 character at the front of `text`; 0 if there is none.  Overlong forms, surrogates
// and what lies beyond U+10FFFF are none: the second byte's range tells them.
size_t character(std::string_view text) {
  const uint32_t first = byte(text, 0);
  if (first < 0x80) return 1;
  size_t length = 0;
  uint32_t low = 0x80;
  uint32_t high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (byte(text, 1) < low || byte(text, 1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(text, i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    // Nearly all text is ASCII: eight bytes at once.
    if (uint64_t eight = 0; text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if ((eight & 0x8080808080808080U) == 0) {
        text.remove_prefix(sizeof eight);
        continue;
      }
    }
    const size_t length = character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string as_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string clean;
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0) {
      clean += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      clean += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return clean;
}

std::string base64(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t triple = byte(bytes, i) << 16U | (left > 1 ? byte(bytes, i + 1) << 8U : 0U) |
                            (left > 2 ? byte(bytes, i + 2) : 0U);
    text += kAlphabet[triple >> 18U];
    text += kAlphabet[triple >> 12U & 63U];
    text += left > 1 ? kAlphabet[triple >> 6U & 63U] : '=';
    text += left > 2 ? kAlphabet[triple & 63U] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const size_t value = c == '\0' ? std::string_view::npos : std::string_view(kAlphabet).find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<uint32_t>(value)) & 0xFFFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xFFU);
    }
  }
  // What the padding leaves over must be zero: one form for each value.
  if ((bits & ((1U << count) - 1U)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace vmkeep::control
