#include "daemon/durations.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vmkeep::daemon {
namespace {

using namespace std::chrono_literals;

class DurationsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/durations.json"; }

  asio::io_context loop_;
  std::string folder_ = "/tmp/vmkeep-durations-XXXXXX";
};

TEST_F(DurationsTest, TheMiddleOfTheLastFiveCountsAndOutlivesTheDaemon) {
  Durations first(loop_.get_executor());
  first.open(path());
  EXPECT_EQ(first.typical("svc:/a:b", "save"), std::nullopt);
  for (const auto took : {60s, 1s, 2s, 3s, 4s, 5s}) first.note("svc:/a:b", "save", took);
  EXPECT_EQ(first.typical("svc:/a:b", "save"), 3s);
  EXPECT_EQ(first.typical("svc:/a:b", "start"), std::nullopt);
  ASSERT_TRUE(first.write());

  Durations second(loop_.get_executor());
  second.open(path());
  EXPECT_EQ(second.typical("svc:/a:b", "save"), 3s);
  second.forget("svc:/a:b");
  ASSERT_TRUE(second.write());
  Durations third(loop_.get_executor());
  third.open(path());
  EXPECT_EQ(third.typical("svc:/a:b", "save"), std::nullopt);
}

TEST_F(DurationsTest, AFileOfRubbishIsAnEmptyOne) {
  for (const char* text : {"", "{", "[]", R"({"a": 1, "b": {"save": "x"}, "c": {"save": [-1, "y"]}})"}) {
    std::ofstream(path()) << text;
    Durations durations(loop_.get_executor());
    durations.open(path());
    for (const char* name : {"a", "b", "c"}) EXPECT_EQ(durations.typical(name, "save"), std::nullopt);
  }
}

}  // namespace
}  // namespace vmkeep::daemon
