// The driver against a real VirtualBox: the project's lab (lab/virtualbox up).  VMKEEP_LAB_PATH is the folder
// with its VBoxManage (lab/virtualbox path); without it there is nothing to test against.
//
// Each test has a registry and a VBoxSVC of its own (VBOX_USER_HOME, VBOX_IPC_SOCKETID), below /tmp, which
// the lab shares with the host.
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/command.h"
#include "hypervisor/process_table.h"
#include "hypervisor/test_loop.h"
#include "hypervisor/virtualbox/driver.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

using namespace std::chrono_literals;
using vm::StopAction;
using vm::VmState;
using vm::Witness;

class RealVirtualBox : public testing::Test {
 protected:
  void SetUp() override {
    const char* lab = ::getenv("VMKEEP_LAB_PATH");
    if (lab == nullptr)
      GTEST_SKIP() << "VMKEEP_LAB_PATH is not set: no VirtualBox to test with (lab/virtualbox up)";
    // The folder's name is unique, so one of its own for each test.
    socket_ = std::string(program_name(folder_.path()));
    environment_ = {std::string("PATH=") + lab + ":/usr/bin:/bin", "HOME=" + folder_.path(),
                    "VBOX_USER_HOME=" + folder_.path(), "VBOX_IPC_SOCKETID=" + socket_};
    DriverOptions options;
    options.environment = environment_;
    driver_ = make_virtualbox(loop_.executor(), loop_.reaper(), options);
    loop_.run(prepare(*driver_));
  }

  ~RealVirtualBox() override {
    if (!driver_) return;
    loop_.run(end());
    std::error_code ignored;
    std::filesystem::remove_all("/tmp/.vbox-" + socket_ + "-ipc", ignored);
  }

  Task<> end() {
    for (const auto& uuid : created_) {
      if (driver_->process(uuid)) co_await driver_->control(uuid, StopAction::emergencystop, now() + 20s);
    }
    // While it lives it writes into the folder that is about to be removed.
    const pid_t service = service_pid();
    if (service > 1) ::kill(service, SIGTERM);
    const Instant limit = now() + 20s;
    while (service > 1 && ProcessTable().read(service) && now() < limit) co_await sleep_until(now() + 20ms);
    EXPECT_TRUE(service <= 1 || !ProcessTable().read(service));
  }

  static Task<> prepare(Hypervisor& driver) {
    const auto ready = co_await driver.prepare(now() + 30s);
    EXPECT_TRUE(ready) << ready.error().message;
  }

  // VBoxSVC, as its lock file names it.
  pid_t service_pid() const {
    pid_t pid = -1;
    std::ifstream("/tmp/.vbox-" + socket_ + "-ipc/lock") >> pid;
    const auto process = pid > 1 ? ProcessTable().read(pid) : std::nullopt;
    return process && program_name(process->argv.at(0)) == "VBoxSVC" ? pid : -1;
  }

  Task<std::string> create(std::string name, std::string guest) {
    SpawnSpec spec;
    const passwd* user = ::getpwuid(::geteuid());
    spec.argv = {std::string(VMKEEP_SOURCE_DIR) + "/lab/virtualbox",
                 "createvm",
                 user->pw_name,
                 name,
                 "--guest",
                 guest,
                 "--home",
                 folder_.path(),
                 "--ipc",
                 socket_};
    spec.environment = environment_;
    const char* lab = ::getenv("VMKEEP_LAB");
    if (lab != nullptr) spec.environment.push_back(std::string("VMKEEP_LAB=") + lab);
    const auto created = co_await run_command(loop_.reaper(), std::move(spec), now() + 60s);
    EXPECT_TRUE(created && created->status.success()) << (created ? created->err : created.error().message);
    std::string uuid = created ? normal_uuid(created->out.substr(0, 36)) : "";
    EXPECT_FALSE(uuid.empty());
    created_.push_back(uuid);
    co_return uuid;
  }

