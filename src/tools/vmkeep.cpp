// vmkeep: what is not SMF's.  Only the table of its commands, and the few that need no file of their own.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "base/version.h"
#include "control/client.h"
#include "control/messages.h"
#include "tools/commands.h"
#include "tools/edit_distance.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

bool asks_for_help(const Arguments& arguments) {
  return arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "-?");
}

// Of a command that takes hardly anything: its usage, to whoever asked for it or called it in another way.
int tell_usage(const char* text, const Arguments& arguments, Output& output) {
  if (!asks_for_help(arguments)) return refuse_usage(text, output);
  output.print(text);
  return output.finish();
}

int startup(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  if (!arguments.empty()) {
    return tell_usage(
        "Usage: vmkeep startup\n"
        "Takes the last `vmkeep shutdown` back: what is enabled comes up. Returns at once.\n",
        arguments, output);
  }
  auto client = control::Client::connect();
  auto asked = client ? client->call("Startup", {}) : Result<json::object>(client.error());
  if (!asked) {
    const Error& error = asked.error();
    output.warn(error.kind == ErrorKind::permission ? "Permission denied: " + error.message : error.message);
  }
  return output.finish();
}

// No daemon is no error here: the program has a version all the same.
int version(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  const bool as_json = arguments == Arguments{"--json"};
  if (!as_json && !arguments.empty()) {
    return tell_usage(
        "Usage: vmkeep version [--json]\n"
        "The version of this program, and of the vmkeepd that runs.\n",
        arguments, output);
  }
  json::object daemon;
  auto client = control::Client::connect();
  if (client) {
    if (auto reply = client->call("Version", {})) daemon = std::move(*reply);
  }
  if (as_json) {
    json::object all{{"schema", "vmkeep/version/1"}, {"version", kVersion}, {"daemon", nullptr}};
    if (!daemon.empty()) all["daemon"] = daemon;
    output.line(json::serialize(all));
    return output.finish();
  }
  output.line(std::string("vmkeep ") + kVersion);
  if (auto running = control::string_member(daemon, "version")) {
    output.line("vmkeepd " + *running + ", process " + std::to_string(control::int_member(daemon, "pid", 0)));
  } else {
    output.line("vmkeepd does not run");
  }
  return output.finish();
}

int method(const std::string&, const Arguments& arguments) {
  // A stop method may be given more, as in "stop %{restarter/contract}".
  const std::string which = arguments.empty() ? "" : arguments[0];
  if (which == "start" || which == "stop" || which == "refresh") return run_method(which);
  Output output("vmkeep");
  return tell_usage(
      "Usage: vmkeep method {start|stop|refresh}\n"
      "The methods of an instance that is a VM. Only vmkeepd runs them; people use svcadm, or `vmkeep "
      "start`.\n",
      arguments, output);
}

int help(const std::string&, const Arguments& arguments);

using Topic = Command::Topic;

