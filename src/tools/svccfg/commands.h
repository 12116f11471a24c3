// The commands of svccfg: one table with what help says about each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/svccfg/session.h"

namespace vmkeep::svccfg {

using Arguments = std::vector<Token>;

struct Command {
  std::string_view name;
  std::string_view group;  // the heading in the list of all commands
  std::string_view syntax;
  std::string_view text;
  Outcome (*run)(Session& session, const Arguments& arguments);
};

const std::vector<Command>& commands();
const Command* find_command(std::string_view name);
std::string help_of(const Command& command);

// The arguments as plain words and strings; false if there is a token of another kind, or their number is not
// between `least` and `most`.
bool words(const Arguments& arguments, size_t least, size_t most, std::vector<std::string>& result);

// "-f -n FILE": takes the options off the front; false: one that is not in `allowed`.
bool take_options(std::vector<std::string>& words, std::string_view allowed, std::string& options);

// fnmatch(3); an empty pattern matches everything.
bool glob_matches(const std::string& pattern, const std::string& text);

// manifest_commands.cpp
Outcome run_validate(Session& session, const Arguments& arguments);
Outcome run_import(Session& session, const Arguments& arguments);
Outcome run_inventory(Session& session, const Arguments& arguments);
Outcome run_export(Session& session, const Arguments& arguments);
// entity_commands.cpp
Outcome run_list(Session& session, const Arguments& arguments);
Outcome run_select(Session& session, const Arguments& arguments);
Outcome run_unselect(Session& session, const Arguments& arguments);
Outcome run_add(Session& session, const Arguments& arguments);
Outcome run_delete(Session& session, const Arguments& arguments);
Outcome run_refresh(Session& session, const Arguments& arguments);
// property_commands.cpp
Outcome run_listpg(Session& session, const Arguments& arguments);
Outcome run_addpg(Session& session, const Arguments& arguments);
Outcome run_delpg(Session& session, const Arguments& arguments);
Outcome run_listprop(Session& session, const Arguments& arguments);
Outcome run_delprop(Session& session, const Arguments& arguments);
// value_commands.cpp
Outcome run_setprop(Session& session, const Arguments& arguments);
Outcome run_addpropvalue(Session& session, const Arguments& arguments);
Outcome run_delpropvalue(Session& session, const Arguments& arguments);

}  // namespace vmkeep::svccfg
