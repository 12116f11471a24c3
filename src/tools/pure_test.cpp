// The parts of the tools that need nobody: columns, lists, properties, options, waiting.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/fuzz_replay.h"
#include "tools/columns.h"
#include "tools/listing.h"
#include "tools/method.h"
#include "tools/property_text.h"
#include "tools/quoting_fuzz.h"
#include "tools/time_text.h"
#include "tools/tool.h"
#include "tools/waiting.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;

constexpr std::time_t kNow = 1795286855;  // Sat Nov 21 18:47:35 2026 UTC

void use_utc() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
}

InstanceMessage instance(const std::string& fmri, const std::string& state) {
  InstanceMessage message;
  message.fmri = fmri;
  message.state = state;
  message.next_state = "none";
  message.reason = "none";
  message.state_time = kNow;
  message.configured = true;
  message.enabled = state != "disabled";
  message.enabled_permanent = message.enabled;
  message.restarter = "svc:/system/svc/restarter:default";
  return message;
}

InstanceMessage requiring(InstanceMessage message, const std::string& grouping,
                          std::vector<std::string> entities) {
  if (!message.dependencies) message.dependencies.emplace();
  message.dependencies->push_back({"dep", grouping, "none", std::move(entities)});
  return message;
}

TEST(Times, AreShortOrLong) {
  use_utc();
  EXPECT_EQ(short_time(0, kNow), "-");
  EXPECT_EQ(short_time(kNow, kNow), "18:47:35");
  EXPECT_EQ(short_time(kNow - 36000, kNow), " 8:47:35");
  EXPECT_EQ(short_time(kNow - 86399, kNow), "18:47:36");
  EXPECT_EQ(short_time(kNow - 86400, kNow), "Nov_20");
  EXPECT_EQ(short_time(kNow - 31017600, kNow), "Nov_27");
  EXPECT_EQ(short_time(kNow - 31104000, kNow), "2025");
  EXPECT_EQ(short_time(kNow + 60, kNow), "18:48:35");
  EXPECT_EQ(long_time(kNow), "Sat Nov 21 18:47:35 2026");
}

TEST(Columns, TheDefaultTable) {
  use_utc();
  const Table table({"STATE", "STIME", "FMRI"}, kNow);
  EXPECT_EQ(table.header(), "STATE          STIME    FMRI\n");
  EXPECT_EQ(table.row(instance("svc:/site/xvm/vbox:debian", "disabled")),
            "disabled       18:47:35 svc:/site/xvm/vbox:debian\n");
}

TEST(Columns, TheStarSaysThatItIsOnItsWay) {
  use_utc();
  InstanceMessage one = instance("svc:/a:b", "offline");
  one.next_state = "online";
  one.contract = 99;
  EXPECT_EQ(Table({"STATE", "STIME", "FMRI"}, kNow).row(one), "offline*       18:47:35 svc:/a:b\n");
  EXPECT_EQ(Table({"STATE", "NSTATE", "STIME", "CTID", "FMRI"}, kNow).row(one),
            "offline        online         18:47:35 99     svc:/a:b\n");
  EXPECT_EQ(Table({"S", "STA"}, kNow).row(one), "0* OFF*\n");
  EXPECT_EQ(Table({"SN", "N", "NSTA", "S"}, kNow).row(one), "01 1 ON   0\n");
}

TEST(Columns, EveryColumnSaysSomething) {
  use_utc();
  InstanceMessage one = instance("svc:/site/xvm/vbox:vm1", "online");
  one.name = "A VM";
  const struct {
    const char *column, *header, *text;
  } cases[] = {
      {"CTID", "CTID\n", "-\n"},
      {"DESC", "DESC\n", "A VM\n"},
      {"FMRI", "FMRI\n", "svc:/site/xvm/vbox:vm1\n"},
      {"INST", "INST\n", "vm1\n"},
      {"N", "N\n", "-\n"},
      {"NSTA", "NSTA\n", "-\n"},
      {"NSTATE", "NSTATE\n", "-\n"},
      {"S", "S\n", "1\n"},
      {"SCOPE", "SCOPE\n", "localhost\n"},
      {"SN", "SN\n", "1-\n"},
      {"STA", "STA\n", "ON\n"},
      {"STATE", "STATE\n", "online\n"},
      {"STIME", "STIME\n", "18:47:35\n"},
      {"SVC", "SVC\n", "site/xvm/vbox\n"},
      {"ZONE", "ZONE\n", "global\n"},
  };
  ASSERT_EQ(std::size(cases), all_columns().size());
  for (const auto& test : cases) {
    const Table table({test.column}, kNow);
    EXPECT_EQ(table.header(), test.header);
    EXPECT_EQ(table.row(one), test.text) << test.column;
  }
  EXPECT_EQ(Table({"STA", "S"}, kNow).row(instance("svc:/a:b", "weird")), "?    ?\n");
  EXPECT_NE(column_named("fmri"), nullptr);
  EXPECT_EQ(column_named("nothing"), nullptr);
}

