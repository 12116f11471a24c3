// What a keeper does with methods, questions and hints.
#include "guard/keeper_fixture.h"

namespace vmkeep::guard {
namespace {

TEST_F(KeeperTest, StartExecutesTheVmAndSaysDoneOnlyWhenItRuns) {
  configure();
  method("start");
  const auto exec = expect("step");
  EXPECT_EQ(text_of(exec, "action"), "exec");
  EXPECT_EQ(words_from(exec, "argv"), (std::vector<std::string>{"/bin/vm", kUuid}));
  tell("launched");
  loop_.restart();
  loop_.run_for(100ms);
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "step"; }));
  driver_.become(vm::VmState::running, 4711);
  const auto done = expect("step");
  EXPECT_EQ(text_of(done, "action"), "done");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  // From the launch on nobody looked: a look would have taken the VM's lock.
  EXPECT_EQ(driver_.calls, std::vector<std::string>{"look"});
}

TEST_F(KeeperTest, T40_a_vm_that_dies_at_once_is_a_fatal_start) {
  configure();
  method("start");
  expect("step");
  tell("launched");
  tell("died", "exited with status 1");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_NE(text_of(done, "text").find("exited with status 1"), std::string::npos);
}

// What held it may have gone already: VirtualBox lets go of a lock late, of our own look's too.
TEST_F(KeeperTest, ALaunchThatMeetsALockIsTriedAgain) {
  driver_.exit_if_locked = 1;
  configure();
  method("start");
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("launched");
  tell("died", "exited with status 1", 7, 1);
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("launched");
  driver_.become(vm::VmState::running, 4711);
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
}

TEST_F(KeeperTest, T40_a_lock_that_stays_is_a_fatal_start) {
  driver_.exit_if_locked = 1;
  configure();
  method("start");
  auto step = expect("step");
  size_t launches = 0;
  for (; text_of(step, "action") == "exec" && launches < 20; ++launches) {
    tell("launched");
    tell("died", "exited with status 1", 7, 1);
    step = expect("step");
  }
  EXPECT_GT(launches, 1U);
  EXPECT_EQ(control::int_member(step, "code", -1), 95);
  EXPECT_NE(text_of(step, "text").find("exited with status 1"), std::string::npos);
}

// A VM whose VBoxSVC is gone cannot come up: that is no fault of its own, and not one for an administrator.
TEST_F(KeeperTest, ALaunchThatFellWithTheHypervisorsServiceIsTriedAgain) {
  configure();
  method("start");
  expect("step");
  driver_.the_service = 78;
  tell("launched");
  tell("died", "died on signal TRAP (5)");
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("launched");
  driver_.become(vm::VmState::running, 4711);
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
}

TEST_F(KeeperTest, AServiceThatFallsWithEveryLaunchEndsTheStart) {
  configure();
  method("start");
  auto step = expect("step");
  size_t launches = 0;
  for (; text_of(step, "action") == "exec" && launches < 20; ++launches) {
    ++driver_.the_service;
    tell("launched");
    tell("died", "died on signal TRAP (5)");
    step = expect("step");
  }
  EXPECT_EQ(launches, 3U);
  EXPECT_EQ(control::int_member(step, "code", -1), 95);
}

// The VM runs as process 4711, and that is not, or may not be, the process that was launched.
TEST_F(KeeperTest, T40_a_vm_that_somebody_else_took_meanwhile_is_not_the_one_that_was_launched) {
  configure();
  for (const pid_t ours : {4712, 4711}) {
    driver_.become(vm::VmState::poweroff, std::nullopt);
    driver_.calls.clear();
    method("start");
    expect("step");
    auto launched = message("launched", kFmri);
    launched["call"] = 7;
    launched["pid"] = ours;
    driver_.become(vm::VmState::running, 4711);
    driver_.two_processes = ours == 4711;
    keeper_->deliver(std::move(launched));
    turn(200ms);
    EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                             [](const auto& m) { return text_of(m, "kind") == "step"; }));
    tell("died", "exited with status 1");
    EXPECT_EQ(code_of(expect("step")), 95);
    EXPECT_EQ(driver_.calls, std::vector<std::string>{"look"}) << "it is left to whoever has it";
  }
}

TEST_F(KeeperTest, T32_T81_a_running_vm_is_adopted_and_not_touched) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  EXPECT_EQ(control::int_member(expect("adopt"), "pid", -1), 4711);
  tell("adopted");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(driver_.calls, std::vector<std::string>{"look"});
}

TEST_F(KeeperTest, AnAdoptionThatIsRefusedIsAFatalStartWithTheReason) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted", "it belongs to uid 12");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_NE(text_of(done, "text").find("it belongs to uid 12"), std::string::npos);
}

