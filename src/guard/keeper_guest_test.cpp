// Checks of the guest, and starts that wait for it.
#include "guard/keeper_guest_fixture.h"

namespace vmkeep::guard {
namespace {

TEST_F(GuestTest, T12_check_runs_the_hook_once_with_its_words_and_exits_as_it_did) {
  configure(checked_by("echo it is ill; exit 7"));
  verb("check");
  const auto outcome = expect("outcome");
  EXPECT_EQ(control::int_member(outcome, "code", -1), 7);
  EXPECT_NE(text_of(outcome, "text").find("it is ill"), std::string::npos);
  EXPECT_EQ(runs(), std::vector<std::string>{"one two"});
}

TEST_F(GuestTest, T12_without_a_hook_check_exits_0) {
  configure();
  verb("check");
  EXPECT_EQ(control::int_member(expect("outcome"), "code", -1), 0);
}

TEST_F(GuestTest, T13_status_shows_the_hook_and_keeps_its_own_code) {
  configure(checked_by("echo well; exit 7"));
  driver_.become(vm::VmState::running, 4711);
  auto call = message("inspect", kFmri);
  call["call"] = 10;
  call["instance"] = "online";
  call["hook"] = true;
  keeper_->deliver(std::move(call));
  const auto vm = expect("outcome").at("vm").get_object();
  EXPECT_EQ(control::int_member(vm, "code", -1), 0);
  const auto& hook = vm.at("hook").get_object();
  EXPECT_EQ(control::int_member(hook, "code", -1), 7);
  EXPECT_EQ(text_of(hook, "meaning"), "failure");
  EXPECT_EQ(text_of(hook, "output"), "well\n");
}

TEST_F(GuestTest, T83_the_hook_runs_once_a_cycle_and_only_while_the_vm_runs) {
  configure(checked_by("exit 0"));
  start_running();
  ASSERT_TRUE(run_until([this] { return runs().size() >= 2; }));
  driver_.become(vm::VmState::paused, 4711);
  ASSERT_TRUE(
      run_until([this] { return std::count(driver_.calls.begin(), driver_.calls.end(), "look") >= 2; }));
  const size_t before = runs().size();
  run_until([] { return false; }, 1500ms);
  EXPECT_LE(runs().size(), before + 1);  // one may have been under way
  // That it is paused is reported, and nothing of a check that succeeds.
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(), [](const auto& m) {
    return text_of(m, "kind") == "report" && text_of(m, "text") != "paused";
  }));
}

TEST_F(GuestTest, T83_not_before_the_start_delay) {
  auto properties = checked_by("exit 0");
  properties["kicker_vmsvccheck_startdelay"] = "600";
  configure(properties);
  start_running();
  run_until([] { return false; }, 1200ms);
  EXPECT_TRUE(runs().empty());
}

TEST_F(GuestTest, T84_a_code_is_reported_and_the_verdict_is_a_reboot_with_the_outage_on_record) {
  auto properties = checked_by("echo beyond repair; exit 9");
  properties["kicker_vmsvccheck_exitcode_doreboot"] = "9";
  configure(properties);
  start_running();
  EXPECT_TRUE(logged("check: beyond repair"));
  expect("report");
  const auto verdict = ask();
  EXPECT_TRUE(verdict.reboot) << verdict.why;
  ASSERT_TRUE(history_.outage.has_value());
  EXPECT_EQ(history_.outage->kind, vm::OutageKind::reboot);
  // Nothing is done by the guard before vmkeepd has it on record and says so.
  EXPECT_TRUE(std::all_of(driver_.calls.begin(), driver_.calls.end(),
                          [](const auto& call) { return call == "look"; }));
}

TEST_F(GuestTest, T84_a_reboot_that_was_asked_for_is_not_taken_back_by_the_next_check) {
  configure(checked_by("mkdir " + folder_ + "/asked || exit 0; exit 2"));
  start_running();
  expect("report");
  EXPECT_EQ(text_of(expect("report"), "text"), "the check of the guest succeeds again");
  EXPECT_TRUE(ask().reboot);
  EXPECT_FALSE(ask().reboot);
}

