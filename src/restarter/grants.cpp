#include "restarter/grants.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmkeep::restarter {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (c == '#') break;
    if (std::string_view(" \t\r,").find(c) == std::string_view::npos) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

// Names with dots between them; the last one may be, or end in, a star.
bool is_authorization(std::string_view text) {
  const auto star = text.find('*');
  if (star != std::string_view::npos && star + 1 != text.size()) return false;
  return std::all_of(text.begin(), text.end(), [](const char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_*").find(c) != std::string_view::npos;
  });
}

}  // namespace

Grants parse_grants(std::string_view text) {
  Grants result;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto words = words_of(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (words.empty()) continue;
    const auto wrong = std::find_if_not(words.begin() + 1, words.end(), is_authorization);
    Grant grant{words.front(), words.front().starts_with('%'), {words.begin() + 1, words.end()}};
    if (grant.group) grant.who.erase(0, 1);
    if (grant.who.empty() || words.size() == 1) {
      result.complaints.push_back(
          fmt::format("line {}: USER or %GROUP and authorizations are wanted", number));
    } else if (wrong != words.end()) {
      result.complaints.push_back(fmt::format("line {}: \"{}\" is no authorization", number, *wrong));
    } else {
      result.grants.push_back(std::move(grant));
    }
  }
  return result;
}

std::vector<std::string> granted_to(const Grants& grants, const std::vector<std::string>& user,
                                    const std::vector<std::string>& groups) {
  std::vector<std::string> granted;
  for (const auto& grant : grants.grants) {
    const auto& names = grant.group ? groups : user;
    if (std::find(names.begin(), names.end(), grant.who) == names.end()) continue;
    granted.insert(granted.end(), grant.authorizations.begin(), grant.authorizations.end());
  }
  return granted;
}

}  // namespace vmkeep::restarter