TEST_F(KeeperTest, T39_a_vm_that_is_not_registered_is_a_configuration_error) {
  configure();
  driver_.registered = false;
  method("start");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 96);
}

TEST_F(KeeperTest, T23_a_bad_property_is_a_configuration_error_that_names_it) {
  configure({{"stop_method", "pull the plug"}});
  method("stop");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 96);
  EXPECT_NE(text_of(done, "text").find("stop_method"), std::string::npos);
}

TEST_F(KeeperTest, T45_stop_saves_and_says_so) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("stop");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::saved);
}

TEST_F(KeeperTest, T48_T50_a_deaf_guest_is_powered_off_before_the_method_runs_out_of_time) {
  configure({{"stop_method", "poweroff-graceful"}});
  driver_.become(vm::VmState::running, 4711);
  driver_.deaf = true;
  method("stop", 3000);
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::poweroff);
  EXPECT_NE(std::find(driver_.calls.begin(), driver_.calls.end(), "acpipowerbutton"), driver_.calls.end());
}

TEST_F(KeeperTest, T54_a_stop_that_only_resets_the_vm_says_that_it_is_kept) {
  for (const char* how : {"reset", "acpisleepbutton"}) {
    configure({{"stop_method", how}});
    driver_.calls.clear();
    driver_.become(vm::VmState::running, 4711);
    method("stop");
    const auto done = expect("step");
    EXPECT_EQ(control::int_member(done, "code", -1), 0);
    EXPECT_EQ(text_of(done, "up"), "kept");
    EXPECT_EQ(driver_.calls, (std::vector<std::string>{"look", how}));
  }
  configure({{"stop_method", "reset"}});
  driver_.become(vm::VmState::poweroff, std::nullopt);
  method("stop");
  EXPECT_EQ(text_of(expect("step"), "up"), "");
}

TEST_F(KeeperTest, T46_a_refused_stop_fails_with_the_hypervisors_words) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  driver_.refuses = true;
  method("stop");
  const auto done = expect("step");
  EXPECT_NE(control::int_member(done, "code", 0), 0);
  EXPECT_NE(text_of(done, "text").find("refused"), std::string::npos);
}

TEST_F(KeeperTest, T63_T66_an_abort_is_answered_with_a_restart_and_remembered) {
  configure({{"restart_aborted_vm", "true"},
             {"restart_aborted_vm_failures_maxcount", "3"},
             {"restart_aborted_vm_failures_timeframe", "1200"}});
  driver_.become(vm::VmState::aborted, std::nullopt);
  auto ask = message("ask", kFmri);
  ask["question"] = 5;
  ask["cause"] = "contract_empty";
  ask["history"] = to_json(vm::History{});
  keeper_->deliver(ask);
  const auto answer = expect("verdict");
  EXPECT_EQ(control::int_member(answer, "question", 0), 5);
  EXPECT_EQ(verdict_from(answer)->kind, vm::VerdictKind::restart);
  EXPECT_EQ(history_from(answer.at("history").get_object()).aborts.size(), 1U);
}

TEST_F(KeeperTest, T24_what_is_changed_and_refreshed_counts_for_the_next_look) {
  driver_.become(vm::VmState::poweroff, std::nullopt);
  const auto verdict = [this](std::map<std::string, std::string> properties) {
    configure(std::move(properties));
    auto ask = message("ask", kFmri);
    ask["question"] = 1;
    ask["cause"] = "look";
    keeper_->deliver(ask);
    return verdict_from(expect("verdict"))->kind;
  };
  EXPECT_EQ(verdict({{"restart_halted_vm", "false"}}), vm::VerdictKind::offline);
  EXPECT_EQ(verdict({{"restart_halted_vm", "true"}}), vm::VerdictKind::restart);
  EXPECT_EQ(verdict({{"offline_is_maint", "true"}}), vm::VerdictKind::maintenance);
}

TEST_F(KeeperTest, TheTwoWitnessesHaveToAgreeBeforeAVerdict) {
  configure({{"restart_aborted_vm", "true"}});
  driver_.become(vm::VmState::running, std::nullopt);  // VBoxSVC has not noticed yet
  auto ask = message("ask", kFmri);
  ask["question"] = 1;
  ask["cause"] = "contract_empty";
  keeper_->deliver(ask);
  loop_.restart();
  loop_.run_for(60ms);
  EXPECT_TRUE(received_.empty());
  driver_.state = vm::VmState::aborted;
  EXPECT_EQ(verdict_from(expect("verdict"))->kind, vm::VerdictKind::restart);
}

