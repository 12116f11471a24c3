// The programs as a whole: what they print and how they end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "base/version.h"
#include "tools/fake_daemon.h"
#include "tools/fake_instance.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using Printed = FakeDaemon::Printed;

repository::GroupPtr group(const std::string& name, const std::string& type, const std::string& property,
                           const std::string& value) {
  auto made = std::make_shared<repository::PropertyGroup>();
  made->name = name;
  made->type = type;
  made->properties[property] = {repository::ValueType::astring, {value}};
  return made;
}

FakeWorld example() {
  FakeWorld fake;
  fake.world.instances = {
      instance("svc:/milestone/network:default", "online"), instance("svc:/site/off:default", "disabled"),
      instance("svc:/site/xvm/vbox:vm1", "online"), instance("svc:/site/xvm/vbox:vm2", "offline"),
      instance("svc:/site/sick:default", "maintenance")};
  fake.world.instances[2].contract = 99;
  fake.world.instances[2].name = "Virtual machines";
  fake.world.instances[2].dependencies = {{"net", "require_all", "none", {"svc:/milestone/network:default"}}};
  fake.world.instances[3].dependencies = {{"off", "require_all", "none", {"svc:/site/off"}}};
  fake.processes["svc:/site/xvm/vbox:vm1"] = {
      {710, 1247766575, "VBoxHeadless", "VBoxHeadless --startvm vm1"}};
  auto& levels = fake.levels["svc:/site/xvm/vbox:vm1"];
  levels.own["vm"] = group("vm", "application", "stop_method", "poweroff");
  levels.service["start"] = group("start", "method", "exec", "vmkeep method start");
  auto& running = fake.running["svc:/site/xvm/vbox:vm1"];
  running.own["vm"] = group("vm", "application", "stop_method", "savestate");
  running.own["restarter"] = group("restarter", "framework", "state", "online");
  running.service["start"] = group("start", "method", "exec", "vmkeep method start");
  fake.levels["svc:/site/xvm/vbox:vm2"] = {};
  fake.levels["svc:/site/xvm/vbox"].own["start"] = group("start", "method", "exec", "vmkeep method start");
  return fake;
}

class Programs : public ::testing::Test {
 protected:
  Programs() : daemon_(example()) {}
  void SetUp() override { ASSERT_TRUE(daemon_.started()); }

  static void expect(const Printed& run, int code, const std::string& out, const std::string& err) {
    EXPECT_EQ(run.code, code);
    EXPECT_EQ(run.out, out);
    EXPECT_EQ(run.err, err);
  }
  FakeDaemon daemon_;
};

TEST_F(Programs, SvcsListsWhatIsEnabled) {
  expect(daemon_.run("svcs", {}), 0,
         "STATE          STIME    FMRI\n"
         "online         2009     svc:/milestone/network:default\n"
         "online         2009     svc:/site/xvm/vbox:vm1\n"
         "offline        2009     svc:/site/xvm/vbox:vm2\n"
         "maintenance    2009     svc:/site/sick:default\n",
         "");
  expect(daemon_.run("svcs", {"-aHo", "fmri,state", "-S", "fmri"}), 0,
         "svc:/site/xvm/vbox:vm2                             offline\n"
         "svc:/site/xvm/vbox:vm1                             online\n"
         "svc:/site/sick:default                             maintenance\n"
         "svc:/site/off:default                              disabled\n"
         "svc:/milestone/network:default                     online\n",
         "");
}

TEST_F(Programs, SvcsResolvesOperands) {
  expect(daemon_.run("svcs", {"-H", "vbox", "*off*"}), 0,
         "disabled       2009     svc:/site/off:default\n"
         "online         2009     svc:/site/xvm/vbox:vm1\n"
         "offline        2009     svc:/site/xvm/vbox:vm2\n",
         "");
  expect(daemon_.run("svcs", {"-H", "nothing", "vm1"}), 1, "online         2009     svc:/site/xvm/vbox:vm1\n",
         "svcs: Pattern 'nothing' doesn't match any instances\n");
  expect(daemon_.run("svcs", {"-Ha", "vm1"}), 0, "online         2009     svc:/site/xvm/vbox:vm1\n",
         "svcs: -a ignored when used with arguments.\n");
}

