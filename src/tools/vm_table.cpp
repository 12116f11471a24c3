// The table of the verbs and of their flags: what `vmkeep VERB --help` says, and what the parser accepts.
#include <algorithm>
#include <stdexcept>

#include "tools/vm_arguments.h"

namespace vmkeep::tools {
namespace {

using Vms = VerbSpec::Vms;

const std::vector<FlagSpec>& flags() {
  static const std::vector<FlagSpec> kFlags{
      {Flag::force, 'f', "force", FlagValue::none, "start it whatever the start_* properties say"},
      {Flag::kill, 'k', "kill", FlagValue::none, "at the end kill what is left of its process"},
      {Flag::if_running, 0, "if-running", FlagValue::none,
       "only if it runs; the bare word ifruns says the same"},
      {Flag::timeout, 't', "timeout", FlagValue::seconds, "wait that long in place of vm/stop_timeout"},
      {Flag::json, 0, "json", FlagValue::none, "print one JSON document, with a member \"version\""},
      {Flag::help, 'h', "help", FlagValue::none, "print this"},
      {Flag::no_hook, 0, "no-hook", FlagValue::none, "do not run the hook"},
      {Flag::output, 'o', "output", FlagValue::word, "the file to write; default VM.png"},
      {Flag::name, 'n', "name", FlagValue::word,
       "what to call it; default manual-snapshot,\nwith --zfs manual-zfssnap"},
      {Flag::duration, 'd', "for", FlagValue::duration, "how long: 90, 90s, 15m, 2h, 1d; default 1h"},
      {Flag::why, 'm', "message", FlagValue::word, "why, for whoever looks at the status"},
      {Flag::foreground, 0, "fg", FlagValue::none, "stay; a signal to this program stops the VM"},
      {Flag::background, 0, "bg", FlagValue::none, "return when the window is there (the default)"},
      {Flag::stop_method, 0, "stop-method", FlagValue::stop_method,
       "how a signal stops it; default poweroff-graceful of an\ninteractive VM, else savestate"},
      {Flag::front_end, 0, "x", FlagValue::word, "a word for the front end; the same as behind \"--\""},
      {Flag::follow, 'f', "follow", FlagValue::none, "go on with what is written from now on"},
      {Flag::lines, 'n', "lines", FlagValue::count, "how many of the last lines; default 20"},
      {Flag::vm_log, 0, "vm", FlagValue::none, "the VM's own log in place of its instance's"},
      {Flag::dossier, 0, "dossier", FlagValue::none, "the last crash dossier in place of the log"},
      {Flag::dossiers, 0, "dossiers", FlagValue::none, "a list of the crash dossiers that are kept"},
      {Flag::zfs, 0, "zfs", FlagValue::none, "of the datasets below it, by ZFS"},
      {Flag::port, 'p', "port", FlagValue::count, "which serial port, from 1"},
      {Flag::break_client, 0, "break", FlagValue::none,
       "end the console that is connected, and nothing else"},
      {Flag::wait, 'w', "wait", FlagValue::none, "wait for the VM, and connect again whenever it is back"},
  };
  return kFlags;
}

std::vector<VerbSpec> vm_verbs() {
  return {
      {"status", {}, {Flag::no_hook, Flag::json}, Vms::all_by_default, R"(
Looks at each VM now; without a VM, at all of them, in a table.  The exit code tells the state: 0 running,
starting, restoring; 1 paused; 2 saving; 3 saved; 10 off; 20 aborted; 125 no answer, inaccessible or not
registered; 126 any other; 96 for a wrong command line or an unknown VM.  Of several VMs it is the highest.
The hook runs if there is one, and changes nothing of that.  Nothing is done to the VM.
)"},
      {"start", {}, {Flag::force, Flag::json}, Vms::any, R"(
Enables the service if it is not, until the next boot, and starts the VM as the start table says (vmkeep
explain tells what that is for a VM).  With --force the start_* and is_interactive properties are not asked.
)"},
      {"stop", {}, {Flag::timeout, Flag::json}, Vms::any, R"(
Brings the VM down by its vm/stop_method and disables its service until the next boot, as `svcadm disable
-st` does, so that nothing brings it back.  `vmkeep start` takes it up again.
)"},
      {"poweroff", {"poweroff-graceful"}, {Flag::kill, Flag::timeout, Flag::json}, Vms::any, R"(
Presses the power button, and switches off if that does not help.  The service stays enabled and online; the
VM is not brought back until somebody starts it.
)"},
      {"reboot", {}, {Flag::if_running, Flag::kill, Flag::timeout, Flag::json}, Vms::any, R"(
Powers off as poweroff does, and starts again.  The service stays enabled.  A VM that is down is started too,
unless --if-running is given.
)"},
      {"reset", {}, {Flag::json}, Vms::any, R"(
Presses the reset button: at once, without asking the guest.
)"},
      {"save", {"savestate", "save-state"}, {Flag::timeout, Flag::json}, Vms::any, R"(
Saves the VM's state to disk.  The service stays enabled and online; the VM is not brought back until somebody
starts it.  A VM that is down is left as it is.
)"},
      {"pause", {}, {Flag::json}, Vms::any, R"(
Halts the VM where it is.  It keeps its memory.
)"},
      {"resume", {}, {Flag::json}, Vms::any, R"(
Lets a paused VM go on.
)"},
      {"check", {"hook", "vmsvccheck"}, {Flag::json}, Vms::any, R"(
Runs the VM's hook once and tells what it says.  The exit code is the hook's own; 0 without a hook; 96 for a
wrong command line or an unknown VM, 125 if nobody answers.  Nothing follows from what the hook says.
)"},
      {"gui",
       {"startgui", "start-gui"},
       {Flag::foreground, Flag::background, Flag::stop_method, Flag::timeout, Flag::front_end},
       Vms::one,
       R"(
Saves the VM, and shows it in the hypervisor's own window, as the VM's owner, on $DISPLAY.  Until the window is
closed nothing else starts the VM (vmkeep status shows the hand-over).  Save it in the window to have it run
headless again.  Without DISPLAY: exit 2, and nothing is done.  With --fg the program stays until the window is
closed; HUP, INT, QUIT, TERM and ABRT (vm/startgui_fg_trap_signals) stop the VM once, by --stop-method.
)"},
      {"console", {}, {Flag::port, Flag::break_client, Flag::wait}, Vms::one, R"(
Connects to the UNIX socket of the VM's serial port in mode "server".  At the beginning of a line, ~. leaves,
and ~? lists what else there is.  A VM serves one client at a time.
)"},
      {"screenshot", {}, {Flag::output, Flag::json}, Vms::any, R"(
Writes what the VM's screen shows to a PNG file, as the VM's owner: that user must be able to write there.
)"},
      {"snapshot", {}, {Flag::zfs, Flag::name, Flag::json}, Vms::any, R"(
Takes the hypervisor's own snapshot of the VM; with --zfs, snapshots of the datasets that hold its files, by the
properties vm/zfssnap_* (those are also taken by themselves, around starts and stops, where vm/zfssnap_flag is
true).
)"},
      {"dirs", {"dirlist"}, {Flag::json}, Vms::any, R"(
Lists settings, logs, snapshots, saved state and disks, each with the file system that holds it.
)"},
      {"log",
       {},
       {Flag::follow, Flag::lines, Flag::vm_log, Flag::dossier, Flag::dossiers, Flag::json},
       Vms::one,
       R"(
Prints the last lines of the log of the VM's instance: what was decided, why, and what its methods said.  With
--vm those of the hypervisor's own log of the VM.  With --dossier what was kept when the VM last came to harm:
how its process ended, the last lines of its own log, its screen, and what the kernel said of memory.  A log is text: --json is of
--dossiers only.
)"},
      {"suppress", {}, {Flag::duration, Flag::why, Flag::json}, Vms::any, R"(
Lets nothing be done to the VM by itself for a while: what is seen is still told, but nothing is restarted,
rebooted or stopped.  It ends by itself after the given time, or with `vmkeep release`.
)"},
      {"release", {}, {Flag::json}, Vms::any, R"(
Ends what `vmkeep suppress` began.
)"},
      {"explain", {}, {Flag::json}, Vms::any, R"(
Tells what start and stop would do now, and every property with its value and where that comes from: the
instance, the service, or the default.
)"},
  };
}

std::string usage_of_flag(const FlagSpec& spec) {
  const std::string word = spec.letter != 0 ? std::string{'-', spec.letter} : "--" + std::string(spec.word);
  if (spec.flag == Flag::front_end) return "[-- WORD...]";
  switch (spec.value) {
    case FlagValue::none:
      return "[" + word + "]";
    case FlagValue::seconds:
      return "[" + word + " SECONDS]";
    case FlagValue::duration:
      return "[" + word + " TIME]";
    case FlagValue::count:
      return "[" + word + " N]";
    case FlagValue::stop_method:
      return "[" + word + " METHOD]";
    case FlagValue::word:
      break;
  }
  return "[" + word + " TEXT]";
}

}  // namespace

const std::vector<VerbSpec>& verbs() {
  static const std::vector<VerbSpec> kVerbs = vm_verbs();
  return kVerbs;
}

const VerbSpec* verb_named(std::string_view name) {
  const auto& all = verbs();
  const auto found = std::find_if(all.begin(), all.end(), [name](const VerbSpec& verb) {
    return verb.name == name ||
           std::find(verb.aliases.begin(), verb.aliases.end(), name) != verb.aliases.end();
  });
  return found == all.end() ? nullptr : &*found;
}

const FlagSpec& spec_of(Flag flag) {
  const auto& all = flags();
  return *std::find_if(all.begin(), all.end(), [flag](const FlagSpec& spec) { return spec.flag == flag; });
}

bool is_stop_method(std::string_view word) {
  static constexpr std::string_view kMethods[] = {"savestate", "acpipowerbutton", "acpisleepbutton",
                                                  "poweroff",  "reset",           "poweroff-graceful"};
  return std::find(std::begin(kMethods), std::end(kMethods), word) != std::end(kMethods);
}

std::string usage_of(const VerbSpec& verb) {
  std::string text = std::string("vmkeep ") + verb.name;
  std::string behind;
  for (const Flag flag : verb.flags) {
    (flag == Flag::front_end ? behind : text) += " " + usage_of_flag(spec_of(flag));
  }
  return text + (verb.vms == Vms::one ? " VM" : verb.vms == Vms::any ? " VM..." : " [VM...]") + behind;
}

std::string help_of(const VerbSpec& verb) {
  constexpr size_t kColumn = 28;
  std::string text = "Usage: " + usage_of(verb) + "\n";
  for (const char* alias : verb.aliases) text += "       (also: vmkeep " + std::string(alias) + ")\n";
  text += std::string(verb.text) + "\n";
  std::vector<Flag> all = verb.flags;
  all.push_back(Flag::help);
  for (const Flag flag : all) {
    const FlagSpec& spec = spec_of(flag);
    std::string left =
        spec.letter != 0 ? std::string{' ', ' ', '-', spec.letter, ',', ' '} : std::string(2, ' ');
    left += "--" + std::string(spec.word);
    if (spec.value != FlagValue::none) {
      const std::string usage = usage_of_flag(spec);
      const size_t blank = usage.find(' ');
      if (flag != Flag::front_end) left += usage.substr(blank, usage.size() - blank - 1);
    }
    left.resize(std::max(kColumn, left.size() + 2), ' ');
    std::string meaning = spec.meaning;
    for (size_t at = meaning.find('\n'); at != std::string::npos; at = meaning.find('\n', at + 1)) {
      meaning.insert(at + 1, std::string(kColumn, ' '));
    }
    text += left + meaning + "\n";
  }
  return text +
         "\nA VM is named by its instance (svc:/site/xvm/vbox:vm1, vbox:vm1, vm1), or by the VM's own name "
         "or UUID.\n";
}

}  // namespace vmkeep::tools