  void spawn_vm(const std::string& uuid) {
    const auto what = driver_->launch(VmRef{uuid, "test", true});
    ASSERT_TRUE(what);
    SpawnSpec spec;
    spec.argv = what->argv;
    spec.environment = environment_;
    auto child = spawn(spec);
    ASSERT_TRUE(child);
    loop_.reaper().expect(child->pid);
    child_ = std::move(*child);
  }

  // As the start method does: VBoxHeadless directly, followed with calls that lock nothing.
  Task<> launch(std::string uuid) {
    spawn_vm(uuid);
    const Instant limit = now() + 60s;
    bool is_up = false;
    while (!is_up && now() < limit) {
      const auto running = co_await driver_->running(limit);
      is_up = running && std::count(running->begin(), running->end(), uuid) == 1;
      if (!is_up) co_await sleep_until(now() + 50ms);
    }
    EXPECT_TRUE(is_up);
    EXPECT_TRUE(co_await reaches(uuid, VmState::running, Witness::present));
    const auto process = driver_->process(uuid);
    EXPECT_TRUE(process && process->pid == child_.pid);
  }

  Task<bool> reaches(std::string uuid, VmState state, Witness process) {
    const Instant limit = now() + 60s;
    std::string last = "never seen";
    while (now() < limit) {
      const auto looked = co_await driver_->look(uuid, limit);
      if (looked && looked->state == state && looked->process == process) co_return true;
      if (looked) {
        last = std::string(vm::to_string(looked->state)) + ", " + std::string(vm::to_string(looked->process));
      } else {
        last = looked.error().message;
      }
      co_await driver_->hint(uuid, now() + 500ms);
    }
    ADD_FAILURE() << "wanted " << vm::to_string(state) << ", last seen: " << last;
    co_return false;
  }

  Task<> control(std::string uuid, StopAction action) {
    const auto done = co_await driver_->control(uuid, action, now() + 60s);
    EXPECT_TRUE(done) << done.error().message;
  }

  Task<> expect_success_of_child() {
    const auto ended = co_await loop_.reaper().exited(child_.pid, now() + 30s);
    EXPECT_TRUE(ended && ended->success());
  }

  // A VM that cannot be: the hypervisor says so.
  Task<> expect_missing() {
    const auto missing = co_await driver_->look("00000000-0000-4000-8000-000000000000", now() + 30s);
    EXPECT_TRUE(missing && missing->agreed() == VmState::missing);
  }

  // Until no hint is left of what was done before.
  Task<> quiet(std::string uuid) {
    for (bool more = true; more;) {
      more = co_await driver_->hint(uuid, now() + 200ms);
    }
  }

  TestFolder folder_;
  TestLoop loop_;
  std::string socket_;
  std::vector<std::string> environment_;
  std::vector<std::string> created_;
  Child child_;
  std::unique_ptr<Hypervisor> driver_;
};

TEST_F(RealVirtualBox, AVmIsSavedAndRestored) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("saved", "acpi");
    EXPECT_TRUE(co_await reaches(uuid, VmState::poweroff, Witness::absent));
    co_await launch(uuid);
    co_await control(uuid, StopAction::savestate);
    EXPECT_TRUE(co_await reaches(uuid, VmState::saved, Witness::absent));
    co_await expect_success_of_child();
    co_await launch(uuid);
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, APowerOffIsHintedAt) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("off", "deaf");
    co_await launch(uuid);
    EXPECT_FALSE(co_await driver_->hint(uuid, now() + 200ms)) << "its log tells only how it came to run";
    co_await control(uuid, StopAction::poweroff);
    EXPECT_TRUE(co_await driver_->hint(uuid, now() + 30s));
    EXPECT_TRUE(co_await reaches(uuid, VmState::poweroff, Witness::absent));
    co_await expect_success_of_child();
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, WhatIsNotThereIsSaidToBeSo) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("there", "acpi");
    const auto found = co_await driver_->find("there", now() + 30s);
    EXPECT_TRUE(found && found->uuid == uuid);
    const auto refused = co_await driver_->control(uuid, StopAction::savestate, now() + 30s);
    EXPECT_TRUE(!refused && refused.error().kind == ErrorKind::invalid);
    co_await expect_missing();
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, AKilledVmIsHintedAtAndAborted) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("killed", "deaf");
    co_await launch(uuid);
    co_await quiet(uuid);
    EXPECT_EQ(::kill(child_.pid, SIGKILL), 0);
    EXPECT_TRUE(co_await driver_->hint(uuid, now() + 30s));
    EXPECT_TRUE(co_await reaches(uuid, VmState::aborted, Witness::absent));
  };
  loop_.run(scenario(), 200s);
}