TEST(Columns, ALongValuePushesTheRest) {
  const Table table({"SVC", "STATE"}, kNow);
  EXPECT_EQ(table.row(instance("svc:/a-name-that-is-too-long-for-it:b", "online")),
            "a-name-that-is-too-long-for-it online\n");
}

TEST(Columns, SortsByKeys) {
  const InstanceMessage a = instance("svc:/a:x", "maintenance");
  const InstanceMessage b = instance("svc:/b:x", "disabled");
  InstanceMessage c = instance("svc:/c:x", "online");
  c.state_time = kNow - 5;
  const InstanceMessage d = instance("svc:/d:x", "online");
  const Table table({"FMRI"}, kNow);
  const auto order = [&](const std::vector<SortKey>& keys) {
    std::vector<const InstanceMessage*> rows{&a, &b, &c, &d};
    table.sort(rows, keys);
    std::string text;
    for (const auto* row : rows) text += row->fmri[5];
    return text;
  };
  EXPECT_EQ(order({{"STATE", false}, {"STIME", false}, {"FMRI", false}}), "bcda");
  EXPECT_EQ(order({{"STATE", true}}), "acdb");
  EXPECT_EQ(order({{"FMRI", true}}), "dcba");
  EXPECT_EQ(order({{"STIME", false}, {"FMRI", true}}), "cdba");
  EXPECT_EQ(order({}), "abcd");
}

TEST(Columns, AProcessStandsBelowItsInstance) {
  use_utc();
  EXPECT_EQ(process_line({710, kNow, "VBoxXPCOMIPCD", ""}, kNow),
            "               18:47:35      710 VBoxXPCOMIPCD\n");
  EXPECT_EQ(process_line({1234567, kNow, "a-command-with-a-long-name", ""}, kNow),
            "               18:47:35   1234567 a-command-with-a\n");
}

TEST(Listing, AWholeList) {
  use_utc();
  World world;
  world.instances = {instance("svc:/site/xvm/vbox:debian", "online"),
                     instance("svc:/milestone/network:default", "online"), instance("svc:/two:a", "online"),
                     instance("svc:/two:b", "online")};
  world.files = {{"/there", true}, {"/not", false}};
  world.facts = {{"network", {true, ""}}};
  InstanceMessage& one = world.instances[0];
  one.name = "Sun xVM Virtualbox";
  one.log = "/var/svc/log/site-xvm-vbox:debian.log";
  one.contract = 2159;
  one =
      requiring(one, "require_all", {"svc:/milestone/network:default", "svc:/milestone/network", "svc:/two"});
  one = requiring(one, "optional_all",
                  {"svc:/none", "svc:/none:x", "file:/there", "file:/not", "host:network", "!"});
  EXPECT_EQ(
      list_instance(world, one, {{12, kNow, "sleep", "sleep 60"}}),
      "fmri         svc:/site/xvm/vbox:debian\n"
      "name         Sun xVM Virtualbox\n"
      "enabled      true\n"
      "state        online\n"
      "next_state   none\n"
      "state_time   Sat Nov 21 18:47:35 2026\n"
      "logfile      /var/svc/log/site-xvm-vbox:debian.log\n"
      "restarter    svc:/system/svc/restarter:default\n"
      "contract_id  2159 \n"
      "dependency   require_all/none svc:/milestone/network:default (online) svc:/milestone/network (online) "
      "svc:/two (multiple)\n"
      "dependency   optional_all/none svc:/none (absent) svc:/none:x (absent) file:/there (online) "
      "file:/not (absent) host:network (online) ! (invalid)\n"
      "process      12 sleep 60\n");
}

TEST(Listing, AnOverrideIsTold) {
  World world;
  InstanceMessage one = instance("svc:/a:b", "disabled");
  one.enabled_permanent = true;
  one.enabled_temporary = false;
  EXPECT_NE(list_instance(world, one, {}).find("enabled      false (temporary)\n"), std::string::npos);
  one.enabled_permanent = false;
  EXPECT_NE(list_instance(world, one, {}).find("enabled      false\n"), std::string::npos);
}

