// What goes wrong with VirtualBox beyond a look: actions that lie, and answers about a VM that are none.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "base/spawn.h"
#include "hypervisor/virtualbox/test_driver.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

using vm::StopAction;

TEST_F(DriverTest, Status0WithAnErrorIsAFailure) {  // facts 10
  manage("echo 'VBoxManage: error: Could not adopt the state' >&2; exit 0");
  const auto done = control(StopAction::acpipowerbutton);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("Could not adopt the state"), std::string::npos)
      << done.error().message;
}

TEST_F(DriverTest, AFailureThatWasNoneIsSeenByALook) {
  manage(
      "[ $1 = showvminfo ] && exec cat $T/showvminfo-saved.txt; "
      "[ $1 = setextradata ] && exec echo \"$*\" >>$D/said; echo oops >&2; exit 1");
  EXPECT_TRUE(control(StopAction::savestate));
  const std::string written = std::string("setextradata ") + kVm1 + " vmkeep/saved";
  EXPECT_EQ(folder_.read("said"), written + " yes\n" + written + "\n")
      << "or it is saved for VBoxSVC's life only";
  // Saved is not powered off.
  EXPECT_FALSE(control(StopAction::poweroff));
  // Where nothing can be seen afterwards, the word counts.
  EXPECT_FALSE(control(StopAction::acpipowerbutton));
}

TEST_F(DriverTest, ASaveThatVirtualBoxDoesNotWriteDownHasFailed) {
  manage("[ $1 = showvminfo ] && exec cat $T/showvminfo-saved.txt; echo oops >&2; exit 1");
  const auto done = control(StopAction::savestate);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("has not written that down"), std::string::npos)
      << done.error().message;
}

TEST_F(DriverTest, AFailureIsNoSuccessBecauseALookFails) {
  manage("echo \"$*\" >>$D/said; echo oops >&2; exit 1");
  const auto done = control(StopAction::savestate);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("controlvm"), std::string::npos) << done.error().message;
}

TEST_F(DriverTest, ARefusalWithAReasonIsBelieved) {
  manage("echo \"$1\" >>$D/said; echo 'VBoxManage: error: Invalid machine state: Saving' >&2; exit 1");
  const auto done = control(StopAction::savestate);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::invalid);
  EXPECT_EQ(folder_.read("said"), "controlvm\n") << "nobody had to look";
}

TEST_F(DriverTest, ALookWithStatus0AndOnlyAnErrorIsNoAnswer) {
  manage("echo 'VBoxManage: error: something' >&2");
  expect_error(look(), ErrorKind::unavailable);
}

TEST_F(DriverTest, ProgressIsToldWhileItRuns) {
  // The second half is printed once the first was heard.
  manage(
      "printf '0%%...10%%...20%%' >&2; until [ -e $D/heard ]; do sleep 0.02; done; printf '...100%%\\n' >&2");
  std::vector<int> percents;
  const auto done = control(StopAction::savestate, [&](int percent) {
    percents.push_back(percent);
    if (percent >= 20) folder_.write("heard", "");
  });
  EXPECT_TRUE(done);
  ASSERT_FALSE(percents.empty());
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
  EXPECT_TRUE(folder_.has("heard"));
}

