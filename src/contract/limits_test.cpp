#include "contract/limits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/fd.h"

namespace vmkeep::contract {
namespace {

// A cgroup's folder as the kernel would show it, with the files of some controllers.
class LimitsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  // Writes into a plain file do not shorten it, so each test reads what it wrote into an empty one.
  void file(const std::string& name) { std::ofstream(folder_ + "/" + name) << ""; }
  std::string content(const std::string& name) const {
    const auto text = read_file(folder_ + "/" + name);
    return text ? *text : "-";
  }

  std::string folder_ = "/tmp/vmkeep-limits-XXXXXX";
};

TEST_F(LimitsTest, WritesWhatIsAskedFor) {
  for (const char* name : {"memory.low", "memory.high", "cpu.weight", "io.weight"}) file(name);
  EXPECT_TRUE(write_limits(folder_, {1ULL << 30U, 4ULL << 30U, 200, 50}).empty());
  EXPECT_EQ(content("memory.low"), "1073741824");
  EXPECT_EQ(content("memory.high"), "4294967296");
  EXPECT_EQ(content("cpu.weight"), "200");
  EXPECT_EQ(content("io.weight"), "default 50");
}

TEST_F(LimitsTest, WhatIsNotAskedForIsTheKernelsDefault) {
  for (const char* name : {"memory.low", "memory.high", "cpu.weight", "io.weight"}) file(name);
  EXPECT_TRUE(write_limits(folder_, {}).empty());
  EXPECT_EQ(content("memory.low"), "0");
  EXPECT_EQ(content("memory.high"), "max");
  EXPECT_EQ(content("cpu.weight"), "100");
  EXPECT_EQ(content("io.weight"), "default 100");
}

TEST_F(LimitsTest, AControllerThatIsNotDelegatedIsReported) {
  file("cpu.weight");
  const auto missing = write_limits(folder_, {{}, 1024, 200, {}});
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_NE(missing[0].find("memory.high is not in force"), std::string::npos);
  EXPECT_NE(missing[0].find("controller memory"), std::string::npos);
  EXPECT_EQ(content("cpu.weight"), "200");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/memory.high")) << "nothing is made up";
  EXPECT_TRUE(write_limits(folder_, {}).empty()) << "nobody asked for what is missing";
}

}  // namespace
}  // namespace vmkeep::contract