repository::Groups example_groups() {
  using repository::ValueType;
  auto vm = std::make_shared<repository::PropertyGroup>();
  vm->name = "vm";
  vm->type = "application";
  vm->properties["empty"] = {ValueType::astring, {""}};
  vm->properties["none"] = {ValueType::astring, {}};
  vm->properties["several"] = {ValueType::count, {"1", "2"}};
  vm->properties["text"] = {ValueType::astring, {"a b;c"}};
  auto general = std::make_shared<repository::PropertyGroup>();
  general->name = "general";
  general->type = "framework";
  general->properties["enabled"] = {ValueType::boolean, {"true"}};
  return {{"general", general}, {"vm", vm}};
}

TEST(Properties, AWholeEntity) {
  const auto entity = *fmri::Fmri::parse("svc:/a:b");
  EXPECT_EQ(print_properties(entity, example_groups(), {{}, Detail::values}).text,
            "general/enabled boolean true\n"
            "vm/empty astring \"\"\n"
            "vm/none astring\n"
            "vm/several count 1 2\n"
            "vm/text astring a\\ b\\;c\n");
  EXPECT_EQ(print_properties(entity, example_groups(), {{{"general", ""}}, Detail::full}).text,
            "svc:/a:b/:properties/general/enabled boolean true\n");
}

TEST(Properties, SingleOnes) {
  const auto entity = *fmri::Fmri::parse("svc:/a:b");
  EXPECT_EQ(print_properties(entity, example_groups(), {{{"vm", "text"}}, Detail::values}).text,
            "a\\ b\\;c\n");
  EXPECT_EQ(print_properties(entity, example_groups(), {{{"vm", "several"}}, Detail::types}).text,
            "vm/several count 1 2\n");
  const auto missing = print_properties(entity, example_groups(),
                                        {{{"vm", "nothing"}, {"no", "x"}, {"gone", ""}}, Detail::values});
  EXPECT_EQ(missing.text, "");
  EXPECT_EQ(missing.missing,
            (std::vector<std::string>{"Couldn't find property `vm/nothing' for instance `svc:/a:b'.",
                                      "Couldn't find property `no/x' for instance `svc:/a:b'.",
                                      "Couldn't find property group `gone' for instance `svc:/a:b'."}));
}

TEST(Properties, NamesAndQuotes) {
  EXPECT_EQ(property_name("a/b")->property, "b");
  EXPECT_EQ(property_name("a")->property, "");
  EXPECT_FALSE(property_name("a/b/c"));
  EXPECT_FALSE(property_name(""));
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("plain-1.2:/x"), "plain-1.2:/x");
  EXPECT_EQ(quoted(";&()|^<>\n \t\\\"'`"), "\\;\\&\\(\\)\\|\\^\\<\\>\\\n\\ \\\t\\\\\\\"\\'\\`");
}

TEST(FuzzReplay, Quoting) {
  EXPECT_GT(replay_corpus(VMKEEP_SOURCE_DIR "/src/tools/corpus", 20000, fuzz_quoting), 20000U);
}

TEST(PropertyText, IsReadBack) {
  EXPECT_EQ(unquoted(""), std::vector<std::string>());
  EXPECT_EQ(unquoted("a\\ b \"\" \\\n"), (std::vector<std::string>{"a b", "", "\n"}));
  for (const char* wrong : {" ", " a", "a ", "a  b", "\\", "\"\"a"}) EXPECT_FALSE(unquoted(wrong)) << wrong;
}

TEST(Options, ArePosix) {
  const auto line = parse_options({"-av", "-o", "state", "-sfmri", "--", "-x"}, "avo:s:x");
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->has('a') && line->has('v') && !line->has('x'));
  EXPECT_EQ(line->last('o'), "state");
  EXPECT_EQ(line->all('s'), std::vector<std::string>{"fmri"});
  EXPECT_EQ(line->operands, Arguments{"-x"});
  EXPECT_EQ(parse_options({"x", "-a"}, "a")->operands.size(), 2U);
  EXPECT_EQ(parse_options({"-q"}, "a").error().message, "illegal option -- q");
  EXPECT_EQ(parse_options({"-o"}, "o:").error().message, "option requires an argument -- o");
  EXPECT_FALSE(parse_options({"-:"}, "o:"));
}

