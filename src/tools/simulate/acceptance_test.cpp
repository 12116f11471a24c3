// Acceptance statements of the behaviour spec (section 12) that are about policies: restarter and tables
// together, in virtual time.
#include <gtest/gtest.h>

#include <string>

#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

// Every expectation of the scenario holds, and there is one.
void holds(const std::string& text) {
  auto scenario = read_scenario("test", text, Sources{});
  ASSERT_TRUE(scenario) << scenario.error().message;
  const auto report = simulate("test", std::move(*scenario));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->expectations.empty());
  EXPECT_TRUE(report->good()) << text << report->text(true);
}

const std::string kShipped =  // what the shipped manifest says at the service
    "service site/xvm/vbox\n vm/start_aborted_vm = true\n vm/start_paused_vm = true\n"
    " vm/restart_aborted_vm = true\n vm/restart_aborted_vm_failures_maxcount = 3\n"
    " vm/restart_aborted_vm_failures_timeframe = 1200\n vm/offline_unknown_state_maxcount = 3\n";

TEST(Policy, T24_changed_properties_count_once_refreshed_without_a_restart) {
  holds(kShipped +
        "instance a\n"
        "at 1m svccfg -s a setprop vm/restart_aborted_vm = false\nat 2m a aborts\n"
        "expect at 3m a online\nexpect at 3m a launches = 2\n"
        "at 4m svcadm refresh a\nexpect at 5m a launches = 2\nexpect at 5m a vm running\n"
        "at 6m a aborts\nexpect a maintenance vm_aborted\nexpect a launches = 2\n");
}

TEST(Policy, T26_saved_and_aborted_are_launched_once) {
  for (const std::string state : {"saved", "aborted"}) {
    holds(kShipped + "instance a\ngiven a is " + state +
          "\nexpect a online\nexpect a vm running\nexpect a launches = 1\n");
  }
}

TEST(Policy, T30_a_guru_meditation_is_treated_as_any_stuck_vm) {
  holds(
      "instance a\n vm/start_stuck_vm = true\ngiven a is gurumeditation\n"
      "expect a online\nexpect a vm running\nexpect a launches = 1\n");
  holds(
      "instance a\ngiven a is gurumeditation\n"
      "expect a online\nexpect a vm gurumeditation\nexpect a launches = 0\n");
}

TEST(Policy, T31_aborted_with_its_saved_state_kept_is_resumed_or_refused) {
  holds(
      "instance a\n vm/start_aborted_vm = true\ngiven a is aborted-saved\nexpect at 700ms a vm restoring\n"
      "expect a vm running\nexpect a launches = 1\nexpect a online\n");
  holds("instance a\ngiven a is aborted-saved\nexpect a maintenance\nexpect a launches = 0\n");
}

TEST(Policy, T31_killed_in_the_middle_of_a_restore) {
  // The start fails, its saved state is kept, and clear restores it.
  holds(kShipped +
        "instance a\ngiven a is saved\ngiven a takes restore 10s\nat 5s a aborts\n"
        "expect at 6s a vm aborted-saved\nexpect at 1m a maintenance\n"
        "at 2m svcadm clear a\nexpect at 3m a vm running\nexpect a online\n");
}

TEST(Policy, T36_an_interactive_vm_that_is_off_stays_online) {
  holds(kShipped +
        "instance a\n vm/is_interactive = true\nexpect at 30m a online\nexpect a never disabled\n"
        "expect a never maintenance\nexpect a launches = 0\nuntil 40m\n");
}

TEST(Policy, T55_nothing_restarts_a_vm_once_its_stop_has_begun) {
  holds(kShipped +
        "instance a\n vm/restart_saved_vm = true\n vm/restart_halted_vm = true\n"
        "given a takes save 30s\nat 1m svcadm disable a\nat 70s a aborts\n"
        "expect a launches = 1\nexpect a vm aborted\n");
}

TEST(Policy, T61_what_an_operator_saved_stays_saved_and_is_still_monitored) {
  holds(kShipped +
        "instance a\n vm/restart_saved_vm = true\nat 1m vmkeep save a\nexpect at 5m a vm saved\n"
        "expect at 5m a online vm_operator\nat 6m svcadm restart a\nat 10m a aborts\nexpect a vm running\n"
        "expect a launches = 3\n");
}

TEST(Policy, T58_a_reboot_takes_the_vm_down_and_starts_it_again) {
  holds(kShipped +
        "instance a\nat 1m vmkeep reboot a\nexpect at 5m a vm running\nexpect a launches = 2\n"
        "expect a never maintenance\nexpect a never disabled\nexpect a online\n");
}

TEST(Policy, T64_three_relaunches_and_maintenance_at_the_fourth_abort) {
  holds(kShipped +
        "instance a\ngiven a aborts after 1s\nexpect a launches = 4\n"
        "expect a maintenance vm_aborted_too_often\n");
}

