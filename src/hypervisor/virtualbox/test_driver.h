// For tests: the driver with a VBoxManage that is a shell script of the test's.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "hypervisor/test_loop.h"
#include "hypervisor/virtualbox/driver.h"

namespace vmkeep::hypervisor::virtualbox {

using namespace std::chrono_literals;

inline constexpr const char* kVm1 = "bd419973-420b-435b-a7ba-2a590a615572";

class DriverTest : public testing::Test {
 protected:
  // `body`: what VBoxManage does with its arguments, "-q" gone; $D is the test's folder, $T that of the
  // samples.
  void manage(const std::string& body) {
    folder_.program("VBoxManage", "#!/bin/sh\nD=" + folder_.path() + "\nT=" + VMKEEP_SOURCE_DIR +
                                      "/src/hypervisor/virtualbox/testdata\nshift\n" + body + "\n");
    DriverOptions options;
    options.environment = {"PATH=" + folder_.path() + ":/usr/bin:/bin", "HOME=" + folder_.path(),
                           "LC_ALL=de_DE"};
    driver_ = std::make_unique<Driver>(loop_.executor(), loop_.reaper(), options);
  }

  // A VM of this process alone: tests run side by side, and a VM's process is known by its UUID.
  const std::string vm_ = fmt::format("bd419973-420b-435b-a7ba-{:012}", ::getpid());

  // What makes `manage` answer showvminfo as in that sample, of vm_, with its log and settings in the test's
  // folder.
  std::string told(const std::string& state) const {
    return fmt::format(
        R"([ "$1" = showvminfo ] && exec sed -e 's|^UUID=.*|UUID="{}"|' -e "s|^LogFldr=.*|)"
        R"(LogFldr=\"$D\"|" -e "s|^CfgFile=.*|CfgFile=\"$D/settings\"|" $T/showvminfo-{}.txt{})",
        vm_, state, "\n");
  }

  Result<> control(vm::StopAction action, Percent progress = {}) {
    Result<> result = fail(ErrorKind::io, "no answer");
    loop_.run(store(driver_->control(kVm1, action, now() + 20s, std::move(progress)), result));
    return result;
  }

  Result<vm::Observation> look(Instant patience = 20s, const std::string& uuid = kVm1) {
    Result<vm::Observation> result = fail(ErrorKind::io, "no answer");
    loop_.run(store(driver_->look(uuid, now() + patience), result));
    return result;
  }

  template <class T>
  static Task<> store(Task<T> from, T& to) {
    to = co_await std::move(from);
  }

  TestFolder folder_;
  TestLoop loop_;
  std::unique_ptr<Driver> driver_;
};

inline void expect_state(const Result<vm::Observation>& looked, vm::VmState state) {
  ASSERT_TRUE(looked) << looked.error().message;
  EXPECT_EQ(vm::to_string(looked->state), vm::to_string(state)) << looked->detail;
  EXPECT_EQ(looked->process, vm::Witness::absent);
}

inline void expect_error(const Result<vm::Observation>& looked, ErrorKind kind) {
  ASSERT_FALSE(looked) << vm::to_string(looked->state);
  EXPECT_EQ(looked.error().kind, kind) << looked.error().message;
}

}  // namespace vmkeep::hypervisor::virtualbox