TEST_F(DriverTest, AFailureWithProgressKeepsItsWords) {
  manage(
      "[ $1 = showvminfo ] && exec cat $T/showvminfo-running.txt; echo '0%...10%' >&2; "
      "echo 'VBoxManage: error: Disk full (VERR_DISK_FULL)' >&2; exit 1");
  const auto done = control(StopAction::savestate, [](int) {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("VERR_DISK_FULL"), std::string::npos) << done.error().message;
}

TEST_F(DriverTest, WhoFollowsProgressIsNotHeldUpByAGrandchild) {
  manage("sleep 60 & echo $! >$D/pid; echo '0%...100%' >&2");
  const Instant before = now();
  EXPECT_TRUE(control(StopAction::savestate, [](int) {}));
  EXPECT_LT(now() - before, 10s);
  const pid_t pid = std::stoi(folder_.read("pid"));
  ASSERT_GT(pid, 1);
  EXPECT_EQ(::kill(pid, SIGKILL), 0) << "our call must not have ended it";
}

TEST_F(DriverTest, TheNewQuestionsSayTheRightWords) {
  manage(
      "echo \"$*\" >>$D/said; case $1 in guestproperty) echo 'Value: x';; debugvm) cat $T/statistics.xml;; "
      "esac");
  Result<> done = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->pause(kVm1, now() + 20s), done));
  EXPECT_TRUE(done);
  loop_.run(store(driver_->screenshot(kVm1, "/a b.png", now() + 20s), done));
  EXPECT_TRUE(done);
  loop_.run(store(driver_->take_snapshot(kVm1, "n $(x)", "-d", now() + 20s), done));
  EXPECT_TRUE(done);
  loop_.run(store(driver_->take_snapshot(kVm1, "--live", "", now() + 20s), done));
  EXPECT_TRUE(!done && done.error().kind == ErrorKind::invalid);
  Result<std::optional<std::string>> property = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->guest_property(kVm1, "/p", now() + 20s), property));
  EXPECT_TRUE(property && *property == "x");
  Result<uint64_t> moved = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->moved_bytes(kVm1, now() + 20s), moved));
  EXPECT_TRUE(moved && *moved == 512);
  const std::string vm = kVm1;
  EXPECT_EQ(folder_.read("said"), "controlvm " + vm + " pause\ncontrolvm " + vm +
                                      " screenshotpng /a b.png\nsnapshot " + vm +
                                      " take n $(x) --description=-d\nguestproperty get " + vm +
                                      " /p\ndebugvm " + vm + " statistics --pattern /Public/*\n");
}

TEST_F(DriverTest, DescribeIsOfTheVmThatWasAskedFor) {
  manage("cat $T/showvminfo-rich.txt");
  Result<VmDetails> details = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->describe("6a727783-a71f-4d60-a8a2-9655ac454a99", now() + 20s), details));
  ASSERT_TRUE(details) << details.error().message;
  EXPECT_EQ(details->vm.name, "drv1");
  loop_.run(store(driver_->describe(kVm1, now() + 20s), details));
  EXPECT_TRUE(!details && details.error().kind == ErrorKind::unavailable);
}

TEST_F(DriverTest, TheLogIsKnownAfterALook) {
  EXPECT_FALSE([&] {
    manage("cat $D/info");
    return driver_->log_tail(kVm1, 3);
  }());
  std::ostringstream info;
  info << std::ifstream(std::string(VMKEEP_SOURCE_DIR) +
                        "/src/hypervisor/virtualbox/testdata/showvminfo-running.txt")
              .rdbuf();
  std::string text = info.str();
  const size_t at = text.find("LogFldr=\"") + 9;
  text.replace(at, text.find('"', at) - at, folder_.path());
  folder_.write("info", text);
  folder_.write("VBox.log",
                "00:00:01.0 VMMDev: Guest seems to be unresponsive. Last heartbeat\nlast words\n");
  expect_state(look(), vm::VmState::running);
  const auto heartbeat = driver_->heartbeat(kVm1);
  EXPECT_TRUE(heartbeat && heartbeat->lost);
  const auto tail = driver_->log_tail(kVm1, 1);
  EXPECT_TRUE(tail && *tail == std::vector<std::string>{"last words"});
}

TEST_F(DriverTest, TheFrontEndIsVirtualBoxVmBesideIt) {
  manage("true");
  auto window = driver_->front_end(VmRef{kVm1, "a b", true});
  ASSERT_FALSE(window);
  EXPECT_EQ(window.error().kind, ErrorKind::unsupported);
  folder_.program("VirtualBoxVM", "");
  manage("true");
  window = driver_->front_end(VmRef{kVm1, "a b", true});
  ASSERT_TRUE(window);
  EXPECT_EQ(window->argv,
            (std::vector<std::string>{folder_.file("VirtualBoxVM"), "--comment", "a b", "--startvm", kVm1}));
}

