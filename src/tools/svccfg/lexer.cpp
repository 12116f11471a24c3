#include "tools/svccfg/lexer.h"

#include <algorithm>

namespace vmkeep::svccfg {
namespace {

constexpr std::string_view kWordEnds = " \t\r\n\">=()";

// Reads the string whose opening quote is at `at`; npos if it does not end.
size_t read_string(std::string_view text, size_t at, std::string& value) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\' && ++at == text.size()) break;
    value += text[at];
  }
  return std::string_view::npos;
}

TokenKind punctuation(char c) {
  switch (c) {
    case '>':
      return TokenKind::redirect;
    case '=':
      return TokenKind::equals;
    case '(':
      return TokenKind::open;
    default:
      return TokenKind::close;
  }
}

}  // namespace

Scan scan(std::string_view& text, std::vector<Token>& tokens) {
  tokens.clear();
  if (text.empty()) return Scan::end;
  bool in_list = false;
  size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\n') {
      ++at;
      if (in_list) continue;
      text.remove_prefix(at);
      return Scan::command;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (c == '#') {
      at = text.find('\n', at);
      if (at == std::string_view::npos) at = text.size();
    } else if (c == '"') {
      Token token{TokenKind::string, {}};
      at = read_string(text, at, token.text);
      if (at == std::string_view::npos) return Scan::incomplete;
      tokens.push_back(std::move(token));
    } else if (kWordEnds.find(c) != std::string_view::npos) {
      tokens.push_back({punctuation(c), std::string(1, c)});
      if (c == '(') in_list = true;
      if (c == ')') in_list = false;
      ++at;
    } else {
      const size_t end = std::min(text.find_first_of(kWordEnds, at), text.size());
      tokens.push_back({TokenKind::word, std::string(text.substr(at, end - at))});
      at = end;
    }
  }
  if (in_list) return Scan::incomplete;
  text = {};
  return Scan::command;
}

std::string quote_string(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace vmkeep::svccfg
