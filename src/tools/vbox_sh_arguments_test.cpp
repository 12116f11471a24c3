// The ancestor's command line, by tables.
#include "tools/vbox_sh_arguments.h"

#include <gtest/gtest.h>

namespace vmkeep::tools {
namespace {

constexpr char kVm1[] = "svc:/site/xvm/vbox:vm1";

ScriptEnvironment with_fmri(const char* fmri) {
  return {fmri, "", "", "", ""};
}

std::string refused(const Arguments& arguments, const ScriptEnvironment& environment = with_fmri(kVm1)) {
  auto line = parse_script(arguments, environment);
  return line ? "understood" : line.error().message;
}

TEST(VboxShLine, EverySpellingOfEveryVerb) {
  const std::pair<const char*, ScriptVerb> rows[] = {{"start", ScriptVerb::start},
                                                     {"start-force", ScriptVerb::start_force},
                                                     {"stop", ScriptVerb::stop},
                                                     {"save", ScriptVerb::save},
                                                     {"savestate", ScriptVerb::save},
                                                     {"save-state", ScriptVerb::save},
                                                     {"poweroff", ScriptVerb::poweroff},
                                                     {"poweroff-graceful", ScriptVerb::poweroff},
                                                     {"reboot", ScriptVerb::reboot},
                                                     {"reset", ScriptVerb::reset},
                                                     {"getstate", ScriptVerb::status},
                                                     {"state", ScriptVerb::status},
                                                     {"status", ScriptVerb::status},
                                                     {"vmsvccheck", ScriptVerb::check},
                                                     {"hook", ScriptVerb::check},
                                                     {"startgui", ScriptVerb::gui},
                                                     {"start-gui", ScriptVerb::gui},
                                                     {"zfssnap", ScriptVerb::snapshot},
                                                     {"dirlist", ScriptVerb::dirs},
                                                     {"sercon", ScriptVerb::console_loop},
                                                     {"sercon-loop", ScriptVerb::console_loop},
                                                     {"sercon-once", ScriptVerb::console_once},
                                                     {"sercon-break", ScriptVerb::console_break},
                                                     {"sercon-abort", ScriptVerb::console_break},
                                                     {"sercon-stop", ScriptVerb::console_break},
                                                     {"help", ScriptVerb::help},
                                                     {"--help", ScriptVerb::help},
                                                     {"-help", ScriptVerb::help},
                                                     {"-h", ScriptVerb::help},
                                                     {"-?", ScriptVerb::help},
                                                     {"/?", ScriptVerb::help}};
  for (const auto& [word, verb] : rows) {
    const auto line = parse_script({word}, with_fmri(kVm1));
    ASSERT_TRUE(line) << word;
    EXPECT_EQ(line->verb, verb) << word;
    EXPECT_EQ(line->vm, kVm1);
    EXPECT_FALSE(line->help_first);
  }
}

TEST(VboxShLine, T05_a_vm_is_needed_by_everything_but_help) {
  EXPECT_NE(refused({"status"}, {}).find("no VM selected"), std::string::npos);
  EXPECT_TRUE(parse_script({"help"}, {}));
  EXPECT_NE(refused({}, {}).find("no verb"), std::string::npos);
  EXPECT_NE(refused({"-vm", "vm1"}, {}).find("no verb"), std::string::npos);
}

TEST(VboxShLine, T08_the_environment_wins_with_a_warning) {
  struct Row {
    const char* environment;
    Arguments arguments;
    const char* vm;
    size_t warnings;
  };
  const Row rows[] = {
      {"", {"-vm", "vm2", "status"}, "svc:/site/xvm/vbox:vm2", 0},
      {"", {"-s", "vbox:vm2", "status"}, "vbox:vm2", 0},
      {"", {"-svc", "vm2", "status"}, "vm2", 0},
      {kVm1, {"-vm", "other", "status"}, kVm1, 1},
      {kVm1, {"-vm", "vm1", "status"}, kVm1, 0},
      {kVm1, {"-s", "vbox:vm1", "status"}, kVm1, 0},
      {"", {"-s", "vm2", "-vm", "vm3", "status"}, "vm2", 1},
  };
  for (const Row& row : rows) {
    const auto line = parse_script(row.arguments, with_fmri(row.environment));
    ASSERT_TRUE(line);
    EXPECT_EQ(line->vm, row.vm);
    EXPECT_EQ(line->warnings.size(), row.warnings);
  }
}

TEST(VboxShLine, T09_flags_behind_the_verb_and_unknown_words_are_errors) {
  EXPECT_EQ(refused({"status", "-vm", "vm1"}), "\"-vm\" behind status: it belongs before the verb");
  EXPECT_EQ(refused({"status", "extra"}), "\"extra\" behind status is not understood");
  EXPECT_EQ(refused({"--wrong", "status"}), "unrecognised verb or option \"--wrong\"");
  EXPECT_EQ(refused({"dance"}), "unrecognised verb or option \"dance\"");
  EXPECT_EQ(refused({"reboot", "-x"}), "\"-x\" behind reboot is not understood");
  EXPECT_EQ(refused({"poweroff", "ifruns"}), "\"ifruns\" behind poweroff is not understood");
  EXPECT_EQ(refused({"-s"}), "-s wants a value behind it");
  EXPECT_EQ(refused({"startgui", "-stop_method", "bogus"}), "\"bogus\" is no stop method");
  EXPECT_EQ(refused({"sercon-break", "5"}), "\"5\" behind sercon-break is not understood");
}

TEST(VboxShLine, T10_options_of_poweroff_and_reboot_in_any_order) {
  for (const Arguments& words : {Arguments{"poweroff", "-k"}, {"poweroff-graceful", "-k"}}) {
    const auto line = parse_script(words, with_fmri(kVm1));
    ASSERT_TRUE(line);
    EXPECT_EQ(line->verb, ScriptVerb::poweroff);
    EXPECT_TRUE(line->kill);
  }
  for (const Arguments& words : {Arguments{"reboot", "ifruns", "-k"}, {"reboot", "-k", "ifruns"}}) {
    const auto line = parse_script(words, with_fmri(kVm1));
    ASSERT_TRUE(line);
    EXPECT_TRUE(line->kill && line->if_running);
  }
}

TEST(VboxShLine, T11_a_timeout_is_a_number_above_zero) {
  for (const char* bad : {"abc", "0", "-5", ""}) {
    EXPECT_TRUE(refused({"-t", bad, "poweroff"}).starts_with("-t wants seconds")) << bad;
  }
  EXPECT_TRUE(refused({"stop"}, {kVm1, "soon", "", "", ""}).starts_with("VBOXSVC_TIMEOUT_OVERRIDE wants"));
  EXPECT_EQ(parse_script({"-t", "90", "poweroff"}, with_fmri(kVm1))->timeout, 90);
  EXPECT_EQ(parse_script({"stop"}, {kVm1, "77", "", "", ""})->timeout, 77);
}

TEST(VboxShLine, T92_the_equals_form_eats_nothing) {
  const auto line =
      parse_script({"startgui", "-stop_method=poweroff", "-fg", "--debug", "-t", "7"}, with_fmri(kVm1));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->stop_method, "poweroff");
  EXPECT_TRUE(line->foreground);
  EXPECT_EQ(line->front_end, Arguments{"--debug"});
  EXPECT_EQ(line->timeout, 7);
  const auto other = parse_script({"startgui", "-fg", "-bg"}, {kVm1, "", "", "", "--a --b"});
  EXPECT_FALSE(other->foreground);
  EXPECT_EQ(other->front_end, (Arguments{"--a", "--b"}));
}

TEST(VboxShLine, ConsoleAndSnapshot) {
  const auto console = parse_script({"sercon", "-f", "/a b", "-u", "2", "9"}, with_fmri(kVm1));
  ASSERT_TRUE(console);
  EXPECT_EQ(console->path, "/a b");
  EXPECT_EQ(console->port, 2);
  EXPECT_EQ(console->interval, 9);
  EXPECT_EQ(parse_script({"sercon-once"}, {kVm1, "", "/pipe", "3", ""})->path, "/pipe");
  EXPECT_EQ(parse_script({"zfssnap", "before", "the", "upgrade"}, with_fmri(kVm1))->name,
            "before the upgrade");
}

TEST(VboxShLine, HelpBeforeAVerbGoesOn) {
  const auto line = parse_script({"help", "-vm", "vm2", "status"}, {});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->help_first);
  EXPECT_EQ(line->verb, ScriptVerb::status);
}

TEST(VboxShLine, NamesOfLinksToWindows) {
  const auto arguments = [](const char* name) {
    const auto link = window_link(name);
    std::string text;
    for (const std::string& word : (*link)->arguments) text += (text.empty() ? "" : " ") + word;
    return text;
  };
  EXPECT_EQ(arguments("vbox-startgui:vm1"), "-s vm1 startgui -fg");
  EXPECT_EQ(arguments("vbox-startgui-fg:vm1:poweroff"), "-s vm1 startgui -stop_method poweroff -fg");
  EXPECT_EQ(arguments("vbox-startgui:vm1:savestate:90"), "-s vm1 startgui -stop_method savestate -t 90 -fg");
  EXPECT_EQ(arguments("vbox-startgui:vm1::90"), "-s vm1 startgui -t 90 -fg");
  ASSERT_TRUE(window_link("vbox-startgui:"));
  EXPECT_FALSE(*window_link("vbox-startgui:"));
  EXPECT_FALSE(window_link("vbox.sh"));
}

}  // namespace
}  // namespace vmkeep::tools
