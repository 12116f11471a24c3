// What operators do, as the monitor sees it: the rows of outage.cpp, and what stands over or under them.
#include <gtest/gtest.h>

#include <chrono>

#include "vm/explain.h"
#include "vm/policy.h"

namespace vmkeep::vm {
namespace {

using namespace std::chrono_literals;
using V = VerdictKind;

constexpr Instant kNow = 5'000s;

Observation down(VmState state) {
  return {state, Witness::absent, ""};
}
Observation up(VmState state) {
  return {state, Witness::present, ""};
}

History after(OutageKind kind, std::optional<Instant> until = {}, bool seen = false) {
  History history;
  history.outage = Outage{kind, "alice", kNow - 10s, until, seen};
  return history;
}

VmConfig eager() {
  VmConfig config;
  config.restart_aborted_vm = config.restart_halted_vm = config.restart_saved_vm = true;
  return config;
}

Judgement ask(const History& history, const Observation& observed, const VmConfig& config = eager(),
              Cause cause = Cause::contract_empty) {
  return judge(config, history, observed, cause, kNow);
}

TEST(Operator, T61_what_was_saved_stays_saved_and_is_told) {
  const Judgement j = ask(after(OutageKind::save), down(VmState::saved));
  EXPECT_EQ(j.verdict.kind, V::leave_online);
  EXPECT_EQ(j.verdict.why, "the VM is saved, by alice");
  EXPECT_TRUE(j.history.outage);
}

// VirtualBox says so of a VM whose process is killed between the end of the save and its own.
TEST(Operator, T61_what_was_saved_stays_saved_where_its_process_died_after_that) {
  const Judgement j = ask(after(OutageKind::save), down(VmState::aborted_saved));
  EXPECT_EQ(j.verdict.kind, V::leave_online);
  EXPECT_TRUE(j.history.aborts.empty());
  EXPECT_TRUE(j.history.outage);
}

TEST(Operator, T61_a_verb_that_was_cut_off_leaves_nothing_behind) {
  // It was to be saved, and runs: what comes later is no operator's doing.
  const Judgement running = ask(after(OutageKind::save), up(VmState::running), eager(), Cause::look);
  EXPECT_EQ(running.verdict.kind, V::leave_online);
  EXPECT_FALSE(running.history.outage);
  EXPECT_EQ(ask(running.history, down(VmState::aborted)).verdict.kind, V::restart);
  // It died while it was saved: that is an abort.
  const Judgement died = ask(after(OutageKind::save), down(VmState::aborted));
  EXPECT_EQ(died.verdict.kind, V::restart);
  EXPECT_EQ(died.history.aborts.size(), 1U);
}

TEST(Operator, T57_what_was_switched_off_or_killed_stays_off) {
  for (const VmState state : {VmState::poweroff, VmState::aborted, VmState::saved, VmState::aborted_saved}) {
    EXPECT_EQ(ask(after(OutageKind::poweroff), down(state)).verdict.kind, V::leave_online)
        << to_string(state);
  }
}

TEST(Operator, T58_a_reboot_ends_in_a_start_and_counts_as_no_abort) {
  for (const VmState state : {VmState::poweroff, VmState::aborted}) {
    const Judgement j = ask(after(OutageKind::reboot), down(state), VmConfig{});
    EXPECT_EQ(j.verdict.kind, V::restart);
    EXPECT_TRUE(j.history.aborts.empty());
    // Whoever looks before the VM runs again asks for the same.
    EXPECT_EQ(ask(j.history, down(state), VmConfig{}).verdict.kind, V::restart);
  }
}

TEST(Operator, AnOperatorsPauseIsNotUndone) {
  VmConfig config;
  config.ignore_paused_vm = false;
  config.restart_paused_vm = true;
  for (const OutageKind kind : {OutageKind::pause, OutageKind::snapshot}) {
    const Judgement j = ask(after(kind), up(VmState::paused), config, Cause::report);
    EXPECT_EQ(j.verdict.kind, V::leave_online);
    EXPECT_FALSE(j.verdict.resume);
  }
}

TEST(Operator, NothingIsConcludedBeforeTheWitnessesAgree) {
  const Judgement j = ask(after(OutageKind::save), {VmState::running, Witness::unsure, ""});
  EXPECT_EQ(j.verdict.kind, V::ask_again);
  EXPECT_TRUE(j.history.outage);
}

TEST(Monitor, T69_a_saved_vm_is_started_once_if_that_was_asked_for) {
  for (const KickerRestart restart : {KickerRestart::by_state, KickerRestart::none}) {
    VmConfig config;
    config.kicker_restart = restart;
    History history;
    history.restart_saved_once = true;
    const Judgement j = ask(history, down(VmState::saved), config);
    EXPECT_EQ(j.verdict.kind, V::restart);
    EXPECT_FALSE(j.history.restart_saved_once);
    // Off, it is not what the request waits for.
    EXPECT_NE(ask(history, down(VmState::poweroff), VmConfig{}).verdict.kind, V::restart);
  }
}

TEST(Window, T90_the_monitor_waits_for_a_window_that_needs_its_time) {
  History history = after(OutageKind::gui, kNow + 3600s);
  history.restart_saved_once = true;
  for (int i = 0; i < 30; ++i) {
    const Judgement j = judge(eager(), history, down(VmState::saved), Cause::report, kNow + i * 1s);
    EXPECT_EQ(j.verdict.kind, V::leave_online);
    history = j.history;
  }
  const Judgement j = judge(eager(), history, up(VmState::running), Cause::report, kNow + 31s);
  EXPECT_EQ(j.verdict.kind, V::leave_online);
  EXPECT_TRUE(j.history.outage->seen);
}

TEST(Window, T93_saved_in_the_window_it_runs_headless_again) {
  History history = after(OutageKind::gui, kNow + 3600s, true);
  history.restart_saved_once = true;
  VmConfig config;  // which by itself would leave it saved
  config.start_saved_vm = false;
  const Judgement j = ask(history, down(VmState::saved), config, Cause::report);
  EXPECT_EQ(j.verdict.kind, V::restart);
  EXPECT_FALSE(j.history.restart_saved_once);
  config.restart_saved_vm_once = false;
  EXPECT_EQ(ask(history, down(VmState::saved), config, Cause::report).verdict.kind, V::leave_online);
}

TEST(Window, T93_powered_off_in_the_window_it_stays_off) {
  History history = after(OutageKind::gui, kNow + 3600s, true);
  history.restart_saved_once = true;
  const Judgement j = ask(history, down(VmState::poweroff), eager(), Cause::report);
  EXPECT_EQ(j.verdict.kind, V::leave_online);
  EXPECT_FALSE(j.history.restart_saved_once);
  EXPECT_EQ(ask(j.history, down(VmState::poweroff)).verdict.kind, V::leave_online);
}

TEST(Window, T90_it_is_awaited_until_it_was_seen_or_its_lease_is_over) {
  EXPECT_TRUE(awaits_window(after(OutageKind::gui, kNow + 1s).outage, kNow));
  EXPECT_FALSE(awaits_window(after(OutageKind::gui, kNow).outage, kNow));
  EXPECT_FALSE(awaits_window(after(OutageKind::gui, kNow + 1s, true).outage, kNow));
  EXPECT_FALSE(awaits_window(after(OutageKind::save).outage, kNow));
  EXPECT_FALSE(awaits_window(std::nullopt, kNow));
}

TEST(Window, ALeaseThatIsOverGivesTheVmBack) {
  History history = after(OutageKind::gui, kNow);  // nobody ever opened it
  history.restart_saved_once = true;
  EXPECT_EQ(ask(history, down(VmState::saved), VmConfig{}, Cause::report).verdict.kind, V::restart);
}

TEST(Monitor, T78_suppressed_nothing_is_done_and_everything_is_told) {
  History history;
  history.suppression = Suppression{"alice", "disk is being moved", kNow - 10s, kNow + 10s};
  VmConfig config = eager();
  config.ignore_paused_vm = false;
  config.restart_paused_vm = true;
  for (const Observation& observed :
       {down(VmState::aborted), down(VmState::poweroff), down(VmState::saved), down(VmState::missing),
        up(VmState::paused), Observation{VmState::unknown, Witness::present, "VMState is \"x\""},
        no_answer("hangs")}) {
    const Judgement j = ask(history, observed, config, Cause::report);
    EXPECT_EQ(j.verdict.kind, V::leave_online) << to_string(observed.state);
    EXPECT_FALSE(j.verdict.resume);
    EXPECT_TRUE(j.history.aborts.empty());
    EXPECT_NE(j.verdict.why.find("alice has it (disk is being moved)"), std::string::npos) << j.verdict.why;
  }
  // A lease ends by itself.
  const Judgement later = judge(config, history, down(VmState::aborted), Cause::report, kNow + 10s);
  EXPECT_EQ(later.verdict.kind, V::restart);
  EXPECT_FALSE(later.history.suppression);
}

TEST(Monitor, T76_silence_changes_no_service_and_shows) {
  VmConfig config;  // offline at the first unknown word
  History history;
  for (int i = 0; i < 20; ++i) {
    const Judgement j = judge(config, history, no_answer("VBoxManage hangs"), Cause::report, kNow + i * 30s);
    EXPECT_EQ(j.verdict.kind, V::degraded);
    EXPECT_EQ(j.verdict.reason, graph::Reason::hypervisor_silent);
    EXPECT_EQ(j.history.unknown_in_a_row, 0);
    history = j.history;
  }
  EXPECT_EQ(judge(config, history, up(VmState::running), Cause::report, kNow + 600s).verdict.kind,
            V::leave_online);
}

TEST(Monitor, T36_an_interactive_vm_that_is_off_is_as_it_should_be) {
  VmConfig config;
  config.is_interactive = true;
  config.start_halted_vm = config.start_saved_vm = false;
  for (const VmState state : {VmState::poweroff, VmState::saved, VmState::aborted}) {
    History history;
    for (int minute = 0; minute <= 30; ++minute) {
      const Judgement j = judge(config, history, down(state), Cause::look, kNow + minute * 60s);
      EXPECT_EQ(j.verdict.kind, V::leave_online) << to_string(state);
      history = j.history;
    }
  }
  // One that dies while its user works with it is a fault like any other (T67).
  EXPECT_EQ(ask({}, down(VmState::aborted), config, Cause::contract_empty).verdict.kind, V::maintenance);
}

TEST(Merge, WhatTheOperatorChangedMeanwhileStays) {
  History sent;
  sent.aborts = {1s};
  History answered = sent;
  answered.aborts = {1s, 2s};
  answered.unknown_in_a_row = 1;
  History current = sent;
  current.outage = Outage{OutageKind::save, "alice", 3s, std::nullopt, false};
  const History result = merged(current, sent, answered);
  EXPECT_EQ(result.aborts, answered.aborts);
  EXPECT_EQ(result.unknown_in_a_row, 1);
  EXPECT_EQ(result.outage, current.outage);
  // And what judge() ended is ended, where nobody touched it.
  History ended = current;
  ended.outage.reset();
  EXPECT_FALSE(merged(current, current, ended).outage);
}

// ---- in words
// ---------------------------------------------------------------------------------------------------

ConfigReading reading(const std::map<std::string, std::string>& own,
                      const std::map<std::string, std::string>& service) {
  repository::Levels levels;
  for (auto [from, to] : {std::pair(&own, &levels.own), {&service, &levels.service}}) {
    auto group = std::make_shared<repository::PropertyGroup>();
    group->name = "vm";
    for (const auto& [name, value] : *from) {
      group->properties[name] = {repository::ValueType::astring, {value}};
    }
    (*to)["vm"] = group;
  }
  return read_config(levels, "vm1");
}

TEST(Explain, SaysWhatStartWouldDoAndWhoseValueDecides) {
  const auto words = explain(reading({}, {{"start_saved_vm", "true"}}), down(VmState::saved), {},
                             graph::State::disabled, kNow);
  EXPECT_EQ(words.start, "it is saved; start_saved_vm is true (from the service); so start would restore it");
  EXPECT_EQ(words.stop, "it is saved already; so stop would do nothing");
  EXPECT_EQ(words.next, "nothing: its instance is disabled");
  const auto ill = explain(reading({}, {}), down(VmState::poweroff), {}, graph::State::maintenance, kNow);
  EXPECT_EQ(ill.stop, "it is powered off already; so stop would do nothing");
  EXPECT_EQ(ill.next, "nothing: its instance is in maintenance");
}

TEST(Explain, SaysWhatWouldHappenByItself) {
  const auto config = reading({{"restart_halted_vm", "true"}}, {{"stop_method", "poweroff-graceful"}});
  const auto off = explain(config, down(VmState::poweroff), {}, graph::State::online, kNow);
  EXPECT_EQ(off.next,
            "it is powered off; restart_halted_vm is true (from the instance); restarting it; so it would be "
            "started");
  const auto running = explain(config, up(VmState::running), {}, graph::State::online, kNow);
  EXPECT_EQ(running.next,
            "nothing while it runs; should it die, then: it is aborted; restart_aborted_vm is not true (by "
            "default)");
  EXPECT_EQ(
      running.stop,
      "it is running; stop_method is poweroff-graceful (from the service); so stop would press its power "
      "button, and pull the plug if that does not help");
  EXPECT_EQ(running.start, "it runs already; so start would take it over as it is");
}

TEST(Explain, EveryStateHasItsSentences) {
  const auto config = reading({}, {});
  for (int s = 0; s <= static_cast<int>(VmState::inaccessible); ++s) {
    for (const Witness process : {Witness::present, Witness::absent, Witness::unsure}) {
      const auto words =
          explain(config, {static_cast<VmState>(s), process, ""}, {}, graph::State::online, kNow);
      EXPECT_NE(words.start.find("start would"), std::string::npos) << words.start;
      EXPECT_NE(words.stop.find("stop would"), std::string::npos) << words.stop;
      EXPECT_FALSE(words.next.empty());
    }
  }
}

}  // namespace
}  // namespace vmkeep::vm
