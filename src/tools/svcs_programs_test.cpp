// svcs, svcadm and svcprop as a whole, in what goes beyond the plain lists of programs_test.cpp:
// notifications, zones, comments, JSON, and what waits for changes.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <sstream>

#include "tools/fake_daemon.h"
#include "tools/fake_instance.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using control::InstanceMessage;
using Printed = FakeDaemon::Printed;

repository::GroupPtr group(const std::string& name, const std::string& type,
                           const std::map<std::string, std::string>& values) {
  auto made = std::make_shared<repository::PropertyGroup>();
  made->name = name;
  made->type = type;
  made->generation = 7;
  for (const auto& [property, value] : values) {
    made->properties[property] = {repository::ValueType::astring, {value}};
  }
  return made;
}

FakeWorld example() {
  FakeWorld fake;
  fake.world.instances = {instance("svc:/a:gone", "online"), instance("svc:/a:off", "disabled"),
                          instance("svc:/a:slow", "offline"), instance("svc:/b:sick", "maintenance")};
  fake.world.instances[1].comment = "for the audit";
  fake.world.instances[2].dependencies = {{"off", "require_all", "none", {"svc:/a:off"}}};
  fake.world.instances[3].reason = "service_request";
  fake.world.instances[3].requested_by = "svc:/a:gone";
  auto& levels = fake.levels["svc:/a:gone"];
  levels.own["vm"] = group("vm", "application", {{"name", "a b"}});
  levels.own["to-offline"] =
      group("to-offline", "notify_params", {{"smtp,active", "true"}, {"smtp,to", "root"}});
  levels.service["start"] = group("start", "method", {{"exec", ":true"}});
  auto& running = fake.running["svc:/a:gone"];
  running = levels;
  running.service["tm_pgpatn_vm"] =
      group("tm_pgpatn_vm", "template_pg_pattern", {{"name", "vm"}, {"description_C", "What it is."}});
  fake.levels["svc:/a"].own["start"] = levels.service["start"];
  fake.levels["svc:/system/svc/global:default"].own["to-maintenance"] =
      group("to-maintenance", "notify_params", {{"syslog,active", "false"}});
  return fake;
}

