#include "vm/ready.h"

#include <gtest/gtest.h>

namespace vmkeep::vm {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = 1000s;

VmConfig with(const std::string& policy) {
  auto group = std::make_shared<repository::PropertyGroup>();
  group->name = "vm";
  group->type = "application";
  group->properties["start_wait_policy"] = {repository::ValueType::astring, {policy}};
  group->properties["kicker_vmsvccheck_enabled"] = {repository::ValueType::boolean, {"true"}};
  group->properties["kicker_vmsvccheck_method"] = {repository::ValueType::astring, {"/opt/check"}};
  repository::Levels levels;
  levels.own["vm"] = group;
  auto config = VmConfig::read(levels, "vm1");
  EXPECT_TRUE(config) << policy << ": " << config.error().message;
  return config ? *config : VmConfig{};
}

ReadyInput limit(Instant seconds) {
  ReadyInput input;
  input.limit = seconds;
  input.deadline = kStart + seconds;
  input.hook_usable = true;
  return input;
}

TEST(Ready, T87_each_policy_waits_for_its_own_thing_until_five_seconds_before_the_limit) {
  struct Row {
    const char* policy;
    ReadyBy by;
    bool strict;
  };
  for (const auto& row :
       {Row{"timeout", ReadyBy::time, false}, Row{"delay", ReadyBy::time, false},
        Row{"wait", ReadyBy::time, false}, Row{"hook", ReadyBy::hook, false},
        Row{"hook_lax", ReadyBy::hook, false}, Row{"vmsvccheck", ReadyBy::hook, false},
        Row{"on", ReadyBy::hook, false}, Row{"true", ReadyBy::hook, false},
        Row{"hook_strict", ReadyBy::hook, true}, Row{"vmsvccheck_strict", ReadyBy::hook, true}}) {
    const auto plan = ready_plan(with(row.policy), limit(60s));
    EXPECT_EQ(plan.by, row.by) << row.policy;
    EXPECT_EQ(plan.strict, row.strict) << row.policy;
    EXPECT_EQ(plan.until, kStart + 55s) << row.policy;
    EXPECT_FALSE(plan.why.empty()) << row.policy;
  }
}

TEST(Ready, T88_a_hook_policy_without_a_usable_hook_is_timeout_and_cannot_fail) {
  for (const char* policy : {"hook", "hook_lax", "hook_strict"}) {
    auto input = limit(60s);
    input.hook_usable = false;
    const auto plan = ready_plan(with(policy), input);
    EXPECT_EQ(plan.by, ReadyBy::time) << policy;
    EXPECT_FALSE(plan.strict) << policy;
    EXPECT_EQ(plan.until, kStart + 55s) << policy;
  }
}

TEST(Ready, T88_off_and_limits_of_five_seconds_do_not_wait) {
  for (const char* policy : {"nodelay", "off", "none", "false", "nowait", "default", "-", ""}) {
    EXPECT_EQ(ready_plan(with(policy), limit(60s)).by, ReadyBy::nothing) << policy;
  }
  for (const char* policy : {"timeout", "hook", "hook_strict"}) {
    EXPECT_EQ(ready_plan(with(policy), limit(5s)).by, ReadyBy::nothing) << policy;
    EXPECT_NE(ready_plan(with(policy), limit(6s)).by, ReadyBy::nothing) << policy;
    ReadyInput unlimited;
    unlimited.hook_usable = true;
    EXPECT_EQ(ready_plan(with(policy), unlimited).by, ReadyBy::nothing) << policy;
  }
}

TEST(Ready, AVmThatRanBeforeIsAskedButNotSleptFor) {
  auto input = limit(60s);
  input.launched = false;
  EXPECT_EQ(ready_plan(with("timeout"), input).by, ReadyBy::nothing);
  EXPECT_EQ(ready_plan(with("hook_strict"), input).by, ReadyBy::hook);
}

TEST(Ready, AGuestPropertyIsAsGoodAsAHook) {
  auto config = with("guest_strict");
  EXPECT_EQ(ready_plan(config, limit(60s)).by, ReadyBy::time);
  config.ready_guest_property = "/vmkeep/ready";
  const auto plan = ready_plan(config, limit(60s));
  EXPECT_EQ(plan.by, ReadyBy::guest_property);
  EXPECT_TRUE(plan.strict);
  EXPECT_NE(plan.why.find("/vmkeep/ready"), std::string::npos);
  EXPECT_FALSE(says_ready(config, std::nullopt));
  EXPECT_FALSE(says_ready(config, ""));
  EXPECT_TRUE(says_ready(config, "no"));
  config.ready_guest_value = "yes";
  EXPECT_FALSE(says_ready(config, "no"));
  EXPECT_TRUE(says_ready(config, "yes"));
}

}  // namespace
}  // namespace vmkeep::vm
