#include "hypervisor/vm_log.h"

#include <gtest/gtest.h>

#include <fstream>

#include "hypervisor/test_loop.h"

namespace vmkeep::hypervisor {
namespace {

constexpr const char* kSet = "00:00:01.000000 VMMDev: Heartbeat flatline timer set to trigger after 4 ns\n";
constexpr const char* kLost =
    "00:00:09.000000 VMMDev: vmmDevHeartbeatFlatlinedTimer: Guest seems to be unresponsive. Last heartbeat "
    "received 4 seconds ago\n";
constexpr const char* kBack = "00:00:20.000000 VMMDev: GuestHeartBeat: Guest is alive (gone 5 ns)\n";
constexpr const char* kStopped =
    "00:00:30.000000 VMMDev: Heartbeat checking timer has been stopped (rc=VINF_SUCCESS)\n";

class VmLogTest : public testing::Test {
 protected:
  void add(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }

  std::string is() {
    const auto heartbeat = log_.heartbeat();
    return !heartbeat ? "silent" : heartbeat->lost ? "lost" : "beats";
  }

  TestFolder folder_;
  std::string path_ = folder_.file("VBox.log");
  VmLog log_{path_};
};

TEST_F(VmLogTest, TheHeartbeatIsFollowed) {
  EXPECT_EQ(is(), "silent");
  add("VirtualBox VM 7.2\n00:00:00.500000 Log opened 2026-11-21T22:10:59.123456000Z\n");
  EXPECT_EQ(is(), "silent");
  add(kSet);
  EXPECT_EQ(is(), "beats");
  add(kLost);
  EXPECT_EQ(is(), "lost");
  add(kBack);
  EXPECT_EQ(is(), "beats");
  add(kLost);
  add(kStopped);
  EXPECT_EQ(is(), "silent");
}

TEST_F(VmLogTest, AGuruMeditationIsToldOfTheRunThatWasExpectedOnly) {
  const std::string running = "00:00:02.000000 Console: Machine state changed to 'Running'\n";
  const std::string stuck = "00:00:04.000000 Console: Machine state changed to 'Stuck'\n";
  EXPECT_FALSE(log_.is_stuck());
  add(running + stuck);
  EXPECT_TRUE(log_.is_stuck());
  log_.expect_new_run();
  EXPECT_FALSE(log_.is_stuck());
  EXPECT_FALSE(log_.is_over());
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_FALSE(log_.is_stuck());
  add(running);
  EXPECT_FALSE(log_.is_stuck());
  add("00:00:03.000000 VMMDev: Guest Log: Console: Machine state changed to 'Stuck'\n");
  EXPECT_FALSE(log_.is_stuck()) << "those are words of the guest";
  add(stuck);
  EXPECT_TRUE(log_.is_stuck());
  add("00:00:09.000000 Console: Machine state changed to 'Stopping'\n");
  EXPECT_FALSE(log_.is_stuck());
  EXPECT_TRUE(log_.is_over());
}

TEST_F(VmLogTest, HalfALineWaitsForItsOtherHalf) {
  add(kSet);
  const std::string lost = kLost;
  add(lost.substr(0, 80));
  EXPECT_EQ(is(), "beats");
  add(lost.substr(80));
  EXPECT_EQ(is(), "lost");
}

TEST_F(VmLogTest, ANewLogKnowsNothing) {
  add(kLost);
  EXPECT_EQ(is(), "lost");
  // Rotated: the new one may even be longer.
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_EQ(is(), "silent");
  add(std::string(1000, 'x') + "\n");
  EXPECT_EQ(is(), "silent");
  add(kLost);
  EXPECT_EQ(is(), "lost");
  // Truncated.
  folder_.write("VBox.log", kSet);
  EXPECT_EQ(is(), "beats");
}

TEST_F(VmLogTest, WhatIsReadLateTellsWhenItWas) {
  // Opened an hour ago; lost after nine seconds.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch());
  const std::time_t opened = (seconds - std::chrono::hours(1)).count();
  std::tm parts{};
  ::gmtime_r(&opened, &parts);
  char text[64];
  std::strftime(text, sizeof text, "00:00:00.000001 Log opened %Y-%m-%dT%H:%M:%S.000000000Z\n", &parts);
  add(text);
  add(kLost);
  const auto heartbeat = log_.heartbeat();
  ASSERT_TRUE(heartbeat);
  const auto age = now() - heartbeat->since;
  EXPECT_GT(age, std::chrono::seconds(3580));
  EXPECT_LT(age, std::chrono::seconds(3600));
}

TEST_F(VmLogTest, MuchThatIsNewIsReadFromItsEnd) {
  add(kLost);
  for (int i = 0; i < 100; ++i) add(std::string(65536, 'x') + "\n");
  add(kBack);
  EXPECT_EQ(is(), "beats");
}

TEST_F(VmLogTest, WhatTheGuestSaysIsNoHeartbeat) {
  // Only the device itself speaks of heartbeats; a guest's own words are in other lines.
  add("00:00:09.000000 Guest Log: Guest seems to be unresponsive\n");
  EXPECT_EQ(is(), "silent");
}

TEST(LastLines, AreTheLast) {
  const TestFolder folder;
  EXPECT_FALSE(last_lines(folder.file("none"), 3));
  folder.write("log", "a\nb\n\nc\n");
  using Lines = std::vector<std::string>;
  EXPECT_EQ(last_lines(folder.file("log"), 3).value(), (Lines{"b", "", "c"}));
  EXPECT_EQ(last_lines(folder.file("log"), 99).value(), (Lines{"a", "b", "", "c"}));
  EXPECT_EQ(last_lines(folder.file("log"), 0).value(), Lines{});
  folder.write("log", std::string(300'000, 'x') + "\nlast");
  EXPECT_EQ(last_lines(folder.file("log"), 5).value(), Lines{"last"});
}

}  // namespace
}  // namespace vmkeep::hypervisor
