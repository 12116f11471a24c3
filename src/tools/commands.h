// The commands of `vmkeep`, one function each; vmkeep.cpp holds the table that dispatches to them.  A command
// gets its own name (several names may share a function) and the arguments behind it, and returns the exit
// code of the program: 0, 1 for what failed, 2 for a wrong command line, or what its man page says.
#pragma once

#include <optional>
#include <string>

#include "tools/tool.h"

namespace vmkeep::tools {

struct Command {
  enum class Topic { machines, configuration, system };
  Topic topic;
  const char* name;
  const char* summary;  // one line of `vmkeep help`; null: an old or inner spelling that help leaves out
  int (*run)(const std::string& name, const Arguments& arguments);
};

// vm_verbs.cpp: `vmkeep VERB VM...`, everything that is said to virtual machines.
int vm_command(const std::string& name, const Arguments& arguments);
// plan.cpp: everything at once, foreseen and done.
int plan(const std::string& name, const Arguments& arguments);
int shutdown(const std::string& name, const Arguments& arguments);

// contracts.cpp, also as ctstat; kill_contract.cpp: what smf_kill_contract calls.
int contracts_command(const std::string& name, const Arguments& arguments);
int kill_contract_command(const std::string& name, const Arguments& arguments);

// vbox_sh.cpp: the ancestor's spelling of the same; also as the program's own name.
int vbox_sh(const std::string& name, const Arguments& arguments);
// A program called "vbox-startgui:NAME[:STOP_METHOD[:SECONDS]]"; nothing if it is called otherwise.
std::optional<int> open_window_link(const std::string& program);

// other_programs.cpp: becomes the simulator, or says why not.
int simulate_command(const std::string& name, const Arguments& arguments);

// config_commands.cpp: what the properties mean, whether they are good, what counts.
int properties_command(const std::string& name, const Arguments& arguments);
int check_config_command(const std::string& name, const Arguments& arguments);
int dump_config_command(const std::string& name, const Arguments& arguments);
// config_add.cpp, config_remove.cpp: a VM becomes an instance, and is one no more.
int add_command(const std::string& name, const Arguments& arguments);
int remove_command(const std::string& name, const Arguments& arguments);

}  // namespace vmkeep::tools
