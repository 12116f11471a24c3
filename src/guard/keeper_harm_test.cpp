// The guest's heartbeat, and what is collected when a VM comes to harm.
#include "guard/dossier.h"
#include "guard/keeper_guest_fixture.h"

namespace vmkeep::guard {
namespace {

TEST_F(GuestTest, ALostHeartbeatIsDegradedAndItsReturnOnline) {
  configure();
  start_running();
  run_until([] { return false; }, 20ms);
  driver_.beat = hypervisor::Heartbeat{true, now()};
  driver_.hints.notify();
  EXPECT_EQ(text_of(expect("report"), "text"), "the heartbeat is lost");
  const auto lost = ask();
  EXPECT_EQ(lost.kind, vm::VerdictKind::degraded);
  EXPECT_EQ(lost.reason, graph::Reason::vm_unresponsive);
  run_until([] { return false; }, 1500ms);  // one look for a burst of hints
  driver_.beat = hypervisor::Heartbeat{false, now()};
  driver_.hints.notify();
  EXPECT_EQ(text_of(expect("report"), "text"), "the heartbeat is back");
  EXPECT_EQ(ask().kind, vm::VerdictKind::leave_online);
  // Nobody asked for a restart: what the VM moves is nobody's business.
  EXPECT_EQ(std::count(driver_.calls.begin(), driver_.calls.end(), "moved"), 0);
}

TEST_F(GuestTest, AGuestThatIsStillForTooLongIsRestartedUnlessItMoves) {
  configure({{"heartbeat_restart_after", "1"}});
  start_running();
  run_until([] { return false; }, 20ms);
  driver_.beat = hypervisor::Heartbeat{true, now()};
  driver_.moved = 100;
  driver_.hints.notify();
  expect("report");
  EXPECT_FALSE(ask().reboot);
  driver_.moved = 200;  // it works, only its heart does not beat
  ASSERT_TRUE(
      run_until([this] { return std::count(driver_.calls.begin(), driver_.calls.end(), "moved") >= 2; }));
  EXPECT_FALSE(ask().reboot);
  expect("report");  // another second without a move
  const auto verdict = ask();
  EXPECT_TRUE(verdict.reboot) << verdict.why;
  EXPECT_EQ(verdict.patience, Instant(10s));
}

TEST_F(GuestTest, ALimitThatIsSetAfterTheLossCountsFromTheLoss) {
  configure();
  start_running();
  run_until([] { return false; }, 20ms);
  driver_.beat = hypervisor::Heartbeat{true, now()};
  driver_.hints.notify();
  expect("report");
  EXPECT_FALSE(ask().reboot);
  configure({{"heartbeat_restart_after", "1"}});
  expect("report");
  const auto verdict = ask();
  EXPECT_TRUE(verdict.reboot) << verdict.why;
}

TEST_F(GuestTest, AnAbortLeavesADossierAndItsVerdictComesFirst) {
  configure({{"restart_aborted_vm", "true"}});
  start_running();
  driver_.log = {"00:00:01 starting", "00:00:09 assertion failed"};
  driver_.become(vm::VmState::aborted, std::nullopt);
  EXPECT_EQ(ask().kind, vm::VerdictKind::restart);
  const auto dossier = expect("dossier");
  EXPECT_NE(text_of(dossier, "log").find("assertion failed"), std::string::npos);
  EXPECT_EQ(text_of(dossier, "state"), "aborted");
  EXPECT_FALSE(dossier.contains("screenshot"));
}

TEST_F(GuestTest, AStuckVmLeavesOneDossierHoweverOftenItIsLookedAt) {
  configure();
  start_running();
  driver_.become(vm::VmState::gurumeditation, 4711);
  ask();
  EXPECT_EQ(text_of(expect("dossier"), "state"), "gurumeditation");
  ask();
  run_until([] { return false; }, 50ms);
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "dossier"; }));
}

TEST_F(GuestTest, ASilentHypervisorLeavesOneDossierHoweverOftenItIsAsked) {
  configure();
  start_running();
  driver_.mute = true;
  // Until it is judged: two looks apart, not ten seconds, as the keeper abandons what a verdict waits for.
  const auto silent = [this] {
    auto question = message("ask", kFmri);
    question["question"] = ++question_;
    question["cause"] = "report";
    question["history"] = to_json(history_);
    driver_.calls.clear();
    keeper_->deliver(question);
    run_until([this] { return std::count(driver_.calls.begin(), driver_.calls.end(), "look") > 1; });
    keeper_->abandon();
    return *verdict_from(expect("verdict"));
  };
  EXPECT_EQ(silent().reason, graph::Reason::hypervisor_silent);
  expect("dossier");
  EXPECT_EQ(silent().reason, graph::Reason::hypervisor_silent);
  run_until([] { return false; }, 50ms);
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "dossier"; }));
}

TEST(LastLines, AreOneLineEachAndNeverControlCharacters) {
  EXPECT_EQ(last_lines("a\n\nb\x1b[31m\tc\nd", 2), (std::vector<std::string>{"b [31m c", "d"}));
  EXPECT_EQ(last_lines(std::string(1000, 'x'), 5).at(0).size(), 200U);
}

TEST_F(GuestTest, TheHeartbeatOfAVmThatCameBackIsItsOwn) {
  configure({{"start_aborted_vm", "true"}, {"restart_aborted_vm", "true"}});
  start_running();
  run_until([] { return false; }, 20ms);
  driver_.beat = hypervisor::Heartbeat{true, now()};
  driver_.hints.notify();
  expect("report");
  EXPECT_EQ(ask().kind, vm::VerdictKind::degraded);
  run_until([] { return false; }, 1100ms);  // one look for a burst of hints
  driver_.beat.reset();
  driver_.become(vm::VmState::aborted, std::nullopt);
  EXPECT_EQ(ask().kind, vm::VerdictKind::restart);
  method("start");
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("launched");
  driver_.become(vm::VmState::running, 4712);
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(ask().kind, vm::VerdictKind::leave_online);
  driver_.beat = hypervisor::Heartbeat{true, now()};
  driver_.hints.notify();
  EXPECT_EQ(text_of(expect("report"), "text"), "the heartbeat is lost");
  EXPECT_EQ(ask().kind, vm::VerdictKind::degraded);
}

}  // namespace
}  // namespace vmkeep::guard
