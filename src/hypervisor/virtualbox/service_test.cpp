#include "hypervisor/virtualbox/service.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/test_loop.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

using namespace std::chrono_literals;

class ServiceTest : public testing::Test {
 protected:
  ~ServiceTest() override {
    if (holder_ > 0) {
      ::kill(holder_, SIGKILL);
      ::waitpid(holder_, nullptr, 0);
    }
    std::istringstream pids(folder_.read("started"));
    for (pid_t pid = -1; pids >> pid;) ::kill(pid, SIGKILL);
  }

  // A VBoxSVC that notes its pid and then does as told.
  void program(const std::string& then) {
    folder_.program("VBoxSVC", "#!/bin/sh\necho $$ >>" + folder_.file("started") + "\n" + then + "\n");
  }

  Service service() {
    return Service(
        loop_.executor(), loop_.reaper(),
        {{"PATH=/usr/bin:/bin", "HOME=" + folder_.path(), "VBOX_IPC_SOCKETID=test"}, "", folder_.path()});
  }

  Installation installation() const {
    return {folder_.file("VBoxManage"), folder_.file("VBoxHeadless"), folder_.file("VBoxSVC"), ""};
  }

  // A process that holds the lock as a VBoxSVC does.
  void hold_lock() {
    const std::string at = folder_.file(".vbox-test-ipc");
    std::filesystem::create_directory(at);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int fd = ::open((at + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      struct flock whole {};
      whole.l_type = F_WRLCK;
      const bool good = fd >= 0 && ::fcntl(fd, F_SETLK, &whole) == 0;
      (void)!::write(ends[1], good ? "+" : "-", 1);
      for (;;) ::pause();
    }
    holder_ = pid;
    char answer = 0;
    ASSERT_EQ(::read(ends[0], &answer, 1), 1);
    ASSERT_EQ(answer, '+');
    ::close(ends[0]);
    ::close(ends[1]);
  }

  size_t started() const {
    const std::string text = folder_.read("started");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  TestFolder folder_;
  TestLoop loop_;
  pid_t holder_ = -1;
};

TEST_F(ServiceTest, IsStartedAndWaitedForUntilItSaysThatItIsReady) {
  program("until [ -e " + folder_.file("go") +
          " ]; do sleep 0.02; done; printf READY >&3; exec sleep 600 3>&-");
  Service one = service();
  const auto scenario = [&]() -> Task<> {
    bool ready = false;
    const auto prepare = [&]() -> Task<> {
      const auto prepared = co_await one.prepare(installation(), now() + 20s);
      EXPECT_TRUE(prepared);
      EXPECT_TRUE(folder_.has("go")) << "it was not waited for";
      ready = true;
    };
    start(loop_.executor(), prepare());
    const Instant limit = now() + 20s;
    while (started() == 0 && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_FALSE(ready);
    folder_.write("go", "");
    while (!ready && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_TRUE(ready);
    EXPECT_GT(one.pid(), 1);
    // It lives: that costs nothing.
    const auto again = co_await one.prepare(installation(), now() + 20s);
    EXPECT_TRUE(again);
    EXPECT_EQ(started(), 1U);
    // It died: another one.
    ::kill(one.pid(), SIGKILL);
    while (ProcessTable().read(one.pid()) && now() < limit) co_await sleep_until(now() + 10ms);
    const auto anew = co_await one.prepare(installation(), now() + 20s);
    EXPECT_TRUE(anew);
    EXPECT_EQ(started(), 2U);
  };
  loop_.run(scenario());
}

TEST_F(ServiceTest, WhatIsThereIsNotStartedAgain) {
  program("exec sleep 600");
  hold_lock();
  Service one = service();
  const auto scenario = [&]() -> Task<> { EXPECT_TRUE(co_await one.prepare(installation(), now() + 20s)); };
  loop_.run(scenario());
  EXPECT_EQ(started(), 0U);
}

TEST_F(ServiceTest, OneThatEndsAtOnceOrNeverGetsReadyIsAnError) {
  const auto error_of = [&](Instant patience) {
    ErrorKind kind = ErrorKind::io;
    Service one = service();
    const auto scenario = [&]() -> Task<> {
      const auto prepared = co_await one.prepare(installation(), now() + patience);
      EXPECT_FALSE(prepared);
      if (!prepared) kind = prepared.error().kind;
    };
    loop_.run(scenario());
    return kind;
  };
  program("exit 1");
  EXPECT_EQ(error_of(20s), ErrorKind::unavailable);
  program("exec sleep 600");
  EXPECT_EQ(error_of(300ms), ErrorKind::timeout);
}

TEST_F(ServiceTest, AForeignSocketFolderIsRefused) {  // facts 17
  program("exec sleep 600");
  // Without root one cannot make a folder that is somebody else's; a link is no folder of ours either.
  std::filesystem::create_directory_symlink("/", folder_.file(".vbox-test-ipc"));
  Service one = service();
  const auto scenario = [&]() -> Task<> {
    const auto prepared = co_await one.prepare(installation(), now() + 20s);
    EXPECT_FALSE(prepared);
    if (!prepared) {
      EXPECT_EQ(prepared.error().kind, ErrorKind::permission);
    }
  };
  loop_.run(scenario());
  EXPECT_EQ(started(), 0U);
}

TEST_F(ServiceTest, WithoutAProgramThereIsNothingToPrepare) {
  Service one = service();
  const auto scenario = [&]() -> Task<> {
    Installation bare = installation();
    bare.service.clear();
    EXPECT_TRUE(co_await one.prepare(bare, now() + 1s));
  };
  loop_.run(scenario());
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
