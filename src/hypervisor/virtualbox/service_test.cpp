#include "hypervisor/virtualbox/service.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hypervisor/test_loop.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

using namespace std::chrono_literals;

class ServiceTest : public testing::Test {
 protected:
  ~ServiceTest() override {
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
    return {folder_.file("VBoxManage"), folder_.file("VBoxHeadless"), folder_.file("VBoxSVC")};
  }

  Fd listen() const {
    const std::string at = folder_.file(".vbox-test-ipc");
    std::filesystem::create_directory(at);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (at + "/ipcd").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 5), 0);
    return fd;
  }

  size_t started() const {
    const std::string text = folder_.read("started");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  TestFolder folder_;
  TestLoop loop_;
};

TEST_F(ServiceTest, IsStartedOnceAndWaitedForByTwo) {
  program("exec sleep 600");
  Service first = service();
  Service second = service();
  Fd socket;
  const auto scenario = [&]() -> Task<> {
    int ready = 0;
    const auto prepare = [&](Service& one) -> Task<> {
      const auto prepared = co_await one.prepare(installation(), now() + 20s);
      EXPECT_TRUE(prepared);
      EXPECT_TRUE(socket) << "it was not waited for";
      ++ready;
    };
    start(loop_.executor(), prepare(first));
    start(loop_.executor(), prepare(second));
    const Instant limit = now() + 20s;
    while (started() == 0 && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_EQ(ready, 0);
    socket = listen();
    while (ready < 2 && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_EQ(ready, 2);
  };
  loop_.run(scenario());
  EXPECT_EQ(started(), 1U);
}

TEST_F(ServiceTest, WhatIsThereIsNotStartedAgain) {
  program("exec sleep 600");
  const Fd socket = listen();
  Service one = service();
  const auto scenario = [&]() -> Task<> { EXPECT_TRUE(co_await one.prepare(installation(), now() + 20s)); };
  loop_.run(scenario());
  EXPECT_EQ(started(), 0U);
}

TEST_F(ServiceTest, OneThatEndsAtOnceOrNeverListensIsAnError) {
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
