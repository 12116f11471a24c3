// The driver against a VBoxManage that is a shell script of the test's, so that it can fail in every way that
// the real one was seen to fail.
#include "hypervisor/virtualbox/test_driver.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

TEST_F(DriverTest, LookTellsTheState) {
  manage("cat $T/showvminfo-aborted-saved.txt");
  expect_state(look(), vm::VmState::aborted_saved);
}

TEST_F(DriverTest, TextOnStderrIsNoFailure) {
  manage("cat $T/savestate.err >&2; cat $T/showvminfo-saved.txt");
  expect_state(look(), vm::VmState::saved);
}

TEST_F(DriverTest, HalfAnAnswerWithStatus1IsNone) {  // facts 2
  manage("cat $T/showvminfo-concurrent.out; cat $T/showvminfo-concurrent.err >&2; exit 1");
  expect_error(look(600ms), ErrorKind::unavailable);
}

TEST_F(DriverTest, PassingTroubleIsAskedAgain) {
  for (const char* trouble : {"concurrent", "nosvc"}) {
    folder_.write("tries", "");
    manage(std::string("echo >>$D/tries; [ $(wc -l <$D/tries) -lt 3 ] && { cat $T/showvminfo-") + trouble +
           ".err >&2; exit 1; }; cat $T/showvminfo-poweroff.txt");
    // The sample is of another VM's making, but of the same UUID.
    const auto looked = look();
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_EQ(folder_.read("tries"), "\n\n\n");
  }
}

TEST_F(DriverTest, NotRegisteredAndInaccessibleAreObservations) {
  manage("cat $T/showvminfo-nonexistent.err >&2; exit 1");
  expect_state(look(), vm::VmState::missing);
  manage("cat $T/showvminfo-inaccessible.err >&2; exit 1");
  expect_state(look(), vm::VmState::inaccessible);
}

TEST_F(DriverTest, GarbageIsNoAnswer) {
  for (const char* body :
       {"echo hello", "true", "head -c 3000 /dev/urandom", "head -40 $T/showvminfo-running.txt", "exit 7",
        "kill -9 $$", "sed s/bd419973/bd419974/ $T/showvminfo-running.txt", "echo oops >&2; exit 1"}) {
    manage(body);
    expect_error(look(), ErrorKind::unavailable);
  }
}

TEST_F(DriverTest, AWordThatIsNoStateIsUnknownWithItsWord) {
  manage("sed s/VMState=\\\"running/VMState=\\\"dancing/ $T/showvminfo-running.txt");
  const auto looked = look();
  expect_state(looked, vm::VmState::unknown);
  EXPECT_NE(looked->detail.find("dancing"), std::string::npos);
  EXPECT_FALSE(looked->stuck());
}

TEST_F(DriverTest, ALateAnswerIsAnAnswer) {  // facts 3: no call gets less than 12 s
  manage("sleep 1; cat $T/showvminfo-saved.txt");
  expect_state(look(100ms), vm::VmState::saved);
}

TEST_F(DriverTest, WhatAGrandchildHoldsOpenIsNotWaitedFor) {
  manage("sleep 60 & echo $! >$D/pid; cat $T/showvminfo-saved.txt");
  const Instant before = now();
  expect_state(look(), vm::VmState::saved);
  EXPECT_LT(now() - before, 10s);
  const pid_t pid = std::stoi(folder_.read("pid"));
  ASSERT_GT(pid, 1);
  EXPECT_EQ(::kill(pid, SIGKILL), 0) << "our call must not have ended it";
}

TEST_F(DriverTest, AHungCallCanBeAbandoned) {
  manage("echo >$D/begun; exec sleep 600");
  Result<vm::Observation> first = vm::Observation{};
  Result<vm::Observation> second = vm::Observation{};
  const auto scenario = [&]() -> Task<> {
    start(loop_.executor(), store(driver_->look(kVm1, now() + 300s), first));
    start(loop_.executor(), store(driver_->look(kVm1, now() + 300s), second));
    const Instant limit = now() + 20s;
    while (!folder_.has("begun") && now() < limit) co_await sleep_until(now() + 10ms);
    driver_->abandon(kVm1);
    while ((first || second) && now() < limit) co_await sleep_until(now() + 10ms);
  };
  loop_.run(scenario());
  expect_error(first, ErrorKind::timeout);
  expect_error(second, ErrorKind::timeout);
  // And the VM can be asked again.
  manage("cat $T/showvminfo-saved.txt");
  expect_state(look(), vm::VmState::saved);
}

