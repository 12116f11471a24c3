// Golden scenarios: every file of scenarios/ is a script, a line "--", and what has to happen.
// UPDATE_SCENARIOS=1 writes what happens into the files; read the difference before you keep it.
#include "restarter/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vmkeep::restarter {
namespace {

namespace fs = std::filesystem;

std::string folder() {
  return std::string(VMKEEP_SOURCE_DIR) + "/src/restarter/scenarios";
}

std::vector<std::string> scenarios() {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder(), missing)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class ScenarioTest : public testing::TestWithParam<std::string> {};

TEST_P(ScenarioTest, HappensAsWritten) {
  const auto path = folder() + "/" + GetParam() + ".txt";
  const auto lines = read_lines(path);
  const auto separator = std::find(lines.begin(), lines.end(), "--");
  const std::vector<std::string> script(lines.begin(), separator);
  std::vector<std::string> expected;
  if (separator != lines.end()) expected.assign(separator + 1, lines.end());

  World world;
  for (const auto& line : script) {
    if (line.empty() || line.starts_with("#")) continue;
    const auto words = split(line);
    if (words[0].starts_with("+")) {
      ASSERT_TRUE(world.command({words[0]}));
      world.lines.push_back(world.stamp() + line.substr(std::min(line.size(), words[0].size() + 1)));
      ASSERT_TRUE(world.command({words.begin() + 1, words.end()})) << line;
      if (words.size() == 1) world.lines.pop_back();
    } else {
      world.lines.push_back(world.stamp() + line);
      ASSERT_TRUE(world.command(words)) << line;
    }
  }
  EXPECT_TRUE(world.breaches.empty()) << world.breaches.front();

  if (std::getenv("UPDATE_SCENARIOS") != nullptr) {
    std::ofstream file(path);
    for (const auto& line : script) file << line << '\n';
    file << "--\n";
    for (const auto& line : world.lines) file << line << '\n';
    return;
  }
  const auto [happened, wanted] =
      std::mismatch(world.lines.begin(), world.lines.end(), expected.begin(), expected.end());
  if (happened == world.lines.end() && wanted == expected.end()) return;
  std::string report =
      "as written up to line " + std::to_string(wanted - expected.begin()) + " after \"--\", then\n";
  for (auto it = wanted; it != expected.end() && it < wanted + 8; ++it) report += "- " + *it + "\n";
  for (auto it = happened; it != world.lines.end() && it < happened + 8; ++it) report += "+ " + *it + "\n";
  FAIL() << path << ": " << report;
}

INSTANTIATE_TEST_SUITE_P(Files, ScenarioTest, testing::ValuesIn(scenarios()),
                         [](const auto& file) { return file.param; });

TEST(ScenarioFolderTest, IsNotEmpty) {
  EXPECT_GT(scenarios().size(), 40u) << folder();
}

}  // namespace
}  // namespace vmkeep::restarter
