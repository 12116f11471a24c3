// The shipped scenarios against what they are known to tell, and the simulator's own promises.
// UPDATE_SCENARIOS=1 writes what is told now into golden/; read the difference before you keep it.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

namespace fs = std::filesystem;

std::string source(const std::string& path) {
  return std::string(VMKEEP_SOURCE_DIR) + "/" + path;
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Sources sources() {
  Sources result;
  result.manifest = [](Configuration& configuration, const std::string& file) {
    return configuration.add_manifest(file.starts_with("/") ? file : source("share/scenarios/" + file));
  };
  result.running = [](Configuration&, const std::vector<std::string>&) -> Result<> {
    return fail(ErrorKind::unavailable, "no vmkeepd here");
  };
  return result;
}

Result<Report> run(const std::string& text) {
  auto scenario = read_scenario("test", text, sources());
  if (!scenario) return scenario.error();
  return simulate("test", std::move(*scenario));
}

std::string error_of(const std::string& text) {
  const auto report = run(text);
  return report ? "" : report.error().message;
}

bool holds(const std::string& text) {
  const auto report = run(text);
  EXPECT_TRUE(report) << report.error().message;
  if (!report) return false;
  EXPECT_FALSE(report->expectations.empty());
  if (!report->good()) ADD_FAILURE() << report->text(true);
  return report->good();
}

// ---- the shipped ones

std::vector<std::string> shipped() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(source("share/scenarios"))) {
    if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(const std::string& file) {
  std::string name = file;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class ShippedScenario : public testing::TestWithParam<std::string> {};

TEST_P(ShippedScenario, TellsWhatItAlwaysTold) {
  const auto report = run(contents(source("share/scenarios/" + GetParam() + ".scenario")));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->good()) << report->text(false);
  EXPECT_FALSE(report->expectations.empty());
  const std::string golden = source("src/tools/simulate/golden/" + GetParam() + ".txt");
  if (std::getenv("UPDATE_SCENARIOS") != nullptr) std::ofstream(golden) << report->text(false);
  EXPECT_EQ(report->text(false), contents(golden)) << golden;
}

INSTANTIATE_TEST_SUITE_P(Files, ShippedScenario, testing::ValuesIn(shipped()),
                         [](const auto& file) { return test_name(file.param); });

TEST(ShippedScenarios, AreThreeAtLeast) {
  EXPECT_GE(shipped().size(), 3U);
}

// ---- its promises

TEST(Simulate, TheSameScenarioTellsTheSame) {
  const std::string text = contents(source("share/scenarios/dependencies.scenario"));
  const auto once = run(text);
  const auto again = run(text);
  ASSERT_TRUE(once && again);
  EXPECT_EQ(boost::json::serialize(once->json()), boost::json::serialize(again->json()));
}

TEST(Simulate, AnExpectationThatDoesNotHoldIsTold) {
  const auto report = run("instance a\nexpect a offline\nexpect a online\n");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->good());
  const std::string text = report->text(false);
  EXPECT_NE(text.find("Expectations: 1 of 2 held."), std::string::npos) << text;
  EXPECT_NE(text.find("line 2: expected a offline; it was online"), std::string::npos) << text;
  const auto document = report->json();
  EXPECT_FALSE(document.at("held").as_bool());
  EXPECT_EQ(document.begin()->key(), "schema");
  EXPECT_EQ(document.at("schema").as_string(), "vmkeep/simulation/1");
  EXPECT_EQ(document.at("instances").at(0).at("launches").as_int64(), 1);
  // What is not there is null.
  const auto service = run("instance svc:/network/nfs/client:default\n");
  ASSERT_TRUE(service) << service.error().message;
  const auto plain = service->json().at("instances").at(0);
  EXPECT_TRUE(plain.at("vm").is_null() && plain.at("launches").is_null());
}

