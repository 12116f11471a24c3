// `vbox.sh`, and the links `vbox-startgui:NAME`: the ancestor's command line in front of the same verbs.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/spawn.h"
#include "tools/commands.h"
#include "tools/console.h"
#include "tools/vbox_sh_arguments.h"
#include "tools/vm_gui.h"
#include "tools/vm_session.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr int kNoDisplay = 2;
constexpr int kNoAnswer = 125;

// What there is to choose from; no daemon is no error here.
void print_instances(Output& output) {
  output.print(script_help());
  const auto session = open_session({});
  if (!session) return output.line("\n" + session.error().message);
  output.line("\nInstances:");
  for (const auto& instance : session->world.instances) {
    if (instance.vm || instance.fmri.find("vbox") != std::string::npos) {
      output.line("  " + instance.fmri + "  " + instance.state);
    }
  }
}

json::object parameters_of(const ScriptLine& line) {
  json::object parameters;
  const auto say = [&](const char* verb) { parameters["verb"] = verb; };
  switch (line.verb) {
    case ScriptVerb::start:
      say("start");
      break;
    case ScriptVerb::start_force:
      say("start");
      parameters["force"] = true;
      break;
    case ScriptVerb::stop:
      say("stop");
      break;
    case ScriptVerb::save:
      say("save");
      break;
    case ScriptVerb::poweroff:
      say("poweroff");
      break;
    case ScriptVerb::reboot:
      say("reboot");
      break;
    case ScriptVerb::reset:
      say("reset");
      break;
    case ScriptVerb::snapshot:
      say("zfssnap");
      if (!line.name.empty()) parameters["text"] = line.name;
      break;
    default:
      say("check");
  }
  if (line.kill) parameters["kill"] = true;
  if (line.if_running) parameters["if_running"] = true;
  if (line.timeout) parameters["timeout"] = *line.timeout;
  return parameters;
}

int console(const ScriptLine& line, const std::string& fmri, Output& output) {
  ConsolePlan plan{line.path, "the serial port of " + fmri, line.verb == ScriptVerb::console_loop,
                   Instant(1000) * line.interval};
  if (plan.path.empty()) {
    const auto vm = look_closely(fmri);
    auto port = vm ? choose_port(*vm, line.port) : Result<VmPort>(vm.error());
    if (!port) {
      output.warn(port.error().message);
      return output.finish();
    }
    plan.path = port->path;
  }
  return line.verb == ScriptVerb::console_break ? break_console(plan, output) : run_console(plan, output);
}

// The exit code as the piece that does it has it; script_code() makes the script's of it.
int run(const ScriptLine& line, const VmSession& session, Output& output) {
  const std::string& fmri = session.fmris.front();
  switch (line.verb) {
    case ScriptVerb::status: {
      const int code = print_status(session, true, false, false, output);
      output.line("Status " + std::to_string(code));
      return code;
    }
    case ScriptVerb::dirs:
      return print_folders(session, false, output);
    case ScriptVerb::console_loop:
    case ScriptVerb::console_once:
    case ScriptVerb::console_break:
      return console(line, fmri, output);
    case ScriptVerb::gui: {
      WindowPlan plan;
      plan.fmri = fmri;
      plan.foreground = line.foreground;
      plan.stop_method = line.stop_method;
      plan.timeout = line.timeout;
      plan.words = line.front_end;
      return open_window(plan, output);
    }
    default: {
      const json::object parameters = parameters_of(line);
      const std::string verb(parameters.at("verb").as_string());
      return do_verb(session, verb, parameters, false, output);
    }
  }
}

// As vmkeepd runs us, in an instance's method; by hand nobody sets this.
bool is_method(ScriptVerb verb) {
  const char* method = std::getenv("SMF_METHOD");
  if (method == nullptr) return false;
  return (verb == ScriptVerb::start && std::string_view(method) == "start") ||
         (verb == ScriptVerb::stop && std::string_view(method) == "stop");
}

// An executable on PATH; empty: none.
std::string on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = folder + "/" + program;
    if (folder.starts_with("/") && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

int open_terminal(const std::string& terminal, const WindowLink& link, Output& output) {
  std::error_code unknown;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", unknown).string();
  if (unknown) {
    output.warn("cannot find this program: " + unknown.message());
    return output.finish();
  }
  SpawnSpec spec;
  spec.argv = {terminal, "-geometry", "132x10", "-title", "VirtualBox: " + link.name, "-e", self, "vbox.sh"};
  spec.argv.insert(spec.argv.end(), link.arguments.begin(), link.arguments.end());
  for (char** entry = environ; *entry != nullptr; ++entry) spec.environment.emplace_back(*entry);
  if (auto child = spawn(spec); !child) output.warn(child.error().message);
  return output.finish();
}

}  // namespace

int vbox_sh(const std::string&, const Arguments& arguments) {
  Output output("vbox.sh");
  const auto line = parse_script(arguments, script_environment());
  if (!line) {
    output.warn(line.error().message, kScriptConfig);
    return output.finish();
  }
  for (const std::string& warning : line->warnings) output.warn("WARN: " + warning, kOk);
  if (line->verb == ScriptVerb::help || line->help_first) print_instances(output);
  if (line->verb == ScriptVerb::help) return output.finish();
  output.flush();
  if (is_method(line->verb)) return run_method(line->verb == ScriptVerb::start ? "start" : "stop");
  if (line->verb == ScriptVerb::gui && !has_display(output)) return kNoDisplay;
  const auto session = open_session({line->vm});
  if (!session) {
    const bool unknown = session.error().kind == ErrorKind::not_found;
    const int unasked = line->verb == ScriptVerb::status ? kNoAnswer : kScriptFatal;
    output.warn(session.error().message, unknown ? kScriptConfig : unasked);
    return output.finish();
  }
  if (session->fmris.size() != 1) {
    output.warn("\"" + line->vm + "\" means " + std::to_string(session->fmris.size()) + " instances, not one",
                kScriptConfig);
    return output.finish();
  }
  if (session->fmris.front() != line->vm) output.line("INFO: " + line->vm + " is " + session->fmris.front());
  const int code = run(*line, *session, output);
  output.flush();
  return has_own_code(line->verb) || code == 0 ? code : kScriptFatal;
}

std::optional<int> open_window_link(const std::string& program) {
  const auto link = window_link(program);
  if (!link) return std::nullopt;
  Output output("vbox.sh");
  if (!*link) {
    output.warn(link->error().message);
    return output.finish();
  }
  const std::string terminal = on_path("xterm");
  if (terminal.empty()) return vbox_sh("vbox.sh", (*link)->arguments);
  return open_terminal(terminal, **link, output);
}

}  // namespace vmkeep::tools
