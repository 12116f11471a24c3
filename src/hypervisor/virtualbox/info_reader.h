// Machine-readable output of VBoxManage, read from the front (facts 13, 14).  Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace vmkeep::hypervisor::virtualbox {

// Takes a line off the front, without its newline.
inline std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Reads machine-readable output from the front: key=value, where either may be in quotes.
class InfoReader {
 public:
  explicit InfoReader(std::string_view text) : rest_(text) {}

  // The next key and value in quotes; lines of any other form are passed over.
  bool next(std::string& key, std::string& value) {
    while (!rest_.empty()) {
      std::string_view after = rest_;
      const bool found = entry(after, key, value);
      // Without an entry, or with something behind its closing quote, go on with the next line.
      if (found) rest_ = after;
      const std::string_view behind = take_line(rest_);
      if (found && behind.empty()) return true;
    }
    return false;
  }

 private:
  // Takes `key="value"` off the front of `at`, where the key may be in quotes too.
  static bool entry(std::string_view& at, std::string& key, std::string& value) {
    if (at.front() == '"') {
      if (!quoted(at, key)) return false;
    } else {
      const size_t end = at.find_first_of("=\n");
      if (end == std::string_view::npos || at[end] != '=') return false;
      key = std::string(at.substr(0, end));
      at.remove_prefix(end);
    }
    if (at.substr(0, 2) != "=\"") return false;
    at.remove_prefix(1);
    return quoted(at, value);
  }

  // A string in quotes at the front of `at`, its escapes undone.  It may go over several lines.
  static bool quoted(std::string_view& at, std::string& text) {
    text.clear();
    for (size_t i = 1; i < at.size(); ++i) {
      if (at[i] == '"') {
        at.remove_prefix(i + 1);
        return true;
      }
      if (at[i] == '\\' && i + 1 < at.size() && (at[i + 1] == '"' || at[i + 1] == '\\')) ++i;
      text.push_back(at[i]);
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace vmkeep::hypervisor::virtualbox
