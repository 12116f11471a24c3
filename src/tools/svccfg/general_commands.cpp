// help, set, repository, end.
#include <fmt/format.h>

#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {

Outcome run_help(Session& session, const Arguments& arguments) {
  std::vector<std::string> names;
  if (!words(arguments, 0, 1, names)) return Outcome::usage;
  if (!names.empty()) {
    const Command* command = find_command(names.front());
    if (command == nullptr) return session.fail(fmt::format("Unknown command \"{}\".", names.front()));
    session.out() << help_of(*command);
    return Outcome::ok;
  }
  std::string line;
  std::string_view group;
  for (const Command& command : commands()) {
    if (command.group != group) {
      if (!line.empty()) session.out() << line << '\n';
      group = command.group;
      line = fmt::format("{:<24}", fmt::format("{} commands:", group));
    }
    line += fmt::format(" {}", command.name);
  }
  session.out() << line << '\n';
  return Outcome::ok;
}

Outcome run_set(Session& session, const Arguments& arguments) {
  std::vector<std::string> options;
  if (!words(arguments, 0, 1, options)) return Outcome::usage;
  if (options.empty()) {
    session.out() << (session.verbose() ? "set -v\n" : "set -V\n");
  } else if (options.front() == "-v" || options.front() == "-V") {
    session.set_verbose(options.front() == "-v");
  } else {
    return Outcome::usage;
  }
  return Outcome::ok;
}

Outcome run_repository(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "f", 1, 1, options, operands)) return Outcome::usage;
  const std::string path = operands.front();
  session.replace_backend([path] { return open_file_repository(path); });
  return session.backend() == nullptr ? Outcome::failed : Outcome::ok;
}

Outcome run_end(Session&, const Arguments& arguments) {
  return arguments.empty() ? Outcome::quit : Outcome::usage;
}

}  // namespace vmkeep::svccfg