TEST(Simulate, WhatMakesNoSenseIsRefusedWithItsLine) {
  EXPECT_EQ(error_of("# nothing\n"),
            "test: there is no instance to simulate; begin with running, manifest or instance");
  EXPECT_EQ(error_of("instance a\nat 5s b aborts\n"), "test:2: no instance is called \"b\"");
  EXPECT_EQ(error_of("instance a\n\nat 5s a explodes\n"),
            "test:3: nothing called \"explodes\" can happen to a VM");
  EXPECT_EQ(error_of("instance a\nat soon a aborts\n"),
            "test:2: a time is missing: 250ms, 20s, 5m or 2h after the boot");
  EXPECT_EQ(error_of("vm/x = 3\n"), "test:1: a property belongs below a service or an instance");
  EXPECT_EQ(error_of("instance a\nexpect a sleepy\n"),
            "test:2: say NAME [never] STATE [REASON], NAME vm STATE, or NAME launches = N");
  EXPECT_EQ(error_of("frobnicate\n"), "test:1: \"frobnicate\" begins no statement");
  EXPECT_EQ(error_of("running\n"), "test:1: no vmkeepd here");
  EXPECT_NE(error_of("manifest /nonexistent.xml\n").find("/nonexistent.xml"), std::string::npos);
}

TEST(Simulate, ABadPropertyIsToldAndTheMethodExits96) {
  EXPECT_TRUE(
      holds("instance a\n  vm/stop_method = bogus\nexpect a maintenance method_failed\n"
            "expect a launches = 0\n"));
}

TEST(Simulate, AManifestIsRunAsItIsWritten) {
  const std::string file = testing::TempDir() + "vmkeep-simulate-test.xml";
  std::ofstream(file) << R"(<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">
<service_bundle type='manifest' name='vbox'>
<service name='site/xvm/vbox' type='service' version='1'>
  <dependency name='network' grouping='require_all' restart_on='none' type='service'>
    <service_fmri value='svc:/milestone/network:default' />
  </dependency>
  <exec_method type='method' name='start' exec='vmkeep method start' timeout_seconds='60' />
  <exec_method type='method' name='stop' exec='vmkeep method stop' timeout_seconds='60' />
  <instance name='vm1' enabled='false'>
    <property_group name='vm' type='application'>
      <propval name='restart_halted_vm' type='boolean' value='true' />
    </property_group>
  </instance>
</service>
</service_bundle>
)";
  EXPECT_TRUE(holds("manifest " + file +
                    "\nexpect vm1 disabled\nat 1m svcadm enable vm1\nat 2m vm1 halts\n"
                    "at 10m svcadm disable vm1\n"
                    "expect at 1m milestone/network online\nexpect at 3m vm1 online\n"
                    "expect vm1 launches = 2\nexpect vm1 vm saved\n"));
  fs::remove(file);
}

TEST(Simulate, AVmWhoseHypervisorDiedIsNeverStartedTwice) {
  // Facts 6: for fourteen seconds the hypervisor says poweroff of a VM whose process lives.
  EXPECT_TRUE(
      holds("instance a\n  vm/restart_halted_vm = true\nat 1m hypervisor dies\n"
            "at 65s svcadm restart a\nexpect at 70s a launches = 1\nexpect a online\n"
            "expect a launches = 2\n"));
}

TEST(Simulate, AFailingStopLeavesTheVmAloneAndSaysSo) {
  EXPECT_TRUE(
      holds("instance a\n  vm/stop_method = savestate\ngiven a refuses save\nat 1m svcadm disable a\n"
            "expect a maintenance\nexpect a vm running\n"));
}

TEST(Simulate, ALaunchThatFailsIsMaintenanceAndClearTriesAgain) {
  EXPECT_TRUE(
      holds("instance a\ngiven a launch fails 1 \"exited with status 1\"\n"
            "expect at 30s a maintenance\nat 1m svcadm clear a\nexpect a online\nexpect a launches = 2\n"));
}

TEST(Simulate, AChangedPropertyCountsAfterRefresh) {
  EXPECT_TRUE(
      holds("instance a\n  vm/restart_aborted_vm = true\n"
            "at 1m svccfg -s a setprop vm/restart_aborted_vm = false\nat 2m a aborts\n"
            "expect at 3m a online\nat 4m svcadm refresh a\nat 5m a aborts\n"
            "expect a maintenance vm_aborted\nexpect a launches = 2\n"));
}

TEST(Simulate, AShutdownThatTakesTooLongIsCutOff) {
  const auto report =
      run("instance a\ngiven a takes save 50s\nat 1m host shutdown 20s\n"
          "expect everything down within 20s\n");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->good());
  EXPECT_NE(report->text(false).find("cut off while the VM is saving"), std::string::npos);
}

TEST(Simulate, AStatementIsRepeated) {
  EXPECT_TRUE(
      holds("instance a\n  vm/restart_aborted_vm = true\nat 1m every 1h a aborts\nuntil 10h\n"
            "expect a launches = 11\nexpect a online\n"));
}

}  // namespace
}  // namespace vmkeep::simulate