TEST_F(DriverTest, OneCallAtATimePerVm) {
  manage("mkdir $D/busy || touch $D/overlap; sleep 0.1; rmdir $D/busy; cat $T/showvminfo-saved.txt");
  Result<vm::Observation> looks[4] = {vm::Observation{}, vm::Observation{}, vm::Observation{},
                                      vm::Observation{}};
  const auto scenario = [&]() -> Task<> {
    int left = 4;
    const auto one = [&](int i) -> Task<> {
      looks[i] = co_await driver_->look(kVm1, now() + 30s);
      --left;
    };
    for (int i = 0; i < 4; ++i) start(loop_.executor(), one(i));
    const Instant limit = now() + 30s;
    while (left > 0 && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_EQ(left, 0);
  };
  loop_.run(scenario());
  for (const auto& looked : looks) expect_state(looked, vm::VmState::saved);
  EXPECT_FALSE(folder_.has("overlap"));
}

TEST_F(DriverTest, FindByUuidOrName) {
  manage("cat $T/list-vms-oddnames.txt; echo '\"vm1\" {11111111-420b-435b-a7ba-2a590a615572}'");
  struct {
    const char* asked;
    const char* uuid;
    ErrorKind error;
  } const rows[] = {
      {"g-deaf", "e737df8d-e601-4a27-9590-7c6ec0a11a0a", ErrorKind::io},
      {"two\nlines", "e08eb62d-26e6-46ae-842a-cefd55a80b88", ErrorKind::io},
      {"{BD419973-420B-435B-A7BA-2A590A615572}", kVm1, ErrorKind::io},
      {"vm1", nullptr, ErrorKind::invalid},
      {"nope", nullptr, ErrorKind::not_found},
      {"22222222-420b-435b-a7ba-2a590a615572", nullptr, ErrorKind::not_found},
  };
  for (const auto& row : rows) {
    Result<VmRef> found = fail(ErrorKind::io, "no answer");
    loop_.run(store(driver_->find(row.asked, now() + 20s), found));
    ASSERT_EQ(static_cast<bool>(found), row.uuid != nullptr) << row.asked;
    if (found) {
      EXPECT_EQ(found->uuid, row.uuid);
    } else {
      EXPECT_EQ(found.error().kind, row.error) << found.error().message;
    }
  }
}

TEST_F(DriverTest, RunningListsUuids) {
  manage("[ \"$*\" = 'list runningvms' ] && cat $T/list-runningvms.txt");
  Result<std::vector<std::string>> running = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->running(now() + 20s), running));
  ASSERT_TRUE(running) << running.error().message;
  EXPECT_EQ(*running, std::vector<std::string>{kVm1});
}

// At a boot many starts are followed at once, and each of them asks for the list.
TEST_F(DriverTest, WhoAsksForAListWhileOneIsUnderWayGetsTheNextOneWithAllOthers) {
  constexpr size_t kAskers = 12;
  manage("echo >>$D/calls; sleep 0.2; cat $T/list-runningvms.txt");
  std::vector<Result<bool>> answers(kAskers, Result<bool>(fail(ErrorKind::io, "no answer")));
  const auto scenario = [&]() -> Task<> {
    for (auto& answer : answers)
      start(loop_.executor(), store(driver_->is_running(kVm1, now() + 20s), answer));
    const Instant deadline = now() + 20s;
    const auto open = [&] { return std::any_of(answers.begin(), answers.end(), [](auto& a) { return !a; }); };
    while (open() && now() < deadline) co_await sleep_until(now() + 10ms);
  };
  loop_.run(scenario());
  Result<std::vector<std::string>> all = fail(ErrorKind::io, "no answer");
  loop_.run(store(driver_->running(now() + 20s), all));
  ASSERT_TRUE(all) << all.error().message;
  const bool listed = std::find(all->begin(), all->end(), kVm1) != all->end();
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, listed);
  }
  // The first, the next for all others, and the one just now; where a call takes seconds there may be more.
  EXPECT_LT(folder_.read("calls").size(), kAskers);
}