// Else it would look for the VM in its user's usual VirtualBox.
TEST_F(DriverTest, T89_the_front_end_is_of_the_virtualbox_that_has_the_vm) {
  manage("true");
  const std::vector<std::string> whose{"VBOX_USER_HOME=/srv/vms", "VBOX_IPC_SOCKETID=other"};
  DriverOptions options;
  options.environment = {"PATH=" + folder_.path(), "HOME=/home/x", "TZ=UTC"};
  options.environment.insert(options.environment.end(), whose.begin(), whose.end());
  folder_.program("VirtualBoxVM", "#!/bin/sh\n");
  const auto window =
      make_virtualbox(loop_.executor(), loop_.reaper(), options)->front_end(VmRef{kVm1, "a b", true});
  ASSERT_TRUE(window) << window.error().message;
  EXPECT_EQ(window->environment, whose);
}

TEST_F(DriverTest, TwoProcessesContestAVm) {
  manage("true");
  std::filesystem::copy_file("/bin/sh", folder_.file("VBoxHeadless"));
  ASSERT_EQ(::mkfifo(folder_.file("never").c_str(), 0600), 0);
  const auto begin = [&] {
    SpawnSpec spec;
    spec.argv = {folder_.file("VBoxHeadless"), "-c", "read x <" + folder_.file("never"), "--startvm", vm_};
    auto child = spawn(spec);
    EXPECT_TRUE(child);
    loop_.reaper().expect(child->pid);
    return std::move(*child);
  };
  const auto end = [&](const Child& child) -> Task<> {
    EXPECT_EQ(::kill(child.pid, SIGKILL), 0);
    EXPECT_TRUE(co_await loop_.reaper().exited(child.pid, now() + 20s));
  };
  const Child first = begin();
  EXPECT_FALSE(driver_->contested(vm_));
  const Child second = begin();
  EXPECT_TRUE(driver_->contested(vm_));
  loop_.run(end(first));
  EXPECT_FALSE(driver_->contested(vm_));
  EXPECT_EQ(driver_->process(vm_).value_or(VmProcess{}).pid, second.pid);
  loop_.run(end(second));
}

// What asks a VM's session while it is being torn down may take VBoxSVC along.
TEST_F(DriverTest, AVmOnItsWayDownIsAskedAboutOnceItsProcessHasGone) {
  std::filesystem::copy_file("/bin/sh", folder_.file("VBoxHeadless"));
  ASSERT_EQ(::mkfifo(folder_.file("never").c_str(), 0600), 0);
  SpawnSpec spec;
  spec.argv = {folder_.file("VBoxHeadless"), "-c", "read x <" + folder_.file("never"), "--startvm", vm_};
  const auto vm = spawn(spec);
  ASSERT_TRUE(vm);
  loop_.reaper().expect(vm->pid);
  const std::string alive =
      "kill -0 " + std::to_string(vm->pid) + " && echo alive >>$D/asked || echo gone >>$D/asked\n";
  manage(alive + "[ -e $D/down ] && " + told("poweroff") + told("running"));
  folder_.write("VBox.log", "00:00:02.000000 Console: Machine state changed to 'Running'\n");
  EXPECT_TRUE(look(20s, vm_));
  Result<vm::Observation> looked = fail(ErrorKind::io, "no answer");
  const auto scenario = [&]() -> Task<> {
    folder_.write("down", "");
    folder_.write("VBox.log",
                  "00:00:02.000000 Console: Machine state changed to 'Running'\n"
                  "00:00:09.000000 Console: Machine state changed to 'PoweredOff'\n");
    start(loop_.executor(), store(driver_->look(vm_, now() + 20s), looked));
    // Long enough for a question to be put.
    const Instant limit = now() + 200ms;
    while (folder_.read("asked") == "alive\n" && now() < limit) co_await sleep_until(now() + 5ms);
    EXPECT_EQ(::kill(vm->pid, SIGKILL), 0);
    EXPECT_TRUE(co_await loop_.reaper().exited(vm->pid, now() + 20s));
    const Instant deadline = now() + 20s;
    while (!looked && now() < deadline) co_await sleep_until(now() + 5ms);
  };
  loop_.run(scenario());
  expect_state(looked, vm::VmState::poweroff);
  // Where VirtualBox does not notice within its time it is asked all the same.
  EXPECT_EQ(folder_.read("asked").substr(0, 11), "alive\ngone\n");
}

