// Every state and every trouble that the simulated hypervisor can be put into (store.h).
#include <fcntl.h>

#include <array>

#include "hypervisor/simulated/live_vm.h"
#include "hypervisor/simulated/test_hypervisor.h"

namespace vmkeep::hypervisor::simulated {
namespace {

// Down, or with the hypervisor alone at work: no process.
constexpr std::array kWithout{VmState::saved,      VmState::aborted,      VmState::aborted_saved,
                              VmState::teleported, VmState::snapshotting, VmState::settingup,
                              VmState::poweroff};
// Up: a process that nobody of ours started.
constexpr std::array kWith{VmState::paused,        VmState::gurumeditation,
                           VmState::saving,        VmState::stopping,
                           VmState::restoring,     VmState::onlinesnapshotting,
                           VmState::teleportingin, VmState::deletingsnapshotlivepaused,
                           VmState::unknown,       VmState::running};

TEST_F(SimulatedTest, AVmCanBePutIntoAnyState) {
  const auto scenario = [&]() -> Task<> {
    for (const VmState state : kWithout) {
      co_await set(std::string(vm::to_string(state)));
      EXPECT_TRUE(co_await reaches(state, Witness::absent));
    }
    for (const VmState state : kWith) {
      co_await set(std::string(vm::to_string(state)));
      EXPECT_TRUE(co_await reaches(state, Witness::present));
    }
    co_await set("dancing");
    const auto looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(looked && looked->state == VmState::unknown && !looked->stuck());
    EXPECT_TRUE(looked && looked->detail == "VMState is \"dancing\"");
    co_await set("aborted-saved");
    EXPECT_TRUE(co_await reaches(VmState::aborted_saved, Witness::absent));
    co_await set("missing");
    EXPECT_TRUE(co_await reaches(VmState::missing, Witness::absent));
    auto found = co_await driver_->find("vm1", now() + 5s);
    EXPECT_TRUE(!found && found.error().kind == ErrorKind::not_found);
    co_await set("inaccessible");
    EXPECT_TRUE(co_await reaches(VmState::inaccessible, Witness::absent));
    found = co_await driver_->find(vm_.uuid, now() + 5s);
    EXPECT_TRUE(found && !found->accessible);
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, APassingStateEnds) {
  const auto scenario = [&]() -> Task<> {
    co_await turn("restoringsnapshot", "saved", "300");
    EXPECT_TRUE(co_await reaches(VmState::restoringsnapshot, Witness::absent));
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
    co_await turn("deletingsnapshotlive", "running", "300");
    EXPECT_TRUE(co_await reaches(VmState::deletingsnapshotlive, Witness::present));
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
    co_await turn("stopping", "poweroff", "50");
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, TheHypervisorSaysWhatItIsTold) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    // VBoxSVC was killed, and its successor does not know its VM (facts 6).
    script(R"({"say": "poweroff"})");
    auto looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(looked && looked->state == VmState::poweroff && looked->process == Witness::present);
    script(R"({"say": "", "say_looks": 2, "half_looks": 1})");
    for (int i = 0; i < 3; ++i) {
      looked = co_await driver_->look(vm_.uuid, now() + 5s);
      EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::unavailable) << i;
    }
    looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(looked && looked->state == VmState::running);
    script(R"({"broken": "Failed to create the VirtualBox object!"})");
    looked = co_await driver_->look(vm_.uuid, now() + 5s);
    EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::unavailable);
    const auto running = co_await driver_->running(now() + 5s);
    EXPECT_TRUE(!running && running.error().message == "Failed to create the VirtualBox object!");
    script("{}");
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, RefusedAndEndlessActions) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"refuse": {"savestate": "VERR_NOPE", "resume": "error: Invalid machine state: Running"}})");
    co_await runs();
    auto done = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 5s);
    EXPECT_TRUE(!done && done.error().message.find("VERR_NOPE") != std::string::npos);
    done = co_await driver_->resume(vm_.uuid, now() + 5s);
    EXPECT_TRUE(!done && done.error().kind == ErrorKind::invalid);
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
    script(R"({"never": ["savestate", "acpipowerbutton"]})");
    done = co_await driver_->control(vm_.uuid, StopAction::acpipowerbutton, now() + 100ms);
    EXPECT_TRUE(!done && done.error().kind == ErrorKind::timeout);
    done = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 100ms);
    EXPECT_TRUE(!done && done.error().kind == ErrorKind::timeout);
    EXPECT_TRUE(co_await reaches(VmState::saving, Witness::present));
    EXPECT_EQ(actions(),
              (std::vector<std::string>{"launch", "savestate", "resume", "acpipowerbutton", "savestate"}));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, LaunchesThatFail) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"refuse": {"launch": "The VM is locked"}, "launch_exit": 7})");
    launch();
    co_await expect_exit(7 << 8);
    script(R"({"refuse": {"launch": "The VM is locked"}})");
    launch();
    co_await expect_exit(1 << 8);
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
    script(R"({"never": ["launch"]})");
    launch();
    EXPECT_TRUE(co_await reaches(VmState::starting, Witness::present));
    co_await expect_control(StopAction::poweroff);
    co_await expect_exit(0);
    co_await set("saved");
    script(R"({"delays": {"restore": 400}, "die_during": "restore"})");
    launch();
    co_await expect_exit(SIGKILL);
    EXPECT_TRUE(co_await reaches(VmState::aborted_saved, Witness::absent));
    script("{}");
    co_await runs();
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, AFullDiskLeavesTheVmAsItWas) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"full_disk": true, "delays": {"savestate": 50}})");
    co_await runs();
    const auto done = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 5s);
    EXPECT_TRUE(!done && done.error().message.find("VERR_DISK_FULL") != std::string::npos);
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, AnswersThatLie) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"lie": {"savestate": "ok", "poweroff": "error"}})");
    co_await runs();
    co_await expect_control(StopAction::savestate);
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
    // An error that says no more than that, of a VM that is off: it was done.
    co_await expect_control(StopAction::poweroff);
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, ProgressIsTold) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"delays": {"savestate": 200, "snapshot": 100}})");
    co_await runs();
    std::vector<int> percents;
    const auto note = [&](int percent) { percents.push_back(percent); };
    const auto taken = co_await driver_->take_snapshot(vm_.uuid, "one", "", now() + 5s, note);
    EXPECT_TRUE(taken);
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
    EXPECT_EQ(percents, (std::vector<int>{10, 20, 30, 40, 50, 60, 70, 80, 90}));
    percents.clear();
    const auto saved = co_await driver_->control(vm_.uuid, StopAction::savestate, now() + 5s, note);
    EXPECT_TRUE(saved);
    EXPECT_EQ(percents.size(), 9U);
    // Of a VM that is down, too.
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
    const auto again = co_await driver_->take_snapshot(vm_.uuid, "two", "", now() + 5s, note);
    EXPECT_TRUE(again);
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, PauseAndWhatTheGuestTells) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"properties": {"/ready": "yes"}, "moved": 4711, "flatline_after": 30, "serial": 1,
               "disks": ["/a", "/b c"]})");
    co_await runs();
    const auto value = co_await driver_->guest_property(vm_.uuid, "/ready", now() + 5s);
    EXPECT_TRUE(value && *value == "yes");
    const auto none = co_await driver_->guest_property(vm_.uuid, "/other", now() + 5s);
    EXPECT_TRUE(none && !*none);
    const auto moved = co_await driver_->moved_bytes(vm_.uuid, now() + 5s);
    EXPECT_TRUE(moved && *moved == 4711);
    const auto details = co_await driver_->describe(vm_.uuid, now() + 5s);
    EXPECT_TRUE(details && details->disks.size() == 2 && details->serial_ports.size() == 1);
    const Instant limit = now() + 20s;
    auto heart = driver_->heartbeat(vm_.uuid);
    while ((!heart || !heart->lost) && now() < limit) {
      co_await driver_->hint(vm_.uuid, now() + 1s);
      heart = driver_->heartbeat(vm_.uuid);
    }
    EXPECT_TRUE(heart && heart->lost);
    co_await tool("--say", "heartbeat", vm_.uuid);
    heart = driver_->heartbeat(vm_.uuid);
    EXPECT_TRUE(heart && !heart->lost);
    const auto tail = driver_->log_tail(vm_.uuid, 1);
    EXPECT_TRUE(tail && tail->size() == 1 && tail->at(0).find("Guest is alive") != std::string::npos);
    const auto shot = co_await driver_->screenshot(vm_.uuid, folder_.file("shot.png"), now() + 5s);
    EXPECT_TRUE(shot && folder_.read("shot.png").substr(1, 3) == "PNG");
    const auto paused = co_await driver_->pause(vm_.uuid, now() + 5s);
    EXPECT_TRUE(paused);
    EXPECT_TRUE(co_await reaches(VmState::paused, Witness::present));
    const auto resumed = co_await driver_->resume(vm_.uuid, now() + 5s);
    EXPECT_TRUE(resumed);
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, TheSerialPortEchoes) {
  const auto scenario = [&]() -> Task<> {
    script(R"({"serial": 2})");
    co_await runs();
    const auto details = co_await driver_->describe(vm_.uuid, now() + 5s);
    EXPECT_TRUE(details && details->serial_ports.size() == 2 && details->serial_ports[1].mode == "server");
    if (!details || details->serial_ports.size() != 2) co_return;
    const Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    details->serial_ports[1].path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::write(peer.get(), "hello", 5), 5);
    Readiness readiness(loop_.executor(), peer.get());
    EXPECT_TRUE(co_await readiness.readable(now() + 20s));
    char text[16] = {};
    EXPECT_EQ(::read(peer.get(), text, sizeof text), 5);
    EXPECT_STREQ(text, "hello");
  };
  loop_.run(scenario());
}