TEST_F(Programs, SvcsTellsProcesses) {
  expect(daemon_.run("svcs", {"-pv", "vm1"}), 0,
         "STATE          NSTATE         STIME    CTID   FMRI\n"
         "online         -              2009     99     svc:/site/xvm/vbox:vm1\n"
         "               2009          710 VBoxHeadless\n",
         "");
}

TEST_F(Programs, SvcsTellsDependenciesBothWays) {
  expect(daemon_.run("svcs", {"-Hd", "vm1"}), 0, "online         2009     svc:/milestone/network:default\n",
         "");
  expect(daemon_.run("svcs", {"-HD", "network"}), 0, "online         2009     svc:/site/xvm/vbox:vm1\n", "");
  expect(daemon_.run("svcs", {"-HD", "site/off:default"}), 0,
         "offline        2009     svc:/site/xvm/vbox:vm2\n", "");
}

TEST_F(Programs, SvcsListsAtLength) {
  expect(daemon_.run("svcs", {"-l", "vm1"}), 0,
         "fmri         svc:/site/xvm/vbox:vm1\n"
         "name         Virtual machines\n"
         "enabled      true\n"
         "state        online\n"
         "next_state   none\n"
         "state_time   Thu Jul 16 17:49:35 2009\n"
         "logfile      /log/online\n"
         "restarter    svc:/system/svc/restarter:default\n"
         "contract_id  99 \n"
         "dependency   require_all/none svc:/milestone/network:default (online)\n",
         "");
  expect(daemon_.run("svcs", {"-L", "vbox"}), 0, "/log/online\n/log/offline\n", "");
  const Printed verbose = daemon_.run("svcs", {"-lpv", "vm1"});
  EXPECT_NE(verbose.out.find("process      710 VBoxHeadless --startvm vm1\n"), std::string::npos);
  EXPECT_NE(verbose.out.find("vm (application)\nvm/stop_method (astring) = \"savestate\" \n"),
            std::string::npos);
}

TEST_F(Programs, SvcsExplains) {
  expect(daemon_.run("svcs", {"-x"}), 0,
         "svc:/site/off:default (?)\n"
         " State: disabled since Thu Jul 16 17:49:35 2009\n"
         "Reason: Disabled by an administrator.\n"
         "   See: /log/disabled\n"
         "Impact: 1 dependent service is not running.  (Use -v for list.)\n"
         "\n"
         "svc:/site/sick:default (?)\n"
         " State: maintenance since Thu Jul 16 17:49:35 2009\n"
         "Reason: Restarter svc:/system/svc/restarter:default gave no explanation.\n"
         "   See: /log/maintenance\n"
         "Impact: This service is not running.\n",
         "");
  expect(daemon_.run("svcs", {"-xv", "vm2"}), 0,
         "svc:/site/xvm/vbox:vm2 (?)\n"
         " State: offline since Thu Jul 16 17:49:35 2009\n"
         "Reason: Service svc:/site/off:default is disabled.\n"
         "  Path: svc:/site/xvm/vbox:vm2\n"
         "          svc:/site/off:default\n"
         "   See: /log/offline\n"
         "Impact: This service is not running.\n",
         "");
}

TEST_F(Programs, SvcsRefusesWrongOptions) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"-lx"}, {"-l"}, {"-ad"}, {"-xs", "fmri"}, {"-q"}, {"-o"}, {"-xp"}}) {
    const Printed run = daemon_.run("svcs", wrong);
    EXPECT_EQ(run.code, 2) << wrong[0];
    EXPECT_NE(run.err.find("Usage: svcs"), std::string::npos);
    EXPECT_EQ(run.out, "");
  }
  expect(daemon_.run("svcs", {"-o", "nope"}), 2, "", "svcs: Unknown column \"nope\".\n");
  expect(daemon_.run("svcs", {"-o", ","}), 2, "", "svcs: No columns specified.\n");
  expect(daemon_.run("svcs", {"-s", "nope"}), 2, "", "svcs: Unrecognized sort column \"nope\".\n");
  const Printed help = daemon_.run("svcs", {"-?"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("NSTATE  next state"), std::string::npos);
}

TEST_F(Programs, SvcsFiltersByRestarter) {
  EXPECT_EQ(daemon_.run("svcs", {"-HR", "svc:/my/own:r"}).out, "");
  EXPECT_EQ(daemon_.run("svcs", {"-R", "!"}).err, "svcs: Restarter FMRI \"!\" is invalid.\n");
}