TEST(Policy, T65_spaced_wider_than_the_window_aborts_never_end_in_maintenance) {
  holds(kShipped +
        "instance a\nat 10m every 7m a aborts\nuntil 24h\nexpect a never maintenance\nexpect a online\n");
}

TEST(Policy, T67_aborted_and_not_to_be_restarted_is_maintenance_and_never_offline) {
  holds(
      "instance a\n vm/restart_aborted_vm = false\nat 1m a aborts\nexpect a maintenance vm_aborted\n"
      "expect a never disabled\nexpect a launches = 1\n");
}

TEST(Policy, T54_a_stop_that_only_resets_leaves_the_vm_running_and_the_instance_disabled) {
  holds(kShipped +
        "instance a\n vm/stop_method = reset\nat 1m svcadm disable a\nexpect at 62s a disabled\n"
        "expect at 9m a vm running\nexpect a never maintenance\nat 10m svcadm enable a\n"
        "expect a online\nexpect a launches = 1\n");
}

TEST(Policy, T70_a_pause_that_is_ignored_is_told) {
  holds(kShipped +
        "instance a\n vm/ignore_paused_vm = true\nat 1m a pauses\nexpect a online vm_paused\n"
        "expect a vm paused\n");
}

TEST(Policy, T75_states_that_pass_are_left_alone_for_hours) {
  holds(kShipped +
        "instance a\nat 1m a snapshots\nat 1h hypervisor hangs 1s\nexpect at 2h a online\n"
        "expect at 2h a vm onlinesnapshotting\nat 121m a resumes\nexpect a vm running\n"
        "expect a never degraded\nexpect a launches = 1\nuntil 3h\n");
}

TEST(Policy, T77_no_action_during_a_stop_nor_a_start_nor_when_it_is_not_up) {
  // A stop is under way while the guest halts: the VM stays down.
  holds(kShipped +
        "instance a\n vm/restart_halted_vm = true\n vm/stop_method = acpipowerbutton\n"
        "given a takes shutdown 20s\nat 1m svcadm disable a\nexpect at 65s a online\n"
        "expect a disabled\nexpect a launches = 1\n");
  // Of an instance that is in maintenance or disabled nothing is done by itself.
  holds(kShipped +
        "instance a\n vm/restart_halted_vm = true\nat 1m svcadm mark maintenance a\n"
        "at 2m a runs\nat 3m a halts\nexpect a maintenance\nexpect a launches = 1\n");
  holds(kShipped +
        "instance a disabled\n vm/restart_halted_vm = true\nat 2m a runs\nat 3m a aborts\n"
        "expect a disabled\nexpect a launches = 0\n");
}

TEST(Policy, T80_one_hypervisor_that_hangs_for_one_vm_does_not_delay_the_others) {
  holds(kShipped +
        "instance a\ninstance b\nat 1m a hangs 40s\nat 1m a aborts\nat 1m b aborts\n"
        "expect at 61s b online\nexpect at 61s b launches = 2\n"
        "expect at 80s a degraded hypervisor_silent\nexpect at 3m a online\n");
}

// ---- the guest inside

const std::string kChecked =
    "service site/xvm/vbox\n start/exec = \"vmkeep method start\"\n start/timeout_seconds = 60\n"
    " vm/kicker_vmsvccheck_enabled = true\n vm/kicker_vmsvccheck_method = /bin/check\n"
    " vm/kicker_vmsvccheck_startdelay = 60\n vm/kicker_freq = 50\n";

TEST(Policy, T83_no_check_before_its_delay_then_one_a_cycle_and_none_of_a_vm_that_does_not_run) {
  // A check that wants a reboot shows when it ran first: 60 s after the start.
  holds(kChecked +
        "instance a\ngiven a check exits 2 until launch\nexpect at 59s a launches = 1\n"
        "expect at 63s a launches = 2\nexpect a launches = 2\n");
  holds(kChecked + "instance a\nat 30s a pauses\ngiven a check exits 3\nuntil 1h\nexpect a online\n");
}

TEST(Policy, T84_what_a_check_says_clears_counts_reboots_or_is_maintenance) {
  const std::string window = kChecked +
                             " vm/kicker_vmsvccheck_failures_maxcount = 3\n"
                             " vm/kicker_vmsvccheck_failures_timeframe = 1200\n";
  holds(window +
        "instance a\ngiven a check exits 1 until launch\nexpect at 200s a launches = 1\n"
        "expect at 5m a launches = 2\nexpect a launches = 2\nexpect a online\n");
  // A success in between clears the count.
  holds(window +
        "instance a\ngiven a check exits 1\nat 180s a check exits 0\nat 240s a check exits 1\n"
        "at 360s a check exits 0\nexpect a launches = 1\nexpect a online\n");
  holds(window +
        "instance a\nat 5m a check exits 3\nexpect a maintenance vm_check_failed\n"
        "expect a vm running\nexpect a launches = 1\n");
}

