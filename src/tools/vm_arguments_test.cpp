// The grammar of `vmkeep VERB VM...`, by tables.
#include "tools/vm_arguments.h"

#include <gtest/gtest.h>

namespace vmkeep::tools {
namespace {

// What was understood, in one line: "poweroff vm1 vm2 kill timeout=60".
std::string read(const std::string& name, const Arguments& arguments) {
  const VerbSpec* verb = verb_named(name);
  if (verb == nullptr) return "no verb";
  auto parsed = parse_vm_arguments(*verb, arguments);
  if (!parsed) return "error: " + parsed.error().message;
  std::string text = parsed->verb->name;
  for (const std::string& operand : parsed->operands) text += " " + operand;
  for (const auto& [flag, value] : parsed->flags) {
    text += std::string(" ") + spec_of(flag).word + (value.empty() ? "" : "=" + value);
  }
  for (const std::string& word : parsed->front_end) text += " (" + word + ")";
  return text;
}

struct Row {
  const char* verb;
  Arguments arguments;
  const char* expected;
};

TEST(VmArguments, FlagsStandAnywhere) {
  const Row rows[] = {
      {"poweroff", {"-k", "vm1"}, "poweroff vm1 kill"},
      {"poweroff", {"vm1", "-k"}, "poweroff vm1 kill"},
      {"poweroff", {"vm1", "-kt", "60", "vm2"}, "poweroff vm1 vm2 kill timeout=60"},
      {"poweroff", {"-t60", "vm1", "--kill"}, "poweroff vm1 kill timeout=60"},
      {"poweroff", {"--timeout=60", "vm1"}, "poweroff vm1 timeout=60"},
      {"poweroff", {"--timeout", "60", "vm1"}, "poweroff vm1 timeout=60"},
      {"save", {"--", "-k"}, "save -k"},
      {"save", {"-"}, "save -"},
      {"status", {}, "status"},
      {"status", {"vm1", "--json"}, "status vm1 json"},
      {"suppress", {"vm1", "--for", "2h", "-m", "backup runs"}, "suppress vm1 for=7200 message=backup runs"},
      {"log", {"-fn", "5", "vm1"}, "log vm1 follow lines=5"},
      {"console", {"vm1", "--port=2"}, "console vm1 port=2"},
      {"start", {"-f", "vm1"}, "start vm1 force"},
      {"start", {"vm1", "--nonsense", "--help"}, "start help"},
      {"gui", {"vm1", "--", "--debug", "-x"}, "gui vm1 (--debug) (-x)"},
      {"gui", {"-fg", "--x-any", "vm1"}, "gui vm1 fg (--x-any)"},
      {"save-state", {"vm1"}, "save vm1"},
      {"hook", {"vm1"}, "check vm1"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.verb, row.arguments), row.expected) << row.verb;
}

TEST(VmArguments, T92_window_options_may_be_joined_by_an_equals_sign) {
  EXPECT_EQ(read("startgui", {"vm1", "-stop_method=poweroff", "-fg"}), "gui vm1 fg stop-method=poweroff");
  EXPECT_EQ(read("gui", {"-stop_method", "poweroff", "-fg", "vm1"}), "gui vm1 fg stop-method=poweroff");
  EXPECT_EQ(read("gui", {"--stop-method=poweroff", "--fg", "vm1"}), "gui vm1 fg stop-method=poweroff");
}

TEST(VmArguments, T10_kill_and_ifruns_in_any_order) {
  EXPECT_EQ(read("poweroff-graceful", {"-k", "vm1"}), "poweroff vm1 kill");
  for (const Arguments& line :
       {Arguments{"vm1", "ifruns", "-k"}, {"-k", "ifruns", "vm1"}, {"-k", "--if-running", "vm1"}}) {
    EXPECT_EQ(read("reboot", line), "reboot vm1 kill if-running");
  }
}

TEST(VmArguments, T09_whatever_is_wrong_is_an_error) {
  const Row rows[] = {
      {"poweroff", {}, "error: which VM?"},
      {"poweroff", {"-k"}, "error: which VM?"},
      {"poweroff", {"vm1", "--force"}, "error: `vmkeep poweroff` knows no --force"},
      {"poweroff", {"vm1", "-kx"}, "error: `vmkeep poweroff` knows no -kx"},
      {"reset", {"vm1", "-t", "5"}, "error: `vmkeep reset` knows no -t"},
      {"save", {"vm1", "-t"}, "error: -t wants a value behind it"},
      {"save", {"vm1", "--json=yes"}, "error: --json takes no value"},
      {"console", {"vm1", "vm2"}, "error: one VM at a time, not also \"vm2\""},
      {"console", {"vm1", "-p", "0"}, "error: -p wants a whole number above 0, not \"0\""},
      {"suppress",
       {"vm1", "--for", "2w"},
       "error: --for wants a time like 90, 90s, 15m, 2h or 1d, not \"2w\""},
      {"gui", {"vm1", "-fg", "-bg"}, "error: --fg and --bg contradict each other; give one of them"},
      {"gui",
       {"vm1", "-stop_method", "bogus"},
       "error: -stop_method wants one of savestate, acpipowerbutton, acpisleepbutton, poweroff, reset, "
       "poweroff-graceful, not \"bogus\""},
      {"screenshot",
       {"-o", "a.png", "vm1", "vm2"},
       "error: one file (-o) cannot hold the screens of several VMs"},
      {"log", {"--dossier", "-f", "vm1"}, "error: a dossier is no log: --vm and -f do not go with it"},
      {"log", {"--json", "vm1"}, "error: a log is text: --json goes with --dossiers only"},
      {"log", {"--json", "--dossier", "vm1"}, "error: a log is text: --json goes with --dossiers only"},
      {"log", {"--vm", "--dossiers", "vm1"}, "error: a dossier is no log: --vm and -f do not go with it"},
      {"dance", {"vm1"}, "no verb"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.verb, row.arguments), row.expected) << row.verb;
}

TEST(VmArguments, T11_a_timeout_is_a_number_above_zero) {
  for (const char* bad : {"abc", "0", "-5", "1.5", "", "10x", "99999999999"}) {
    const std::string answer = read("save", {"-t", bad, "vm1"});
    EXPECT_TRUE(answer.starts_with("error: -t wants seconds")) << bad << ": " << answer;
  }
}

TEST(VmArguments, Durations) {
  const std::pair<const char*, int> rows[] = {
      {"90", 90}, {"90s", 90}, {"15m", 900}, {"2h", 7200}, {"1d", 86400}};
  for (const auto& [text, seconds] : rows) EXPECT_EQ(duration_from(text), seconds) << text;
  for (const char* bad : {"", "s", "0", "0h", "-1", "1y", "h2", "99999999d"})
    EXPECT_FALSE(duration_from(bad)) << bad;
}

// Every verb says what it takes, and takes what it says.
TEST(VmArguments, EveryVerbHasItsHelp) {
  for (const VerbSpec& verb : verbs()) {
    const std::string help = help_of(verb);
    EXPECT_NE(help.find(usage_of(verb)), std::string::npos);
    for (const Flag flag : verb.flags) {
      EXPECT_NE(help.find("--" + std::string(spec_of(flag).word)), std::string::npos) << verb.name;
    }
    for (const char* alias : verb.aliases) EXPECT_EQ(verb_named(alias), &verb);
  }
}

}  // namespace
}  // namespace vmkeep::tools