// A guest may take its VM down within seconds, and the list of running VMs never names it (facts 8).
TEST_F(DriverTest, AStuckVmHasComeUp) {
  const auto asked = [this] {
    Result<bool> up = fail(ErrorKind::io, "no answer");
    loop_.run(store(driver_->is_running(vm_, now() + 20s), up));
    EXPECT_TRUE(up) << up.error().message;
    return up && *up;
  };
  manage(told("poweroff") + "echo >>$D/lists");
  const std::string stuck = "00:00:04.000000 Console: Machine state changed to 'Stuck'\n";
  folder_.write("VBox.log", stuck);
  expect_state(look(20s, vm_), vm::VmState::poweroff);
  folder_.program("VBoxHeadless", "");
  ASSERT_TRUE(driver_->launch(VmRef{vm_, "vm1", true}));
  EXPECT_FALSE(asked()) << "the log is that of the run before";
  EXPECT_EQ(folder_.read("lists"), "") << "while the log says nothing new there is no need to ask";
  std::filesystem::rename(folder_.file("VBox.log"), folder_.file("VBox.log.1"));
  folder_.write("VBox.log", "00:00:02.000000 Console: Machine state changed to 'Running'\n");
  EXPECT_FALSE(asked());
  EXPECT_EQ(folder_.read("lists"), "\n");
  folder_.write("VBox.log", "00:00:02.000000 Console: Machine state changed to 'Running'\n" + stuck);
  EXPECT_TRUE(asked());
}

// One call in 300 hangs (facts 3): the others are not kept back by it for longer than they would be anyhow.
TEST_F(DriverTest, AListThatHangsIsNotWaitedForByAll) {
  manage("[ -e $D/first ] && exec cat $T/list-runningvms.txt; echo $$ >$D/first; exec sleep 600");
  Result<bool> hung = fail(ErrorKind::io, "no answer");
  Result<bool> other = fail(ErrorKind::io, "no answer");
  const auto scenario = [&]() -> Task<> {
    start(loop_.executor(), store(driver_->is_running(kVm1, now() + 60s), hung));
    const Instant limit = now() + 20s;
    while (folder_.read("first").empty() && now() < limit) co_await sleep_until(now() + 10ms);
    co_await store(driver_->is_running(kVm1, now() + 60s), other);
  };
  loop_.run(scenario());
  EXPECT_TRUE(other) << other.error().message;
  EXPECT_FALSE(hung);
  const pid_t pid = std::atoi(folder_.read("first").c_str());
  ASSERT_GT(pid, 1);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
}

TEST_F(DriverTest, ControlSaysTheRightWords) {
  manage("echo \"$*\" >$D/said");
  struct {
    vm::StopAction action;
    std::string said;
  } const rows[] = {
      {vm::StopAction::savestate, "controlvm UUID savestate"},
      {vm::StopAction::acpipowerbutton, "controlvm UUID acpipowerbutton"},
      {vm::StopAction::acpisleepbutton, "controlvm UUID acpisleepbutton"},
      {vm::StopAction::poweroff, "controlvm UUID poweroff"},
      {vm::StopAction::reset, "controlvm UUID reset"},
      {vm::StopAction::emergencystop, "startvm UUID --type emergencystop"},
  };
  Result<> done = fail(ErrorKind::io, "no answer");
  for (const auto& row : rows) {
    loop_.run(store(driver_->control(kVm1, row.action, now() + 20s), done));
    EXPECT_TRUE(done);
    std::string expected = row.said;
    expected.replace(expected.find("UUID"), 4, kVm1);
    EXPECT_EQ(folder_.read("said"), expected + "\n");
  }
  loop_.run(store(driver_->resume(kVm1, now() + 20s), done));
  EXPECT_EQ(folder_.read("said"), std::string("controlvm ") + kVm1 + " resume\n");
}

TEST_F(DriverTest, ARefusalKeepsVirtualBoxsWords) {
  manage("echo \"VBoxManage: error: Machine 'x' is not currently running.\" >&2; exit 1");
  Result<> done;
  loop_.run(store(driver_->control(kVm1, vm::StopAction::savestate, now() + 20s), done));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::invalid);
  EXPECT_NE(done.error().message.find("is not currently running"), std::string::npos);
}

TEST_F(DriverTest, CallsInheritNothing) {  // facts 4
  manage("echo $LC_ALL >$D/seen; pwd >>$D/seen; ls /proc/self/fd | tr '\\n' ' ' >>$D/seen");
  Result<> done;
  loop_.run(store(driver_->resume(kVm1, now() + 20s), done));
  EXPECT_EQ(folder_.read("seen"), "C\n/\n0 1 2 3 ");  // 3 is ls's own
}

