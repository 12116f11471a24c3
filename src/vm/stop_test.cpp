#include <gtest/gtest.h>

#include <chrono>

#include "vm/policy.h"

namespace vmkeep::vm {

bool operator==(const StopStep& a, const StopStep& b) {
  return a.action == b.action && a.wanted == b.wanted && a.budget == b.budget;
}

std::ostream& operator<<(std::ostream& out, const StopStep& step) {
  out << "action " << static_cast<int>(step.action) << " wanted " << to_string(step.wanted) << " budget ";
  return step.budget ? out << step.budget->count() : out << "none";
}

namespace {

using namespace std::chrono_literals;
using Steps = std::vector<StopStep>;
using Budget = std::optional<std::chrono::milliseconds>;
using S = StopAction;

constexpr Observation running() {
  return {VmState::running, Witness::present, {}};
}

VmConfig config(StopMethod method, std::optional<std::chrono::seconds> timeout = {}) {
  VmConfig result;
  result.stop_method = method;
  result.stop_timeout = timeout;
  return result;
}

TEST(StopPlan, StatesFollowTheTable) {  // 4.1
  struct {
    VmState state;
    Witness process;
    bool wait;
    Steps steps;
  } const rows[] = {
      {VmState::running, Witness::present, false, {{S::savestate, VmState::saved, {}}}},
      {VmState::running, Witness::unsure, false, {{S::savestate, VmState::saved, {}}}},
      {VmState::paused, Witness::present, false, {{S::savestate, VmState::saved, {}}}},
      {VmState::starting, Witness::present, true, {}},
      {VmState::restoring, Witness::present, true, {}},
      {VmState::saving, Witness::present, true, {}},
      {VmState::stopping, Witness::present, true, {}},
      {VmState::livesnapshotting, Witness::present, true, {}},
      {VmState::deletingsnapshotlivepaused, Witness::present, true, {}},
      {VmState::restoringsnapshot, Witness::absent, true, {}},
      {VmState::gurumeditation,
       Witness::present,
       false,
       {{S::poweroff, VmState::poweroff, {}}, {S::emergencystop, VmState::aborted, {}}}},
      {VmState::unknown,
       Witness::present,
       false,
       {{S::poweroff, VmState::poweroff, {}}, {S::emergencystop, VmState::aborted, {}}}},
      {VmState::saved, Witness::absent, false, {}},
      {VmState::poweroff, Witness::absent, false, {}},
      {VmState::aborted, Witness::absent, false, {}},
      {VmState::aborted_saved, Witness::absent, false, {}},
      {VmState::teleported, Witness::absent, false, {}},
      {VmState::missing, Witness::absent, false, {}},
      {VmState::inaccessible, Witness::absent, false, {}},
      {VmState::unknown, Witness::absent, true, {}},
      // Said to be down, but its process lives: not stopped yet.
      {VmState::poweroff, Witness::present, true, {}},
      {VmState::saved, Witness::unsure, true, {}},
      {VmState::running, Witness::absent, true, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(to_string(row.state)) + ", process " + std::string(to_string(row.process)));
    const StopPlan plan = stop_plan(config(StopMethod::savestate), {row.state, row.process, ""}, {});
    EXPECT_EQ(plan.wait_first, row.wait);
    EXPECT_EQ(plan.steps, row.steps);
    EXPECT_FALSE(plan.why.empty());
  }
}

TEST(StopPlan, MethodsFollowTheTable) {  // 4.2
  struct {
    StopMethod method;
    Steps steps;
  } const rows[] = {
      {StopMethod::savestate, {{S::savestate, VmState::saved, 10s}}},
      {StopMethod::poweroff, {{S::poweroff, VmState::poweroff, 10s}}},
      {StopMethod::acpipowerbutton, {{S::acpipowerbutton, VmState::poweroff, 10s}}},
      {StopMethod::acpisleepbutton, {{S::acpisleepbutton, VmState::unknown, 10s}}},
      {StopMethod::reset, {{S::reset, VmState::unknown, 10s}}},
      {StopMethod::poweroff_graceful,
       {{S::acpipowerbutton, VmState::poweroff, 10s}, {S::poweroff, VmState::poweroff, 10s}}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(stop_plan(config(row.method, 10s), running(), {}).steps, row.steps) << to_string(row.method);
  }
}

TEST(StopTable, T47_the_limit_is_the_shorter_of_timeout_and_budget) {  // 4.3
  struct {
    std::optional<std::chrono::seconds> timeout;
    Budget budget;
    Budget expected;
  } const rows[] = {
      {{}, {}, {}},         // T47: no limit is no limit
      {10s, {}, 10s},       //
      {{}, 120s, 118s},     // two seconds for the way out
      {3600s, 120s, 118s},  //
      {10s, 120s, 10s},     //
      {{}, 1s, 0s},         // nothing left
  };
  for (const StopMethod method : {StopMethod::savestate, StopMethod::acpipowerbutton, StopMethod::poweroff}) {
    for (const auto& row : rows) {
      const StopPlan plan = stop_plan(config(method, row.timeout), running(), row.budget);
      ASSERT_EQ(plan.steps.size(), 1U);
      EXPECT_EQ(plan.steps[0].budget, row.expected);
    }
  }
}

TEST(StopTable, T50_graceful_keeps_time_for_its_hard_step) {
  struct {
    std::optional<std::chrono::seconds> timeout;
    Budget budget, soft, hard;
  } const rows[] = {
      {3600s, 120s, 103s, 15s}, {{}, 120s, 103s, 15s}, {30s, 120s, 30s, 30s},
      {{}, 8s, 4s, 2s},         {{}, {}, {}, {}},      {5s, {}, 5s, 5s},
  };
  for (const auto& row : rows) {
    const StopPlan plan =
        stop_plan(config(StopMethod::poweroff_graceful, row.timeout), running(), row.budget);
    ASSERT_EQ(plan.steps.size(), 2U);
    EXPECT_EQ(plan.steps[0].budget, row.soft);
    EXPECT_EQ(plan.steps[1].budget, row.hard);
    if (row.budget) {
      EXPECT_LE(*plan.steps[0].budget + *plan.steps[1].budget, *row.budget - 2s);
    }
  }
}

TEST(StopTable, T54_some_methods_leave_the_vm_active_and_say_so) {
  EXPECT_NE(stop_plan(config(StopMethod::reset), running(), {}).why.find("stays active"), std::string::npos);
  EXPECT_EQ(stop_plan(config(StopMethod::savestate), running(), {}).why.find("stays active"),
            std::string::npos);
}

StopPlan plan_for(StopMethod method, VmState state) {
  const bool up = is_up(state);
  return stop_plan(config(method), {state, up ? Witness::present : Witness::absent, ""}, {});
}

TEST(StopTable, T45_savestate_waits_for_saved) {
  for (const VmState state : {VmState::running, VmState::paused}) {
    EXPECT_EQ(plan_for(StopMethod::savestate, state).steps, (Steps{{S::savestate, VmState::saved, {}}}));
  }
  // Nothing can be saved before these have passed.
  for (const VmState state : {VmState::starting, VmState::restoring}) {
    EXPECT_TRUE(plan_for(StopMethod::savestate, state).wait_first);
  }
}

TEST(StopTable, T48_T49_graceful_is_the_button_and_then_the_plug) {
  EXPECT_EQ(plan_for(StopMethod::poweroff_graceful, VmState::running).steps,
            (Steps{{S::acpipowerbutton, VmState::poweroff, {}}, {S::poweroff, VmState::poweroff, {}}}));
}

TEST(StopTable, T51_what_is_down_gets_no_command) {
  for (const VmState state : {VmState::saved, VmState::poweroff, VmState::aborted}) {
    const StopPlan plan = plan_for(StopMethod::savestate, state);
    EXPECT_TRUE(plan.steps.empty() && !plan.wait_first) << to_string(state);
  }
}

TEST(StopTable, T52_the_end_of_a_save_is_waited_for) {
  EXPECT_TRUE(plan_for(StopMethod::savestate, VmState::saving).wait_first);
}

TEST(StopTable, T53_a_stuck_vm_is_powered_off_and_a_live_snapshot_waited_for) {
  EXPECT_EQ(plan_for(StopMethod::savestate, VmState::gurumeditation).steps.front().action, S::poweroff);
  EXPECT_TRUE(plan_for(StopMethod::savestate, VmState::onlinesnapshotting).wait_first);
}

// ---- what an operator asks for
// ----------------------------------------------------------------------------------

StopPlan by_word(TakeDown how, VmState state, Budget limit = {}) {
  return take_down_plan(how, {state, is_up(state) ? Witness::present : Witness::absent, ""}, limit);
}

TEST(TakeDown, T60_save_saves_what_runs_and_nothing_else) {
  EXPECT_EQ(by_word(TakeDown::save, VmState::running).steps, (Steps{{S::savestate, VmState::saved, {}}}));
  EXPECT_TRUE(by_word(TakeDown::save, VmState::poweroff).steps.empty());
}

TEST(TakeDown, T56_poweroff_is_the_button_and_then_the_plug_with_its_own_limit) {
  EXPECT_EQ(by_word(TakeDown::poweroff, VmState::running, 5s).steps,
            (Steps{{S::acpipowerbutton, VmState::poweroff, 5s}, {S::poweroff, VmState::poweroff, 5s}}));
  EXPECT_TRUE(by_word(TakeDown::poweroff, VmState::poweroff).steps.empty());
  EXPECT_EQ(by_word(TakeDown::poweroff, VmState::gurumeditation).steps.front().action, S::poweroff);
}

TEST(TakeDown, T58_reboot_resets_where_nothing_takes_the_vm_down) {
  const StopPlan plan = by_word(TakeDown::reboot, VmState::running, 5s);
  ASSERT_EQ(plan.steps.size(), 3U);
  EXPECT_EQ(plan.steps.back(), (StopStep{S::reset, VmState::unknown, 5s}));
  EXPECT_TRUE(by_word(TakeDown::reboot, VmState::saved).steps.empty());
}

// ---- everything goes down
// ---------------------------------------------------------------------------------------

TEST(StopPlan, T62_what_has_to_be_down_in_a_budget_is_forced_before_its_end) {
  struct {
    StopMethod method;
    std::chrono::milliseconds budget;
    Steps steps;
  } const rows[] = {
      {StopMethod::savestate,
       20s,
       {{S::savestate, VmState::saved, 14s},
        {S::poweroff, VmState::poweroff, 2s},
        {S::emergencystop, VmState::aborted, 2s}}},
      {StopMethod::savestate,
       5s,
       {{S::savestate, VmState::saved, 2s},
        {S::poweroff, VmState::poweroff, 1s},
        {S::emergencystop, VmState::aborted, 1s}}},
      {StopMethod::poweroff,
       20s,
       {{S::poweroff, VmState::poweroff, 14s}, {S::emergencystop, VmState::aborted, 2s}}},
      // What leaves the guest running is no stop, and is reported as such.
      {StopMethod::acpisleepbutton, 20s, {{S::acpisleepbutton, VmState::unknown, 18s}}},
  };
  for (const auto& row : rows) {
    const auto plan = stop_plan(config(row.method), running(), row.budget, true);
    EXPECT_EQ(plan.steps, row.steps) << to_string(row.method) << " " << row.budget.count();
  }
  for (const auto method :
       {StopMethod::savestate, StopMethod::poweroff_graceful, StopMethod::acpipowerbutton}) {
    for (const std::chrono::milliseconds budget : {0ms, 1ms, 100ms, 1000ms, 7000ms, 60000ms}) {
      const auto plan = stop_plan(config(method), running(), budget, true);
      std::chrono::milliseconds all{0};
      for (const auto& step : plan.steps) all += step.budget.value();
      EXPECT_LE(all, budget) << to_string(method);
      EXPECT_EQ(plan.steps.back().action, S::emergencystop);
    }
  }
}

TEST(StopPlan, T62_what_is_just_passing_is_waited_for_only_as_long_as_there_is_time) {
  const Observation saving{VmState::saving, Witness::present, {}};
  EXPECT_TRUE(stop_plan(config(StopMethod::savestate), saving, 20s, true).wait_first);
  const auto late = stop_plan(config(StopMethod::savestate), saving, 4s, true);
  EXPECT_FALSE(late.wait_first);
  ASSERT_EQ(late.steps.size(), 1u);
  EXPECT_EQ(late.steps[0].action, S::emergencystop);
  EXPECT_TRUE(stop_plan(config(StopMethod::savestate), saving, 4s).wait_first)
      << "without a budget it is waited for";
}

}  // namespace
}  // namespace vmkeep::vm
