#include "manifest/merge.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;

// "pg/prop=value pg/prop=value"; "pg/" is a group without properties.
Content content(const std::string& text) {
  Content result;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    const size_t slash = word.find('/');
    const size_t equals = word.find('=');
    PropertyGroup& group = result[word.substr(0, slash)];
    group.name = word.substr(0, slash);
    group.type = "application";
    if (equals == std::string::npos) continue;
    group.properties[word.substr(slash + 1, equals - slash - 1)] =
        Property{repository::ValueType::astring, {word.substr(equals + 1)}};
  }
  return result;
}

std::string text(const Content& content) {
  std::string result;
  for (const auto& [name, group] : content) {
    if (group.properties.empty()) result += name + "/ ";
    for (const auto& [property, value] : group.properties) {
      result += name + "/" + property + "=" + value.values.front() + " ";
    }
  }
  if (!result.empty()) result.pop_back();
  return result;
}

struct Row {
  const char* what;
  const char* old;  // null: no last-import
  const char* next;
  const char* current;
  const char* merged;
  const char* reason;  // of the one conflict; null: there is none
};

TEST(Merge, ThreeWay) {
  const Row table[] = {
      {"nothing moved", "g/a=1", "g/a=1", "g/a=1", "g/a=1", nullptr},
      {"customised, manifest the same", "g/a=1", "g/a=1", "g/a=2", "g/a=2", nullptr},
      {"deleted, manifest the same", "g/a=1 g/b=1", "g/a=1 g/b=1", "g/b=1", "g/b=1", nullptr},
      {"group deleted, manifest the same", "g/a=1", "g/a=1", "", "", nullptr},
      {"manifest changed", "g/a=1", "g/a=2", "g/a=1", "g/a=2", nullptr},
      {"both changed the same way", "g/a=1", "g/a=2", "g/a=2", "g/a=2", nullptr},
      {"both changed", "g/a=1", "g/a=2", "g/a=3", "g/a=3", "property \"g/a\" has been customized"},
      {"changed here, deleted there", "g/a=1 g/b=1", "g/a=2 g/b=1", "g/b=1", "g/b=1",
       "property \"g/a\" is missing"},
      {"group deleted, manifest changed", "g/a=1", "g/a=2", "", "", "property group \"g\" is missing"},
      {"new property", "g/a=1", "g/a=1 g/b=2", "g/a=1", "g/a=1 g/b=2", nullptr},
      {"new property that is there already", "g/a=1", "g/a=1 g/b=2", "g/a=1 g/b=3", "g/a=1 g/b=3",
       "property \"g/b\" has been customized"},
      {"property gone from the manifest", "g/a=1 g/b=1", "g/a=1", "g/a=1 g/b=1", "g/a=1", nullptr},
      {"property gone, but customised", "g/a=1 g/b=1", "g/a=1", "g/a=1 g/b=2", "g/a=1 g/b=2",
       "property \"g/b\" has been customized"},
      {"group gone from the manifest", "g/a=1 h/a=1", "g/a=1", "g/a=1 h/a=1", "g/a=1", nullptr},
      {"group gone, but customised", "g/a=1 h/a=1", "g/a=1", "g/a=1 h/a=2", "g/a=1 h/a=2",
       "property group \"h\" has been customized"},
      {"group gone on both sides", "g/a=1 h/a=1", "g/a=1", "g/a=1", "g/a=1", nullptr},
      {"new group", "g/a=1", "g/a=1 h/a=1", "g/a=1", "g/a=1 h/a=1", nullptr},
      {"the administrator's own", "g/a=1", "g/a=1", "g/a=1 g/x=1 own/y=1", "g/a=1 g/x=1 own/y=1", nullptr},
      {"by hand: missing things are added", nullptr, "g/a=1 h/b=2", "g/x=9", "g/a=1 g/x=9 h/b=2", nullptr},
      {"by hand: differences stay", nullptr, "g/a=1", "g/a=2", "g/a=2",
       "property \"g/a\" has been customized"},
  };
  for (const Row& row : table) {
    const Content old = content(row.old == nullptr ? "" : row.old);
    const Content next = content(row.next);
    const Content current = content(row.current);
    std::vector<std::string> warnings;
    const Content merged =
        merge({"svc:/x:y", row.old == nullptr ? nullptr : &old, next, current, {}, {}}, warnings);
    EXPECT_EQ(text(merged), row.merged) << row.what;
    std::vector<std::string> expected;
    if (row.reason != nullptr) {
      expected.push_back("Conflict upgrading svc:/x:y (" + std::string(row.reason) + ").");
    }
    EXPECT_EQ(warnings, expected) << row.what;
  }
}

TEST(Merge, OverrideWins) {
  const Content old = content("g/a=1 g/b=1");
  const Content next = content("g/a=2 g/b=2");
  std::vector<std::string> warnings;
  EXPECT_EQ(text(merge({"x", &old, next, content("g/a=3 g/b=3"), {"g/a"}, {}}, warnings)), "g/a=2 g/b=3");
  EXPECT_EQ(warnings.size(), 1U);
}

TEST(Merge, RemovedGroupsGoEvenIfCustomised) {
  std::vector<std::string> warnings;
  EXPECT_EQ(text(merge({"x", nullptr, content("g/a=1"), content("g/a=1 h/b=7"), {}, {"h"}}, warnings)),
            "g/a=1");
  EXPECT_TRUE(warnings.empty());
}

TEST(Merge, TheTypeOfAGroup) {
  Content old = content("g/a=1");
  Content next = content("g/a=1");
  Content current = content("g/a=1");
  std::vector<std::string> warnings;
  next.at("g").type = "framework";
  EXPECT_EQ(merge({"x", &old, next, current, {}, {}}, warnings).at("g").type, "framework");
  EXPECT_TRUE(warnings.empty());
  current.at("g").type = "other";
  EXPECT_EQ(merge({"x", &old, next, current, {}, {}}, warnings).at("g").type, "other");
  EXPECT_EQ(warnings.size(), 1U);
}

}  // namespace
}  // namespace vmkeep::manifest
