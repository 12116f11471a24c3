#include "tools/start_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace vmkeep::tools {
namespace {

TEST(StartPercent, OfTheLastStartTheNewest) {
  const auto restoring = [](int percent) { return std::optional(StartPercent{"restoring", percent}); };
  const std::pair<const char*, std::optional<StartPercent>> rows[] = {
      {"", std::nullopt},
      {"[ Nov 22 02:33:47 it is off; starting it ]\n", std::nullopt},
      {"Starting virtual machine: 10%...20%...", StartPercent{"starting", 20}},
      {"Restoring virtual machine: ", restoring(0)},
      {"Restoring virtual machine: 10%...2", restoring(10)},
      {"Restoring virtual machine: 10%...20%...", restoring(20)},
      // What vmkeepd has to say meanwhile stands between them.
      {"Restoring virtual machine: 10%...[ Nov 22 02:33:47 the disk is 95% full ]\n20%...", restoring(20)},
      {"Restoring virtual machine: 90%...100%\nRestoring virtual machine: 10%...", restoring(10)},
      // Done: the guest is waited for.
      {"Restoring virtual machine: 10%...90%...100%\nThe VM is running.\n", std::nullopt},
      {"Saving 50%...\n", std::nullopt},
      {"Resetting virtual machine: 50%...\n", std::nullopt},
      {"Restoring virtual machine: 999%...", restoring(0)},
      {"Restoring virtual machine: %...", restoring(0)},
  };
  for (const auto& [log, percent] : rows) EXPECT_EQ(start_percent(log), percent) << log;
}

TEST(StartLog, WhatStoodThereBeforeIsOfAnotherStart) {
  std::string folder = testing::TempDir() + "start-log-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/log";
  EXPECT_EQ(StartLog(path).percent(), std::nullopt);
  std::ofstream(path) << "Restoring virtual machine: 10%...100%\n";
  const StartLog log(path);
  EXPECT_EQ(log.percent(), std::nullopt);
  std::ofstream(path, std::ios::app) << "Restoring virtual machine: 30%...";
  EXPECT_EQ(log.percent(), (StartPercent{"restoring", 30}));
  // A new one in its place.
  std::ofstream(path) << "Restoring virtual machine: 5%...";
  EXPECT_EQ(log.percent(), (StartPercent{"restoring", 5}));
  ::unlink(path.c_str());
  EXPECT_EQ(log.percent(), std::nullopt);
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace vmkeep::tools