// Whatever the properties say of it: that is for the monitor to weigh (T73: kicker_restart over
// ignore_paused_vm).
TEST_F(KeeperTest, T70_T73_a_vm_that_is_paused_behind_our_back_is_reported) {
  configure({{"kicker_restart", "all"}});
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted");
  expect("step");
  loop_.restart();
  loop_.run_for(20ms);
  driver_.become(vm::VmState::paused, 4711);
  EXPECT_EQ(text_of(expect("report"), "text"), "paused");
}

TEST_F(KeeperTest, ALaunchThatAnEarlierGuardOrderedIsAskedAgain) {
  configure();
  tell("launched", "", 3);
  const auto step = expect("step");
  EXPECT_EQ(text_of(step, "action"), "wait");
  EXPECT_EQ(control::int_member(step, "call", -1), 3);
}

TEST_F(KeeperTest, WhatRunsIsStillStoppedAfterABadPropertyCame) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  configure({{"stop_method", "pull the plug"}});
  method("stop");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::saved);
}

TEST_F(KeeperTest, T96_the_time_zone_reaches_the_vms_process) {
  configure({{"nice", "5"}, {"timezone", "UTC"}});  // nice is the method's already (daemon/resources.cpp)
  method("start");
  const auto exec = expect("step");
  EXPECT_EQ(words_from(exec, "argv"), (std::vector<std::string>{"/bin/vm", kUuid}));
  EXPECT_EQ(words_from(exec, "environment"), (std::vector<std::string>{"A=b", "TZ=UTC"}));
  tell("died", "exited with status 1");
  expect("step");
}

TEST_F(KeeperTest, TheEndOfAVmThatNobodyAsksAboutIsReported) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted");
  expect("step");
  driver_.become(vm::VmState::aborted, std::nullopt);
  EXPECT_EQ(text_of(expect("report"), "text"), "its process ended");
}

TEST_F(KeeperTest, AnAbandonedStartEnds) {
  configure();
  driver_.become(vm::VmState::saving, 4711);
  method("start", 600000);
  loop_.restart();
  loop_.run_for(20ms);
  keeper_->abandon();
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 1);
}

TEST_F(KeeperTest, ARenameIsFollowedAndTold) {
  configure({{"name", "vm1"}, {"uuid", kUuid}});
  driver_.become(vm::VmState::running, 4711);
  EXPECT_EQ(text_of(inspected(), "name"), "vm1");
  driver_.called = "vm \"one\"";
  EXPECT_EQ(text_of(inspected(), "name"), "vm \"one\"");
  EXPECT_EQ(text_of(expect("renamed"), "name"), "vm \"one\"");
  // vm/name comes back as it was told: that is no other VM.
  configure({{"name", "vm \"one\""}, {"uuid", kUuid}});
  EXPECT_EQ(keeper_->uuid(), kUuid);
  inspected();
  turn(20ms);
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "renamed"; }));
}

TEST_F(KeeperTest, ANameThatWasChangedWhileNobodyLookedIsTold) {
  driver_.called = "another";
  configure({{"name", "vm1"}, {"uuid", kUuid}});
  EXPECT_EQ(text_of(inspected(), "name"), "another");
  EXPECT_EQ(text_of(expect("renamed"), "name"), "another");
}

TEST_F(KeeperTest, T39_what_a_start_waits_for_is_told_once) {
  configure();
  driver_.become(vm::VmState::inaccessible, std::nullopt);
  method("start");
  const auto waits = expect("waits");
  EXPECT_NE(text_of(waits, "text").find("cannot read the VM's files"), std::string::npos);
  turn(200ms);  // several looks
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "waits"; }));
  driver_.become(vm::VmState::poweroff, std::nullopt);
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
}

// The guard in which the start was launched is gone; the method asks its successor.
TEST_F(KeeperTest, T32_what_a_start_launched_itself_is_not_taken_over) {
  configure({{"takeover", "savestate"}});
  driver_.become(vm::VmState::running, 4711);
  method("start", 20000, 4711);
  expect("adopt");
  tell("adopted");
  EXPECT_EQ(text_of(expect("step"), "up"), "adopted");
  EXPECT_TRUE(acts().empty());
}

TEST_F(KeeperTest, AVmThatFellWithItsHostIsStartedAsAnAbortedOne) {
  configure({{"start_aborted_vm", "false"}});
  vm::History history;
  history.fell = "the host went down under it";
  keeper_->remember(history);
  method("start");
  const auto refused = expect("step");
  EXPECT_EQ(control::int_member(refused, "code", -1), 95);
  EXPECT_NE(text_of(refused, "text").find("the host went down under it"), std::string::npos);
  EXPECT_EQ(control::int_member(inspected(), "code", -1), 20);
}

}  // namespace
}  // namespace vmkeep::guard
