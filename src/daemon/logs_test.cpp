#include "daemon/logs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace vmkeep::daemon {
namespace {

const fmri::Fmri kVm1{"site/xvm/vbox", "vm1", {}, {}};

class LogsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/vmkeep-logs.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(LogsTest, ALineHasTheFormThatScriptsKnow) {
  const Logs logs(folder_);
  logs.line(kVm1, "Enabled.");
  logs.line(kVm1, "Stopping because service disabled.");
  const std::string text = read_file(folder_ + "/site-xvm-vbox:vm1.log").value();
  // "[ Nov 21 18:47:35 Enabled. ]": 6.14
  ASSERT_GE(text.size(), 28U);
  EXPECT_EQ(text.substr(0, 2), "[ ");
  EXPECT_EQ(text[8], ' ');
  EXPECT_EQ(text[11], ':');
  EXPECT_EQ(text.substr(17, 12), " Enabled. ]\n");
  EXPECT_NE(text.find(" Stopping because service disabled. ]\n"), std::string::npos);
  struct stat found {};
  ASSERT_EQ(::stat(logs.path(kVm1).c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0644U);
}

TEST_F(LogsTest, MethodsAppendToWhatIsThere) {
  const Logs logs(folder_);
  logs.line(kVm1, "Enabled.");
  auto fd = logs.open(kVm1);
  ASSERT_TRUE(fd);
  ASSERT_EQ(::write(fd->get(), "output\n", 7), 7);
  logs.line(kVm1, "Disabled.");
  const std::string text = read_file(logs.path(kVm1)).value();
  EXPECT_LT(text.find("Enabled."), text.find("output"));
  EXPECT_LT(text.find("output"), text.find("Disabled."));
}

TEST_F(LogsTest, ALinkInPlaceOfALogIsNotFollowed) {
  const Logs logs(folder_);
  ASSERT_TRUE(replace_file(folder_ + "/target", "untouched"));
  ASSERT_EQ(::symlink("target", logs.path(kVm1).c_str()), 0);
  logs.line(kVm1, "Enabled.");
  EXPECT_EQ(read_file(folder_ + "/target").value(), "untouched");
  EXPECT_FALSE(logs.open(kVm1));
}

}  // namespace
}  // namespace vmkeep::daemon