TEST_F(DriverTest, LaunchIsVBoxHeadlessBesideIt) {
  manage("true");
  const auto launch = driver_->launch(VmRef{kVm1, "a \"b\" $(c)", true});
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->argv, (std::vector<std::string>{folder_.file("VBoxHeadless"), "--comment", "a \"b\" $(c)",
                                                    "--startvm", kVm1, "--vrde", "config"}));
}

TEST(Installation, MustBeOnThePath) {
  const TestFolder folder;
  const auto none = find_installation({"PATH=" + folder.path() + ":relative::"}, "/nonexistent");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::unsupported);
  folder.program("VBoxManage", "");
  folder.program("VBoxSVC", "");
  const auto found = find_installation({"PATH=/nonexistent:" + folder.path()}, "/nonexistent");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manage, folder.file("VBoxManage"));
  EXPECT_EQ(found->service, folder.file("VBoxSVC"));
}

TEST(Calls, AreKilledAtTheirDeadline) {
  TestLoop loop;
  Calls calls(loop.executor(), loop.reaper(), {"PATH=/usr/bin:/bin"}, "", 200ms);
  const auto scenario = [&]() -> Task<> {
    std::vector<std::string> argv{"/bin/sleep", "600"};
    const auto result = co_await calls.run("a", argv, now());
    EXPECT_FALSE(result);
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::timeout);
    }
  };
  const Instant before = now();
  loop.run(scenario());
  EXPECT_GE(now() - before, 200ms);
}

TEST(Calls, QuestionsAreFewAtOnce) {
  TestLoop loop;
  const TestFolder folder;
  Calls calls(loop.executor(), loop.reaper(), {"PATH=/usr/bin:/bin"}, "", 600s, 600s);
  // Each counts those that are there with it.
  const std::string come = "cd " + folder.path() + "; : >$1; ls [0-9]* | wc -l >>seen; sleep 0.1; rm $1";
  int ended = 0;
  const auto ask = [&](int number) -> Task<> {
    const std::string name = std::to_string(number);
    std::vector<std::string> argv{"/bin/sh", "-c", come, "sh", name};
    const auto result = co_await calls.run(name, argv, now() + 60s, {}, Calls::Rank::question);
    EXPECT_TRUE(result);
    ++ended;
  };
  const auto scenario = [&]() -> Task<> {
    for (int i = 0; i < 12; ++i) start(loop.executor(), ask(i));
    const Instant deadline = now() + 60s;
    while (ended < 12 && now() < deadline) co_await sleep_until(now() + 10ms);
  };
  loop.run(scenario());
  EXPECT_EQ(ended, 12);
  std::istringstream seen(folder.read("seen"));
  int lines = 0;
  for (int together = 0; seen >> together; ++lines) EXPECT_LE(together, Calls::kAtOnce);
  EXPECT_EQ(lines, 12);
}

TEST(Calls, WhatHangsKeepsNobodyWaiting) {
  TestLoop loop;
  Calls calls(loop.executor(), loop.reaper(), {"PATH=/usr/bin:/bin"}, "", 600s, 50ms);
  bool hung = true;
  const auto hang = [&](int number) -> Task<> {
    std::vector<std::string> argv{"/bin/sleep", "600"};
    co_await calls.run(std::to_string(number), argv, now() + 600s, {}, Calls::Rank::question);
    hung = false;
  };
  const auto scenario = [&]() -> Task<> {
    for (int i = 0; i < Calls::kAtOnce; ++i) start(loop.executor(), hang(i));
    std::vector<std::string> argv{"/bin/true"};
    const auto question = co_await calls.run("of another", argv, now() + 60s, {}, Calls::Rank::question);
    EXPECT_TRUE(question);
    EXPECT_TRUE(hung);
    for (int i = 0; i < Calls::kAtOnce; ++i) calls.abandon(std::to_string(i));
  };
  loop.run(scenario());
}

TEST(Calls, MuchOutputIsKeptWhole) {
  TestLoop loop;
  Calls calls(loop.executor(), loop.reaper(), {"PATH=/usr/bin:/bin"}, "");
  const auto scenario = [&]() -> Task<> {
    std::vector<std::string> argv{"/bin/sh", "-c", "head -c 3000000 /dev/zero; echo x >&2"};
    const auto result = co_await calls.run("", argv, now() + 20s);
    EXPECT_TRUE(result);
    if (result) {
      EXPECT_EQ(result->out.size(), 3'000'000U);
      EXPECT_EQ(result->err, "x\n");
      EXPECT_FALSE(result->truncated);
    }
  };
  loop.run(scenario());
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
