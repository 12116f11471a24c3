// svcadm as a whole: what it prints, how it ends, and what it waits for.
#include <gtest/gtest.h>

#include "tools/fake_daemon.h"
#include "tools/fake_instance.h"

namespace vmkeep::tools {
namespace {

using Printed = FakeDaemon::Printed;

FakeWorld instances_called(const std::vector<std::pair<std::string, std::string>>& all) {
  FakeWorld fake;
  for (const auto& [name, state] : all) fake.world.instances.push_back(instance("svc:/a:" + name, state));
  return fake;
}

TEST(Svcadm, TellsWhatItDid) {
  const FakeDaemon daemon(instances_called({{"one", "disabled"}, {"two", "online"}}));
  EXPECT_EQ(daemon.run("svcadm", {"-v", "enable", "-ts", "one"}).out, "svc:/a:one temporarily enabled.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "enable", "one"}).out, "svc:/a:one enabled.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "restart", "svc:/a"}).out,
            "Action restart set for svc:/a:one.\nAction restart set for svc:/a:two.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "refresh", "two"}).out, "Action refresh set for svc:/a:two.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "mark", "-It", "maintenance", "two"}).out,
            "Action maint_on_immtemp set for svc:/a:two.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "clear", "two"}).out, "Action maint_off set for svc:/a:two.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "disable", "-s", "one"}).out, "svc:/a:one disabled.\n");
  EXPECT_EQ(daemon.run("svcadm", {"-v", "-S", "online", "restart"}).out,
            "Action restart set for svc:/a:two.\n");
}

TEST(Svcadm, RefusesWhatTheStateDoesNotAllow) {
  const FakeDaemon daemon(
      instances_called({{"one", "disabled"}, {"two", "online"}, {"forbidden", "online"}}));
  const struct {
    std::vector<std::string> arguments;
    int code;
    const char* message;
  } cases[] = {
      {{"clear", "two"}, 1, "svcadm: Instance \"svc:/a:two\" is not in a maintenance or degraded state.\n"},
      {{"mark", "degraded", "one"}, 1, "svcadm: Instance \"svc:/a:one\" is not online.\n"},
      {{"enable", "forbidden"}, 1, "svcadm: svc:/a:forbidden: Permission denied.\nsvcadm: you may not\n"},
      {{"restart", "forbidden"}, 1, "svcadm: svc:/a:forbidden: Permission denied.\nsvcadm: you may not\n"},
      {{"enable", "nothing"}, 1, "svcadm: Pattern 'nothing' doesn't match any instances\n"},
      {{"restart", "two", "nothing"}, 1, "svcadm: Pattern 'nothing' doesn't match any instances\n"},
  };
  for (const auto& test : cases) {
    const Printed run = daemon.run("svcadm", test.arguments);
    EXPECT_EQ(run.code, test.code) << test.message;
    EXPECT_EQ(run.err, test.message);
    EXPECT_EQ(run.out, "");
  }
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{},
                                             {"enable"},
                                             {"explode", "one"},
                                             {"refresh", "-s", "one"},
                                             {"mark", "one", "one"},
                                             {"mark", "-t", "degraded", "one"}}) {
    EXPECT_EQ(daemon.run("svcadm", wrong).code, 2);
  }
}

