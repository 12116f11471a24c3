#include <fnmatch.h>

#include <algorithm>

#include "fmri/fmri.h"

namespace vmkeep::fmri {
namespace {

// Where the bracket expression that begins at `from` ends (one past "]"); npos if it does not end.
size_t bracket_end(std::string_view pattern, size_t from) {
  size_t at = from + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '[' && at + 1 < pattern.size() && pattern[at + 1] == ':') {
      const size_t end = pattern.find(":]", at + 2);
      at = end == std::string_view::npos ? at + 1 : end + 2;
    } else {
      at += pattern[at] == '\\' ? 2 : 1;
    }
  }
  return at < pattern.size() ? at + 1 : std::string_view::npos;
}

// Matches the one pattern element at `at` (no "*") against a character; gives where the next element begins,
// 0 if it does not match.
size_t match_one(std::string_view pattern, size_t at, char c) {
  switch (pattern[at]) {
    case '?':
      return at + 1;
    case '[': {
      const size_t end = bracket_end(pattern, at);
      if (end == std::string_view::npos) return c == '[' ? at + 1 : 0;
      const std::string bracket(pattern.substr(at, end - at));
      const char subject[] = {c, '\0'};
      return fnmatch(bracket.c_str(), subject, 0) == 0 ? end : 0;
    }
    case '\\':
      if (at + 1 < pattern.size()) return pattern[at + 1] == c ? at + 2 : 0;
      return 0;
    default:
      return pattern[at] == c ? at + 1 : 0;
  }
}

// fnmatch(3) without flags, but never worse than pattern times text: a library's backtracking takes for ever
// on
// "*a*a*a*a*b", and patterns come from anybody.
bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    const size_t next = p < pattern.size() ? match_one(pattern, p, text[t]) : 0;
    if (next != 0) {
      p = next;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string whole_glob(std::string_view operand) {
  std::string pattern(operand);
  if (pattern.starts_with('*') || (pattern.size() > 3 && pattern[3] == ':')) return pattern;
  return (pattern.starts_with('/') ? "svc:" : "svc:/") + pattern;
}

bool partial_match(std::string_view operand, std::string_view fmri) {
  const size_t begin = fmri.find(operand);
  if (operand.empty() || begin == std::string_view::npos) return false;
  const size_t end = begin + operand.size();
  const bool begins =
      begin == 0 || fmri[begin - 1] == '/' || fmri[begin - 1] == ':' || operand.front() == ':';
  const bool ends = end == fmri.size() || fmri[end] == ':' || operand.back() == ':';
  return begins && ends && end > 4;
}

// The exact thing that an operand names, if there is one.
bool resolve_exact(std::string_view operand, const std::vector<Entry>& entries, Want want, Match& match) {
  auto parsed = Fmri::parse(operand);
  if (!parsed || !parsed->property_group.empty()) return false;
  auto entry = std::find_if(entries.begin(), entries.end(),
                            [&](const Entry& one) { return one.service == parsed->service; });
  if (entry == entries.end()) return false;
  if (parsed->is_instance()) {
    const auto& names = entry->instances;
    if (std::find(names.begin(), names.end(), parsed->instance) == names.end()) return false;
    match.found.push_back(*parsed);
  } else if (want == Want::instances) {
    for (const std::string& instance : entry->instances)
      match.found.push_back({entry->service, instance, {}, {}});
  } else {
    match.found.push_back(*parsed);
  }
  match.exact = true;
  return true;
}

}  // namespace

bool is_glob(std::string_view operand) {
  return operand.find_first_of("*?[") != std::string_view::npos;
}

bool pattern_matches(std::string_view operand, std::string_view canonical) {
  if (is_glob(operand)) return glob_match(whole_glob(operand), canonical);
  return partial_match(operand, canonical);
}

Match resolve(std::string_view operand, const std::vector<Entry>& entries, Want want) {
  Match match;
  if (!resolve_exact(operand, entries, want, match)) {
    match.glob = is_glob(operand);
    const std::string glob = match.glob ? whole_glob(operand) : std::string();
    const auto matches = [&](const std::string& fmri) {
      return match.glob ? glob_match(glob, fmri) : partial_match(operand, fmri);
    };
    for (const Entry& entry : entries) {
      const Fmri service{entry.service, {}, {}, {}};
      const std::string text = service.str();
      const bool service_matches = want != Want::instances && matches(text);
      const bool stands_for_all = service_matches && want == Want::services_or_instances;
      const size_t before = match.found.size();
      const std::string prefix = text + ":";
      if (!stands_for_all) {
        for (const std::string& instance : entry.instances)
          if (matches(prefix + instance)) match.found.push_back({entry.service, instance, {}, {}});
      }
      if (service_matches && match.found.size() == before) match.found.push_back(service);
    }
  }
  std::sort(match.found.begin(), match.found.end());
  match.found.erase(std::unique(match.found.begin(), match.found.end()), match.found.end());
  return match;
}

}  // namespace vmkeep::fmri