// Between the two a busy host may have other things to do for longer than anybody would think.
TEST_F(SimulatedTest, WhoeverConnectsIsWaitedFor) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    const Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = store_.home() + "/" + socket_name(vm_.uuid);
    EXPECT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    Readiness readiness(loop_.executor(), peer.get());
    EXPECT_FALSE(co_await readiness.readable(now() + 1500ms)) << "it hung up";
    EXPECT_EQ(::write(peer.get(), "pause\n", 6), 6);
    EXPECT_TRUE(co_await readiness.readable(now() + 20s));
    char text[16] = {};
    EXPECT_EQ(::read(peer.get(), text, sizeof text), 3);
    EXPECT_STREQ(text, "ok\n");
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, T57_a_process_that_ignores_everything_is_killed_step_by_step) {
  script(R"({"vms": {"vm1": {"ignores": true}}})");
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    const auto other = store_.create("vm2");
    EXPECT_TRUE(other);
    if (!other) co_return;
    co_await tool("--state", "vm2", "--set", "running");
    const Instant before = now();
    const auto killed = co_await driver_->kill_process(vm_.uuid, 100ms);
    EXPECT_TRUE(killed);
    EXPECT_GE(now() - before, 400ms);
    co_await expect_exit(SIGKILL);
    EXPECT_EQ(actions(), (std::vector<std::string>{"launch", "launch", "signal TERM", "signal INT",
                                                   "signal QUIT", "signal HUP"}));
    EXPECT_TRUE(driver_->process(other->uuid));
    EXPECT_TRUE(co_await reaches(VmState::aborted, Witness::absent));
    const auto none = co_await driver_->kill_process(vm_.uuid, 100ms);
    EXPECT_TRUE(!none && none.error().kind == ErrorKind::invalid);
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, T57_a_process_that_obeys_the_first_signal_gets_no_other) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    const auto killed = co_await driver_->kill_process(vm_.uuid, 20s);
    EXPECT_TRUE(killed);
    EXPECT_EQ(actions(), (std::vector<std::string>{"launch", "signal TERM"}));
    EXPECT_TRUE(co_await reaches(VmState::saved, Witness::absent));
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, TheFrontEndTakesTheLockWhenItIsReady) {
  script(R"({"delays": {"front_end": 300}})");
  const auto scenario = [&]() -> Task<> {
    const auto window = driver_->front_end(VmRef{vm_.uuid, vm_.name, true});
    EXPECT_TRUE(window);
    if (!window) co_return;
    spawn_it(window->argv);
    const Instant limit = now() + 20s;
    while (!driver_->process(vm_.uuid) && now() < limit) co_await sleep_until(now() + 2ms);
    // Its process is there long before it has the VM.
    EXPECT_TRUE(co_await reaches(VmState::poweroff, Witness::present));
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
    EXPECT_EQ(actions(), std::vector<std::string>{"front_end"});
  };
  loop_.run(scenario());
}

TEST_F(SimulatedTest, ARenamedVmKeepsItsNewName) {
  const auto scenario = [&]() -> Task<> {
    co_await runs();
    co_await tool("--rename", "vm1", "other name");
    co_await expect_control(StopAction::savestate);
    const auto found = co_await driver_->find("other name", now() + 5s);
    EXPECT_TRUE(found && found->uuid == vm_.uuid);
  };
  loop_.run(scenario());
}

}  // namespace
}  // namespace vmkeep::hypervisor::simulated
