#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>

#include "vm/policy.h"

namespace vmkeep::vm {

std::ostream& operator<<(std::ostream& out, VerdictKind kind) {
  constexpr const char* kWords[] = {"restart",  "leave_online", "offline",
                                    "degraded", "maintenance",  "ask_again"};
  return out << kWords[static_cast<int>(kind)];
}

namespace {

using namespace std::chrono_literals;
using V = VerdictKind;
using R = graph::Reason;

Observation down(VmState state) {
  return {state, Witness::absent, ""};
}
Observation up(VmState state) {
  return {state, Witness::present, ""};
}

// As the shipped manifest has it at the service.
VmConfig manifest() {
  VmConfig config;
  config.start_aborted_vm = config.start_paused_vm = true;
  config.restart_aborted_vm = true;
  config.offline_unknown_state_maxcount = 3;
  config.restart_aborted_vm_failures_maxcount = 3;
  config.restart_aborted_vm_failures_timeframe = 1200s;
  return config;
}

Verdict ask(const VmConfig& config, const Observation& observed, Cause cause = Cause::report) {
  return judge(config, {}, observed, cause, 5'000s).verdict;
}

void expect(const Verdict& verdict, V kind, R reason) {
  EXPECT_EQ(verdict.kind, kind) << verdict.why;
  EXPECT_EQ(static_cast<int>(verdict.reason), static_cast<int>(reason)) << verdict.why;
  EXPECT_FALSE(verdict.why.empty());
}

TEST(Monitor, T75_running_and_passing_states_change_nothing) {
  for (const VmState state : {VmState::running, VmState::starting, VmState::stopping, VmState::saving,
                              VmState::restoring, VmState::onlinesnapshotting, VmState::livesnapshotting,
                              VmState::deletingsnapshotlive, VmState::teleporting}) {
    expect(ask(VmConfig{}, up(state)), V::leave_online, R::none);
    expect(ask(VmConfig{}, up(state), Cause::contract_empty), V::leave_online, R::none);
  }
  for (const VmState state : {VmState::snapshotting, VmState::restoringsnapshot, VmState::deletingsnapshot}) {
    expect(ask(VmConfig{}, down(state)), V::leave_online, R::none);
    expect(ask(VmConfig{}, down(state), Cause::contract_empty), V::ask_again, R::vm_unknown);
  }
}

TEST(Judge, AnEmptyContractIsBelievedBeforeAnUnseenProcess) {
  for (const VmState state : {VmState::running, VmState::paused, VmState::gurumeditation, VmState::saving}) {
    expect(ask(manifest(), {state, Witness::unsure, ""}, Cause::contract_empty), V::ask_again, R::vm_unknown);
  }
}

TEST(Monitor, T63_T67_an_abort_is_restarted_or_ends_in_maintenance) {
  for (const VmState state : {VmState::aborted, VmState::aborted_saved}) {
    expect(ask(manifest(), down(state)), V::restart, R::vm_aborted);
    VmConfig config;
    expect(ask(config, down(state)), V::maintenance, R::vm_aborted);
  }
}

TEST(Monitor, T68_T69_halted_and_saved_follow_their_two_properties) {
  struct {
    VmState state;
    bool VmConfig::*restart;
    bool VmConfig::*start;
    R reason;
  } const rows[] = {
      {VmState::poweroff, &VmConfig::restart_halted_vm, &VmConfig::start_halted_vm, R::vm_halted},
      {VmState::saved, &VmConfig::restart_saved_vm, &VmConfig::start_saved_vm, R::vm_saved},
  };
  for (const auto& row : rows) {
    for (const Cause cause : {Cause::contract_empty, Cause::report, Cause::look}) {
      VmConfig config;
      config.*row.restart = true;
      expect(ask(config, down(row.state), cause), V::restart, row.reason);
      config.*row.restart = false;
      config.*row.start = true;
      expect(ask(config, down(row.state), cause), V::offline, row.reason);
      config.*row.start = false;
      expect(ask(config, down(row.state), cause), V::leave_online, row.reason);
    }
  }
}

TEST(Monitor, T70_paused_is_ignored_resumed_or_offline) {
  VmConfig config;
  expect(ask(config, up(VmState::paused)), V::leave_online, R::vm_paused);
  EXPECT_FALSE(ask(config, up(VmState::paused)).resume);
  config.ignore_paused_vm = false;
  expect(ask(config, up(VmState::paused)), V::offline, R::vm_paused);
  config.restart_paused_vm = true;
  expect(ask(config, up(VmState::paused)), V::leave_online, R::vm_paused);
  EXPECT_TRUE(ask(config, up(VmState::paused)).resume);
}

TEST(Monitor, T71_stuck_is_restarted_offline_or_left) {
  for (const VmState state : {VmState::gurumeditation, VmState::unknown}) {
    VmConfig config;
    expect(ask(config, up(state)), V::leave_online, R::vm_stuck);
    config.start_stuck_vm = true;
    expect(ask(config, up(state)), V::offline, R::vm_stuck);
    config.restart_stuck_vm = true;
    expect(ask(config, up(state)), V::restart, R::vm_stuck);
  }
}

TEST(Judge, MissingInaccessibleTeleported) {
  expect(ask(manifest(), down(VmState::missing)), V::maintenance, R::vm_missing);
  expect(ask(manifest(), down(VmState::inaccessible)), V::maintenance, R::vm_missing);
  expect(ask(manifest(), down(VmState::teleported)), V::offline, R::vm_halted);
}

TEST(Monitor, T72_offline_is_maint_makes_every_offline_maintenance) {
  VmConfig config;
  config.offline_is_maint = true;
  expect(ask(config, down(VmState::poweroff)), V::maintenance, R::vm_halted);
  expect(ask(config, down(VmState::saved)), V::maintenance, R::vm_saved);
  config.ignore_paused_vm = false;
  expect(ask(config, up(VmState::paused)), V::maintenance, R::vm_paused);
  expect(ask(config, {VmState::unknown, Witness::absent, "x"}), V::maintenance, R::vm_unknown);
  expect(ask(config, up(VmState::running)), V::leave_online, R::none);
}

TEST(Monitor, T73_kicker_restart_none_reacts_to_aborts_only) {
  VmConfig config = manifest();
  config.restart_halted_vm = config.restart_saved_vm = config.restart_paused_vm = true;
  config.restart_stuck_vm = true;
  config.ignore_paused_vm = false;
  config.kicker_restart = KickerRestart::none;
  expect(ask(config, down(VmState::poweroff)), V::leave_online, R::vm_halted);
  expect(ask(config, down(VmState::saved)), V::leave_online, R::vm_saved);
  expect(ask(config, up(VmState::paused)), V::leave_online, R::vm_paused);
  EXPECT_FALSE(ask(config, up(VmState::paused)).resume);
  expect(ask(config, up(VmState::gurumeditation)), V::leave_online, R::vm_stuck);
  expect(ask(config, down(VmState::aborted)), V::maintenance, R::vm_aborted);
}

TEST(Monitor, T73_kicker_restart_all_brings_everything_back) {
  VmConfig config;
  config.kicker_restart = KickerRestart::all;
  expect(ask(config, down(VmState::poweroff)), V::restart, R::vm_halted);
  expect(ask(config, down(VmState::saved)), V::restart, R::vm_saved);
  expect(ask(config, down(VmState::aborted)), V::restart, R::vm_aborted);
  EXPECT_TRUE(ask(config, up(VmState::paused)).resume);
  expect(ask(config, up(VmState::gurumeditation)), V::restart, R::vm_stuck);
}

TEST(Monitor, T64_the_fourth_abort_in_the_window_is_too_many) {
  const VmConfig config = manifest();
  History history;
  const char* const why[] = {
      "the VM is aborted; restarting it", "the VM is aborted (2nd time in 1200 s); restarting it",
      "the VM is aborted (3rd time in 1200 s); restarting it", "4 aborts in 1200 s (limit 3)"};
  for (int i = 0; i < 4; ++i) {
    const Judgement j =
        judge(config, history, down(VmState::aborted), Cause::contract_empty, Instant(1'000s) + i * 60s);
    expect(j.verdict, i < 3 ? V::restart : V::maintenance, i < 3 ? R::vm_aborted : R::vm_aborted_too_often);
    EXPECT_EQ(j.verdict.why, why[i]);
    history = j.history;
  }
}

TEST(Monitor, T65_aborts_far_apart_are_forgiven) {
  const VmConfig config = manifest();
  History history;
  for (int i = 0; i < 50; ++i) {
    const Judgement j =
        judge(config, history, down(VmState::aborted), Cause::contract_empty, Instant(1'000s) + i * 401s);
    expect(j.verdict, V::restart, R::vm_aborted);
    history = j.history;
  }
}

TEST(Monitor, T65_without_a_window_nothing_limits_but_the_delay_grows) {
  for (const int unset : {0, -1}) {
    VmConfig config = manifest();
    config.restart_aborted_vm_failures_maxcount = unset;
    VmConfig other = manifest();
    other.restart_aborted_vm_failures_timeframe = std::chrono::seconds(unset);
    for (const VmConfig& c : {config, other}) {
      History history;
      for (int i = 0; i < 20; ++i) {
        const Judgement j = judge(c, history, down(VmState::aborted), Cause::contract_empty, Instant(i));
        expect(j.verdict, V::restart, R::vm_aborted);
        EXPECT_EQ(j.verdict.delay,
                  i == 0 ? 0s : std::min<Instant>(std::chrono::seconds(1 << std::min(i - 1, 6)), 60s))
            << i;
        history = j.history;
      }
      EXPECT_LE(history.aborts.size(), 8U);
      // Ten quiet minutes, and the next one is restarted at once again.
      EXPECT_EQ(judge(c, history, down(VmState::aborted), Cause::contract_empty, 11min).verdict.delay, 0s);
    }
  }
}

TEST(Monitor, T74_an_unknown_word_is_borne_so_many_times_in_a_row) {
  struct {
    int limit;
    int offline_at;  // 0: never
  } const rows[] = {{3, 4}, {0, 1}, {-1, 0}};
  for (const auto& row : rows) {
    VmConfig config;
    config.offline_unknown_state_maxcount = row.limit;
    History history;
    const Observation strange{VmState::unknown, Witness::present, "VMState is \"dancing\""};
    for (int i = 1; i <= 6; ++i) {
      const Judgement j = judge(config, history, strange, Cause::look, Instant(i));
      const bool offline = row.offline_at > 0 && i >= row.offline_at;
      expect(j.verdict, offline ? V::offline : V::leave_online, R::vm_unknown);
      history = j.history;
    }
    history = judge(config, history, up(VmState::running), Cause::look, Instant(7)).history;
    EXPECT_EQ(history.unknown_in_a_row, 0);
  }
}

TEST(Unknown, DisagreementIsNeverTakenForDown) {  // facts 6
  for (const Observation& observed : {up(VmState::poweroff), up(VmState::saved), up(VmState::aborted),
                                      up(VmState::missing), down(VmState::running)}) {
    VmConfig config;  // offline at the first unknown word
    config.kicker_restart = KickerRestart::all;
    History history;
    for (int i = 1; i <= 10; ++i) {
      const Judgement j = judge(config, history, observed, Cause::look, Instant(i));
      const bool lives = observed.process == Witness::present;
      expect(j.verdict, !lives && i <= 3 ? V::ask_again : V::degraded, R::vm_unknown);
      history = j.history;
    }
  }
}

// ---- invariants
// -------------------------------------------------------------------------------------------------

rc::Gen<bool> flag() {
  return rc::gen::arbitrary<bool>();
}

VmConfig any_config() {
  VmConfig c;
  for (bool VmConfig::*field :
       {&VmConfig::start_aborted_vm, &VmConfig::start_paused_vm, &VmConfig::start_halted_vm,
        &VmConfig::start_saved_vm, &VmConfig::start_stuck_vm, &VmConfig::restart_stuck_vm,
        &VmConfig::restart_aborted_vm, &VmConfig::restart_paused_vm, &VmConfig::restart_halted_vm,
        &VmConfig::restart_saved_vm, &VmConfig::ignore_paused_vm, &VmConfig::offline_is_maint}) {
    c.*field = *flag();
  }
  c.kicker_restart = static_cast<KickerRestart>(*rc::gen::inRange(0, 3));
  c.offline_unknown_state_maxcount = *rc::gen::inRange(-1, 5);
  c.restart_aborted_vm_failures_maxcount = *rc::gen::inRange(-1, 5);
  c.restart_aborted_vm_failures_timeframe = std::chrono::seconds(*rc::gen::inRange(-1, 100));
  return c;
}

Observation any_observation() {
  return {static_cast<VmState>(*rc::gen::inRange(0, static_cast<int>(VmState::inaccessible) + 1)),
          static_cast<Witness>(*rc::gen::inRange(0, 3)), *flag() ? "words" : ""};
}

Cause any_cause() {
  return static_cast<Cause>(*rc::gen::inRange(0, 3));
}

template <class F>
void property(const char* what, F&& f) {
  EXPECT_TRUE(rc::check(what, std::forward<F>(f)));
}

TEST(Invariant, NothingIsRestartedOnTopOfALiveProcess) {
  property("restart needs an absent process, or a stuck VM, which its start powers off first", [] {
    const Observation observed = any_observation();
    const Judgement j = judge(any_config(), {}, observed, any_cause(), Instant(1'000'000));
    if (j.verdict.kind == V::restart && !observed.stuck()) RC_ASSERT(observed.process == Witness::absent);
    if (j.verdict.resume) RC_ASSERT(observed.state == VmState::paused);
    RC_ASSERT(!j.verdict.why.empty());
  });
}

TEST(Invariant, HistoryStaysInsideItsWindow) {
  property("at most limit + 1 aborts, none older than the window, in order", [] {
    const VmConfig config = any_config();
    History history;
    Instant now{*rc::gen::inRange(0, 1'000'000)};
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      now += Instant(*rc::gen::inRange(0, 30'000));
      history = judge(config, history, any_observation(), any_cause(), now).history;
      const int limit = std::max(7, config.restart_aborted_vm_failures_maxcount);
      RC_ASSERT(history.aborts.size() <= static_cast<size_t>(limit) + 1);
      RC_ASSERT(std::is_sorted(history.aborts.begin(), history.aborts.end()));
      for (const Instant at : history.aborts) {
        RC_ASSERT(at <= now &&
                  now - at <= std::max<Instant>(config.restart_aborted_vm_failures_timeframe, 10min));
      }
    }
  });
}

TEST(Invariant, MoreAbortsNeverMakeItMilder) {
  property("restart with more history implies restart with less", [] {
    VmConfig config = any_config();
    const Instant now{1'000'000};
    History more;
    for (const int ago : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 200'000))) {
      more.aborts.push_back(now - Instant(ago));
    }
    std::sort(more.aborts.begin(), more.aborts.end());
    History less = more;
    if (!less.aborts.empty()) {
      const auto victim = *rc::gen::inRange(size_t{0}, less.aborts.size());
      less.aborts.erase(less.aborts.begin() + static_cast<ptrdiff_t>(victim));
    }
    const Observation observed = any_observation();
    const Cause cause = any_cause();
    if (judge(config, more, observed, cause, now).verdict.kind == V::restart) {
      RC_ASSERT(judge(config, less, observed, cause, now).verdict.kind == V::restart);
    }
  });
}

// Its VBoxSVC was killed: the VM's process crashes, and the next VBoxSVC says "poweroff" (facts 6, 20).
TEST(Monitor, AVmWhoseProcessCrashedIsAbortedWhateverTheHypervisorCallsIt) {
  Observation observed = down(VmState::poweroff);
  expect(ask(manifest(), observed, Cause::contract_empty), V::offline, R::vm_halted);
  observed.fell = "its process 42 died on signal TRAP (5)";
  const auto verdict = ask(manifest(), observed, Cause::contract_empty);
  expect(verdict, V::restart, R::vm_aborted);
  EXPECT_NE(verdict.why.find("died on signal TRAP (5)"), std::string::npos) << verdict.why;
  VmConfig config;
  expect(ask(config, observed, Cause::contract_empty), V::maintenance, R::vm_aborted);
}

}  // namespace
}  // namespace vmkeep::vm
