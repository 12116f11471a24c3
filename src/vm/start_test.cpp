#include <gtest/gtest.h>

#include "vm/policy.h"

namespace vmkeep::vm {

std::ostream& operator<<(std::ostream& out, StartAction action) {
  constexpr const char* kWords[] = {"launch", "adopt", "resume", "poweroff_then_launch",
                                    "wait",   "leave", "refuse", "retry"};
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
    {VmState::missing, kGone, A::refuse, A::refuse, A::refuse, A::refuse, A::refuse},
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

TEST(StartPlan, InteractiveVmStartsOnlyWhereItsOwnPropertySaysSo) {  // T34, T35
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

}  // namespace
}  // namespace vmkeep::vm