TEST(WithoutDaemon, TheToolsSaySo) {
  const std::string folder = ::testing::TempDir() + "/nobody-listens";
  ::mkdir(folder.c_str(), 0700);
  const std::string why =
      "no vmkeepd listens on " + folder + "/control.sock; start it, or set VMKEEP_RUN to its run folder";
  const struct {
    const char* tool;
    std::vector<std::string> arguments;
    std::string message;
  } cases[] = {
      {"svcs", {}, "svcs: Could not bind to repository server: " + why + ".  Exiting.\n"},
      {"svcadm", {"enable", "x"}, "svcadm: Couldn't bind to configuration repository: " + why + "\n"},
      {"svcprop", {"x"}, "svcprop: Could not connect to configuration repository: " + why + "\n"},
      {"vmkeep", {"shutdown"}, "vmkeep: " + why + "\n"},
  };
  for (const auto& test : cases) {
    const Printed run = run_tool(folder, test.tool, test.arguments, {});
    EXPECT_EQ(run.code, 1) << test.tool;
    EXPECT_EQ(run.err, test.message);
  }
  EXPECT_EQ(run_tool(folder, "vmkeep", {"version"}, {}).out,
            std::string("vmkeep ") + kVersion + "\nvmkeepd does not run\n");
  for (const char* name : {"/out", "/err"}) ::unlink((folder + name).c_str());
  ::rmdir(folder.c_str());
}

TEST_F(Programs, SvcpropShowsViews) {
  expect(daemon_.run("svcprop", {"-p", "restarter/state", "vbox:vm1"}), 0, "online\n", "");
  expect(daemon_.run("svcprop", {"-p", "vm/stop_method", "vm1"}), 0, "savestate\n", "");
  expect(daemon_.run("svcprop", {"-c", "-p", "vm/stop_method", "vm1"}), 0, "poweroff\n", "");
  expect(daemon_.run("svcprop", {"vm1"}), 0,
         "restarter/state astring online\n"
         "start/exec astring vmkeep\\ method\\ start\n"
         "vm/stop_method astring savestate\n",
         "");
  expect(daemon_.run("svcprop", {"-C", "vm1"}), 0, "vm/stop_method astring poweroff\n", "");
  expect(daemon_.run("svcprop", {"-s", "running", "-t", "-p", "vm/stop_method", "vm1"}), 0,
         "vm/stop_method astring savestate\n", "");
  expect(daemon_.run("svcprop", {"-f", "-p", "vm", "vm1"}), 0,
         "svc:/site/xvm/vbox:vm1/:properties/vm/stop_method astring savestate\n", "");
  expect(daemon_.run("svcprop", {"svc:/site/xvm/vbox"}), 0, "start/exec astring vmkeep\\ method\\ start\n",
         "");
  expect(daemon_.run("svcprop", {"svc:/site/xvm/vbox:vm1/:properties/vm/stop_method"}), 0, "savestate\n", "");
  // A snapshot that was never taken: the editing view.
  expect(daemon_.run("svcprop", {"vm2"}), 0, "", "");
}

TEST_F(Programs, SvcpropTellsWhatIsMissing) {
  expect(daemon_.run("svcprop", {"-p", "vm/none", "vm1"}), 1, "",
         "svcprop: Couldn't find property `vm/none' for instance `svc:/site/xvm/vbox:vm1'.\n");
  expect(daemon_.run("svcprop", {"-q", "-p", "vm/none", "vm1"}), 1, "", "");
  expect(daemon_.run("svcprop", {"-qv", "-p", "none", "vm1"}), 1, "",
         "svcprop: Couldn't find property group `none' for instance `svc:/site/xvm/vbox:vm1'.\n");
  expect(daemon_.run("svcprop", {"-q", "-p", "vm", "vm1"}), 0, "", "");
  expect(daemon_.run("svcprop", {"-s", "initial", "vm1"}), 1, "", "svcprop: No such snapshot.\n");
  expect(daemon_.run("svcprop", {"-s", "running", "svc:/site/xvm/vbox"}), 1, "",
         "svcprop: Only instances have snapshots.\n");
  expect(daemon_.run("svcprop", {"none"}), 1, "", "svcprop: Pattern 'none' doesn't match any entities\n");
  EXPECT_EQ(daemon_.run("svcprop", {}).code, 2);
  EXPECT_EQ(daemon_.run("svcprop", {"-cC", "vm1"}).code, 2);
  const Printed layers = daemon_.run("svcprop", {"-l", "all", "vm1"});
  EXPECT_EQ(layers.code, 2);
  EXPECT_TRUE(layers.err.starts_with("svcprop: -l means nothing here:")) << layers.err;
  EXPECT_EQ(layers.out, "");
  const Printed format = daemon_.run("svcprop", {"-o", "name", "vm1"});
  EXPECT_EQ(format.code, 2);
  EXPECT_TRUE(format.err.starts_with("svcprop: -o means nothing here:")) << format.err;
  const Printed deep = daemon_.run("svcprop", {"-p", "a/b/c", "vm1"});
  EXPECT_EQ(deep.code, 2);
  EXPECT_EQ(deep.err.substr(0, deep.err.find('\n')), "svcprop: -p argument `a/b/c' has too many components.");
}

