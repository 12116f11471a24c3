#include "vm/config.h"

#include <gtest/gtest.h>

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

TEST(VmConfig, InstanceOverServiceOverDefault) {  // T15
  EXPECT_EQ(read({{"stop_timeout", {"7"}}}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(7));
  EXPECT_EQ(read({}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(9));
  // The instance has a vm group, and yet inherits what it does not set itself.
  EXPECT_EQ(read({{"nice", {"3"}}}, {{"stop_timeout", {"9"}}}).stop_timeout, std::chrono::seconds(9));
}

TEST(VmConfig, EmptyResetsToTheBuiltInDefaultAndDoesNotInherit) {  // T19
  for (const auto& empty : {std::vector<std::string>{}, std::vector<std::string>{""}}) {
    EXPECT_TRUE(read({{"start_halted_vm", empty}}, {{"start_halted_vm", {"false"}}}).start_halted_vm);
    EXPECT_FALSE(read({{"stop_timeout", empty}}, {{"stop_timeout", {"9"}}}).stop_timeout);
    EXPECT_EQ(read({{"kicker_freq", empty}}, {{"kicker_freq", {"9"}}}).kicker_freq.count(), 50);
    EXPECT_EQ(read({{"stop_method", empty}}, {{"stop_method", {"poweroff"}}}).stop_method,
              StopMethod::savestate);
  }
}

TEST(VmConfig, InstanceOnlyPropertiesNeverLeak) {  // T16
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

TEST(VmConfig, DualbootImpliesInteractiveAndItsOwnStopMethod) {  // T17, T18
  const Values service{{"stop_method", {"acpipowerbutton"}}};
  const VmConfig dual = read({{"is_dualboot", {"true"}}}, service);
  EXPECT_TRUE(dual.is_interactive);
  EXPECT_EQ(dual.stop_method, StopMethod::poweroff_graceful);
  EXPECT_EQ(read({{"is_dualboot", {"true"}}, {"stop_method", {"poweroff"}}}, service).stop_method,
            StopMethod::poweroff);
  EXPECT_EQ(read({{"is_interactive", {"true"}}}, service).stop_method, StopMethod::acpipowerbutton);
  EXPECT_EQ(read({{"is_interactive", {"true"}}}).stop_method, StopMethod::savestate);
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

TEST(VmConfig, RestartAbortedHasItsOwnOrder) {  // T20
  EXPECT_FALSE(read({{"restart_aborted_vm", {"false"}}, {"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_TRUE(read({{"start_aborted_vm", {"true"}}}, {{"restart_aborted_vm", {"false"}}}).restart_aborted_vm);
  EXPECT_FALSE(
      read({}, {{"restart_aborted_vm", {"false"}}, {"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_TRUE(read({}, {{"start_aborted_vm", {"true"}}}).restart_aborted_vm);
  EXPECT_FALSE(read({{"is_interactive", {"true"}}}, {{"restart_aborted_vm", {"true"}}}).restart_aborted_vm);
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

TEST(VmConfig, KickerRestartTakesItsWordsInAnyCase) {  // T73
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

TEST(VmConfig, BadValuesAreRefusedWithPropertyAndWhatIsAllowed) {  // T23
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
  };
  for (const auto& row : rows) {
    const std::string message = refusal({{row.property, row.values}});
    EXPECT_NE(message.find(std::string("vm/") + row.property), std::string::npos) << message;
    EXPECT_NE(message.find(row.values[0]), std::string::npos) << message;
    EXPECT_NE(message.find(row.allowed), std::string::npos) << message;
  }
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
