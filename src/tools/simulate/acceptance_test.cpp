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

}  // namespace
}  // namespace vmkeep::simulate
