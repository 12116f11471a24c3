#include "host/pressure.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vmkeep::host {
namespace {

TEST(PressureTest, ReadsTheShortestAverage) {
  EXPECT_EQ(
      some_avg10(
          "some avg10=54.45 avg60=1.00 avg300=2.00 total=71\nfull avg10=3.00 avg60=0 avg300=0 total=0\n"),
      54.45);
  EXPECT_EQ(some_avg10("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"), 0.0);
  EXPECT_EQ(some_avg10(""), std::nullopt);
  EXPECT_EQ(some_avg10("some avg10=x"), std::nullopt);
}

TEST(PressureTest, WhatTheKernelDoesNotTellIsNotKnown) {
  std::string folder = "/tmp/vmkeep-pressure-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/io") << "some avg10=12.50 avg60=0.00 avg300=0.00 total=0\n";
  const auto pressure = read_pressure(folder);
  EXPECT_EQ(pressure.io, 12.5);
  EXPECT_EQ(pressure.cpu, std::nullopt);
  EXPECT_EQ(pressure.memory, std::nullopt);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vmkeep::host