Printed method(const FakeDaemon& daemon, const std::string& scenario) {
  return daemon.run("vmkeep", {"method", "start"}, {"SMF_FMRI=svc:/site/vm:" + scenario});
}

TEST_F(Programs, MethodDoesWhatItIsTold) {
  const struct {
    const char* scenario;
    int code;
    const char* out;
  } cases[] = {
      {"done", 0, "There was nothing to do.\n"},
      {"waits", 3, "Waited.\n"},
      {"dies", 95, "The VM's process exited with status 7, code 7.\n"},
      {"refused", 95, "vmkeep: svc:/site/vm:refused: not for you\n"},
      {"busy", 1, "vmkeep: svc:/site/vm:busy: not now\n"},
      {"late", 1, "vmkeep: svc:/site/vm:late: nobody answered in time\n"},
      {"strange", 95, "vmkeep: svc:/site/vm:strange: vmkeepd asks for the unknown step \"dance\"\n"},
  };
  for (const auto& test : cases) expect(method(daemon_, test.scenario), test.code, test.out, "");
  const Printed missing = method(daemon_, "missing");
  EXPECT_EQ(missing.code, 95);
  EXPECT_NE(missing.out.find("/nonexistent/program"), std::string::npos) << missing.out;
  const Printed nowhere = daemon_.run("vmkeep", {"method", "start"});
  EXPECT_EQ(nowhere.code, 96);
  EXPECT_NE(nowhere.err.find("SMF_FMRI is not set"), std::string::npos);
}

TEST_F(Programs, MethodLeavesTheVmRunning) {
  const Printed run = method(daemon_, "starts");
  EXPECT_EQ(run.code, 0);
  const std::string before = "The VM is running as ";
  const size_t at = run.out.find(before);
  ASSERT_NE(at, std::string::npos) << run.out;
  const pid_t pid = std::atoi(run.out.c_str() + at + before.size());
  ASSERT_GT(pid, 1);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  // Its environment is the method's with the step's over it; it may have been too late to say so.
  if (run.out.find("svc:/site/vm:starts") != std::string::npos) {
    EXPECT_NE(run.out.find("svc:/site/vm:starts more\n"), std::string::npos);
  }
}

TEST_F(Programs, VmkeepOverall) {
  expect(daemon_.run("vmkeep", {"version"}), 0,
         std::string("vmkeep ") + kVersion + "\nvmkeepd 9.9, process 77\n", "");
  expect(daemon_.run("vmkeep", {"version", "--json"}), 0,
         std::string("{\"schema\":\"vmkeep/version/1\",\"version\":\"") + kVersion +
             "\",\"daemon\":{\"version\":\"9.9\",\"pid\":77,\"boot_id\":\"b\"}}\n",
         "");
  expect(daemon_.run("vmkeep", {"shutdown"}), 0,
         "svc:/milestone/network:default is online.\nsvc:/site/off:default is disabled.\n"
         "svc:/site/xvm/vbox:vm1 is online.\nsvc:/site/xvm/vbox:vm2 is offline.\n"
         "svc:/site/sick:default is maintenance.\n"
         "Everything is down. vmkeepd starts nothing until `vmkeep startup`.\n",
         "");
  EXPECT_EQ(daemon_.run("vmkeep", {"help"}).code, 0);
  EXPECT_EQ(daemon_.run("vmkeep", {}).code, 2);
  EXPECT_EQ(daemon_.run("vmkeep", {"method", "dance"}).code, 2);
}

}  // namespace
}  // namespace vmkeep::tools
