// What a keeper does when a person asks, and what start and stop do where the VM does not do as it should.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "guard/keeper_verbs_fixture.h"

namespace vmkeep::guard {
namespace {

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
