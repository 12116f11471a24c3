// The simulated driver with its real processes.
#include "hypervisor/simulated/test_hypervisor.h"

namespace vmkeep::hypervisor::simulated {
namespace {

TEST_F(SimulatedTest, StartsSavesRestoresAndPowersOff) {
  const auto scenario = [&]() -> Task<> {
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
    co_await runs();
    const auto running = co_await driver_->running(now() + 5s);
    EXPECT_TRUE(running && *running == std::vector<std::string>{vm_.uuid});
    co_await expect_control(StopAction::savestate);
    co_await expect_exit(0);
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
    co_await runs();
    co_await expect_control(StopAction::acpipowerbutton);
    co_await expect_exit(0);
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
    const auto refused = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 5s);
    EXPECT_TRUE(!refused && refused.error().kind == ErrorKind::invalid);
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, AKilledVmIsAborted) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    // What was news before is no news now.
    for (bool more = true; more;) {
      more = co_await driver_->hint(vm_.uuid, now() + 50ms);
    }
    EXPECT_EQ(::kill(child_.pid, SIGKILL), 0);
    EXPECT_TRUE(co_await driver_->hint(vm_.uuid, now() + 20s));
    co_await expect_exit(SIGKILL);
    EXPECT_TRUE(co_await reaches(VmState::aborted, Witness::absent));
    co_await runs();
  };
  loop_.run(scenario());
}

// Measured: VirtualBox lists a VM as running only once it is restored.
TEST_F(SimulatedTest, AVmThatIsBeingRestoredIsNotListedAsRunning) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    co_await expect_control(StopAction::savestate);
    co_await expect_exit(0);
    script(R"({"never": ["restore"]})");
    launch();
    EXPECT_TRUE(co_await reaches(VmState::restoring, Witness::present));
    const auto running = co_await driver_->running(now() + 5s);
    EXPECT_TRUE(running && running->empty());
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, TermSaves) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    EXPECT_EQ(::kill(child_.pid, SIGTERM), 0);
    co_await expect_exit(0);
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, OneProcessPerVm) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    const pid_t first = child_.pid;
    launch();
    co_await expect_exit(1 << 8);
    const auto process = driver_->process(vm_.uuid);
    EXPECT_TRUE(process && process->pid == first);
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, ADeafGuestStaysUp) {
  script(R"({"vms": {"vm1": {"deaf": true}}})");
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    co_await expect_control(StopAction::acpipowerbutton);
    EXPECT_FALSE(co_await loop_.reaper().exited(child_.pid, now() + 300ms));
    co_await expect_control(StopAction::poweroff);
    co_await expect_exit(0);
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, AStoppedProcessIsClearedByEmergencyStop) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    EXPECT_EQ(::kill(child_.pid, SIGSTOP), 0);
    const auto hung = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 200ms);
    EXPECT_TRUE(!hung && hung.error().kind == ErrorKind::timeout);
    co_await expect_control(StopAction::emergencystop);
    EXPECT_TRUE(co_await reaches(VmState::aborted, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, TheScriptsFaults) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"hang_looks": 1, "garbage_looks": 1})");
    auto looked = co_await driver_->look(vm_.uuid, now() + 100ms);
    EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::timeout);
    looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(looked && looked->state == VmState::unknown && !looked->detail.empty());
    looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(looked && looked->state == VmState::poweroff);
    script(R"({"launch_exit": 3})");
    launch();
    co_await expect_exit(3 << 8);
    script(R"({"die_after": 20})");
    launch();
    co_await expect_exit(SIGKILL);
    EXPECT_TRUE(co_await reaches(VmState::aborted, Witness::absent));
    script(R"({"halt_after": 20})");
    launch();
    co_await expect_exit(0);
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
    script(R"({"stuck_after": 20})");
    launch();
    EXPECT_TRUE(co_await reaches(VmState::gurumeditation, Witness::present));
    script("not json");
    looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::invalid);
    script("{}");
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, AbandonEndsACallThatHangs) {
  script(R"({"hang_looks": 1})");
  const auto scenario = [&]() -> Task<> {
    bool ended = false;
    const auto look = [&]() -> Task<> {
      const auto looked = co_await driver_->look(vm_.uuid, now() + 600s);
      EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::timeout);
      ended = true;
    };
    start(loop_.executor(), look());
    co_await yield_now();
    driver_->abandon(vm_.uuid);
    const Instant limit = now() + 10s;
    while (!ended && now() < limit) co_await sleep_until(now() + 5ms);
    EXPECT_TRUE(ended);
  };
  loop_.run(scenario());
}

// Asked for one VM it says what the list of all says, without reading about all; but that a stuck one has
// come up.
TEST_F(SimulatedTest, OneVmIsRunningIfItIsInTheListOrStuck) {
  const auto scenario = [&]() -> Task<> {
    const auto other = store_.create("other");
    EXPECT_TRUE(other);
    const auto expect_both = [&](bool in_list, bool up) -> Task<> {
      const auto list = co_await driver_->running(now() + 20s);
      const bool listed = list && std::find(list->begin(), list->end(), vm_.uuid) != list->end();
      const auto one = co_await driver_->is_running(vm_.uuid, now() + 20s);
      const auto another = co_await driver_->is_running(other->uuid, now() + 20s);
      EXPECT_EQ(listed, in_list);
      EXPECT_TRUE(one && *one == up);
      EXPECT_TRUE(another && !*another);
    };
    co_await expect_both(false, false);
    co_await runs();
    co_await expect_both(true, true);
    co_await set("gurumeditation");  // which VirtualBox does not list
    co_await expect_both(false, true);
    const auto found = co_await driver_->find(vm_.uuid, now() + 20s);
    EXPECT_TRUE(found && found->name == vm_.name && found->uuid == vm_.uuid);
    script(R"({"broken": "no service"})");
    const auto broken = co_await driver_->is_running(vm_.uuid, now() + 20s);
    EXPECT_FALSE(broken);
    script("{}");
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, FindTellsMissingAndTwice) {
  const auto scenario = [&]() -> Task<> {
    auto found = co_await driver_->find("vm1", now() + 5s);
    EXPECT_TRUE(found && found->uuid == vm_.uuid);
    found = co_await driver_->find("vm2", now() + 5s);
    EXPECT_TRUE(!found && found.error().kind == ErrorKind::not_found);
    EXPECT_TRUE(store_.create("vm1"));
    found = co_await driver_->find("vm1", now() + 5s);
    EXPECT_TRUE(!found && found.error().kind == ErrorKind::invalid);
    found = co_await driver_->find(vm_.uuid, now() + 5s);
    EXPECT_TRUE(found && found->uuid == vm_.uuid);
    const auto missing = co_await driver_->look("00000000-0000-4000-8000-000000000000", now() + 5s);
    EXPECT_TRUE(missing && missing->state == VmState::missing);
  };
  loop_.run(scenario());
}

}  // namespace
}  // namespace vmkeep::hypervisor::simulated
