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

// "COMMAND [-fn] operands", with `least` to `most` operands behind the options; false: it is something else.
bool take_operands(const Arguments& arguments, std::string_view allowed, size_t least, size_t most,
                   std::string& options, std::vector<std::string>& operands);

// Takes "--json" off the operands: the answer is a document (tools/json_text.h).
bool take_json(std::vector<std::string>& operands);

// A pattern that fnmatch(3) takes; an empty one matches everything.
bool glob_matches(const std::string& pattern, const std::string& text);

// "COMMAND operands [> FILE]": where the text goes.  False: the tokens are something else.
bool take_redirect(const Arguments& arguments, std::vector<std::string>& operands, std::string& file);
// Prints it, or replaces the file; an empty name: prints.
Outcome write_out(Session& session, const std::string& text, const std::string& file);

// general_commands.cpp
Outcome run_help(Session& session, const Arguments& arguments);
Outcome run_set(Session& session, const Arguments& arguments);
Outcome run_repository(Session& session, const Arguments& arguments);
Outcome run_end(Session& session, const Arguments& arguments);
// import_commands.cpp
Outcome run_import(Session& session, const Arguments& arguments);
// manifest_commands.cpp
Outcome run_validate(Session& session, const Arguments& arguments);
Outcome run_inventory(Session& session, const Arguments& arguments);
// export_commands.cpp
Outcome run_export(Session& session, const Arguments& arguments);
Outcome run_archive(Session& session, const Arguments& arguments);
Outcome run_extract(Session& session, const Arguments& arguments);
// profile_commands.cpp
Outcome run_apply(Session& session, const Arguments& arguments);
Outcome run_restore(Session& session, const Arguments& arguments);
// cleanup_commands.cpp
Outcome run_cleanup(Session& session, const Arguments& arguments);
Outcome run_delhash(Session& session, const Arguments& arguments);
// entity_commands.cpp
Outcome run_list(Session& session, const Arguments& arguments);
Outcome run_select(Session& session, const Arguments& arguments);
Outcome run_unselect(Session& session, const Arguments& arguments);
Outcome run_add(Session& session, const Arguments& arguments);
Outcome run_delete(Session& session, const Arguments& arguments);
Outcome run_refresh(Session& session, const Arguments& arguments);
// snapshot_commands.cpp
Outcome run_listsnap(Session& session, const Arguments& arguments);
Outcome run_selectsnap(Session& session, const Arguments& arguments);
Outcome run_revert(Session& session, const Arguments& arguments);
// customization_commands.cpp
Outcome run_listcust(Session& session, const Arguments& arguments);
Outcome run_delcust(Session& session, const Arguments& arguments);
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
// environment_commands.cpp
Outcome run_setenv(Session& session, const Arguments& arguments);
Outcome run_unsetenv(Session& session, const Arguments& arguments);
// edit_command.cpp
Outcome run_editprop(Session& session, const Arguments& arguments);
// describe_command.cpp
Outcome run_describe(Session& session, const Arguments& arguments);
// notify_commands.cpp
Outcome run_setnotify(Session& session, const Arguments& arguments);
Outcome run_listnotify(Session& session, const Arguments& arguments);
Outcome run_delnotify(Session& session, const Arguments& arguments);

}  // namespace vmkeep::svccfg
