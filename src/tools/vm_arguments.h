// The command line of `vmkeep VERB [flag...] VM...`: one grammar for every verb, read from one table.  Pure.
//
//   - Flags may stand anywhere, before and behind operands; "--" ends them.
//   - A flag is one letter or a long word: -t 60, -t60, --timeout 60, --timeout=60.  Letters without a value
//   may be
//     joined: -kt60.  The ancestor's one-dash words for the window (-fg, -bg, -stop_method M) are known too.
//   - Everything is checked before anything is done: an unknown flag, a flag of another verb, a value that is
//   no
//     number, a VM too few or too many.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/tool.h"

namespace vmkeep::tools {

enum class Flag {
  force,
  kill,
  if_running,
  timeout,
  json,
  help,
  no_hook,
  output,
  name,
  duration,
  why,
  foreground,
  background,
  stop_method,
  front_end,  // a word for the VM's front end: "--x-any", as in --x or behind "--"
  follow,
  lines,
  vm_log,
  dossier,
  dossiers,
  zfs,
  port,
  break_client,
  wait,
};

enum class FlagValue {
  none,
  seconds,   // a whole number above 0
  duration,  // the same, or 90s, 15m, 2h, 1d
  count,     // a whole number above 0
  word,
  stop_method,
};

struct FlagSpec {
  Flag flag;
  char letter;       // 0: none
  const char* word;  // without its dashes
  FlagValue value;
  const char* meaning;  // of --help; "%" stands for the value
};

struct VerbSpec {
  const char* name;
  std::vector<const char*> aliases;
  std::vector<Flag> flags;  // besides --json where it says so, and --help
  enum class Vms { any, one, all_by_default } vms = Vms::any;
  const char* text;  // what it does to the VM and to its service, for --help
};

struct VmArguments {
  const VerbSpec* verb = nullptr;
  std::map<Flag, std::string> flags;  // as they were given, checked; durations in seconds
  std::vector<std::string> front_end;
  Arguments operands;

  bool has(Flag flag) const { return flags.contains(flag); }
  std::optional<int> number(Flag flag) const;
  std::optional<std::string> text(Flag flag) const;
};

const std::vector<VerbSpec>& verbs();
// By name or alias; null: no such verb.
const VerbSpec* verb_named(std::string_view name);
const FlagSpec& spec_of(Flag flag);

// Errors: what to print above the usage.  With --help among the flags nothing else is checked.
Result<VmArguments> parse_vm_arguments(const VerbSpec& verb, const Arguments& arguments);

// "vmkeep poweroff [-k] [-t SECONDS] [--json] VM..."
std::string usage_of(const VerbSpec& verb);
std::string help_of(const VerbSpec& verb);

// "90", "90s", "15m", "2h", "1d" in seconds; nothing if it is none of these, not above 0, or over 10 years.
std::optional<int> duration_from(std::string_view text);

// The words that vm/stop_method may be.
bool is_stop_method(std::string_view word);

}  // namespace vmkeep::tools
