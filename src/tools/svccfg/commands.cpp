#include "tools/svccfg/commands.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "base/named_file.h"

namespace vmkeep::svccfg {

const Command* find_command(std::string_view name) {
  const auto& table = commands();
  const auto found =
      std::find_if(table.begin(), table.end(), [name](const Command& each) { return each.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string help_of(const Command& command) {
  return fmt::format("Usage: {}\n\n{}\n", command.syntax, command.text);
}

bool words(const Arguments& arguments, size_t least, size_t most, std::vector<std::string>& result) {
  if (arguments.size() < least || arguments.size() > most) return false;
  for (const Token& token : arguments) {
    if (token.kind != TokenKind::word && token.kind != TokenKind::string) return false;
    result.push_back(token.text);
  }
  return true;
}

bool take_options(std::vector<std::string>& words, std::string_view allowed, std::string& options) {
  while (!words.empty() && words.front().size() > 1 && words.front().front() == '-') {
    for (const char c : words.front().substr(1)) {
      if (allowed.find(c) == std::string_view::npos) return false;
      options += c;
    }
    words.erase(words.begin());
  }
  return true;
}

bool take_operands(const Arguments& arguments, std::string_view allowed, size_t least, size_t most,
                   std::string& options, std::vector<std::string>& operands) {
  return words(arguments, 0, arguments.size(), operands) && take_options(operands, allowed, options) &&
         operands.size() >= least && operands.size() <= most;
}

bool take_json(std::vector<std::string>& operands) {
  return std::erase(operands, "--json") != 0;
}

bool glob_matches(const std::string& pattern, const std::string& text) {
  return pattern.empty() || fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool take_redirect(const Arguments& arguments, std::vector<std::string>& operands, std::string& file) {
  const bool redirected =
      arguments.size() >= 2 && arguments[arguments.size() - 2].kind == TokenKind::redirect;
  const Arguments before(arguments.begin(), arguments.end() - (redirected ? 2 : 0));
  const bool named =
      !redirected || arguments.back().kind == TokenKind::word || arguments.back().kind == TokenKind::string;
  if (redirected) file = arguments.back().text;
  return named && (!redirected || !file.empty()) && words(before, 0, before.size(), operands);
}

Outcome write_out(Session& session, const std::string& text, const std::string& file) {
  if (file.empty()) {
    session.out() << text;
    return Outcome::ok;
  }
  const auto written = write_named_file(file, text);
  return written ? Outcome::ok : session.fail(written.error());
}

}  // namespace vmkeep::svccfg