TEST(Policy, T85_without_a_window_failures_lead_nowhere) {
  holds(kChecked + "instance a\ngiven a check exits 1\nexpect a launches = 1\nexpect a online\n");
}

TEST(Policy, T86_a_check_that_does_not_end_is_a_failure_and_reboots_are_capped) {
  holds(kChecked +
        " vm/kicker_vmsvccheck_failures_maxcount = 1\n vm/kicker_vmsvccheck_failures_timeframe = 600\n"
        " vm/kicker_vmsvccheck_timeout = 10\n vm/kicker_vmsvccheck_reboots_maxcount = 2\n"
        "instance a\ngiven a takes check 1h\nexpect a maintenance vm_check_failed\nexpect a launches = 3\n");
}

TEST(Policy, T87_a_start_waits_by_its_policy) {
  holds(kChecked +
        " vm/start_wait_policy = timeout\ninstance a\nexpect at 50s a offline\n"
        "expect at 56s a online\n");
  holds(kChecked +
        " vm/start_wait_policy = hook_strict\ninstance a\ngiven a takes ready 10s\n"
        "expect at 10s a offline\nexpect at 13s a online\n");
  holds(kChecked +
        " vm/start_wait_policy = hook_strict\ninstance a\ngiven a takes ready 10m\n"
        "expect at 50s a offline\nexpect at 58s a maintenance\nexpect at 2m a vm saved\n");
  holds(kChecked +
        " vm/start_wait_policy = hook_lax\ninstance a\ngiven a takes ready 10m\n"
        "expect at 50s a offline\nexpect at 58s a online\nexpect a launches = 1\n");
}

TEST(Policy, T88_a_hook_policy_without_a_hook_is_a_wait_and_without_a_limit_there_is_none) {
  holds(
      "instance a\n vm/start_wait_policy = hook_strict\n start/exec = \"vmkeep method start\"\n"
      " start/timeout_seconds = 60\nexpect at 50s a offline\nexpect at 56s a online\n");
  holds(
      "instance a\n vm/start_wait_policy = timeout\n start/exec = \"vmkeep method start\"\n"
      " start/timeout_seconds = 5\nexpect at 2s a online\n");
}

// ---- leases

TEST(Policy, T78_suppressed_nothing_is_done_until_the_lease_ends) {
  holds(kShipped +
        "instance a\nat 1m vmkeep suppress a 10m\nat 2m a aborts\nexpect at 10m a vm aborted\n"
        "expect at 12m a vm running\nexpect a launches = 2\n");
  holds(kShipped +
        "instance a\nat 1m vmkeep suppress a 10h\nat 2m a aborts\nat 3m vmkeep release a\n"
        "expect at 4m a vm running\nexpect a launches = 2\n");
}

TEST(Policy, T90_a_window_that_takes_its_time_has_the_vm_to_itself) {
  holds(kShipped +
        "instance a\ngiven a takes window 30s\nat 1m vmkeep gui a\nexpect at 80s a vm saved\n"
        "expect at 80s a launches = 1\nexpect at 2m a vm running\nexpect a launches = 1\n");
}

TEST(Policy, T93_saved_in_its_window_the_vm_runs_headless_again) {
  holds(kShipped +
        "instance a\nat 1m vmkeep gui a\nat 20m a saves\nexpect at 21m a vm running\n"
        "expect a launches = 2\nexpect a online\n");
  // Powered off in the window it stays off.
  holds(kShipped +
        "instance a\nat 1m vmkeep gui a\nat 20m a halts\nexpect a vm poweroff\n"
        "expect a launches = 1\nexpect a online vm_operator\n");
}

// ---- everything at once

TEST(Policy, T44_launches_keep_to_the_pace_and_dependents_wait) {
  holds(
      "service system/svc/restarter\n pace/start_width = 2\n pace/start_stagger = 1000\n"
      "instance a\ninstance b\ninstance c\ninstance d\n needs require_all/none a\n"
      "given a takes start 5s\ngiven b takes start 5s\nexpect at 3s b offline\nexpect at 4s c launches = 0\n"
      "expect at 4s c offline waits_turn\nexpect at 4s d launches = 0\nexpect at 30s d online\n"
      "expect at 30s c online\n");
}

TEST(Policy, T62_what_does_not_fit_into_the_budget_is_forced) {
  holds(
      "instance a\ninstance b\ngiven a takes save 10m\nat 1m vmkeep shutdown 60s\n"
      "expect everything down within 60s\nexpect a vm poweroff\nexpect b vm saved\n");
}

}  // namespace
}  // namespace vmkeep::simulate
