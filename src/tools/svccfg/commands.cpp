#include "tools/svccfg/commands.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

namespace vmkeep::svccfg {
namespace {

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
  if (!words(arguments, 1, 2, operands) || !take_options(operands, "f", options) || operands.size() != 1) {
    return Outcome::usage;
  }
  const std::string path = operands.front();
  session.replace_backend([path] { return open_file_repository(path); });
  return session.backend() == nullptr ? Outcome::failed : Outcome::ok;
}

Outcome run_end(Session&, const Arguments& arguments) {
  return arguments.empty() ? Outcome::quit : Outcome::usage;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"help", "General", "help [command]", "Lists the commands, or tells about one.", run_help},
      {"set", "General", "set [-v | -V]", "Says more (-v) or no more than needed (-V).", run_set},
      {"repository", "General", "repository [-f] file",
       "Works on the repository in a file, from now on, and not on that of the daemon.", run_repository},
      {"end", "General", "end", "Leaves svccfg.", run_end},
      {"exit", "General", "exit", "Leaves svccfg.", run_end},
      {"quit", "General", "quit", "Leaves svccfg.", run_end},
      {"validate", "Manifest", "validate file", "Checks a manifest; says nothing if it is good.",
       run_validate},
      {"import", "Manifest", "import [-n] {file | directory}",
       "Brings the services of a manifest, or of every *.xml in a directory, into the repository.  What was\n"
       "customised is kept.  -n: instances that existed are not refreshed.",
       run_import},
      {"inventory", "Manifest", "inventory file",
       "Lists the instances and services that a manifest describes.", run_inventory},
      {"export", "Manifest", "export {name | fmri | pattern} [> file]", "Writes a service as a manifest.",
       run_export},
      {"list", "Entity", "list [glob]", "Lists the services, or the instances of the selected service.",
       run_list},
      {"add", "Entity", "add name", "Adds a service, or an instance to the selected service.", run_add},
      {"delete", "Entity", "delete [-f] {name | fmri | pattern}",
       "Deletes an instance, or a service with its instances.  -f: even if it may be running.", run_delete},
      {"select", "Entity", "select {name | fmri | pattern}", "Selects a service or an instance.", run_select},
      {"unselect", "Entity", "unselect", "Selects what the selected entity belongs to.", run_unselect},
      {"refresh", "Instance", "refresh",
       "Makes the configuration of the selected instance, or of the selected service's instances, the "
       "running one.",
       run_refresh},
      {"listpg", "Property group", "listpg [glob]", "Lists the property groups of the selected entity.",
       run_listpg},
      {"addpg", "Property group", "addpg name type [P]",
       "Adds a property group to the selected entity.  P: it is gone after a reboot.", run_addpg},
      {"delpg", "Property group", "delpg name", "Deletes a property group of the selected entity.",
       run_delpg},
      {"listprop", "Property", "listprop [glob]",
       "Lists the property groups and properties of the selected entity, with types and values.",
       run_listprop},
      {"setprop", "Property",
       "setprop pg/name = [type:] value\n"
       "       setprop pg/name = [type:] ( value ... )",
       "Sets a property.  A new one needs a type.  Values with blanks stand in double quotes, which the "
       "shell must\n"
       "leave in place.  What is set is in effect after refresh.",
       run_setprop},
      {"delprop", "Property", "delprop pg[/name]", "Deletes a property, or a property group.", run_delprop},
      {"addpropvalue", "Property", "addpropvalue pg/name [type:] value",
       "Adds a value at the end of a property.", run_addpropvalue},
      {"delpropvalue", "Property", "delpropvalue pg/name glob", "Deletes the values that match.",
       run_delpropvalue},
  };
  return table;
}

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

bool glob_matches(const std::string& pattern, const std::string& text) {
  return pattern.empty() || fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

}  // namespace vmkeep::svccfg
