#include "vm/properties.h"

#include <gtest/gtest.h>

#include <set>

namespace vmkeep::vm {
namespace {

TEST(Properties, EveryRowIsWhole) {
  std::set<std::string_view> names;
  for (const auto& row : properties()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " is there twice";
    EXPECT_FALSE(row.title.empty()) << row.name;
    EXPECT_TRUE(row.text.ends_with('.')) << row.name;
    EXPECT_EQ(row.choices.empty(), row.form != Form::word) << row.name;
    EXPECT_EQ(row.low < row.high, row.form == Form::integer) << row.name;
    // Either there is a default, or what its absence means is told.
    EXPECT_NE(row.standard.empty(), row.without.empty()) << row.name;
    EXPECT_FALSE(allowed(row).empty()) << row.name;
    EXPECT_EQ(find_property(row.name), &row);
  }
  EXPECT_EQ(find_property("stop_metod"), nullptr);
}

TEST(Properties, DefaultsAreGoodValues) {
  for (const auto& row : properties()) {
    const auto standard = normalise(row, {std::string(row.standard)});
    ASSERT_TRUE(standard) << row.name << standard.error().message;
    if (row.shipped != nullptr) {
      EXPECT_TRUE(normalise(row, {row.shipped})) << row.name;
      EXPECT_TRUE(repository::check_value(value_type(row.form), row.shipped)) << row.name;
    }
    for (const auto& choice : row.choices) {
      EXPECT_EQ(*normalise(row, {std::string(choice.word)}),
                std::vector<std::string>{std::string(choice.means)});
    }
  }
}

// Names, types, defaults and inheritance of the ancestor's table, so that an old configuration means here
// what it meant there.
TEST(Properties, AncestorsTableIsHereToTheLetter) {
  struct Row {
    const char* name;
    Form form;
    const char* standard;
    const char* shipped;
    Inheritance inheritance;
  };
  using enum Inheritance;
  const char* trapped = "SIGHUP SIGINT SIGQUIT SIGTERM SIGABRT";
  const Row table[] = {
      {"stop_method", Form::word, "savestate", "savestate", unless_dual},
      {"stop_timeout", Form::integer, "", "3600", service},
      {"start_aborted_vm", Form::boolean, "false", "true", unless_user},
      {"start_paused_vm", Form::boolean, "false", "true", unless_user},
      {"start_halted_vm", Form::boolean, "true", "true", unless_user},
      {"start_saved_vm", Form::boolean, "true", "true", unless_user},
      {"start_stuck_vm", Form::boolean, "false", "false", unless_user},
      {"restart_stuck_vm", Form::boolean, "false", "false", unless_user},
      {"is_interactive", Form::boolean, "false", "false", instance},
      {"is_dualboot", Form::boolean, "false", "false", instance},
      {"start_wait_policy", Form::word, "nodelay", "off", service},
      {"nice", Form::integer, "", "0", service},
      {"timezone", Form::text, "", "", service},
      {"debug_smf", Form::boolean, "false", "false", service},
      {"kicker_debug", Form::boolean, "false", "false", service},
      {"kicker_freq", Form::integer, "50", "50", service},
      {"kicker_restart", Form::word, "", "", service},
      {"restart_aborted_vm", Form::boolean, "false", "true", unless_user},
      {"restart_paused_vm", Form::boolean, "", "false", unless_user},
      {"restart_halted_vm", Form::boolean, "false", "false", unless_user},
      {"restart_saved_vm", Form::boolean, "false", "false", unless_user},
      {"ignore_paused_vm", Form::boolean, "true", "true", unless_user},
      {"offline_is_maint", Form::boolean, "false", "false", service},
      {"offline_unknown_state_maxcount", Form::integer, "0", "3", service},
      {"kicker_restart_saved_vm_once_file_name", Form::text, "", "true", service},
      {"kicker_nokick_file_name", Form::text, "", "", service},
      {"restart_aborted_vm_failures_maxcount", Form::integer, "", "3", service},
      {"restart_aborted_vm_failures_timeframe", Form::integer, "", "1200", service},
      {"kicker_pidfile_name", Form::text, "", "", service},
      {"kicker_blockfile_enabled", Form::boolean, "true", "true", service},
      {"kicker_blockfile_name", Form::text, "", "", service},
      {"kicker_blockfile_maxage", Form::integer, "60", "60", service},
      {"kicker_vmsvccheck_enabled", Form::boolean, "false", "false", service},
      {"kicker_vmsvccheck_method", Form::path, "", "", service},
      {"kicker_vmsvccheck_method_params", Form::words, "", "", service},
      {"kicker_vmsvccheck_startdelay", Form::integer, "300", "300", service},
      {"kicker_vmsvccheck_failures_maxcount", Form::integer, "", "3", service},
      {"kicker_vmsvccheck_failures_timeframe", Form::integer, "", "1200", service},
      {"kicker_vmsvccheck_exitcode_okay", Form::codes, "0", "0", instance},
      {"kicker_vmsvccheck_exitcode_failonce", Form::codes, "1", "1", instance},
      {"kicker_vmsvccheck_exitcode_doreboot", Form::codes, "2", "2", instance},
      {"kicker_vmsvccheck_exitcode_maintenance", Form::codes, "3", "3", instance},
      {"zfssnap_flag", Form::boolean, "false", "false", service},
      {"zfssnap_dslist", Form::words, "auto", "auto", service},
      {"zfssnap_dslist_append", Form::words, "", "", service},
      {"zfssnap_prefix", Form::text, "vboxsvc-auto-snap", "vboxsvc-auto-snap", service},
      {"startgui_fg_trap_signals", Form::signals, trapped, trapped, service},
  };
  std::set<std::string_view> old;
  for (const auto& row : table) {
    old.insert(row.name);
    const PropertyInfo* found = find_property(row.name);
    ASSERT_NE(found, nullptr) << row.name;
    EXPECT_EQ(found->form, row.form) << row.name;
    EXPECT_EQ(found->standard, row.standard) << row.name;
    EXPECT_STREQ(found->shipped, row.shipped) << row.name;
    EXPECT_EQ(found->inheritance, row.inheritance) << row.name;
    EXPECT_FALSE(found->fresh) << row.name;
  }
  for (const auto& row : properties()) EXPECT_EQ(row.fresh, !old.contains(row.name)) << row.name;
}

TEST(Properties, SignalsHaveNumbers) {
  EXPECT_EQ(signal_number("SIGHUP"), 1);
  EXPECT_EQ(signal_number("HUP"), 1);
  EXPECT_EQ(signal_number("15"), 15);
  for (const char* bad : {"", "SIG", "KILL", "9", "SIGSTOP", "0", "-1", "hup"}) {
    EXPECT_EQ(signal_number(bad), 0) << bad;
  }
}

TEST(Properties, NumbersAreNormal) {
  const PropertyInfo& row = *find_property("stop_timeout");
  EXPECT_EQ(*normalise(row, {"010"}), std::vector<std::string>{"10"});
  for (const char* bad : {"+1", "1 ", " 1", "0x10", "1.5", "--1"}) EXPECT_FALSE(normalise(row, {bad})) << bad;
}

}  // namespace
}  // namespace vmkeep::vm
