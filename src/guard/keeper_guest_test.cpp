// Checks of the guest, its heartbeat, starts that wait for it, and what is collected when a VM comes to harm:
// a keeper with real hooks (scripts) and a hypervisor that plays what the test tells it to.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/reaper.h"
#include "guard/keeper_fixture.h"

namespace vmkeep::guard {
namespace {

class GuestTest : public KeeperTest {
 protected:
  void SetUp() override {
    KeeperTest::SetUp();
    keeper_->stop();
    std::string pattern = ::testing::TempDir() + "/guest-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    keeper_ = std::make_shared<Keeper>(executor_, driver_, *theirs_, kFmri, Pace{}, &hooks_);
    start(executor_, Keeper::run(keeper_));
  }

  void TearDown() override {
    keeper_->stop();
    hooks_.end_all();
    KeeperTest::TearDown();
    run_until([this] { return !running(); });
    std::filesystem::remove_all(folder_);
  }

  // A hook; each run adds its arguments to the file `runs`.
  std::string script(const std::string& body) {
    const std::string path = folder_ + "/check";
    std::ofstream(path) << "#!/bin/sh\necho \"$*\" >> " << folder_ << "/runs\n" << body << "\n";
    ::chmod(path.c_str(), 0700);
    return path;
  }
  std::vector<std::string> runs() const { return lines_of(folder_ + "/runs"); }
  static std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  // Whether a process that a hook wrote down runs still; one that nobody has reaped does not.
  bool running() const {
    for (const auto& pid : lines_of(folder_ + "/pid")) {
      const auto stat = lines_of("/proc/" + pid + "/stat");
      if (!stat.empty() && stat[0].find(") Z ") == std::string::npos) return true;
    }
    return false;
  }
  // A line of the instance's log that has this in it.
  bool logged(const std::string& text) {
    return run_until([this, &text] { return count_logged(text) > 0; });
  }
  int64_t count_logged(const std::string& text) const {
    return std::count_if(received_.begin(), received_.end(), [&text](const auto& message) {
      return text_of(message, "kind") == "log" && text_of(message, "text").find(text) != std::string::npos;
    });
  }

  bool run_until(const std::function<bool()>& condition, Instant limit = 5s) {
    const Instant deadline = now() + limit;
    while (!condition()) {
      if (now() > deadline) return false;
      loop_.restart();
      loop_.run_for(5ms);
    }
    return true;
  }

  std::map<std::string, std::string> checked_by(const std::string& body) {
    return {{"kicker_vmsvccheck_enabled", "true"},
            {"kicker_vmsvccheck_method", script(body)},
            {"kicker_vmsvccheck_method_params", "one two"},
            {"kicker_vmsvccheck_startdelay", "0"},
            {"kicker_freq", "1"}};
  }

  void start_running() {
    driver_.become(vm::VmState::running, 4711);
    method("start");
    expect("adopt");
    tell("adopted");
    EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  }

  json::object launched(int64_t budget_ms = 20000) {
    method("start", budget_ms);
    expect("step");
    tell("launched");
    driver_.become(vm::VmState::running, 4711);
    return expect("step");
  }

  // As vmkeepd does at a report: it asks, and keeps the answer's history.
  vm::Verdict ask() {
    auto question = message("ask", kFmri);
    question["question"] = ++question_;
    question["cause"] = "report";
    question["history"] = to_json(history_);
    keeper_->deliver(question);
    const auto answer = expect("verdict");
    history_ = history_from(answer.at("history").get_object());
    return *verdict_from(answer);
  }

  Reaper reaper_{executor_};
  HookRunner hooks_{reaper_, {"PATH=/usr/bin:/bin", "HOME=/nonexistent"}, ""};
  std::string folder_;
  vm::History history_;
  int64_t question_ = 0;
};

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