TEST_F(GuestTest, T84_failures_are_counted_over_questions_and_a_success_clears_them) {
  auto properties = checked_by("test -e " + folder_ + "/well");
  properties["kicker_vmsvccheck_failures_maxcount"] = "5";
  properties["kicker_vmsvccheck_failures_timeframe"] = "600";
  configure(properties);
  start_running();
  for (size_t i = 1; i <= 2; ++i) {
    expect("report");
    EXPECT_EQ(ask().kind, vm::VerdictKind::leave_online);
    EXPECT_EQ(history_.hook_failures.size(), i);
  }
  std::ofstream(folder_ + "/well") << "yes";
  expect("report");
  ask();
  if (!history_.hook_failures.empty()) {  // a run that began before
    expect("report");
    ask();
  }
  EXPECT_TRUE(history_.hook_failures.empty());
}

TEST_F(GuestTest, T86_a_hook_that_never_ends_is_killed_with_its_children_and_counts_as_a_failure) {
  auto properties =
      checked_by("echo $$ >> " + folder_ + "/pid; sleep 600 & echo $! >> " + folder_ + "/pid; wait");
  properties["kicker_vmsvccheck_timeout"] = "1";
  properties["kicker_vmsvccheck_failures_maxcount"] = "3";
  properties["kicker_vmsvccheck_failures_timeframe"] = "600";
  configure(properties);
  start_running();
  // Meanwhile the keeper does everything else.
  ASSERT_TRUE(run_until([this] { return lines_of(folder_ + "/pid").size() == 2; }));
  EXPECT_EQ(ask().kind, vm::VerdictKind::leave_online);
  expect("report");
  EXPECT_NE(ask().why.find("was killed"), std::string::npos);
  EXPECT_EQ(history_.hook_failures.size(), 1U);
  configure();  // no further runs
  EXPECT_TRUE(run_until([this] { return !running(); }));
}

TEST_F(GuestTest, T78_no_check_while_the_vm_is_suppressed) {
  history_.suppression = vm::Suppression{"alice", "", now(), now() + Instant(600s)};
  configure(checked_by("exit 2"));
  keeper_->remember(history_);
  start_running();
  run_until([] { return false; }, 300ms);
  EXPECT_TRUE(runs().empty());
}

// Nobody waits for a check that there is not: whatever makes one possible has to wake somebody.
TEST_F(GuestTest, AVmThatRunsIsCheckedAsSoonAsItMayBe) {
  configure();
  start_running();
  configure(checked_by("exit 0"));
  ASSERT_TRUE(run_until([this] { return !runs().empty(); }));
  configure();
  run_until([] { return false; }, 20ms);
  configure(checked_by("exit 0"));
  size_t before = runs().size();
  EXPECT_TRUE(run_until([&] { return runs().size() > before; }));
  for (const auto end : {Instant(100ms), Instant(600s)}) {
    history_.suppression = vm::Suppression{"alice", "", now(), now() + end};
    keeper_->remember(history_);
    before = runs().size();
    if (end > 1s) {
      history_.suppression.reset();
      keeper_->remember(history_);
    }
    EXPECT_TRUE(run_until([&] { return runs().size() > before + 1; }));
  }
  history_.outage = vm::Outage{vm::OutageKind::pause, "alice", now(), std::nullopt, false};
  keeper_->remember(history_);
  run_until([] { return false; }, 20ms);
  history_.outage.reset();
  keeper_->remember(history_);
  before = runs().size();
  EXPECT_TRUE(run_until([&] { return runs().size() > before; }));
}

TEST_F(GuestTest, AHookThatCannotBeRunIsToldOnce) {
  auto properties = checked_by("exit 0");
  properties["kicker_vmsvccheck_method"] = "/nonexistent/check";
  configure(properties);
  start_running();
  EXPECT_TRUE(logged("/nonexistent/check"));
  run_until([] { return false; }, 1200ms);
  EXPECT_EQ(count_logged("/nonexistent/check"), 1);
}

TEST_F(GuestTest, T87_the_start_ends_when_the_hook_says_so) {
  auto properties = checked_by("test -e " + folder_ + "/ready");
  properties["start_wait_policy"] = "hook_strict";
  configure(properties);
  method("start");
  expect("step");
  tell("launched");
  driver_.become(vm::VmState::running, 4711);
  ASSERT_TRUE(run_until([this] { return !runs().empty(); }));
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "step"; }));
  std::ofstream(folder_ + "/ready") << "yes";
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::running);
}

