// What a keeper does when a person asks for a VM to run, by itself or in a window.
#include "guard/keeper_verbs_fixture.h"

namespace vmkeep::guard {
namespace {

// ---- up

TEST_F(VerbTest, T37_start_obeys_the_properties_and_force_does_not) {
  configure({{"start_halted_vm", "false"}});
  verb("start");
  const auto left = ended();
  EXPECT_EQ(code_of(left), 0);
  EXPECT_FALSE(starts(left));
  EXPECT_NE(text_of(left, "text").find("start_halted_vm is not true"), std::string::npos);
  verb("start", {{"force", true}});
  EXPECT_TRUE(starts(ended()));
}

TEST_F(VerbTest, T43_start_of_a_vm_that_runs_in_its_service_touches_nothing) {
  driver_.become(vm::VmState::running, 4711);
  verb("start", {{"online", true}});
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_FALSE(starts(done));
  EXPECT_EQ(acts(), Words{});
}

TEST_F(VerbTest, T42_start_of_a_paused_vm_resumes_it_once) {
  configure({{"start_paused_vm", "true"}});
  driver_.become(vm::VmState::paused, 4711);
  verb("start", {{"online", true}});
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_EQ(acts(), Words{"resume"});
}

TEST_F(VerbTest, PauseAndResumeSayWhatTheyFound) {
  driver_.become(vm::VmState::running, 4711);
  verb("pause");
  EXPECT_TRUE(outage(ended()));
  verb("pause");
  EXPECT_EQ(code_of(ended()), 0);
  verb("resume");
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_EQ(acts(), (Words{"pause", "resume"}));
  driver_.become(vm::VmState::poweroff, std::nullopt);
  verb("pause");
  EXPECT_EQ(code_of(ended()), 95);
}

TEST_F(VerbTest, SnapshotAndScreenshotAreTheHypervisors) {
  verb("snapshot", {{"name", "before the upgrade"}});
  EXPECT_EQ(code_of(ended()), 0);
  verb("screenshot", {{"path", "/tmp/x.png"}});
  EXPECT_EQ(code_of(ended()), 0);
  verb("snapshot");
  EXPECT_EQ(code_of(ended()), 96);
  EXPECT_EQ(acts(), (Words{"snapshot before the upgrade", "screenshot /tmp/x.png"}));
}

TEST_F(VerbTest, T39_a_verb_for_a_vm_that_is_not_registered_says_so) {
  driver_.registered = false;
  verb("save");
  EXPECT_EQ(code_of(ended()), 96);
}

TEST_F(VerbTest, T32_takeover_savestate_saves_and_then_launches) {
  configure({{"takeover", "savestate"}});
  driver_.become(vm::VmState::running, 4711);
  method("start");
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  EXPECT_EQ(acts(), Words{"savestate"});
  tell("died", "exited with status 1");
  EXPECT_EQ(code_of(expect("step")), 95);
}

TEST_F(VerbTest, T39_a_hypervisor_that_answers_late_is_asked_again) {
  driver_.mute = true;
  method("start");
  turn(120ms);
  driver_.mute = false;
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("died", "exited with status 1");
  expect("step");
}

TEST_F(VerbTest, T39_a_hypervisor_that_never_answers_is_worth_a_retry) {
  driver_.mute = true;
  method("start", 2500);
  EXPECT_EQ(code_of(expect("step")), 1);
}

TEST_F(VerbTest, T38_the_end_of_a_save_is_waited_for_before_a_start) {
  driver_.become(vm::VmState::saving, 4711);
  method("start");
  turn(100ms);
  driver_.become(vm::VmState::saved, std::nullopt);
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  tell("died", "exited with status 1");
  expect("step");
}

TEST_F(VerbTest, T41_a_vm_that_never_comes_up_is_stopped_and_the_start_fails) {
  method("start", 2300);
  expect("step");
  tell("launched");
  driver_.become(vm::VmState::poweroff, 4711);  // VBoxHeadless lives, and that is all
  const auto done = expect("step");
  EXPECT_EQ(code_of(done), 95);
  EXPECT_EQ(acts(), Words{"emergencystop"});
}

TEST_F(VerbTest, T41_a_restore_that_takes_longer_is_left_to_the_next_try) {
  method("start", 2300);
  expect("step");
  tell("launched");
  driver_.become(vm::VmState::restoring, 4711);
  EXPECT_EQ(code_of(expect("step")), 1);
  EXPECT_EQ(acts(), Words{});
}

// ---- the window

TEST_F(VerbTest, T89_the_vm_is_saved_and_the_window_s_command_handed_out) {
  driver_.become(vm::VmState::running, 4711);
  keeper_->remember(handed_over());
  verb("gui");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_TRUE(outage(done));
  EXPECT_EQ(words_from(done, "argv"), (Words{"/bin/window", kUuid}));
  EXPECT_EQ(acts(), Words{"savestate"});
  turn(20ms);
  driver_.become(vm::VmState::running, 5000);  // the window, which nobody here started
  EXPECT_EQ(text_of(expect("report"), "text"), "it runs");
}

// A look holds the VM's lock, which the window wants in a moment that nobody knows.
TEST_F(VerbTest, T90_nobody_looks_while_the_window_takes_the_vm) {
  driver_.become(vm::VmState::running, 4711);
  keeper_->remember(handed_over());
  verb("gui");
  ended();
  driver_.calls.clear();
  const auto verdict = [this](vm::History history) {
    ask(history);
    return expect("verdict");
  };
  EXPECT_NE(verdict_from(verdict(handed_over()))->why.find("handed to alice"), std::string::npos);
  driver_.become(vm::VmState::starting, 5000);
  EXPECT_NE(verdict_from(verdict(handed_over()))->why.find("handed to alice"), std::string::npos);
  keeper_->look_soon();
  EXPECT_EQ(text_of(inspected(), "word"), "saved");
  EXPECT_EQ(driver_.calls, Words{});
  driver_.become(vm::VmState::running, 5000);
  EXPECT_EQ(text_of(expect("report"), "text"), "it runs");
  const auto seen = history_from(verdict(handed_over()).at("history").get_object());
  EXPECT_TRUE(seen.outage->seen);
  EXPECT_EQ(driver_.calls, Words{});
  // Whoever opened it says that it is closed: it is seen what became of it.
  driver_.become(vm::VmState::saved, std::nullopt);
  EXPECT_EQ(verdict_from(verdict(seen))->kind, vm::VerdictKind::restart);
}

TEST_F(VerbTest, T90_a_guard_that_was_not_there_looks_once) {
  driver_.become(vm::VmState::saved, std::nullopt);
  for (int i = 0; i < 3; ++i) {
    ask(handed_over());
    EXPECT_EQ(verdict_from(expect("verdict"))->kind, vm::VerdictKind::leave_online);
  }
  EXPECT_EQ(driver_.calls, Words{"look"});
}

TEST_F(VerbTest, T89_without_a_front_end_the_vm_goes_on_running) {
  driver_.become(vm::VmState::running, 4711);
  driver_.window = false;
  verb("gui");
  EXPECT_EQ(code_of(ended()), 95);
  EXPECT_EQ(driver_.state, vm::VmState::running);
}

TEST_F(VerbTest, T91_the_end_of_a_window_by_a_signal_stops_the_vm_once) {
  driver_.become(vm::VmState::running, 4711);
  verb("gui_end", {{"text", "poweroff"}});
  EXPECT_EQ(code_of(ended()), 0);
  verb("gui_end", {{"text", "poweroff"}});  // the window ended by itself: nothing to stop
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_EQ(acts(), Words{"poweroff"});
}

}  // namespace
}  // namespace vmkeep::guard
