#include "daemon/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace vmkeep::daemon {
namespace {

Result<Options> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "vmkeepd");
  return parse_options(static_cast<int>(words.size()), const_cast<char**>(words.data()));
}

TEST(Options, FoldersAreTakenAndMadeAbsolute) {
  const auto options = parse({"--state", "/a/state", "--run", "run", "--log", "/a/log", "--boot-id", "b1"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->state_folder, "/a/state");
  EXPECT_EQ(options->run_folder.front(), '/');
  EXPECT_EQ(options->run_folder.substr(options->run_folder.size() - 4), "/run");
  EXPECT_EQ(options->log_folder, "/a/log");
  EXPECT_EQ(options->boot_id, "b1");
  EXPECT_FALSE(options->pids_only);
}

TEST(Options, AScopeIsAUnitsName) {
  const auto options = parse(
      {"--scope", "vmkeep-vms.scope", "--await-startup", "--state", "/s", "--run", "/r", "--log", "/l"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->scope, "vmkeep-vms.scope");
  EXPECT_TRUE(options->await_startup);
  for (const char* wrong : {"vmkeep", "vmkeep.service", ".scope", "../x.scope"})
    EXPECT_EQ(parse({"--scope", wrong}).error().kind, ErrorKind::invalid) << wrong;
}

TEST(Options, WhatIsWrongIsNamed) {
  EXPECT_NE(parse({"--stat", "/a"}).error().message.find("--stat"), std::string::npos);
  EXPECT_NE(parse({"--run"}).error().message.find("--run needs a value"), std::string::npos);
  EXPECT_EQ(parse({"--log", ""}).error().kind, ErrorKind::invalid);
}

TEST(Options, FlagsStandAlone) {
  const auto options = parse({"--no-cgroups", "--state", "/s", "--run", "/r", "--log", "/l"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->pids_only);
  EXPECT_TRUE(parse({"--help"})->help);
  EXPECT_TRUE(parse({"--version"})->version);
}

}  // namespace
}  // namespace vmkeep::daemon
