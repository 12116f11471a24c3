// The hook and the heartbeat in virtual time.
#include "vm/hook.h"

#include <gtest/gtest.h>

namespace vmkeep::vm {
namespace {

using namespace std::chrono_literals;

// As the shipped manifest has it at the service, with a hook.
VmConfig manifest() {
  VmConfig config;
  config.kicker_vmsvccheck_enabled = true;
  config.kicker_vmsvccheck_method = "/opt/check";
  config.kicker_vmsvccheck_failures_maxcount = 3;
  config.kicker_vmsvccheck_failures_timeframe = 1200s;
  return config;
}

GuestNews said(const VmConfig& config, int code) {
  GuestNews news;
  news.hook = HookNews{hook_meaning(config, code), code, false};
  return news;
}

// A VM whose monitor asks its hook in virtual time, as the guard does: due, run, judged; a reboot is over at
// once.
struct Machine {
  VmConfig config;
  History history;
  Instant now = 10'000s;
  std::optional<Instant> last;
  int reboots = 0;

  explicit Machine(VmConfig c) : config(std::move(c)) { history.started = now; }

  Verdict check(int code) {
    now = std::max(now, next_hook(config, history.started, last));
    last = now;
    const Observation observed{VmState::running, Witness::present, "", true, said(config, code)};
    auto judged = judge(config, history, observed, Cause::report, now);
    history = judged.history;
    if (judged.verdict.reboot) {
      EXPECT_TRUE(history.outage.has_value());
      EXPECT_EQ(history.outage->kind, OutageKind::reboot);
      history.outage.reset();
      history.started = now;
      ++reboots;
    }
    return judged.verdict;
  }
};

TEST(Hook, T21_codes_mean_what_the_lists_say) {
  auto config = manifest();
  config.kicker_vmsvccheck_exitcode_doreboot = {7, 8};
  EXPECT_EQ(hook_meaning(config, 7), HookMeaning::reboot);
  EXPECT_EQ(hook_meaning(config, 8), HookMeaning::reboot);
  config.kicker_vmsvccheck_exitcode_okay = {0, 8};
  EXPECT_EQ(hook_meaning(config, 8), HookMeaning::okay);  // the first list wins
}

TEST(Hook, T84_the_unmapped_code_keeps_its_meaning) {
  VmConfig config;
  for (auto* list :
       {&config.kicker_vmsvccheck_exitcode_okay, &config.kicker_vmsvccheck_exitcode_failonce,
        &config.kicker_vmsvccheck_exitcode_doreboot, &config.kicker_vmsvccheck_exitcode_maintenance}) {
    list->assign({99});
  }
  EXPECT_EQ(hook_meaning(config, 0), HookMeaning::okay);
  EXPECT_EQ(hook_meaning(config, 1), HookMeaning::failure);
  EXPECT_EQ(hook_meaning(config, 2), HookMeaning::reboot);
  EXPECT_EQ(hook_meaning(config, 3), HookMeaning::maintenance);
  for (const int code : {4, 126, 127, 128 + 15, 255}) {
    EXPECT_EQ(hook_meaning(config, code), HookMeaning::failure) << code;
  }
  EXPECT_EQ(hook_meaning(config, 99), HookMeaning::okay);
}

TEST(Hook, T83_no_run_before_the_start_delay_then_one_a_period) {
  auto config = manifest();
  config.kicker_vmsvccheck_startdelay = 60s;
  config.kicker_freq = 50s;
  EXPECT_EQ(next_hook(config, 1000s, std::nullopt), Instant(1060s));
  EXPECT_EQ(next_hook(config, 1000s, 1060s), Instant(1110s));
  EXPECT_EQ(next_hook(config, 1500s, 1490s), Instant(1560s));  // started again meanwhile
  EXPECT_EQ(next_hook(config, {}, std::nullopt), Instant{});   // nobody knows when: long ago
  config.kicker_vmsvccheck_startdelay = -1s;
  EXPECT_LE(next_hook(config, 1000s, std::nullopt), Instant(1000s));
}

TEST(Hook, T84_three_failures_are_tolerated_and_the_fourth_reboots_and_clears) {
  Machine vm(manifest());
  for (size_t i = 1; i <= 3; ++i) {
    const auto verdict = vm.check(1);
    EXPECT_EQ(verdict.kind, VerdictKind::leave_online);
    EXPECT_FALSE(verdict.reboot);
    EXPECT_EQ(vm.history.hook_failures.size(), i);
  }
  const auto fourth = vm.check(5);
  EXPECT_TRUE(fourth.reboot) << fourth.why;
  EXPECT_EQ(fourth.patience, Instant(300s));
  EXPECT_EQ(fourth.reason, graph::Reason::vm_check_failed);
  EXPECT_TRUE(vm.history.hook_failures.empty());
  EXPECT_EQ(vm.history.hook_reboots.size(), 1U);
}

TEST(Hook, T84_a_success_clears_the_failures) {
  Machine vm(manifest());
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(vm.check(1).reboot);
    EXPECT_FALSE(vm.check(0).reboot);
    EXPECT_TRUE(vm.history.hook_failures.empty());
  }
}

TEST(Hook, T84_failures_outside_the_window_do_not_count) {
  auto config = manifest();
  config.kicker_freq = 500s;  // four of them take 1500 s
  Machine vm(config);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(vm.check(1).reboot);
}

TEST(Hook, T84_code_2_reboots_at_once_and_code_3_is_maintenance) {
  Machine vm(manifest());
  EXPECT_TRUE(vm.check(2).reboot);
  const auto verdict = vm.check(3);
  EXPECT_EQ(verdict.kind, VerdictKind::maintenance);
  EXPECT_EQ(verdict.reason, graph::Reason::vm_check_failed);
}

TEST(Hook, T85_without_a_window_single_failures_lead_nowhere) {
  for (const auto& [count, frame] :
       {std::pair(0, 1200s), std::pair(3, 0s), std::pair(-1, 1200s), std::pair(3, -5s)}) {
    auto config = manifest();
    config.kicker_vmsvccheck_failures_maxcount = count;
    config.kicker_vmsvccheck_failures_timeframe = frame;
    Machine vm(config);
    for (int i = 0; i < 100; ++i) {
      const auto verdict = vm.check(1);
      EXPECT_EQ(verdict.kind, VerdictKind::leave_online);
      EXPECT_FALSE(verdict.reboot);
    }
    EXPECT_TRUE(vm.history.hook_failures.empty());
  }
}

TEST(Hook, T86_endless_failures_reboot_so_many_times_and_then_it_is_maintenance) {
  for (const Instant delay : {Instant(0s), Instant(300s), Instant(3600s)}) {
    for (const int code : {1, 2}) {
      auto config = manifest();
      config.kicker_vmsvccheck_startdelay = std::chrono::duration_cast<std::chrono::seconds>(delay);
      Machine vm(config);
      Verdict verdict;
      for (int i = 0; i < 100 && verdict.kind != VerdictKind::maintenance; ++i) verdict = vm.check(code);
      EXPECT_EQ(verdict.kind, VerdictKind::maintenance) << "code " << code << ", delay " << delay.count();
      EXPECT_EQ(vm.reboots, 3) << "code " << code << ", delay " << delay.count();
      EXPECT_NE(verdict.why.find("limit 3"), std::string::npos) << verdict.why;
    }
  }
}

TEST(Hook, T86_reboots_far_apart_are_forgotten_and_no_cap_is_no_cap) {
  auto config = manifest();
  Machine rare(config);
  for (int i = 0; i < 10; ++i) {
    rare.now += reboot_window(config);
    EXPECT_TRUE(rare.check(2).reboot);
  }
  config.kicker_vmsvccheck_reboots_maxcount = 0;
  Machine endless(config);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(endless.check(2).reboot);
}

TEST(Hook, T86_a_run_that_was_killed_counts_as_one_failure) {
  const auto config = manifest();
  History history;
  GuestNews news;
  news.hook = HookNews{HookMeaning::failure, 1, true};
  const auto verdict = judge_guest(config, news, history, 5000s);
  EXPECT_EQ(verdict.kind, VerdictKind::leave_online);
  EXPECT_EQ(history.hook_failures.size(), 1U);
  EXPECT_NE(verdict.why.find("longer than 60 s"), std::string::npos) << verdict.why;
}

TEST(Hook, NothingFollowsWhileAnOperatorHasTheVm) {
  const auto config = manifest();
  History history;
  history.suppression = Suppression{"alice", "", 4000s, 6000s};
  EXPECT_FALSE(judge_guest(config, said(config, 2), history, 5000s).reboot);
  EXPECT_TRUE(judge_guest(config, said(config, 2), history, 6001s).reboot);
}

GuestNews flat(Instant since, bool moves) {
  GuestNews news;
  news.heartbeat = HeartbeatNews{true, since, moves};
  return news;
}

TEST(Heartbeat, ALostOneIsDegradedAndItsReturnIsOnline) {
  VmConfig config;
  History history;
  const auto lost = judge_guest(config, flat(4000s, false), history, 9000s);
  EXPECT_EQ(lost.kind, VerdictKind::degraded);
  EXPECT_EQ(lost.reason, graph::Reason::vm_unresponsive);
  GuestNews back;
  back.heartbeat = HeartbeatNews{false, 9000s, false};
  EXPECT_EQ(judge_guest(config, back, history, 9001s).kind, VerdictKind::leave_online);
}

TEST(Heartbeat, RestartsAfterItsTimeUnlessSomethingMoves) {
  VmConfig config;
  config.heartbeat_restart_after = 120s;
  History history;
  EXPECT_FALSE(judge_guest(config, flat(4000s, false), history, 4119s).reboot);
  EXPECT_FALSE(judge_guest(config, flat(4000s, true), history, 4500s).reboot);
  const auto verdict = judge_guest(config, flat(4000s, false), history, 4120s);
  EXPECT_TRUE(verdict.reboot);
  EXPECT_EQ(verdict.patience, Instant(10s));
  EXPECT_EQ(verdict.kind, VerdictKind::leave_online);
  ASSERT_TRUE(history.outage.has_value());
}

TEST(Heartbeat, ItsRestartsAreCappedLikeTheHooks) {
  VmConfig config;
  config.heartbeat_restart_after = 60s;
  History history;
  int reboots = 0;
  Verdict verdict;
  for (Instant at = 10'000s; verdict.kind != VerdictKind::maintenance; at += 200s) {
    ASSERT_LT(reboots, 10);
    verdict = judge_guest(config, flat(at - 100s, false), history, at);
    history.outage.reset();
    if (verdict.reboot) ++reboots;
  }
  EXPECT_EQ(reboots, 3);
}

TEST(Heartbeat, AHookThatRebootsComesFirst) {
  auto config = manifest();
  GuestNews news = flat(4000s, false);
  news.hook = HookNews{HookMeaning::reboot, 2, false};
  History history;
  const auto verdict = judge_guest(config, news, history, 4001s);
  EXPECT_EQ(verdict.reason, graph::Reason::vm_check_failed);
  EXPECT_TRUE(verdict.reboot);
}

TEST(Dossier, WhatDeservesOne) {
  using graph::Reason;
  EXPECT_TRUE(deserves_dossier({VerdictKind::restart, Reason::vm_aborted, ""}));
  EXPECT_TRUE(deserves_dossier({VerdictKind::maintenance, Reason::vm_aborted_too_often, ""}));
  EXPECT_TRUE(deserves_dossier({VerdictKind::leave_online, Reason::vm_stuck, ""}));
  EXPECT_TRUE(deserves_dossier({VerdictKind::degraded, Reason::hypervisor_silent, ""}));
  EXPECT_FALSE(deserves_dossier({VerdictKind::leave_online, Reason::vm_check_failed, ""}));
  EXPECT_FALSE(deserves_dossier({VerdictKind::restart, Reason::vm_halted, ""}));
  EXPECT_FALSE(deserves_dossier({VerdictKind::leave_online, Reason::none, ""}));
}

}  // namespace
}  // namespace vmkeep::vm