TEST(Waiting, JudgesWhatAnInstanceIsAt) {
  const struct {
    Goal goal;
    const char *state, *next;
    bool enabled;
    double changed;  // after the state before, seconds
    bool over;
    int status;
    const char* message;
  } cases[] = {
      {Goal::enabled, "online", "none", true, 1, true, 0, ""},
      {Goal::enabled, "degraded", "none", true, 1, true, 0, ""},
      {Goal::enabled, "online", "offline", true, 1, false, 0, ""},
      {Goal::enabled, "offline", "online", true, 1, false, 0, ""},
      {Goal::enabled, "disabled", "none", true, 0, false, 0, ""},
      {Goal::enabled, "disabled", "none", false, 1, true, 3,
       "Instance \"svc:/a:b\" has been disabled by another entity."},
      {Goal::enabled, "maintenance", "none", true, 0, true, 3,
       "Instance \"svc:/a:b\" is in maintenance state."},
      {Goal::disabled, "disabled", "none", false, 1, true, 0, ""},
      {Goal::disabled, "online", "offline", false, 0, false, 0, ""},
      {Goal::disabled, "online", "none", true, 0, true, 3,
       "Instance \"svc:/a:b\" has been enabled by another entity."},
      {Goal::disabled, "maintenance", "none", false, 0, false, 0, ""},
      {Goal::disabled, "maintenance", "none", false, 1, true, 3,
       "Instance \"svc:/a:b\" is in maintenance state."},
      {Goal::restarted, "online", "none", true, 0, false, 0, ""},
      {Goal::restarted, "online", "none", true, 1, true, 0, ""},
      {Goal::restarted, "offline", "online", true, 1, false, 0, ""},
      {Goal::restarted, "maintenance", "none", true, 1, true, 3,
       "Instance \"svc:/a:b\" is in maintenance state."},
      {Goal::cleared, "maintenance", "none", true, 0, false, 0, ""},
      {Goal::cleared, "maintenance", "none", true, 1, true, 3,
       "Instance \"svc:/a:b\" is in maintenance state."},
      {Goal::cleared, "disabled", "none", false, 1, true, 0, ""},
      {Goal::cleared, "online", "none", true, 1, true, 0, ""},
  };
  for (const auto& test : cases) {
    World world;
    world.instances = {instance("svc:/a:b", test.state)};
    world.instances[0].next_state = test.next;
    world.instances[0].enabled = test.enabled;
    world.instances[0].state_time = 100 + test.changed;
    const Wait wait = judge(world, *world.graph(), "svc:/a:b", test.goal, 100);
    EXPECT_EQ(wait.over, test.over) << test.state << test.message;
    EXPECT_EQ(wait.status, test.status);
    EXPECT_EQ(wait.message, test.message);
  }
}

TEST(Waiting, GivesUpOnlyWhenNothingCanHelp) {
  World world;
  world.instances = {requiring(instance("svc:/a:b", "offline"), "require_all", {"svc:/c:d"}),
                     instance("svc:/c:d", "disabled")};
  Wait wait = judge(world, *world.graph(), "svc:/a:b", Goal::enabled, 0);
  EXPECT_EQ(wait.message, "Instance \"svc:/a:b\" has unsatisfied dependencies.");
  EXPECT_EQ(wait.status, 4);
  world.instances[1].state = "offline";
  world.instances[1].enabled = true;
  wait = judge(world, *world.graph(), "svc:/a:b", Goal::enabled, 0);
  EXPECT_FALSE(wait.over);
  EXPECT_EQ(judge(world, *world.graph(), "svc:/gone:x", Goal::enabled, 0).status, 3);
}

TEST(Waiting, ForAnotherRestarterEndsAtOnce) {
  World world;
  world.instances = {instance("svc:/a:b", "uninitialized"), instance("svc:/network/inetd:default", "online")};
  for (const char* restarter : {"svc:/network/inetd:default", "svc:/missing:x", "svc:/a/service", "*"}) {
    world.instances[0].restarter = restarter;
    for (const Goal goal : {Goal::enabled, Goal::disabled, Goal::restarted, Goal::cleared}) {
      const Wait wait = judge(world, *world.graph(), "svc:/a:b", goal, 0);
      EXPECT_TRUE(wait.over) << restarter;
      EXPECT_EQ(wait.status, 4) << restarter;
      EXPECT_EQ(wait.message, "Restarter for instance \"svc:/a:b\" is unavailable.");
    }
  }
  // Where it is to be, it is, whoever brought it there.
  world.instances[0].state = "disabled";
  EXPECT_EQ(judge(world, *world.graph(), "svc:/a:b", Goal::disabled, 0).status, 0);
  world.instances[0].restarter = "system/svc/restarter:default";
  EXPECT_FALSE(judge(world, *world.graph(), "svc:/a:b", Goal::enabled, 0).message.ends_with("unavailable."));
}

