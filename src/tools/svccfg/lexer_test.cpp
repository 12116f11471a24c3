#include "tools/svccfg/lexer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace vmkeep::svccfg {
namespace {

// Words as they are, strings in [], punctuation in <>; commands end with "|", what is incomplete with "...".
std::string scanned(std::string_view text) {
  std::string result;
  std::vector<Token> tokens;
  for (;;) {
    switch (scan(text, tokens)) {
      case Scan::end:
        return result;
      case Scan::incomplete:
        return result + "...";
      case Scan::command:
        break;
    }
    for (const Token& token : tokens) {
      switch (token.kind) {
        case TokenKind::word:
          result += token.text;
          break;
        case TokenKind::string:
          result += "[" + token.text + "]";
          break;
        default:
          result += "<" + token.text + ">";
      }
      result += " ";
    }
    result += "|";
  }
}

TEST(Lexer, Table) {
  const struct {
    const char* text;
    const char* tokens;
  } table[] = {
      {"", ""},
      {"\n", "|"},
      {"  \t \n", "|"},
      {"list", "list |"},
      {"list\nhelp\n", "list |help |"},
      {"a\r\nb", "a |b |"},
      {"setprop vm/stop=poweroff", "setprop vm/stop <=> poweroff |"},
      {"setprop vm/stop = astring: poweroff", "setprop vm/stop <=> astring: poweroff |"},
      {"export x>f", "export x <>> f |"},
      {"a \"b c\" d", "a [b c] d |"},
      {"a\"b\"c", "a [b] c |"},
      {R"("x\"y\\z\n")", R"([x"y\zn] |)"},
      {"\"\"", "[] |"},
      {"\"two\nlines\" x", "[two\nlines] x |"},
      {"a = ( 1\n 2\n)\nb", "a <=> <(> 1 2 <)> |b |"},
      {"a = ( 1 # one\n 2 )", "a <=> <(> 1 2 <)> |"},
      {"# nothing\nlist", "|list |"},
      {"list # the rest", "list |"},
      {"a#b", "a#b |"},
      {"a \"b", "..."},
      {"a \"b\\", "..."},
      {"a ( b\n", "..."},
      {"x\na (", "x |..."},
      {"a ) b", "a <)> b |"},
      {"a\\ b", "a\\ b |"},
  };
  for (const auto& row : table) EXPECT_EQ(scanned(row.text), row.tokens) << row.text;
}

TEST(Lexer, NothingIsTakenOffAnIncompleteCommand) {
  std::string_view text = "setprop a/b = ( \"x\"\n";
  std::vector<Token> tokens;
  EXPECT_EQ(scan(text, tokens), Scan::incomplete);
  EXPECT_EQ(text, "setprop a/b = ( \"x\"\n");
}

TEST(Lexer, AnyTextEnds) {
  rc::check("every call takes something or ends", [](const std::string& whole) {
    std::string_view text = whole;
    std::vector<Token> tokens;
    for (;;) {
      const size_t before = text.size();
      if (scan(text, tokens) != Scan::command) break;
      RC_ASSERT(text.size() < before);
    }
  });
}

TEST(Lexer, QuotedTextIsOneToken) {
  rc::check("what is quoted comes back", [](const std::string& value) {
    const std::string whole = "set " + quote_string(value) + " x";
    std::string_view text = whole;
    std::vector<Token> tokens;
    RC_ASSERT(scan(text, tokens) == Scan::command);
    RC_ASSERT(tokens.size() == 3U);
    RC_ASSERT((tokens[1] == Token{TokenKind::string, value}));
    RC_ASSERT(text.empty());
  });
}

}  // namespace
}  // namespace vmkeep::svccfg