TEST(Svcadm, OfWhatMeansNothingHereItSaysWhy) {
  const FakeDaemon daemon(instances_called({{"one", "online"}}));
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"delegate", "one"}, "svcadm: delegate: there is one restarter here, vmkeepd,"},
      {{"_smf_backup"},
       "svcadm: _smf_backup: the repository makes no backups of its own; write one with svccfg archive"},
      {{"_smf_repository_switch", "fast"}, "svcadm: _smf_repository_switch: the repository does not move;"},
  };
  for (const auto& [arguments, message] : cases) {
    const Printed run = daemon.run("svcadm", arguments);
    EXPECT_EQ(run.code, 1) << message;
    EXPECT_TRUE(run.err.starts_with(message)) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

TEST(Svcadm, APartialNameMustNotBeAmbiguous) {
  FakeWorld fake = instances_called({{"one", "online"}});
  fake.world.instances.push_back(instance("svc:/site/b:one", "online"));
  const FakeDaemon daemon(fake);
  const Printed run = daemon.run("svcadm", {"restart", "one"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err,
            "svcadm: Partial FMRI 'one' matches multiple instances:\n\tsvc:/a:one\n\tsvc:/site/b:one\n");
  EXPECT_EQ(daemon.run("svcadm", {"restart", "*one"}).code, 0);
}

TEST(Svcadm, WaitsForWhatItAskedFor) {
  FakeWorld fake = instances_called(
      {{"slow", "disabled"}, {"broken", "disabled"}, {"stuck", "disabled"}, {"slow2", "online"}});
  fake.world.instances[2].dependencies = {{"d", "require_all", "none", {"svc:/missing:x"}}};
  const FakeDaemon daemon(fake);
  EXPECT_EQ(daemon.run("svcadm", {"enable", "-s", "slow"}).code, 0);
  EXPECT_EQ(daemon.run("svcs", {"-Ho", "state", "slow"}).out, "online\n");
  EXPECT_EQ(daemon.run("svcadm", {"disable", "-s", "slow2"}).code, 0);
  EXPECT_EQ(daemon.run("svcs", {"-Ho", "state", "slow2"}).out, "disabled\n");
  const Printed broken = daemon.run("svcadm", {"enable", "-s", "broken"});
  EXPECT_EQ(broken.code, 3);
  EXPECT_EQ(broken.err, "svcadm: Instance \"svc:/a:broken\" is in maintenance state.\n");
  const Printed stuck = daemon.run("svcadm", {"enable", "-s", "stuck"});
  EXPECT_EQ(stuck.code, 4);
  EXPECT_EQ(stuck.err, "svcadm: Instance \"svc:/a:stuck\" has unsatisfied dependencies.\n");
  EXPECT_EQ(daemon.run("svcadm", {"enable", "-s", "stuck", "broken"}).code, 3);
}

TEST(Svcadm, DoesNotWaitForAnotherRestarter) {
  FakeWorld fake = instances_called({{"stuck", "uninitialized"}, {"slow", "disabled"}});
  fake.world.instances[0].restarter = "svc:/network/inetd:default";
  const FakeDaemon daemon(fake);
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"enable", "-s", "stuck"}, {"enable", "-st", "stuck", "slow"}}) {
    const Printed run = daemon.run("svcadm", asked);
    EXPECT_EQ(run.code, 4);
    EXPECT_EQ(run.err, "svcadm: Restarter for instance \"svc:/a:stuck\" is unavailable.\n");
  }
}

// Some get there, some never will, and which of them only a look at all others tells.
TEST(Svcadm, WaitsForManyAtOnce) {
  std::vector<std::pair<std::string, std::string>> states{{"broken", "disabled"}, {"stuck", "disabled"}};
  std::vector<std::string> arguments{"enable", "-s", "broken", "stuck"};
  for (int i = 0; i < 40; ++i) {
    states.emplace_back("slow" + std::to_string(i), "disabled");
    arguments.push_back(states.back().first);
  }
  FakeWorld fake = instances_called(states);
  fake.world.instances[1].dependencies = {{"d", "require_all", "none", {"svc:/missing:x"}}};
  const FakeDaemon daemon(fake);
  const Printed enabled = daemon.run("svcadm", arguments);
  EXPECT_EQ(enabled.code, 3);
  EXPECT_NE(enabled.err.find("svcadm: Instance \"svc:/a:broken\" is in maintenance state.\n"),
            std::string::npos);
  EXPECT_NE(enabled.err.find("svcadm: Instance \"svc:/a:stuck\" has unsatisfied dependencies.\n"),
            std::string::npos);
  const std::string states_now = daemon.run("svcs", {"-Ho", "state", "*slow*"}).out;
  for (size_t at = 0; at < states_now.size(); at += 7) EXPECT_EQ(states_now.substr(at, 7), "online\n");
  EXPECT_EQ(states_now.size(), 40U * 7);
}

TEST(Svcadm, EnablesWhatIsRequired) {
  FakeWorld fake = instances_called({{"one", "disabled"}, {"two", "disabled"}});
  fake.world.instances[0].dependencies = {{"d", "require_all", "none", {"svc:/a:two"}}};
  const FakeDaemon daemon(fake);
  EXPECT_EQ(daemon.run("svcadm", {"-v", "enable", "-r", "one"}).out,
            "svc:/a:two enabled.\nsvc:/a:one enabled.\n");
}

}  // namespace
}  // namespace vmkeep::tools