TEST(Requirements, AreFoundInOrder) {
  World world;
  world.instances = {
      requiring(requiring(instance("svc:/a:x", "disabled"), "require_all", {"svc:/b", "file:/x"}),
                "optional_all", {"svc:/e:x"}),
      requiring(instance("svc:/b:x", "disabled"), "require_any", {"svc:/c:x"}),
      instance("svc:/c:x", "disabled"), instance("svc:/e:x", "disabled")};
  const auto order = requirements(world, "svc:/a:x");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(*order, (std::vector<std::string>{"svc:/c:x", "svc:/b:x"}));
}

TEST(Requirements, WhatCannotBeChosenIsTold) {
  const auto message = [](const World& world) {
    const auto order = requirements(world, "svc:/a:x");
    return order ? std::string("no error") : order.error().message;
  };
  World world;
  world.instances = {requiring(instance("svc:/a:x", "disabled"), "require_any", {"svc:/b:x", "svc:/c:x"}),
                     instance("svc:/b:x", "disabled"), instance("svc:/c:x", "disabled")};
  EXPECT_EQ(message(world), "svc:/a:x requires one of:\n  svc:/b:x\n  svc:/c:x");
  world.instances[0].dependencies = {{"d", "require_all", "none", {"svc:/b"}}};
  World two;
  two.instances = {world.instances[0], world.instances[1], instance("svc:/b:y", "disabled")};
  EXPECT_EQ(message(two), "svc:/a:x depends on svc:/b, which has multiple instances.");
  world.instances[0].dependencies = {{"d", "require_all", "none", {"svc:/none"}}};
  EXPECT_EQ(message(world), "Service \"svc:/none\" has no instances.");
  world.instances[0].dependencies = {{"d", "require_all", "none", {"svc:/b:x"}}};
  world.instances[1].dependencies = {{"d", "require_all", "none", {"svc:/a:x"}}};
  EXPECT_EQ(message(world), "svc:/a:x: Dependency cycle detected.");
  world.instances[0].dependencies.reset();
  world.instances[0].restarter = "svc:/my/restarter:own";
  EXPECT_EQ(message(world), "No such instance \"svc:/my/restarter:own\".");
}

TEST(Requirements, TheRestarterIsOne) {
  World world;
  world.instances = {instance("svc:/a:x", "disabled"), instance("svc:/my/restarter:own", "disabled")};
  world.instances[0].restarter = "svc:/my/restarter:own";
  const auto order = requirements(world, "svc:/a:x");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(*order, std::vector<std::string>{"svc:/my/restarter:own"});
}

TEST(MethodParts, EnvironmentsAndDeaths) {
  EXPECT_EQ(merged_environment({"A=1", "AB=2", "C=3"}, {"A=9", "D=4"}),
            (std::vector<std::string>{"AB=2", "C=3", "A=9", "D=4"}));
  EXPECT_EQ(death_of(3 << 8).code, 3);
  EXPECT_EQ(death_of(3 << 8).text, "exited with status 3");
  EXPECT_EQ(death_of(9).code, 137);
  EXPECT_EQ(death_of(9).text, "died on signal KILL (9)");
}

// A vmkeepd that has no time now must not bring an instance into maintenance.
TEST(MethodParts, WhatMayPassIsTriedAgain) {
  const struct {
    ErrorKind kind;
    int code;
  } cases[] = {{ErrorKind::timeout, 1},     {ErrorKind::busy, 1},    {ErrorKind::unavailable, 1},
               {ErrorKind::stale, 1},       {ErrorKind::io, 1},      {ErrorKind::invalid, 95},
               {ErrorKind::not_found, 95},  {ErrorKind::exists, 95}, {ErrorKind::permission, 95},
               {ErrorKind::unsupported, 95}};
  for (const auto& test : cases)
    EXPECT_EQ(exit_code_for(test.kind), test.code) << static_cast<int>(test.kind);
}

}  // namespace
}  // namespace vmkeep::tools
