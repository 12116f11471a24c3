#include "daemon/run_marks.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vmkeep::daemon {
namespace {

constexpr char kVm1[] = "svc:/site/xvm/vbox:vm1";
constexpr char kVm2[] = "svc:/site/xvm/vbox:vm2";

class RunMarksTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  RunMarks opened(const char* life) const {
    RunMarks marks;
    EXPECT_TRUE(marks.open(folder_ + "/running", life));
    return marks;
  }

  std::string folder_ = "/tmp/vmkeep-marks-XXXXXX";
};

TEST_F(RunMarksTest, WhatWasUpWhenTheHostWentDownIsKnownAfterwards) {
  auto before = opened("first");
  ASSERT_TRUE(before.came_up(kVm1));
  ASSERT_TRUE(before.came_up(kVm2));
  before.went_down(kVm2);
  EXPECT_FALSE(before.host_fell_under(kVm1));

  // Another daemon of the same life: nothing fell.
  EXPECT_FALSE(opened("first").host_fell_under(kVm1));

  auto after = opened("second");
  EXPECT_TRUE(after.host_fell_under(kVm1));
  EXPECT_FALSE(after.host_fell_under(kVm2));
  // That it is down now is no news: nobody has seen how it went down.
  after.went_down(kVm1);
  EXPECT_TRUE(opened("third").host_fell_under(kVm1));
  ASSERT_TRUE(after.came_up(kVm1));
  EXPECT_FALSE(after.host_fell_under(kVm1));
  after.went_down(kVm1);
  EXPECT_FALSE(opened("third").host_fell_under(kVm1));
}

TEST_F(RunMarksTest, OfAnInstanceThatIsDisabledAtTheNextBootItIsForgotten) {
  auto before = opened("first");
  ASSERT_TRUE(before.came_up(kVm1));
  ASSERT_TRUE(before.came_up(kVm2));
  EXPECT_FALSE(opened("first").taken_up(kVm1, false)) << "a daemon of the same life";
  auto after = opened("second");
  EXPECT_FALSE(after.taken_up(kVm1, false));
  EXPECT_TRUE(after.taken_up(kVm2, true));
  // It is enabled some day, and its user has run it and shut it down meanwhile.
  EXPECT_FALSE(after.taken_up(kVm1, true));
  EXPECT_FALSE(opened("third").host_fell_under(kVm1));
}

TEST_F(RunMarksTest, AnAdministratorsWordForgetsIt) {
  ASSERT_TRUE(opened("first").came_up(kVm1));
  auto after = opened("second");
  after.forget(kVm1);
  EXPECT_FALSE(after.host_fell_under(kVm1));
  EXPECT_FALSE(opened("second").host_fell_under(kVm1));
}

TEST_F(RunMarksTest, WhatWasBeingWrittenSaysNothing) {
  (void)opened("first");
  std::ofstream(folder_ + "/running/svc:%2Fsite%2Fxvm%2Fvbox:vm1.new") << "fir";
  EXPECT_FALSE(opened("second").host_fell_under(kVm1));
}

TEST_F(RunMarksTest, AMarkThatCannotBeWrittenIsAnError) {
  auto marks = opened("first");
  std::filesystem::remove_all(folder_ + "/running");
  EXPECT_FALSE(marks.came_up(kVm1));
}

}  // namespace
}  // namespace vmkeep::daemon
