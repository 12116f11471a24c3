// Any text as commands: each call takes something or ends, and every word of it, quoted, comes back as it is.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "tools/svccfg/lexer.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {

inline void fuzz_lexer(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t left = text.size() + 1;;) {
    const Scan found = scan(text, tokens);
    if (found == Scan::end && !text.empty()) std::abort();
    if (found != Scan::command) return;
    if (text.size() >= left) std::abort();
    left = text.size();
    repository::Property property{repository::ValueType::astring, {}};
    for (const Token& token : tokens) property.values.push_back(token.text);
    if (tokens.size() == 1) continue;
    // What listprop prints, setprop takes.
    const std::string printed = "(" + print_values(property) + ")";
    std::string_view rest = printed;
    std::vector<Token> again;
    if (scan(rest, again) != Scan::command || again.size() != tokens.size() + 2) std::abort();
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (again[i + 1].kind != TokenKind::string || again[i + 1].text != tokens[i].text) std::abort();
    }
  }
}

}  // namespace vmkeep::svccfg