TEST_F(GuestTest, T87_a_strict_start_whose_guest_never_comes_is_95_and_the_vm_is_stopped) {
  auto properties = checked_by("exit 1");
  properties["start_wait_policy"] = "hook_strict";
  configure(properties);
  const Instant began = now();
  const auto done = launched(6500);
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_GE(now() - began, Instant(1400ms));  // five seconds before the limit
  EXPECT_TRUE(run_until([this] { return driver_.state == vm::VmState::saved; }));
}

TEST_F(GuestTest, T87_a_lax_start_whose_guest_never_comes_is_0) {
  auto properties = checked_by("exit 1");
  properties["start_wait_policy"] = "hook_lax";
  configure(properties);
  EXPECT_EQ(control::int_member(launched(6500), "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::running);
  EXPECT_FALSE(runs().empty());
}

TEST_F(GuestTest, T88_a_hook_policy_without_a_hook_sleeps_and_succeeds) {
  configure({{"start_wait_policy", "hook_strict"}});
  const Instant began = now();
  EXPECT_EQ(control::int_member(launched(6500), "code", -1), 0);
  EXPECT_GE(now() - began, Instant(1400ms));
}

TEST_F(GuestTest, T88_no_policy_no_wait) {
  configure({{"start_wait_policy", "off"}});
  const Instant began = now();
  EXPECT_EQ(control::int_member(launched(), "code", -1), 0);
  EXPECT_LT(now() - began, Instant(5s));
}

TEST_F(GuestTest, TheStartWaitsForTheGuestProperty) {
  configure({{"start_wait_policy", "guest_strict"},
             {"ready_guest_property", "/vmkeep/ready"},
             {"ready_guest_value", "yes"}});
  method("start");
  expect("step");
  tell("launched");
  driver_.become(vm::VmState::running, 4711);
  driver_.properties["/vmkeep/ready"] = "no";
  ASSERT_TRUE(run_until([this] {
    return std::count(driver_.calls.begin(), driver_.calls.end(), "property /vmkeep/ready") >= 1;
  }));
  driver_.properties["/vmkeep/ready"] = "yes";
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
}

TEST_F(GuestTest, AVmThatDiesWhileItsGuestIsAwaitedIsAFatalStart) {
  auto properties = checked_by("exit 1");
  properties["start_wait_policy"] = "hook_lax";
  configure(properties);
  method("start");
  expect("step");
  tell("launched");
  driver_.become(vm::VmState::running, 4711);
  ASSERT_TRUE(run_until([this] { return !runs().empty(); }));
  tell("died", "died on signal KILL (9)");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_NE(text_of(done, "text").find("KILL"), std::string::npos);
}

TEST_F(GuestTest, T77_in_maintenance_nobody_asks_the_guest_until_it_is_started_again) {
  configure(checked_by("exit 3"));
  start_running();
  expect("report");
  EXPECT_EQ(ask().kind, vm::VerdictKind::maintenance);
  const auto before = runs().size();
  // Two periods and more.
  EXPECT_FALSE(run_until([&] { return runs().size() > before; }, Instant(2500)));
  start_running();
  EXPECT_TRUE(run_until([&] { return runs().size() > before; }));
}

// What was heard of the guest before its VM died is nothing that the next one has told.

// An administrator's word or a failed method takes an instance down without a question to the guard.
TEST_F(GuestTest, T77_of_an_instance_that_is_not_up_nobody_asks_the_guest) {
  configure(checked_by("exit 0"));
  start_running();
  ASSERT_TRUE(run_until([this] { return !runs().empty(); }));
  auto question = message("ask", kFmri);
  question["question"] = ++question_;
  question["cause"] = "look";
  keeper_->deliver(std::move(question));
  keeper_->rest();  // while that is being answered
  EXPECT_EQ(verdict_from(expect("verdict"))->kind, vm::VerdictKind::leave_online);
  EXPECT_FALSE(keeper_->watched());
  const auto before = runs().size();
  EXPECT_FALSE(run_until([&] { return runs().size() > before + 1; }, Instant(2500)));  // one was under way
  start_running();
  EXPECT_TRUE(run_until([&] { return runs().size() > before + 1; }));
}

}  // namespace
}  // namespace vmkeep::guard