TEST_F(RealVirtualBox, AStuckGuestIsHintedAt) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("stuck", "triple");
    // It may be stuck before it was seen running; what its guest wrote tells that the start is over.
    spawn_vm(uuid);
    const Instant limit = now() + 60s;
    while (folder_.read("vms/stuck/stuck.serial").empty() && now() < limit)
      co_await sleep_until(now() + 50ms);
    EXPECT_TRUE(co_await reaches(uuid, VmState::gurumeditation, Witness::present));
    const auto up = co_await driver_->is_running(uuid, now() + 60s);
    EXPECT_TRUE(up && *up) << "it has come up, though no list names it (facts 8)";
    co_await control(uuid, StopAction::poweroff);
    EXPECT_TRUE(co_await reaches(uuid, VmState::poweroff, Witness::absent));
  };
  loop_.run(scenario(), 200s);
}

TEST_F(RealVirtualBox, AFrozenProcessHangsLooksAndIsCleared) {  // facts 7
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("frozen", "deaf");
    co_await launch(uuid);
    EXPECT_EQ(::kill(child_.pid, SIGSTOP), 0);
    bool ended = false;
    const auto look = [&]() -> Task<> {
      const auto looked = co_await driver_->look(uuid, now() + 120s);
      EXPECT_TRUE(!looked && looked.error().kind == ErrorKind::timeout);
      ended = true;
    };
    start(loop_.executor(), look());
    EXPECT_TRUE(co_await driver_->running(now() + 30s));
    EXPECT_FALSE(ended);
    driver_->abandon(uuid);
    const Instant limit = now() + 30s;
    while (!ended && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_TRUE(ended);
    co_await control(uuid, StopAction::emergencystop);
    EXPECT_TRUE(co_await reaches(uuid, VmState::aborted, Witness::absent));
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, WithoutItsVBoxSvcALiveVmIsNotTakenForDown) {  // facts 6
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("orphan", "deaf");
    co_await launch(uuid);
    EXPECT_EQ(::kill(service_pid(), SIGKILL), 0);
    while (driver_->process(uuid)) {
      const auto looked = co_await driver_->look(uuid, now() + 30s);
      if (looked && driver_->process(uuid)) {
        EXPECT_TRUE(vm::is_up(looked->agreed()) || looked->agreed() == VmState::unknown)
            << vm::to_string(looked->agreed());
      }
    }
    EXPECT_TRUE(co_await reaches(uuid, VmState::poweroff, Witness::absent));
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, WhatIsToldOfARunningVm) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("told", "deaf");
    co_await launch(uuid);
    const auto details = co_await driver_->describe(uuid, now() + 60s);
    EXPECT_TRUE(details) << details.error().message;
    if (details) {
      EXPECT_EQ(details->settings_file, folder_.file("vms/told/told.vbox"));
      EXPECT_EQ(details->disks, std::vector<std::string>{folder_.file("vms/told/told.img")});
      EXPECT_EQ(details->serial_ports.size(), 1U);
    }
    const auto tail = driver_->log_tail(uuid, 5);
    EXPECT_TRUE(tail && tail->size() == 5);
    EXPECT_FALSE(driver_->heartbeat(uuid)) << "a guest of 512 bytes sends none";
    const auto version = co_await driver_->guest_property(uuid, "/VirtualBox/HostInfo/VBoxVer", now() + 60s);
    EXPECT_TRUE(version && *version && (*version)->find('.') != std::string::npos);
    const auto nothing = co_await driver_->guest_property(uuid, "/no/such", now() + 60s);
    EXPECT_TRUE(nothing && !*nothing);
    // The BIOS reads the guest from its floppy.
    std::optional<uint64_t> bytes;
    for (const Instant limit = now() + 60s; bytes.value_or(0) == 0 && now() < limit;) {
      const auto moved = co_await driver_->moved_bytes(uuid, limit);
      EXPECT_TRUE(moved) << moved.error().message;
      if (moved) bytes = *moved;
    }
    EXPECT_GE(bytes.value_or(0), 512U);
    const auto shot = co_await driver_->screenshot(uuid, folder_.file("shot.png"), now() + 60s);
    EXPECT_TRUE(shot);
    EXPECT_EQ(folder_.read("shot.png").substr(1, 3), "PNG");
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, PausedResumedAndSnapshotTaken) {
  const auto scenario = [&]() -> Task<> {
    const std::string uuid = co_await create("snap", "deaf");
    co_await launch(uuid);
    const auto paused = co_await driver_->pause(uuid, now() + 60s);
    EXPECT_TRUE(paused);
    EXPECT_TRUE(co_await reaches(uuid, VmState::paused, Witness::present));
    const auto again = co_await driver_->pause(uuid, now() + 60s);
    EXPECT_TRUE(!again && again.error().kind == ErrorKind::invalid);
    const auto resumed = co_await driver_->resume(uuid, now() + 60s);
    EXPECT_TRUE(resumed);
    EXPECT_TRUE(co_await reaches(uuid, VmState::running, Witness::present));
    int last = -1;
    const auto note = [&](int percent) { last = percent; };
    const auto taken = co_await driver_->take_snapshot(uuid, "one \"two\"", "why", now() + 60s, note);
    EXPECT_TRUE(taken);
    EXPECT_EQ(last, 100);
    EXPECT_TRUE(co_await reaches(uuid, VmState::running, Witness::present));
    last = -1;
    const auto saved = co_await driver_->control(uuid, StopAction::savestate, now() + 60s, note);
    EXPECT_TRUE(saved);
    EXPECT_EQ(last, 100);
    EXPECT_TRUE(co_await reaches(uuid, VmState::saved, Witness::absent));
    const auto details = co_await driver_->describe(uuid, now() + 60s);
    EXPECT_TRUE(details && details->state_file.find(".sav") != std::string::npos);
    // Of a VM that is down, too.
    const auto down = co_await driver_->take_snapshot(uuid, "three", "", now() + 60s);
    EXPECT_TRUE(down);
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, T57_a_frozen_vm_is_killed_and_its_neighbour_lives) {
  const auto scenario = [&]() -> Task<> {
    const std::string neighbour = co_await create("neighbour", "deaf");
    const std::string uuid = co_await create("kill", "deaf");
    co_await launch(neighbour);
    co_await launch(uuid);
    EXPECT_EQ(::kill(child_.pid, SIGSTOP), 0);
    const auto killed = co_await driver_->kill_process(uuid, 200ms);
    EXPECT_TRUE(killed);
    EXPECT_TRUE(co_await reaches(uuid, VmState::aborted, Witness::absent));
    EXPECT_TRUE(co_await reaches(neighbour, VmState::running, Witness::present));
  };
  loop_.run(scenario(), 300s);
}

TEST_F(RealVirtualBox, TwoDriversShareOneVBoxSvc) {
  const pid_t first = service_pid();
  ASSERT_GT(first, 1);
  DriverOptions options;
  options.environment = environment_;
  const auto second = make_virtualbox(loop_.executor(), loop_.reaper(), options);
  loop_.run(prepare(*second));
  EXPECT_EQ(service_pid(), first);
  int services = 0;
  std::string seen;
  for (const Process& process : ProcessTable().scan(::geteuid(), {"VBoxSVC"}).processes) {
    const auto environment = ProcessTable().environment(process.pid);
    const std::string id =
        environment ? value_of(*environment, "VBOX_IPC_SOCKETID") : "its environment is closed";
    seen += std::to_string(process.pid) + ": " + id + "\n";
    if (id == socket_) ++services;
  }
  EXPECT_EQ(services, 1) << "VBoxSVC " << first << " of " << socket_ << "; seen:\n" << seen;
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
