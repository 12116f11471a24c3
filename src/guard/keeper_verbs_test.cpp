// What a keeper does when a person asks, and what start and stop do where the VM does not do as it should.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "guard/keeper_fixture.h"

namespace vmkeep::guard {
namespace {

using Words = std::vector<std::string>;

class VerbTest : public KeeperTest {
 protected:
  void SetUp() override {
    KeeperTest::SetUp();
    configure();
  }
  json::object ended() { return expect("outcome"); }
  static bool outage(const json::object& outcome) { return control::bool_member(outcome, "outage", false); }
  void ask(const vm::History& history) {
    auto question = message("ask", kFmri);
    question["question"] = 4;
    question["cause"] = "report";
    question["history"] = to_json(history);
    keeper_->deliver(std::move(question));
  }
  static vm::History handed_over() {
    vm::History history;
    history.outage = vm::Outage{vm::OutageKind::gui, "alice", now(), now() + Instant(3600s), false};
    history.restart_saved_once = true;
    return history;
  }
  static bool starts(const json::object& outcome) { return control::bool_member(outcome, "start", false); }
};

// ---- down

TEST_F(VerbTest, T60_save_saves_a_running_vm_and_tells_how_far_it_is) {
  driver_.become(vm::VmState::running, 4711);
  verb("save");
  EXPECT_EQ(control::int_member(expect("progress"), "percent", -1), 50);
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_TRUE(outage(done));
  EXPECT_EQ(driver_.state, vm::VmState::saved);
}

TEST_F(VerbTest, T60_save_of_a_stopped_vm_does_nothing) {
  verb("save");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_FALSE(outage(done));
  EXPECT_EQ(acts(), Words{});
}

TEST_F(VerbTest, T60_reset_ends_with_the_hypervisors_result) {
  driver_.become(vm::VmState::running, 4711);
  verb("reset");
  EXPECT_EQ(code_of(ended()), 0);
  driver_.refuses = true;
  verb("reset");
  EXPECT_EQ(code_of(ended()), 1);
  EXPECT_EQ(acts(), (Words{"reset", "reset"}));
}

TEST_F(VerbTest, T48_poweroff_presses_the_button_of_a_guest_that_listens) {
  driver_.become(vm::VmState::running, 4711);
  verb("poweroff");
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_EQ(acts(), Words{"acpipowerbutton"});
}

TEST_F(VerbTest, T48_poweroff_pulls_the_plug_of_a_deaf_guest) {
  driver_.become(vm::VmState::running, 4711);
  driver_.deaf = true;
  verb("poweroff", {{"timeout", 1}});
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_EQ(acts(), (Words{"acpipowerbutton", "poweroff"}));
}

TEST_F(VerbTest, T49_a_button_that_is_refused_is_not_waited_for) {
  driver_.become(vm::VmState::running, 4711);
  driver_.refused = {"acpipowerbutton"};
  const Instant begin = now();
  verb("poweroff", {{"timeout", 3600}});
  EXPECT_EQ(code_of(ended()), 0);
  EXPECT_LT(now() - begin, Instant(3s));
  EXPECT_EQ(acts(), (Words{"acpipowerbutton", "poweroff"}));
}

TEST_F(VerbTest, T56_poweroff_that_is_refused_fails_and_of_an_off_vm_succeeds) {
  verb("poweroff");
  EXPECT_EQ(code_of(ended()), 0);
  driver_.become(vm::VmState::running, 4711);
  driver_.refuses = true;
  verb("poweroff");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 95);
  EXPECT_FALSE(outage(done));
  EXPECT_NE(text_of(done, "text").find("refused"), std::string::npos);
}

// A process that tells which signals it gets and ends by none that it may ignore.
class Stubborn {
 public:
  Stubborn() {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    // Blocked before it is born: a signal may be there before it runs for the first time.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_ = ::fork();
    if (pid_ == 0) {
      for (;;) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        const char byte = static_cast<char>(signal);
        if (signal > 0 && ::write(ends_[1], &byte, 1) != 1) ::_exit(1);
      }
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
    ::close(ends_[1]);
  }
  ~Stubborn() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(ends_[0]);
  }
  Stubborn(const Stubborn&) = delete;
  Stubborn& operator=(const Stubborn&) = delete;
  pid_t pid() const { return pid_; }
  // Once it is dead.
  std::vector<int> signals() const {
    std::array<char, 64> bytes{};
    const ssize_t n = ::read(ends_[0], bytes.data(), bytes.size());
    std::vector<int> list;
    for (ssize_t i = 0; i < n; ++i) list.push_back(bytes[static_cast<size_t>(i)]);
    return list;
  }

 private:
  std::array<int, 2> ends_{};
  pid_t pid_ = -1;
};

TEST_F(VerbTest, T57_poweroff_with_kill_ends_exactly_that_process) {
  const Stubborn vm;
  const Stubborn bystander;
  driver_.become(vm::VmState::running, vm.pid());
  driver_.refuses = true;
  verb("poweroff", {{"kill", true}});
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_TRUE(outage(done));
  EXPECT_EQ(vm.signals(), (std::vector<int>{SIGTERM, SIGINT, SIGQUIT, SIGHUP}));
  EXPECT_EQ(::kill(bystander.pid(), 0), 0);
}

TEST_F(VerbTest, T46_a_vm_that_dies_while_it_is_saved_was_not_saved) {
  driver_.become(vm::VmState::running, 4711);
  driver_.dies = true;
  method("stop");
  const auto done = expect("step");
  EXPECT_NE(code_of(done), 0);
  EXPECT_NE(text_of(done, "text").find("died"), std::string::npos);
}

