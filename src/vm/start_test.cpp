#include <gtest/gtest.h>

#include <algorithm>

#include "vm/policy.h"

namespace vmkeep::vm {

std::ostream& operator<<(std::ostream& out, StartAction action) {
  constexpr const char* kWords[] = {
      "launch", "adopt", "save_then_launch", "resume",        "poweroff_then_launch",
      "wait",   "leave", "refuse",           "misconfigured", "retry"};
  return out << kWords[static_cast<int>(action)];
}

namespace {

// As the shipped manifest has it at the service.
VmConfig manifest() {
  VmConfig config;
  config.start_aborted_vm = true;
  config.start_paused_vm = true;
  return config;
}

VmConfig none() {
  VmConfig config;
  config.start_halted_vm = config.start_saved_vm = false;
  return config;
}

VmConfig interactive() {
  VmConfig config = none();
  config.is_interactive = true;
  return config;
}

VmConfig all() {
  VmConfig config = manifest();
  config.start_stuck_vm = true;
  return config;
}

struct Row {
  VmState state;
  Witness process;
  StartAction everything, manifest, nothing, interactive, commanded;
};

using A = StartAction;
constexpr auto kUp = Witness::present;
constexpr auto kGone = Witness::absent;

// 3.2, with its corrections.
const Row kRows[] = {
    {VmState::running, kUp, A::adopt, A::adopt, A::adopt, A::adopt, A::adopt},
    {VmState::running, Witness::unsure, A::adopt, A::adopt, A::adopt, A::adopt, A::adopt},
    {VmState::starting, kUp, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::restoring, kUp, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::saving, kUp, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::stopping, kUp, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::onlinesnapshotting, kUp, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::deletingsnapshot, kGone, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::settingup, kGone, A::wait, A::wait, A::wait, A::wait, A::wait},
    {VmState::paused, kUp, A::resume, A::resume, A::refuse, A::adopt, A::resume},
    {VmState::poweroff, kGone, A::launch, A::launch, A::leave, A::leave, A::launch},
    {VmState::saved, kGone, A::launch, A::launch, A::leave, A::leave, A::launch},
    {VmState::aborted, kGone, A::launch, A::launch, A::refuse, A::leave, A::launch},
    {VmState::aborted_saved, kGone, A::launch, A::launch, A::refuse, A::leave, A::launch},
    {VmState::gurumeditation, kUp, A::poweroff_then_launch, A::leave, A::leave, A::leave,
     A::poweroff_then_launch},
    {VmState::unknown, kUp, A::poweroff_then_launch, A::leave, A::leave, A::leave, A::poweroff_then_launch},
    {VmState::teleported, kGone, A::refuse, A::refuse, A::refuse, A::refuse, A::refuse},
    {VmState::missing, kGone, A::misconfigured, A::misconfigured, A::misconfigured, A::misconfigured,
     A::misconfigured},
    {VmState::inaccessible, kGone, A::retry, A::retry, A::retry, A::retry, A::retry},
    {VmState::unknown, kGone, A::retry, A::retry, A::retry, A::retry, A::retry},
    {VmState::poweroff, kUp, A::retry, A::retry, A::retry, A::retry, A::retry},
    {VmState::saved, kUp, A::retry, A::retry, A::retry, A::retry, A::retry},
    {VmState::aborted, Witness::unsure, A::retry, A::retry, A::retry, A::retry, A::retry},
    {VmState::running, kGone, A::retry, A::retry, A::retry, A::retry, A::retry},
};

TEST(StartPlan, FollowsTheTable) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(to_string(row.state)) + ", process " + std::string(to_string(row.process)));
    const Observation observed{row.state, row.process, ""};
    EXPECT_EQ(start_plan(all(), observed, false).action, row.everything);
    EXPECT_EQ(start_plan(manifest(), observed, false).action, row.manifest);
    EXPECT_EQ(start_plan(none(), observed, false).action, row.nothing);
    EXPECT_EQ(start_plan(interactive(), observed, false).action, row.interactive);
    EXPECT_EQ(start_plan(none(), observed, true).action, row.commanded);
  }
}

// Over many rows at once, by number: what of the table each statement names.
void expect_rows(std::initializer_list<VmState> states, A (*column)(const Row&), A wanted) {
  for (const Row& row : kRows) {
    const bool named = std::find(states.begin(), states.end(), row.state) != states.end();
    if (!named || Observation{row.state, row.process, ""}.disagree() || row.process == Witness::unsure)
      continue;
    EXPECT_EQ(column(row), wanted) << to_string(row.state);
  }
}

TEST(StartTable, T25_T26_what_is_down_is_launched) {
  expect_rows(
      {VmState::poweroff, VmState::saved, VmState::aborted}, [](const Row& row) { return row.manifest; },
      A::launch);
}

TEST(StartTable, T27_what_must_not_be_started_is_left) {
  expect_rows(
      {VmState::poweroff, VmState::saved}, [](const Row& row) { return row.nothing; }, A::leave);
}

TEST(StartTable, T28_T31_an_aborted_vm_needs_permission) {
  expect_rows(
      {VmState::aborted, VmState::aborted_saved}, [](const Row& row) { return row.nothing; }, A::refuse);
  expect_rows(
      {VmState::aborted_saved}, [](const Row& row) { return row.manifest; }, A::launch);
}

TEST(StartTable, T29_T30_a_stuck_vm_is_powered_off_first_or_left) {
  for (const VmState state : {VmState::unknown, VmState::gurumeditation}) {
    const Observation stuck{state, kUp, ""};
    EXPECT_EQ(start_plan(all(), stuck, false).action, A::poweroff_then_launch);
    EXPECT_EQ(start_plan(manifest(), stuck, false).action, A::leave);
  }
}