TEST_F(DriverTest, T57_signals_go_to_exactly_that_process) {
  manage("true");
  // A shell under VirtualBox's name, which notes its signals and waits for ever without a child.
  std::filesystem::copy_file("/bin/sh", folder_.file("VBoxHeadless"));
  ASSERT_EQ(::mkfifo(folder_.file("never").c_str(), 0600), 0);
  const auto begin = [&](const std::string& comment, const std::string& vm, const std::string& notes) {
    SpawnSpec spec;
    const std::string note = folder_.file(notes);
    spec.argv = {folder_.file("VBoxHeadless"),
                 "-c",
                 "for s in TERM INT QUIT HUP; do trap \"echo $s >>" + note + "\" $s; done; echo ready >>" +
                     note + "; while :; do read x <" + folder_.file("never") + "; done",
                 "--comment",
                 comment,
                 "--startvm",
                 vm};
    auto child = spawn(spec);
    EXPECT_TRUE(child);
    loop_.reaper().expect(child->pid);
    return std::move(*child);
  };
  const std::string other = "22222222-420b-435b-a7ba-2a590a615572";
  const Child ours = begin("x", vm_, "ours");
  // Named like ours, but another VM.
  const Child theirs = begin(vm_, other, "theirs");
  const auto scenario = [&]() -> Task<> {
    const Instant limit = now() + 20s;
    while ((!folder_.has("ours") || !folder_.has("theirs")) && now() < limit)
      co_await sleep_until(now() + 5ms);
    const auto killed = co_await driver_->kill_process(vm_, 100ms);
    EXPECT_TRUE(killed) << killed.error().message;
    const auto ended = co_await loop_.reaper().exited(ours.pid, now() + 20s);
    EXPECT_TRUE(ended && ended->raw == SIGKILL);
    EXPECT_EQ(folder_.read("ours"), "ready\nTERM\nINT\nQUIT\nHUP\n");
    EXPECT_FALSE(driver_->process(vm_));
    const auto again = co_await driver_->kill_process(vm_, 100ms);
    EXPECT_TRUE(!again && again.error().kind == ErrorKind::invalid);
    EXPECT_TRUE(driver_->process(other));
    EXPECT_EQ(folder_.read("theirs"), "ready\n");
    EXPECT_EQ(::kill(theirs.pid, SIGKILL), 0);
    EXPECT_TRUE(co_await loop_.reaper().exited(theirs.pid, now() + 20s));
  };
  loop_.run(scenario());
}

// VirtualBox tells the caller only that a save failed.
TEST_F(DriverTest, ASaveThatFailsTellsWhatTheVmsLogSaysOfIt) {
  manage(
      "[ $1 = showvminfo ] && exec sed \"s|^LogFldr=.*|LogFldr=\\\"$D\\\"|\" $T/showvminfo-poweroff.txt; "
      "echo 'VBoxManage: error: Failed to save machine state.' >&2; exit 1");
  std::ofstream(folder_.path() + "/VBox.log")
      << "00:00:03 ERROR [COM]: aRC=NS_ERROR_FAILURE aText={Failed to save the machine state to '/x.sav' "
         "(VERR_DISK_FULL)}, preserve=false\n00:00:04 Changing the VM state from 'SAVING' to 'RUNNING'\n";
  ASSERT_TRUE(look());
  const auto done = control(StopAction::savestate);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("to '/x.sav' (VERR_DISK_FULL)"), std::string::npos)
      << done.error().message;
}

// Measured: VirtualBox tries to read such settings again when it is asked for the list.
TEST_F(DriverTest, AVmThatCouldNotBeReadIsReadAgain) {
  manage(std::string("if [ $1 = list ]; then [ -e $D/mounted ] && touch $D/read; echo '\"vm1\" {") + kVm1 +
         "}'; exit 0; fi\n"
         "[ -e $D/read ] && exec cat $T/showvminfo-poweroff.txt\ncat $T/showvminfo-inaccessible.err >&2; "
         "exit 1");
  expect_state(look(), vm::VmState::inaccessible);
  std::ofstream(folder_.path() + "/mounted") << "yes";
  expect_state(look(), vm::VmState::poweroff);
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
