#include "vm/config.h"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

namespace vmkeep::vm {
namespace {

using Values = std::map<std::string, std::vector<std::string>>;

repository::Groups groups(const Values& values) {
  repository::Groups result;
  if (values.empty()) return result;
  auto group = std::make_shared<repository::PropertyGroup>();
  group->name = "vm";
  group->type = "application";
  for (const auto& [name, list] : values) {
    group->properties[name] = repository::Property{repository::ValueType::astring, list};
  }
  result["vm"] = group;
  return result;
}

repository::Levels levels(const Values& own, const Values& service) {
  return repository::Levels{groups(own), groups(service)};
}

VmConfig read(const Values& own, const Values& service = {}) {
  auto config = VmConfig::read(levels(own, service), "vm1");
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config : VmConfig{};
}

Setting setting(const Values& own, const Values& service, std::string_view name) {
  for (const auto& each : read_config(levels(own, service), "vm1").settings) {
    if (each.property->name == name) return each;
  }
  ADD_FAILURE() << "no setting " << name;
  return {};
}

std::string refusal(const Values& own) {
  auto config = VmConfig::read(levels(own, {}), "vm1");
  if (config) return "";
  EXPECT_EQ(config.error().kind, ErrorKind::invalid);
  return config.error().message;
}

TEST(VmConfig, NothingSetGivesTheHardDefaults) {
  const VmConfig c = read({});
  EXPECT_EQ(c.name, "vm1");
  EXPECT_EQ(c.uuid, "");
  EXPECT_EQ(c.stop_method, StopMethod::savestate);
  EXPECT_FALSE(c.stop_timeout);
  EXPECT_FALSE(c.start_aborted_vm);
  EXPECT_FALSE(c.start_paused_vm);
  EXPECT_TRUE(c.start_halted_vm);
  EXPECT_TRUE(c.start_saved_vm);
  EXPECT_FALSE(c.start_stuck_vm);
  EXPECT_FALSE(c.restart_stuck_vm);
  EXPECT_FALSE(c.is_interactive);
  EXPECT_FALSE(c.is_dualboot);
  EXPECT_FALSE(c.restart_aborted_vm);
  EXPECT_FALSE(c.restart_paused_vm);
  EXPECT_FALSE(c.restart_halted_vm);
  EXPECT_FALSE(c.restart_saved_vm);
  EXPECT_TRUE(c.ignore_paused_vm);
  EXPECT_FALSE(c.offline_is_maint);
  EXPECT_EQ(c.offline_unknown_state_maxcount, 0);
  EXPECT_EQ(c.restart_aborted_vm_failures_maxcount, 0);
  EXPECT_EQ(c.restart_aborted_vm_failures_timeframe.count(), 0);
  EXPECT_EQ(c.kicker_freq.count(), 50);
  EXPECT_FALSE(c.nice);
  EXPECT_EQ(c.timezone, "");
  EXPECT_EQ(c.kicker_restart, KickerRestart::by_state);
}

TEST(VmConfig, T15_instance_over_service_over_default) {
  EXPECT_EQ(read({{"stop_timeout", {"7"}}}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(7));
  EXPECT_EQ(read({}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(9));
  // The instance has a vm group, and yet inherits what it does not set itself.
  EXPECT_EQ(read({{"nice", {"3"}}}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(9));
}

TEST(VmConfig, T19_empty_does_not_inherit_and_a_boolean_is_then_not_true) {
  for (const auto& empty : {std::vector<std::string>{}, std::vector<std::string>{""}}) {
    // True by default and true at the service, and yet: what is empty is not true.
    EXPECT_FALSE(read({{"start_halted_vm", empty}}, {{"start_halted_vm", {"true"}}}).start_halted_vm);
    EXPECT_FALSE(read({{"ignore_paused_vm", empty}}).ignore_paused_vm);
    EXPECT_FALSE(read({{"stop_timeout", empty}}, {{"stop_timeout", {"9"}}}).stop_timeout);
    EXPECT_EQ(read({{"kicker_freq", empty}}, {{"kicker_freq", {"9"}}}).kicker_freq.count(), 50);
    EXPECT_EQ(read({{"stop_method", empty}}, {{"stop_method", {"poweroff"}}}).stop_method,
              StopMethod::savestate);
    const Setting reset = setting({{"start_halted_vm", empty}}, {}, "start_halted_vm");
    EXPECT_EQ(reset.text(), "false");
    EXPECT_EQ(reset.origin, Origin::instance);
    EXPECT_EQ(reset.note, "reset by an empty value, which is not true");
    EXPECT_EQ(setting({{"stop_method", empty}}, {}, "stop_method").note,
              "reset to the default by an empty value");
  }
}

TEST(VmConfig, T16_instance_only_properties_never_leak) {
  const Values service{
      {"is_interactive", {"true"}}, {"is_dualboot", {"true"}}, {"name", {"x"}}, {"uuid", {"garbage"}}};
  for (const auto& own : {Values{}, Values{{"nice", {"1"}}}}) {
    const VmConfig c = read(own, service);
    EXPECT_FALSE(c.is_interactive);
    EXPECT_FALSE(c.is_dualboot);
    EXPECT_EQ(c.name, "vm1");
    EXPECT_EQ(c.uuid, "");
  }
}

TEST(VmConfig, T16_exit_codes_of_the_service_have_no_effect) {
  for (const auto& own : {Values{}, Values{{"nice", {"1"}}}}) {
    const VmConfig c = read(own, {{"kicker_vmsvccheck_exitcode_okay", {"7"}},
                                  {"kicker_vmsvccheck_exitcode_failonce", {"8"}},
                                  {"kicker_vmsvccheck_exitcode_doreboot", {"9"}},
                                  {"kicker_vmsvccheck_exitcode_maintenance", {"10"}}});
    EXPECT_EQ(c.kicker_vmsvccheck_exitcode_okay, std::vector<int>{0});
    EXPECT_EQ(c.kicker_vmsvccheck_exitcode_failonce, std::vector<int>{1});
    EXPECT_EQ(c.kicker_vmsvccheck_exitcode_doreboot, std::vector<int>{2});
    EXPECT_EQ(c.kicker_vmsvccheck_exitcode_maintenance, std::vector<int>{3});
  }
  EXPECT_EQ(setting({}, {{"is_dualboot", {"true"}}}, "is_dualboot").note,
            "the service's \"true\" does not count: it is read from the instance only");
}

TEST(VmConfig, T17_dualboot_has_its_own_stop_method) {
  const Values service{{"stop_method", {"savestate"}}};
  const VmConfig dual = read({{"is_dualboot", {"true"}}}, service);
  EXPECT_TRUE(dual.is_interactive);
  EXPECT_EQ(dual.stop_method, StopMethod::poweroff_graceful);
  EXPECT_EQ(read({{"is_dualboot", {"true"}}, {"stop_method", {"poweroff"}}}, service).stop_method,
            StopMethod::poweroff);
  EXPECT_EQ(setting({{"is_dualboot", {"true"}}}, {}, "is_interactive").note,
            "because vm/is_dualboot is true");
}

TEST(VmConfig, T18_interactive_inherits_the_stop_method_and_saves_by_default) {
  EXPECT_EQ(read({{"is_interactive", {"true"}}}).stop_method, StopMethod::savestate);
  EXPECT_EQ(read({{"is_interactive", {"true"}}}, {{"stop_method", {"acpipowerbutton"}}}).stop_method,
            StopMethod::acpipowerbutton);
}

TEST(VmConfig, InteractiveReadsStartAndRestartFromTheInstanceOnly) {
  Values service;
  for (const char* name : {"start_aborted_vm", "start_paused_vm", "start_halted_vm", "start_saved_vm",
                           "start_stuck_vm", "restart_aborted_vm", "restart_paused_vm", "restart_halted_vm",
                           "restart_saved_vm", "restart_stuck_vm"}) {
    service[name] = {"true"};
  }
  service["ignore_paused_vm"] = {"false"};
  const VmConfig c = read({{"is_interactive", {"true"}}}, service);
  EXPECT_FALSE(c.start_aborted_vm || c.start_paused_vm || c.start_halted_vm || c.start_saved_vm ||
               c.start_stuck_vm);
  EXPECT_FALSE(c.restart_aborted_vm || c.restart_paused_vm || c.restart_halted_vm || c.restart_saved_vm ||
               c.restart_stuck_vm);
  EXPECT_TRUE(c.ignore_paused_vm);
  const VmConfig set = read({{"is_interactive", {"true"}}, {"start_saved_vm", {"true"}}}, service);
  EXPECT_TRUE(set.start_saved_vm);
}

TEST(VmConfig, T20_restart_aborted_has_its_own_order) {
  EXPECT_FALSE(read({{"restart_aborted_vm", {"false"}}, {"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_TRUE(read({{"start_aborted_vm", {"true"}}}, {{"restart_aborted_vm", {"false"}}}).restart_aborted_vm);
  EXPECT_FALSE(
      read({}, {{"restart_aborted_vm", {"false"}}, {"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_TRUE(read({}, {{"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_FALSE(read({{"is_interactive", {"true"}}}, {{"restart_aborted_vm", {"true"}}}).restart_aborted_vm);
}

TEST(VmConfig, T20_says_where_restart_aborted_came_from) {
  const Setting s =
      setting({{"start_aborted_vm", {"true"}}}, {{"restart_aborted_vm", {"false"}}}, "restart_aborted_vm");
  EXPECT_EQ(s.text(), "true");
  EXPECT_EQ(s.origin, Origin::instance);
  EXPECT_EQ(s.note, "from vm/start_aborted_vm");
}

TEST(VmConfig, T21_lists_in_both_spellings) {
  const std::vector<int> both{7, 8};
  for (const auto& spelling : {std::vector<std::string>{"7 8"}, std::vector<std::string>{"7", "8"},
                               std::vector<std::string>{" 7\t 8 "}, std::vector<std::string>{"7\\ 8"}}) {
    EXPECT_EQ(read({{"kicker_vmsvccheck_exitcode_doreboot", spelling}}).kicker_vmsvccheck_exitcode_doreboot,
              both);
  }
  const std::vector<int> signals{SIGHUP, SIGTERM};
  for (const auto& spelling :
       {std::vector<std::string>{"SIGHUP SIGTERM"}, std::vector<std::string>{"HUP", "TERM"}}) {
    EXPECT_EQ(read({{"startgui_fg_trap_signals", spelling}}).startgui_fg_trap_signals, signals);
  }
  EXPECT_EQ(read({}).startgui_fg_trap_signals, (std::vector<int>{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT}));
  const std::vector<std::string> words{"-a", "b"};
  EXPECT_EQ(read({{"kicker_vmsvccheck_method_params", {"-a b"}}}).kicker_vmsvccheck_method_params, words);
  const std::vector<std::string> whole{"-a", "b c"};
  EXPECT_EQ(read({{"kicker_vmsvccheck_method_params", {"-a", "b c"}}}).kicker_vmsvccheck_method_params,
            whole);
}

TEST(VmConfig, T22_the_three_properties_of_zfs_are_read) {
  const VmConfig c = read({{"zfssnap_prefix", {"p"}}},
                          {{"zfssnap_dslist", {"tank/a /export/b"}}, {"zfssnap_dslist_append", {"tank/c"}}});
  EXPECT_EQ(c.zfssnap_prefix, "p");
  EXPECT_EQ(c.zfssnap_dslist, (std::vector<std::string>{"tank/a", "/export/b"}));
  EXPECT_EQ(c.zfssnap_dslist_append, std::vector<std::string>{"tank/c"});
  const VmConfig none = read({});
  EXPECT_EQ(none.zfssnap_prefix, "vboxsvc-auto-snap");
  EXPECT_EQ(none.zfssnap_dslist, std::vector<std::string>{"auto"});
  EXPECT_TRUE(none.zfssnap_dslist_append.empty());
}

TEST(VmConfig, RestartPausedFallsBackToStartPaused) {
  EXPECT_TRUE(read({}, {{"start_paused_vm", {"true"}}}).restart_paused_vm);
  EXPECT_FALSE(read({{"restart_paused_vm", {"false"}}}, {{"start_paused_vm", {"true"}}}).restart_paused_vm);
}

TEST(VmConfig, NumbersThatMeanNone) {
  for (const char* value : {"0", "-1", "-3600"}) EXPECT_FALSE(read({{"stop_timeout", {value}}}).stop_timeout);
  EXPECT_FALSE(read({{"nice", {"0"}}}).nice);
  EXPECT_EQ(read({{"nice", {"-20"}}}).nice, -20);
  EXPECT_EQ(read({{"kicker_freq", {"0"}}}).kicker_freq.count(), 1);
  EXPECT_EQ(read({{"kicker_freq", {"-5"}}}).kicker_freq.count(), 1);
  EXPECT_EQ(read({{"offline_unknown_state_maxcount", {"-1"}}}).offline_unknown_state_maxcount, -1);
}

TEST(VmConfig, StartWaitPolicyKnowsAllSynonyms) {
  const std::map<std::string, StartWait> table{{"nodelay", StartWait::nodelay},
                                               {"off", StartWait::nodelay},
                                               {"none", StartWait::nodelay},
                                               {"false", StartWait::nodelay},
                                               {"nowait", StartWait::nodelay},
                                               {"default", StartWait::nodelay},
                                               {"-", StartWait::nodelay},
                                               {"", StartWait::nodelay},
                                               {"timeout", StartWait::timeout},
                                               {"delay", StartWait::timeout},
                                               {"wait", StartWait::timeout},
                                               {"hook", StartWait::hook_lax},
                                               {"hook_lax", StartWait::hook_lax},
                                               {"vmsvccheck", StartWait::hook_lax},
                                               {"on", StartWait::hook_lax},
                                               {"true", StartWait::hook_lax},
                                               {"hook_strict", StartWait::hook_strict},
                                               {"vmsvccheck_strict", StartWait::hook_strict},
                                               {"guest", StartWait::guest_lax},
                                               {"guest_strict", StartWait::guest_strict}};
  for (const auto& [word, policy] : table) {
    EXPECT_EQ(read({{"start_wait_policy", {word}}}).start_wait_policy, policy) << word;
  }
}

TEST(VmConfig, TheHookAndItsWindowAreRead) {
  const VmConfig c = read(
      {{"kicker_vmsvccheck_enabled", {"true"}},
       {"kicker_vmsvccheck_method", {"/opt/check"}},
       {"kicker_vmsvccheck_startdelay", {"-1"}},
       {"kicker_vmsvccheck_timeout", {"5"}}},
      {{"kicker_vmsvccheck_failures_maxcount", {"3"}}, {"kicker_vmsvccheck_failures_timeframe", {"1200"}}});
  EXPECT_TRUE(c.kicker_vmsvccheck_enabled);
  EXPECT_EQ(c.kicker_vmsvccheck_method, "/opt/check");
  EXPECT_EQ(c.kicker_vmsvccheck_startdelay.count(), 0);
  EXPECT_EQ(c.kicker_vmsvccheck_timeout.count(), 5);
  EXPECT_EQ(c.kicker_vmsvccheck_failures_maxcount, 3);
  EXPECT_EQ(c.kicker_vmsvccheck_failures_timeframe.count(), 1200);
  EXPECT_EQ(c.kicker_vmsvccheck_reboots_maxcount, 3);
}

TEST(VmConfig, WhatTheVmTakesOfItsHost) {
  const VmConfig c = read({{"cpu_set", {"2,0-1 5"}}, {"io_weight", {"10"}}, {"memory_high", {"2048"}}});
  EXPECT_EQ(c.cpu_set, (std::vector<int>{0, 1, 2, 5}));
  EXPECT_EQ(c.io_weight, 10);
  EXPECT_EQ(c.memory_high, 2048);
  EXPECT_FALSE(c.memory_low || c.cpu_weight);
  EXPECT_TRUE(read({}).cpu_set.empty());
}

TEST(VmConfig, T95_nice_is_a_number_or_an_error) {
  EXPECT_EQ(read({}, {{"nice", {"7"}}}).nice, 7);
  EXPECT_FALSE(read({{"nice", {"0"}}}, {{"nice", {"7"}}}).nice);
  EXPECT_FALSE(read({}).nice);
  EXPECT_NE(refusal({{"nice", {"high"}}}).find("vm/nice is \"high\""), std::string::npos);
}

TEST(VmConfig, T96_timezone_is_taken_to_the_letter) {
  EXPECT_EQ(read({{"timezone", {"Europe/Moscow"}}}).timezone, "Europe/Moscow");
  EXPECT_EQ(read({}).timezone, "");
  EXPECT_EQ(read({{"timezone", {""}}}, {{"timezone", {"UTC"}}}).timezone, "");
  EXPECT_NE(refusal({{"timezone", {"UTC\nX=1"}}}), "");
}

TEST(VmConfig, RequestsToComeBackFromAWindowCanBeSwitchedOff) {
  for (const char* on : {"", "true", "/var/run/once"}) {
    EXPECT_TRUE(read({{"kicker_restart_saved_vm_once_file_name", {on}}}).restart_saved_vm_once);
  }
  EXPECT_FALSE(read({{"kicker_restart_saved_vm_once_file_name", {"false"}}}).restart_saved_vm_once);
}

TEST(VmConfig, KickerRestartTakesItsWordsInAnyCase) {
  for (const char* word : {"none", "No", "OFF", "false"}) {
    EXPECT_EQ(read({{"kicker_restart", {word}}}).kicker_restart, KickerRestart::none) << word;
  }
  for (const char* word : {"all", "On", "TRUE"}) {
    EXPECT_EQ(read({{"kicker_restart", {word}}}).kicker_restart, KickerRestart::all) << word;
  }
}

TEST(VmConfig, UuidIsNormalised) {
  EXPECT_EQ(read({{"uuid", {"{BD419973-420B-435B-A7BA-2A590A615572}"}}}).uuid,
            "bd419973-420b-435b-a7ba-2a590a615572");
}

TEST(VmConfig, T23_bad_values_are_refused_with_property_and_what_is_allowed) {
  struct {
    const char* property;
    std::vector<std::string> values;
    const char* allowed;
  } const rows[] = {
      {"stop_method", {"bogus"}, "poweroff-graceful"},
      {"stop_method", {"savestate", "poweroff"}, "one only"},
      {"stop_timeout", {"abc"}, "a whole number"},
      {"stop_timeout", {"10s"}, "a whole number"},
      {"stop_timeout", {"99999999999999999999"}, "a whole number"},
      {"start_halted_vm", {"yes"}, "true or false"},
      {"is_interactive", {"True"}, "true or false"},
      {"nice", {"20"}, "-20 to 19"},
      {"kicker_restart", {"maybe"}, "none"},
      {"uuid", {"vm1"}, "a UUID"},
      {"uuid", {"bd419973-420b-435b-a7ba-2a590a61557g"}, "a UUID"},
      {"offline_unknown_state_maxcount", {"three"}, "a whole number"},
      {"start_wait_policy", {"maybe"}, "hook_strict"},
      {"start_wait_policy", {"Hook"}, "hook_strict"},
      {"takeover", {"maybe"}, "adopt or savestate"},
      {"kicker_vmsvccheck_method", {"check.sh"}, "an absolute path"},
      {"kicker_vmsvccheck_exitcode_okay", {"0 256"}, "exit codes"},
      {"kicker_vmsvccheck_timeout", {"0"}, "from 1"},
      {"startgui_fg_trap_signals", {"SIGHUP SIGKILL"}, "and not KILL"},
      {"cpu_set", {"3-1"}, "numbers of CPUs"},
      {"cpu_set", {"0-99999999999"}, "numbers of CPUs"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal({{row.property, row.values}});
    EXPECT_NE(message.find(std::string("vm/") + row.property), std::string::npos) << message;
    EXPECT_NE(message.find(row.values[0]), std::string::npos) << message;
    EXPECT_NE(message.find(row.allowed), std::string::npos) << message;
  }
}

TEST(VmConfig, T23_every_error_is_told_at_once) {
  const std::string message = refusal({{"stop_method", {"bogus"}},
                                       {"stop_timeout", {"abc"}},
                                       {"start_wait_policy", {"maybe"}},
                                       {"nice", {"3"}}});
  for (const char* wanted :
       {"vm/stop_method is \"bogus\"", "vm/stop_timeout is \"abc\"", "vm/start_wait_policy is \"maybe\""}) {
    EXPECT_NE(message.find(wanted), std::string::npos) << message;
  }
  const ConfigReading reading = read_config(levels({{"nice", {"x"}}, {"is_dualboot", {"y"}}}, {}), "vm1");
  EXPECT_EQ(reading.problems.size(), 2U);
}

TEST(VmConfig, EverySettingIsToldWithItsOrigin) {
  const ConfigReading reading =
      read_config(levels({{"nice", {"3"}}, {"stop_metod", {"x"}}}, {{"stop_timeout", {"9"}}}), "vm1");
  ASSERT_EQ(reading.settings.size(), properties().size());
  for (size_t i = 0; i < reading.settings.size(); ++i) {
    EXPECT_EQ(reading.settings[i].property, &properties()[i]);
    const std::string_view name = reading.settings[i].property->name;
    const Origin origin = name == "nice"           ? Origin::instance
                          : name == "stop_timeout" ? Origin::service
                                                   : Origin::standard;
    EXPECT_EQ(reading.settings[i].origin, origin) << name;
  }
  EXPECT_EQ(reading.unknown, std::vector<std::string>{"stop_metod"});
}

TEST(StopMethod, WordsGoBothWays) {
  for (const char* word :
       {"savestate", "acpipowerbutton", "acpisleepbutton", "poweroff", "reset", "poweroff-graceful"}) {
    const auto method = stop_method(word);
    ASSERT_TRUE(method) << word;
    EXPECT_EQ(to_string(*method), word);
  }
  EXPECT_FALSE(stop_method("Savestate"));
}

}  // namespace
}  // namespace vmkeep::vm
