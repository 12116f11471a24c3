#include "tools/svccfg/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/named_file.h"

namespace vmkeep::svccfg {
namespace {

constexpr char kUsage[] =
    "Usage: svccfg [-v] [-s FMRI] [-f file]\n"
    "       svccfg [-v] [-s FMRI] command [arguments]\n";

struct Options {
  bool verbose = false;
  std::string selection;
  std::string file;
  std::vector<std::string> command;
};

// Options as getopt(3) takes them: "-vs FMRI", "-sFMRI".  False: bad usage.
bool parse_options(const std::vector<std::string>& arguments, Options& options) {
  size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (word.size() < 2 || word.front() != '-') break;
    for (size_t i = 1; i < word.size(); ++i) {
      if (word[i] == 'v') {
        options.verbose = true;
        continue;
      }
      if (word[i] != 's' && word[i] != 'f') return false;
      std::string& value = word[i] == 's' ? options.selection : options.file;
      if (i + 1 < word.size()) {
        value = word.substr(i + 1);
      } else if (++at < arguments.size()) {
        value = arguments[at];
      } else {
        return false;
      }
      break;
    }
  }
  options.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return options.file.empty() || options.command.empty();
}

size_t count_lines(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

int run_text(Session& session, const std::string& text, const std::string& name) {
  std::string_view rest = text;
  size_t line = 1;
  std::vector<Token> tokens;
  for (;;) {
    const std::string_view before = rest;
    const Scan found = scan(rest, tokens);
    if (found == Scan::end) return kExitOk;
    // The line that a command ends on, as the facility counts.
    const std::string_view taken = before.substr(0, before.size() - rest.size());
    const size_t breaks = found == Scan::incomplete ? count_lines(before) : count_lines(taken);
    const bool ends_line = found == Scan::command && taken.ends_with('\n');
    if (!name.empty())
      session.set_place(fmt::format("{}, line {}", name, line + breaks - (ends_line ? 1 : 0)));
    if (found == Scan::incomplete) {
      session.fail("Syntax error.");
      return kExitFailed;
    }
    switch (session.execute(tokens)) {
      case Outcome::ok:
        break;
      case Outcome::quit:
        return kExitOk;
      default:
        return kExitFailed;
    }
    line += breaks;
  }
}

int run_interactive(Session& session, const ReadLine& read_line) {
  session.set_interactive(true);
  std::string text;
  std::vector<Token> tokens;
  for (;;) {
    const auto line = read_line(text.empty() ? session.prompt() : "> ");
    if (!line) return kExitOk;
    text += *line;
    std::string_view rest = text;
    while (scan(rest, tokens) == Scan::command) {
      if (session.execute(tokens) == Outcome::quit) return kExitOk;
    }
    text = std::string(rest);
  }
}

int run_program(const Program& program, const std::vector<std::string>& arguments) {
  Options options;
  if (!parse_options(arguments, options)) {
    program.err << kUsage;
    return kExitUsage;
  }
  Session session(program.out, program.err, program.open);
  session.set_verbose(options.verbose);
  session.set_parse_options(program.parse_options);
  if (!options.selection.empty()) {
    fmri::Fmri entity;
    if (!session.resolve(options.selection, entity)) return kExitFailed;
    session.select(std::move(entity));
  }
  if (!options.command.empty()) {
    std::string text;
    for (const std::string& word : options.command) text += (text.empty() ? "" : " ") + word;
    return run_text(session, text, "");
  }
  if (!options.file.empty() && options.file != "-") {
    const auto text = read_named_file(options.file);
    if (!text) return session.fail(text.error()), kExitFailed;
    return run_text(session, *text, options.file);
  }
  if (program.read_line && options.file.empty()) {
    if (program.typing) program.typing(session);
    return run_interactive(session, program.read_line);
  }
  const std::string text(std::istreambuf_iterator<char>(program.standard_input), {});
  return run_text(session, text, "<stdin>");
}

}  // namespace vmkeep::svccfg
