// Where commands come from: the arguments, a file, a stream, or somebody who types.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <string>

#include "tools/svccfg/session.h"

namespace vmkeep::svccfg {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Runs commands until one fails.  `name`: what the commands come from, for messages; empty: the arguments.
int run_text(Session& session, const std::string& text, const std::string& name);

// Reads commands from somebody who types.  `read_line` shows the prompt and gives a line with its line break;
// nothing at the end.  A command that fails says so, and the next one is asked for.
using ReadLine = std::function<std::optional<std::string>(const std::string& prompt)>;
int run_interactive(Session& session, const ReadLine& read_line);

// The whole program: argv without its first.  `standard_input` is read if there is neither a command nor a
// file.
struct Program {
  std::ostream& out;
  std::ostream& err;
  std::istream& standard_input;
  ReadLine read_line;  // null: standard input is no terminal
  OpenBackend open;
  // Called before somebody types, for the line editor's completion.
  std::function<void(Session& session)> typing = {};
  manifest::ParseOptions parse_options = {};
};
int run_program(const Program& program, const std::vector<std::string>& arguments);

}  // namespace vmkeep::svccfg