TEST(StartTable, T32_a_running_vm_is_adopted_or_saved_first) {
  VmConfig config = manifest();
  const Observation running{VmState::running, kUp, ""};
  EXPECT_EQ(start_plan(config, running, false).action, A::adopt);
  config.takeover = Takeover::savestate;
  EXPECT_EQ(start_plan(config, running, false).action, A::save_then_launch);
  EXPECT_EQ(start_plan(config, running, false, true).action, A::adopt) << "what this start launched itself";
}

TEST(StartTable, T33_a_running_interactive_vm_is_left_alone) {
  VmConfig config = interactive();
  for (const Takeover takeover : {Takeover::adopt, Takeover::savestate}) {
    config.takeover = takeover;
    EXPECT_EQ(start_plan(config, {VmState::running, kUp, ""}, false).action, A::adopt);
  }
}

TEST(StartTable, T34_an_interactive_vm_is_not_started_by_itself) {
  expect_rows(
      {VmState::poweroff, VmState::saved, VmState::aborted}, [](const Row& row) { return row.interactive; },
      A::leave);
  EXPECT_EQ(start_plan(interactive(), {VmState::paused, kUp, ""}, false).action, A::adopt);
}

TEST(StartTable, T37_force_starts_what_the_properties_would_leave) {
  for (VmConfig config : {none(), interactive()}) {
    for (const VmState state : {VmState::poweroff, VmState::saved, VmState::aborted}) {
      EXPECT_EQ(start_plan(config, {state, kGone, ""}, true).action, A::launch) << to_string(state);
    }
  }
}

TEST(StartTable, T38_passing_states_are_waited_for) {
  expect_rows(
      {VmState::saving, VmState::stopping, VmState::restoring, VmState::onlinesnapshotting,
       VmState::deletingsnapshot},
      [](const Row& row) { return row.manifest; }, A::wait);
}

TEST(StartTable, T39_no_answer_not_registered_and_inaccessible_are_three_things) {
  const StartPlan silent = start_plan(manifest(), no_answer("VBoxManage did not end in time"), false);
  EXPECT_EQ(silent.action, A::retry);
  EXPECT_EQ(silent.why, "the hypervisor does not answer: VBoxManage did not end in time");
  EXPECT_EQ(start_plan(manifest(), {VmState::missing, kGone, ""}, false).action, A::misconfigured);
  EXPECT_EQ(start_plan(manifest(), {VmState::inaccessible, kGone, ""}, false).action, A::retry);
}

TEST(StartTable, T42_a_paused_vm_is_resumed_where_that_is_allowed) {
  EXPECT_EQ(start_plan(manifest(), {VmState::paused, kUp, ""}, false).action, A::resume);
  EXPECT_EQ(start_plan(none(), {VmState::paused, kUp, ""}, false).action, A::refuse);
}

TEST(StartTable, T35_an_interactive_vm_starts_where_its_own_property_says_so) {
  VmConfig config = interactive();
  config.start_saved_vm = true;
  EXPECT_EQ(start_plan(config, {VmState::saved, kGone, ""}, false).action, A::launch);
  EXPECT_EQ(start_plan(config, {VmState::poweroff, kGone, ""}, false).action, A::leave);
}

TEST(StartPlan, AnUnknownWordIsNotStuck) {
  const Observation observed{VmState::unknown, kUp, "VMState is \"dancing\""};
  const StartPlan plan = start_plan(all(), observed, true);
  EXPECT_EQ(plan.action, A::retry);
  EXPECT_NE(plan.why.find("dancing"), std::string::npos);
}

TEST(StartPlan, NothingIsLaunchedWhileAProcessMayLive) {
  for (int s = 0; s <= static_cast<int>(VmState::inaccessible); ++s) {
    for (const Witness process : {Witness::present, Witness::unsure}) {
      for (const bool commanded : {false, true}) {
        const Observation observed{static_cast<VmState>(s), process, ""};
        const StartPlan plan = start_plan(all(), observed, commanded);
        EXPECT_NE(plan.action, A::launch) << to_string(observed.state);
        EXPECT_FALSE(plan.why.empty());
      }
    }
  }
}

TEST(StartPlan, SaysWhy) {
  EXPECT_EQ(start_plan(manifest(), {VmState::saved, kGone, ""}, false).why,
            "the VM is saved; start_saved_vm is true; restoring it");
  EXPECT_EQ(start_plan(none(), {VmState::aborted, kGone, ""}, false).why,
            "the VM is aborted; start_aborted_vm is not true; refusing to start it");
}

TEST(StartTable, AVmThatFellIsStartedOrRefusedAsAnAbortedOne) {
  Observation observed{VmState::poweroff, kGone, ""};
  observed.fell = "the host went down under it";
  const auto started = start_plan(manifest(), observed, false);
  EXPECT_EQ(started.action, A::launch);
  EXPECT_EQ(started.why,
            "the VM is aborted (the host went down under it; the hypervisor only says that it is off); "
            "start_aborted_vm is true; starting it");
  EXPECT_EQ(start_plan(VmConfig{}, observed, false).action, A::refuse);
  EXPECT_EQ(start_plan(interactive(), observed, false).action, A::leave);
  EXPECT_EQ(start_plan(VmConfig{}, observed, true).action, A::launch);
}

}  // namespace
}  // namespace vmkeep::vm
