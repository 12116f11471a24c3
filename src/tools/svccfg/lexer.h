// The command language of svccfg (spec of the facility, section 7.3).
//
// A command is a line.  A word is anything but blanks and " > = ( ); a string stands in double quotes, may
// hold line breaks, and a backslash takes the next character as it is.  Between ( and ) a line break is a
// blank, so a list of values may take several lines.  # where a word could begin starts a comment up to the
// end of the line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmkeep::svccfg {

enum class TokenKind { word, string, redirect, equals, open, close };

struct Token {
  TokenKind kind = TokenKind::word;
  std::string text;  // of a string: without its quotes and backslashes
  bool operator==(const Token&) const = default;
};

enum class Scan {
  command,     // `tokens` is a command; empty: the line had none
  incomplete,  // the text ends inside a string or between ( and ): more lines are needed
  end,         // nothing left
};

// Takes one command off the front of `text`, its line break included.  Nothing is taken if it is incomplete.
Scan scan(std::string_view& text, std::vector<Token>& tokens);

// Text that scans as exactly one string token with this value.
std::string quote_string(std::string_view value);

}  // namespace vmkeep::svccfg