class SvcsPrograms : public ::testing::Test {
 protected:
  SvcsPrograms() : daemon_(example()) {}
  void SetUp() override { ASSERT_TRUE(daemon_.started()); }
  void expect(const std::string& tool, const std::vector<std::string>& arguments, int code,
              const std::string& out, const std::string& err) {
    const Printed run = daemon_.run(tool, arguments);
    EXPECT_EQ(run.code, code) << tool;
    EXPECT_EQ(run.out, out);
    EXPECT_EQ(run.err, err);
  }
  json::object document(const std::string& tool, const std::vector<std::string>& arguments) {
    const Printed run = daemon_.run(tool, arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    boost::system::error_code error;
    const json::value value = json::parse(run.out, error);
    EXPECT_FALSE(error) << run.out;
    return value.is_object() ? value.get_object() : json::object();
  }
  FakeDaemon daemon_;
};

TEST_F(SvcsPrograms, ThereIsOneZone) {
  const std::string none = "zone 'lab' does not exist: this system has the zone global only\n";
  expect("svcs", {"-Z", "a:gone"}, 0,
         "ZONE             STATE          STIME    FMRI\n"
         "global           online         2009     svc:/a:gone\n",
         "");
  expect("svcs", {"-Hz", "global", "a:gone"}, 0, "online         2009     svc:/a:gone\n", "");
  expect("svcs", {"-z", "lab"}, 1, "", "svcs: " + none);
  expect("svcadm", {"-z", "lab", "restart", "gone"}, 1, "", "svcadm: " + none);
  expect("svcprop", {"-z", "lab", "gone"}, 1, "", "svcprop: " + none);
  EXPECT_EQ(daemon_.run("svcs", {"-Zz", "global"}).code, 2);
  expect("svcs", {"-xZ", "off"}, 0,
         "svc:/a:off (?)\n"
         "  Zone: global\n"
         " State: disabled since Thu Jul 16 17:49:35 2009\n"
         "Reason: Disabled by an administrator.\n"
         "Comment: for the audit\n"
         "   See: /log/disabled\n"
         "Impact: 1 dependent service is not running.  (Use -v for list.)\n",
         "");
  expect("svcs", {"-lz", "global", "off"}, 0,
         "fmri         svc:/a:off\n"
         "zone         global\n"
         "enabled      false\n"
         "comment      for the audit\n"
         "state        disabled\n"
         "next_state   none\n"
         "state_time   Thu Jul 16 17:49:35 2009\n"
         "logfile      /log/disabled\n"
         "restarter    svc:/system/svc/restarter:default\n",
         "");
}

TEST(SvcsExplains, AVmThatRunsOnThoughItsInstanceIsDown) {
  FakeWorld fake;
  for (const char* state : {"maintenance", "disabled", "offline"}) {
    fake.world.instances.push_back(instance(std::string("svc:/vm:") + state, state));
    fake.world.instances.back().vm = true;
    fake.processes[fake.world.instances.back().fmri] = {{9721, 0, "VBoxHeadless", ""}};
  }
  fake.processes["svc:/vm:disabled"].push_back({9722, 0, "VBoxHeadless", ""});
  fake.world.instances.push_back(instance("svc:/vm:down", "disabled"));
  fake.world.instances.back().vm = true;
  fake.world.instances.push_back(instance("svc:/plain:default", "maintenance"));
  fake.processes["svc:/plain:default"] = {{9723, 0, "sleep", ""}};
  const FakeDaemon daemon(fake);
  ASSERT_TRUE(daemon.started());
  const auto said = [&daemon](const std::string& name) { return daemon.run("svcs", {"-x", name}).out; };
  EXPECT_NE(said("vm:maintenance")
                .find("   See: /log/maintenance\n"
                      "    VM: It runs on (process 9721), and nobody watches it.\n"
                      "Impact: This service is not running.\n"),
            std::string::npos)
      << said("vm:maintenance");
  EXPECT_NE(said("vm:disabled").find("    VM: It runs on (processes 9721, 9722), and nobody watches it.\n"),
            std::string::npos)
      << said("vm:disabled");
  for (const char* other : {"vm:down", "vm:offline", "plain"}) {
    EXPECT_EQ(said(other).find("VM:"), std::string::npos) << said(other);
  }
  const auto pids = [&daemon](const std::string& name) {
    const auto document = json::parse(daemon.run("svcs", {"-x", "--json", name}).out);
    return document.at("instances").at(0).at("left_running");
  };
  EXPECT_EQ(pids("vm:maintenance"), (json::array{9721}));
  EXPECT_EQ(pids("vm:down"), json::array());
}

TEST_F(SvcsPrograms, MaintenanceThatAServiceAskedFor) {
  expect("svcs", {"-x", "sick"}, 0,
         "svc:/b:sick (?)\n"
         " State: maintenance since Thu Jul 16 17:49:35 2009\n"
         "Reason: Maintenance requested by \"svc:/a:gone\".\n"
         "   See: /log/online\n"
         "   See: /log/maintenance\n"
         "Impact: This service is not running.\n",
         "");
}

TEST_F(SvcsPrograms, WhoIsTold) {
  expect("svcs", {"-n"}, 0,
         "System wide notification parameters:\n"
         "    Event: to-maintenance (source: svc:/system/svc/global:default)\n"
         "        Notification Type: syslog\n"
         "            Active: false\n",
         "");
  expect("svcs", {"-n", "gone"}, 0,
         "svc:/a:gone:\n"
         "    Event: to-offline (source: svc:/a:gone)\n"
         "        Notification Type: smtp\n"
         "            Active: true\n"
         "            to: root\n"
         "    Event: to-maintenance (source: svc:/system/svc/global:default)\n"
         "        Notification Type: syslog\n"
         "            Active: false\n",
         "");
  EXPECT_EQ(daemon_.run("svcs", {"-nl", "gone"}).code, 2);
}

TEST_F(SvcsPrograms, GroupsAreDescribed) {
  const Printed run = daemon_.run("svcs", {"-lv", "gone"});
  EXPECT_NE(run.out.find("vm (application)\n  What it is.\nvm/name (astring) = \"a b\" \n"),
            std::string::npos)
      << run.out;
}

TEST_F(SvcsPrograms, EverythingThatReadsTellsDocuments) {
  const struct {
    const char* tool;
    std::vector<std::string> arguments;
    const char* schema;
    const char* member;  // an array
    size_t size;
  } cases[] = {
      {"svcs", {"--json"}, "vmkeep/instances/1", "instances", 3},
      {"svcs", {"-a", "--json"}, "vmkeep/instances/1", "instances", 4},
      {"svcs", {"--json", "-d", "slow"}, "vmkeep/instances/1", "instances", 1},
      {"svcs", {"--json", "-D", "off"}, "vmkeep/instances/1", "instances", 1},
      {"svcs", {"--json", "-lpv", "gone"}, "vmkeep/instances/1", "instances", 1},
      {"svcs", {"--json", "-L", "a"}, "vmkeep/instances/1", "instances", 3},
      {"svcs", {"--json", "-n"}, "vmkeep/notifications/1", "instances", 1},
      {"svcs", {"--json", "-x"}, "vmkeep/explanations/1", "instances", 2},
      {"svcprop", {"--json", "gone", "svc:/a"}, "vmkeep/properties/1", "entities", 2},
  };
  for (const auto& test : cases) {
    const json::object all = document(test.tool, test.arguments);
    ASSERT_TRUE(all.contains("schema") && all.contains(test.member)) << test.arguments[1];
    EXPECT_EQ(all.at("schema"), test.schema);
    EXPECT_EQ(all.at(test.member).as_array().size(), test.size) << test.arguments[1];
  }
  EXPECT_EQ(daemon_.run("svcs", {"--json", "-o", "fmri"}).code, 2);
  expect(
      "svcprop", {"--json", "-p", "vm/name", "gone"}, 0,
      "{\"schema\":\"vmkeep/properties/1\",\"entities\":[{\"fmri\":\"svc:/"
      "a:gone\",\"groups\":[{\"name\":\"vm\","
      "\"type\":\"application\",\"persistent\":true,\"properties\":[{\"name\":\"name\",\"type\":\"astring\","
      "\"values\":[\"a b\"]}]}]}]}\n",
      "");
}

TEST_F(SvcsPrograms, AnExplanationAsADocument) {
  const json::object all = document("svcs", {"--json", "-x", "slow"});
  const json::object& slow = all.at("instances").as_array().at(0).as_object();
  EXPECT_EQ(slow.at("state"), "offline");
  EXPECT_EQ(slow.at("next_state"), nullptr);
  EXPECT_EQ(slow.at("blocked_by").as_array().at(0).as_object(),
            (json::object{{"fmri", "svc:/a:off"},
                          {"summary", "is disabled."},
                          {"path", json::array{"svc:/a:slow", "svc:/a:off"}}}));
  EXPECT_TRUE(slow.at("impact").as_array().empty());
}

// The daemon goes in the end, which nobody else would: the exit code is of that.
TEST_F(SvcsPrograms, FollowsWhatChanges) {
  expect("svcs", {"--watch", "-o", "state,fmri"}, 1,
         "STATE          FMRI\n"
         "online         svc:/a:gone\n"
         "offline        svc:/a:slow\n"
         "maintenance    svc:/b:sick\n"
         "online         svc:/a:slow\n"
         "removed        svc:/a:gone\n",
         "svcs: that is all\n");
  EXPECT_EQ(daemon_.run("svcs", {"--watch", "-l", "gone"}).code, 2);
}

TEST_F(SvcsPrograms, FollowsInDocuments) {
  const Printed run = daemon_.run("svcs", {"--watch", "--json", "slow"});
  std::istringstream lines(run.out);
  std::vector<std::string> told;
  for (std::string line; std::getline(lines, line);) {
    const json::value value = json::parse(line);
    EXPECT_EQ(value.at("schema"), "vmkeep/change/1");
    told.push_back(std::string(value.at("change").as_string()) + " " +
                   std::string(value.at("instance").at("state").as_string()));
  }
  EXPECT_EQ(told, (std::vector<std::string>{"listed offline", "changed online"}));
}

TEST_F(SvcsPrograms, SvcpropWaits) {
  expect("svcprop", {"-w", "-p", "vm", "gone"}, 0, "vm/changed boolean true\nvm/name astring a\\ b\n", "");
  expect("svcprop", {"-w", "gone"}, 1, "", "svcprop: Cannot wait for an instance.\n");
  expect("svcprop", {"-w", "svc:/a"}, 1, "", "svcprop: Cannot wait for a service.\n");
  expect("svcprop", {"-w", "-p", "none", "gone"}, 1, "", "svcprop: Not found.\n");
  expect("svcprop", {"-w", "-p", "vm", "a:*"}, 1, "",
         "svcprop: Pattern 'a:*' matches multiple instances:\n\tsvc:/a:gone\n\tsvc:/a:off\n\tsvc:/a:slow\n");
  EXPECT_EQ(daemon_.run("svcprop", {"-w", "-p", "vm", "-p", "start", "gone"}).code, 2);
  EXPECT_EQ(daemon_.run("svcprop", {"-w", "-C", "-p", "vm", "gone"}).code, 2);
  // One of the service that the instance has.
  expect("svcprop", {"-w", "-p", "start", "gone"}, 0, "start/exec astring :true\n", "");
}

TEST_F(SvcsPrograms, SvcpropByType) {
  expect("svcprop", {"-g", "method", "gone"}, 0, "start/exec astring :true\n", "");
  expect("svcprop", {"-a", "-p", "vm/name", "gone"}, 0, "vm/name astring a\\ b\n", "");
  expect("svcprop", {"-g", "method", "-p", "vm", "gone"}, 1, "",
         "svcprop: Couldn't find property group `vm' for instance `svc:/a:gone'.\n");
  const std::string long_name(800, 'x');
  expect("svcprop", {long_name}, 1, "", "svcprop: Argument '" + long_name + "' is too long, ignoring\n");
}

TEST_F(SvcsPrograms, SvcadmSaysMore) {
  EXPECT_EQ(daemon_.run("svcadm", {"disable", "-c", "for now", "gone"}).code, 0);
  EXPECT_EQ(daemon_.run("svcadm", {"restart", "-d", "slow"}).code, 0);
  EXPECT_EQ(daemon_.run("svcadm", {"mark", "maintenance", "slow"}, {"SMF_FMRI=svc:/b:sick"}).code, 0);
  EXPECT_EQ(daemon_.run("svcadm", {"clear", "-s", "slow"}).code, 0);
  EXPECT_EQ(daemon_.calls(),
            (std::vector<std::string>{R"(Act {"fmri":"svc:/a:gone","verb":"disable","comment":"for now"})",
                                      R"(Act {"fmri":"svc:/a:slow","verb":"restart","dump":true})",
                                      R"(Act {"fmri":"svc:/a:slow","verb":"maintenance","by":"svc:/b:sick"})",
                                      R"(Act {"fmri":"svc:/a:slow","verb":"clear"})"}));
  // What is not up is not restarted, and not waited for.
  EXPECT_EQ(daemon_.run("svcadm", {"restart", "-s", "off"}).code, 0);
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"enable", "-T", "5", "off"},
                                             {"enable", "-sT", "0", "off"},
                                             {"restart", "-c", "why", "off"},
                                             {"refresh", "-s", "off"}}) {
    EXPECT_EQ(daemon_.run("svcadm", wrong).code, 2) << wrong[1];
  }
}

TEST_F(SvcsPrograms, SvcadmDoesNotWaitForEver) {
  expect("svcadm", {"restart", "-sT", "1", "gone"}, 1, "",
         "svcadm: Instance \"svc:/a:gone\" is not there in time.\n");
}

}  // namespace
}  // namespace vmkeep::tools
