// Rooms only use what stands below them (docs/architecture.md): checked on the source itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// From top to bottom.  A room may include itself and what comes after it.
const std::vector<std::string> kRooms{"daemon",   "tools",      "guard", "control", "hypervisor",
                                      "host",     "restarter",  "vm",    "graph",   "contract",
                                      "manifest", "repository", "fmri",  "base"};
// The product's brain: no I/O, so none of what can do any.
const std::vector<std::string> kPure{"restarter", "vm", "graph", "fmri"};
const std::vector<std::string> kImpure{"boost/asio", "sys/",      "unistd.h", "fcntl.h", "fstream",
                                       "iostream",   "sqlite3.h", "libxml",   "systemd/"};

// What a line includes, without the quotes or brackets; empty if it is no such line.
std::string included(const std::string& line, char open, char close) {
  if (line.rfind("#include", 0) != 0) return {};
  const auto from = line.find(open);
  const auto to = line.find(close, from == std::string::npos ? from : from + 1);
  return to == std::string::npos ? std::string() : line.substr(from + 1, to - from - 1);
}

struct Source {
  std::string path, room;
  std::vector<std::string> lines;
  bool test = false;
};

std::vector<Source> sources() {
  std::vector<Source> result;
  const fs::path root = fs::path(VMKEEP_SOURCE_DIR) / "src";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".h") continue;
    const fs::path relative = fs::relative(entry.path(), root);
    Source source;
    source.path = relative.string();
    source.room = relative.begin()->string();
    source.test = source.path.find("_test.cpp") != std::string::npos;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) source.lines.push_back(line);
    result.push_back(std::move(source));
  }
  return result;
}

size_t rank(const std::string& room) {
  return static_cast<size_t>(std::find(kRooms.begin(), kRooms.end(), room) - kRooms.begin());
}

TEST(IncludeGraph, EveryFolderIsARoom) {
  const auto all = sources();
  ASSERT_GT(all.size(), 50U);
  for (const auto& source : all) EXPECT_LT(rank(source.room), kRooms.size()) << source.path;
}

TEST(IncludeGraph, RoomsUseOnlyWhatStandsBelowThem) {
  for (const auto& source : sources()) {
    if (source.test) continue;  // a test may bring what it needs
    for (const auto& line : source.lines) {
      const std::string header = included(line, '"', '"');
      if (header.empty()) continue;
      const std::string room = header.substr(0, header.find('/'));
      EXPECT_LE(rank(source.room), rank(room)) << source.path << ": " << line;
      EXPECT_LT(rank(room), kRooms.size()) << source.path << ": " << line;
    }
  }
}

TEST(IncludeGraph, TheBrainDoesNoInputOrOutput) {
  for (const auto& source : sources()) {
    if (source.test || std::find(kPure.begin(), kPure.end(), source.room) == kPure.end()) continue;
    for (const auto& line : source.lines) {
      const std::string system = included(line, '<', '>');
      for (const auto& impure : kImpure)
        EXPECT_NE(system.rfind(impure, 0), 0U) << source.path << ": " << line;
      const std::string own = included(line, '"', '"');
      EXPECT_NE(own, "base/loop.h") << source.path;
      EXPECT_NE(own, "base/fd.h") << source.path;
    }
  }
}

TEST(IncludeGraph, AFileFitsInOneReading) {
  for (const auto& source : sources())
    EXPECT_LE(source.lines.size(), source.test ? 500U : 450U) << source.path;
}

}  // namespace