TEST_F(VerbTest, T53_T74_a_stuck_vm_loses_its_power) {
  driver_.become(vm::VmState::gurumeditation, 4711);
  method("stop");
  EXPECT_EQ(code_of(expect("step")), 0);
  EXPECT_EQ(acts(), Words{"poweroff"});
}

TEST_F(VerbTest, T55_the_services_stop_ends_a_verb_that_goes_on) {
  driver_.become(vm::VmState::running, 4711);
  driver_.endless = true;
  verb("save");
  turn(50ms);
  driver_.endless = false;
  method("stop");
  EXPECT_NE(code_of(ended()), 0);
  driver_.become(vm::VmState::saved, std::nullopt);  // VirtualBox saves on without its client
  EXPECT_EQ(code_of(expect("step")), 0);
}

// ---- reboot

TEST_F(VerbTest, T58_reboot_takes_the_vm_down_and_has_it_started) {
  driver_.become(vm::VmState::running, 4711);
  verb("reboot");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_TRUE(starts(done));
  EXPECT_TRUE(outage(done));
}

TEST_F(VerbTest, T58_after_a_reset_nothing_is_started) {
  driver_.become(vm::VmState::running, 4711);
  driver_.refused = {"acpipowerbutton", "poweroff"};
  verb("reboot");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_FALSE(starts(done));
  EXPECT_FALSE(outage(done));
  EXPECT_EQ(acts(), (Words{"acpipowerbutton", "poweroff", "reset"}));
}

TEST_F(VerbTest, T58_a_reboot_that_nothing_brings_about_fails_and_starts_nothing) {
  driver_.become(vm::VmState::running, 4711);
  driver_.refuses = true;
  verb("reboot");
  const auto done = ended();
  EXPECT_EQ(code_of(done), 95);
  EXPECT_FALSE(starts(done));
}

TEST_F(VerbTest, T59_reboot_of_a_stopped_vm_starts_it_unless_it_had_to_run) {
  verb("reboot");
  EXPECT_TRUE(starts(ended()));
  verb("reboot", {{"if_running", true}});
  const auto done = ended();
  EXPECT_EQ(code_of(done), 0);
  EXPECT_FALSE(starts(done));
}

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

// ---- inspect

TEST_F(VerbTest, T01_status_looks_and_touches_nothing) {
  driver_.become(vm::VmState::running, 4711);
  const auto vm = inspected();
  EXPECT_EQ(text_of(vm, "word"), "running");
  EXPECT_EQ(control::int_member(vm, "code", -1), 0);
  EXPECT_EQ(control::int_member(vm, "pid", -1), 4711);
  EXPECT_EQ(acts(), Words{});
}

TEST_F(VerbTest, T03_status_tells_silence_from_a_vm_that_is_not_registered) {
  driver_.mute = true;
  EXPECT_EQ(text_of(inspected(), "word"), "no answer");
  driver_.mute = false;
  driver_.registered = false;
  const auto vm = inspected();
  EXPECT_EQ(text_of(vm, "word"), "not registered");
  EXPECT_EQ(control::int_member(vm, "code", -1), 125);
}

TEST_F(VerbTest, StatusDoesNotWaitForWhatGoesOn) {
  driver_.become(vm::VmState::running, 4711);
  driver_.endless = true;
  verb("save");
  turn(50ms);
  const auto looks = driver_.calls.size();
  const auto vm = inspected();
  EXPECT_EQ(text_of(vm, "word"), "saving");
  EXPECT_NE(text_of(vm, "detail").find("save, asked for by alice"), std::string::npos);
  EXPECT_EQ(driver_.calls.size(), looks);
  driver_.endless = false;
  method("stop");
  ended();
  driver_.become(vm::VmState::saved, std::nullopt);
  expect("step");
}

TEST_F(VerbTest, StatusDoesNotWaitForWhatIsOnlyAboutToBegin) {
  driver_.become(vm::VmState::running, 4711);
  EXPECT_EQ(text_of(inspected(), "word"), "running");
  driver_.endless = true;
  // Both arrive before the keeper gets to the first of them.
  verb("save");
  EXPECT_EQ(text_of(inspected(), "word"), "running");
  method("stop");
  ended();
  driver_.endless = false;
  driver_.become(vm::VmState::saved, std::nullopt);
  expect("step");
  EXPECT_EQ(text_of(inspected(), "word"), "saved");
}

TEST_F(VerbTest, T76_T80_silence_is_an_answer_and_is_asked_about_again) {
  driver_.become(vm::VmState::running, 4711);
  verb("save");
  ended();
  driver_.become(vm::VmState::running, 4711);
  driver_.mute = true;
  auto ask = message("ask", kFmri);
  ask["question"] = 3;
  ask["cause"] = "report";
  keeper_->deliver(ask);
  const Instant begin = now();
  json::object answer;
  while (answer.empty() && now() - begin < Instant(14s)) {
    turn(100ms);
    for (const auto& one : received_) {
      if (text_of(one, "kind") == "verdict") answer = one;
    }
  }
  const auto verdict = verdict_from(answer);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, vm::VerdictKind::degraded);
  EXPECT_EQ(verdict->reason, graph::Reason::hypervisor_silent);
  // Well before the fifteen seconds after which the guard itself is taken for dead.
  EXPECT_LT(now() - begin, Instant(14s));
  expect("report");
}

}  // namespace
}  // namespace vmkeep::guard
