// Every acceptance statement of the VM service (T01 to T100) is a test whose name begins with its number; one
// test may bear several: T95_T96_...  This finds the names in the source and tells which are missing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr int kStatements = 100;

// Of `TEST(Suite, T45_saves)`, TEST_F and TEST_P: 45.  A name that did not fit on the line begins the next
// one.
void collect(const fs::path& file, std::set<int>& found) {
  static const std::regex kName(
      R"((?:^(?:TEST|TEST_F|TEST_P)\([^,]*,\s*|^\s+)((?:T[0-9]{2,3}_)+)[A-Za-z0-9_]*\))");
  static const std::regex kNumber("T([0-9]+)_");
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::smatch name;
    if (!std::regex_search(line, name, kName)) continue;
    const std::string numbers = name[1];
    for (std::sregex_iterator at(numbers.begin(), numbers.end(), kNumber), end; at != end; ++at) {
      found.insert(std::stoi((*at)[1]));
    }
  }
}

TEST(AcceptanceNumbers, EveryStatementHasATest) {
  std::set<int> found;
  for (const char* folder : {"src", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(VMKEEP_SOURCE_DIR) / folder)) {
      const bool is_test = entry.path().filename().string().ends_with("_test.cpp");
      if (entry.is_regular_file() && is_test) collect(entry.path(), found);
    }
  }
  for (int n = 1; n <= kStatements; ++n) EXPECT_EQ(found.count(n), 1U) << "no test of T" << n;
  EXPECT_LE(*found.rbegin(), kStatements) << "no such statement";
}

}  // namespace