// One line each, in the order in which help tells them.
constexpr Command kCommands[] = {
    {Topic::machines, "status", "what VMs do, who watches them, and what happens next", vm_command},
    {Topic::machines, "start", "start VMs, and their services", vm_command},
    {Topic::machines, "stop", "stop VMs, and their services", vm_command},
    {Topic::machines, "poweroff", "press the power button; switch off if that does not help", vm_command},
    {Topic::machines, "reboot", "power off by the button, then start again", vm_command},
    {Topic::machines, "reset", "press the reset button", vm_command},
    {Topic::machines, "save", "save the state of VMs to disk", vm_command},
    {Topic::machines, "pause", "halt VMs where they are", vm_command},
    {Topic::machines, "resume", "let paused VMs go on", vm_command},
    {Topic::machines, "check", "run the VM's hook once, and tell what it says", vm_command},
    {Topic::machines, "gui", "hand a VM over to a window on this display", vm_command},
    {Topic::machines, "console", "this terminal on a VM's serial port", vm_command},
    {Topic::machines, "screenshot", "write what a VM's screen shows to a file", vm_command},
    {Topic::machines, "snapshot", "snapshot VMs, by ZFS or by VirtualBox", vm_command},
    {Topic::machines, "dirs", "list the files of VMs", vm_command},
    {Topic::machines, "log", "the log of a VM's instance, or its own", vm_command},
    {Topic::machines, "suppress", "let nothing be done to VMs for a while", vm_command},
    {Topic::machines, "release", "end a suppression", vm_command},
    {Topic::machines, "explain", "what start and stop would do, and every property", vm_command},
    {Topic::machines, "poweroff-graceful", nullptr, vm_command},
    {Topic::machines, "savestate", nullptr, vm_command},
    {Topic::machines, "save-state", nullptr, vm_command},
    {Topic::machines, "hook", nullptr, vm_command},
    {Topic::machines, "vmsvccheck", nullptr, vm_command},
    {Topic::machines, "startgui", nullptr, vm_command},
    {Topic::machines, "start-gui", nullptr, vm_command},
    {Topic::machines, "dirlist", nullptr, vm_command},
    {Topic::machines, "vbox.sh", nullptr, vbox_sh},
    {Topic::configuration, "simulate", "try a configuration against a script of faults, in virtual time",
     simulate_command},
    {Topic::configuration, "add", "make VMs instances, which vmkeep then keeps", add_command},
    {Topic::configuration, "remove", "keep a VM no longer", remove_command},
    {Topic::configuration, "properties", "what each property of the group vm means", properties_command},
    {Topic::configuration, "check-config", "everything that is wrong with the properties of VMs",
     check_config_command},
    {Topic::configuration, "dump-config", "every property as it counts, and where from", dump_config_command},
    {Topic::system, "plan", "what starting or stopping everything would look like, and how long it takes",
     plan},
    {Topic::system, "startup", "let what is enabled come up, at boot and after a shutdown", startup},
    {Topic::system, "shutdown", "bring everything down, in order, and wait for it", shutdown},
    {Topic::system, "contracts", "which processes belong together, and to whom", contracts_command},
    {Topic::system, "kill-contract", "a signal to all processes of a contract", kill_contract_command},
    {Topic::system, "ctstat", nullptr, contracts_command},
    {Topic::system, "method", "the method of VM instances; run by vmkeepd", method},
    {Topic::system, "version", "of this program, and of the vmkeepd that runs", version},
    {Topic::system, "--version", nullptr, version},
    {Topic::system, "help", "this text; `vmkeep help COMMAND` tells more of one", help},
    {Topic::system, "--help", nullptr, help},
    {Topic::system, "-h", nullptr, help},
    {Topic::system, "-?", nullptr, help},
};

std::string help_text() {
  constexpr size_t kWidth = 16;
  static constexpr std::pair<Topic, const char*> kTopics[] = {
      {Topic::machines, "Virtual machines: vmkeep COMMAND [option...] VM..."},
      {Topic::configuration, "Their configuration"},
      {Topic::system, "vmkeep itself"},
  };
  std::string text = "Usage: vmkeep COMMAND [argument...]\n";
  for (const auto& [topic, title] : kTopics) {
    std::string lines;
    for (const Command& command : kCommands) {
      if (command.topic != topic || command.summary == nullptr) continue;
      std::string name = command.name;
      name.resize(std::max(kWidth, name.size() + 1), ' ');
      lines += "  " + name + command.summary + "\n";
    }
    if (!lines.empty()) text += "\n" + std::string(title) + "\n" + lines;
  }
  return text +
         "\nInstances are looked at with svcs, told what to do with svcadm and configured with svccfg.\n"
         "The control socket is in $VMKEEP_RUN, else in $XDG_RUNTIME_DIR/vmkeep, else in /run/vmkeep.\n";
}

const Command* find(const std::string& name) {
  const auto* found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                   [&name](const Command& command) { return name == command.name; });
  return found == std::end(kCommands) ? nullptr : found;
}

// The whole list would push what was wrong out of sight.
int unknown(const std::string& name, Output& output) {
  std::string_view nearest;
  size_t least = name.size() / 3 + 1;
  for (const Command& command : kCommands) {
    const size_t far = edit_distance(name, command.name);
    if (far >= least) continue;
    least = far;
    nearest = command.name;
  }
  std::string message = "no command \"" + name + "\"";
  if (!nearest.empty()) message += "; did you mean " + std::string(nearest) + "?";
  output.warn(message + "  `vmkeep help` lists them all", kUsage);
  return output.finish();
}

int help(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  const Command* of = arguments.empty() ? nullptr : find(arguments[0]);
  if (of != nullptr && of->run != help) return of->run(arguments[0], {"--help"});
  if (of == nullptr && !arguments.empty() && arguments[0][0] != '-') return unknown(arguments[0], output);
  output.print(help_text());
  return output.finish();
}

}  // namespace

int vmkeep(const Arguments& arguments) {
  const Command* command = arguments.empty() ? nullptr : find(arguments[0]);
  if (command != nullptr) return command->run(arguments[0], {arguments.begin() + 1, arguments.end()});
  Output output("vmkeep");
  if (!arguments.empty()) return unknown(arguments[0], output);
  return refuse_usage(help_text().c_str(), output);
}

}  // namespace vmkeep::tools
