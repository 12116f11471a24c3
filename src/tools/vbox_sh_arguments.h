// The command line of the ancestor's script, `vbox.sh [-s FMRI] [-vm NAME] [-t SECONDS] [help] VERB [...]`
// (behaviour spec, 1.1 to 1.5 and 6.1), so that what called it goes on working.  Pure.
//
// What differs from the script, on purpose: whatever is wrong with the line is an error (exit 96) before
// anything is done, where the script warned, slept and went on; the flags of a verb may stand in any order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/tool.h"

namespace vmkeep::tools {

inline constexpr int kScriptFatal = 95;
inline constexpr int kScriptConfig = 96;

enum class ScriptVerb {
  help,
  start,
  start_force,
  stop,
  save,
  poweroff,
  reboot,
  reset,
  status,
  check,
  gui,
  snapshot,
  dirs,
  console_loop,
  console_once,
  console_break,
};

// Those environment variables of the script that this program knows too.
struct ScriptEnvironment {
  std::string smf_fmri, timeout, console_path, console_port, front_end;
};
ScriptEnvironment script_environment();

struct ScriptLine {
  ScriptVerb verb = ScriptVerb::help;
  std::string vm;                     // what names the instance; empty only of help
  std::vector<std::string> warnings;  // for stderr; nothing is wrong with the line
  bool help_first = false;            // "help" before another verb: its text, and then the verb
  std::optional<int> timeout;
  bool kill = false, if_running = false;
  // The window.
  bool foreground = false;
  std::string stop_method;
  std::vector<std::string> front_end;
  // The console.
  std::string path;
  std::optional<int> port;
  int interval = 5;
  // The snapshot's words.
  std::string name;
};

Result<ScriptLine> parse_script(const Arguments& arguments, const ScriptEnvironment& environment);

// Whether only this verb's own exit code counts; the others end with 0 or 95 (1.4).
bool has_own_code(ScriptVerb verb);

// "vbox-startgui:NAME[:STOP_METHOD[:SECONDS]]", also with "-fg", as a program's name (1.2): the arguments of
// `vbox.sh` that it stands for.  Nothing: it is no such name.  Error: the VM's name is missing.
struct WindowLink {
  std::string name;
  Arguments arguments;
};
std::optional<Result<WindowLink>> window_link(const std::string& program);

const char* script_help();

}  // namespace vmkeep::tools
