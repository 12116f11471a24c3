#include <fnmatch.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fmri/fmri.h"

namespace vmkeep::fmri {
namespace {

const std::vector<Entry> kEntries = {
    {"site/empty", {}},
    {"site/xvm/vbox", {"vm1", "vm2"}},
    {"system/filesystem/local", {"default"}},
    {"system/vbox", {"default"}},
};

std::string list(const Match& match) {
  std::string text;
  for (const Fmri& fmri : match.found) text += (text.empty() ? "" : " ") + fmri.str().substr(5);
  return text;
}

TEST(PatternMatches, PartialNames) {
  const std::string fs = "svc:/system/filesystem/local:default";
  for (const char* yes :
       {"default", ":default", "local", "local:default", "filesystem/local",
        "filesystem/local:", "svc:/system/filesystem/local", "/system/filesystem/local:default"})
    EXPECT_TRUE(pattern_matches(yes, fs)) << yes;
  for (const char* no : {"system/filesystem", "filesystem/loc", "system/local", "", ":", "svc",
                         "svc:", "svc:/", "efault", "svc:/system/filesystem/local:default2", "ocal:default"})
    EXPECT_FALSE(pattern_matches(no, fs)) << no;
  // Only the first occurrence counts: the first "a" of this name is not at its end.
  EXPECT_FALSE(pattern_matches("a", "svc:/a/a:b"));
}

TEST(PatternMatches, Globs) {
  const std::string vm = "svc:/site/xvm/vbox:vm1";
  for (const char* yes :
       {"*vbox:vm*", "site/xvm/*", "/site/xvm/*", "svc:/site/*", "*", "svc:*", "s?te/*", "*vm[0-9]",
        "*vm[!2]", "*:vm[[:digit:]]", "*vm\\1", "site/*/vbox:vm1", "*****1", "*[]1]"})
    EXPECT_TRUE(pattern_matches(yes, vm)) << yes;
  for (const char* no :
       {"vbox*", "xvm/*", "*vm2*x", "*vm[2-9]", "*vm[!1]", "?", "*vm[", "*\\", "*vbox", "svc:?"})
    EXPECT_FALSE(pattern_matches(no, vm)) << no;
  EXPECT_TRUE(is_glob("a*"));
  EXPECT_TRUE(is_glob("?"));
  EXPECT_TRUE(is_glob("[a]"));
  EXPECT_FALSE(is_glob("svc:/a:b"));
}

TEST(Resolve, Table) {
  const auto kI = Want::instances;
  const auto kS = Want::services_or_instances;
  const auto kX = Want::instances_or_services;
  const struct {
    const char* operand;
    Want want;
    const char* found;
    bool exact, glob;
  } table[] = {
      {"svc:/site/xvm/vbox:vm1", kI, "site/xvm/vbox:vm1", true, false},
      {"site/xvm/vbox:vm1", kI, "site/xvm/vbox:vm1", true, false},
      {"/site/xvm/vbox:vm1", kS, "site/xvm/vbox:vm1", true, false},
      {"site/xvm/vbox", kI, "site/xvm/vbox:vm1 site/xvm/vbox:vm2", true, false},
      {"site/xvm/vbox", kS, "site/xvm/vbox", true, false},
      {"site/xvm/vbox", kX, "site/xvm/vbox", true, false},
      {"site/empty", kI, "", true, false},
      {"vm1", kI, "site/xvm/vbox:vm1", false, false},
      {"vbox:vm2", kS, "site/xvm/vbox:vm2", false, false},
      {"vbox", kI, "site/xvm/vbox:vm1 site/xvm/vbox:vm2 system/vbox:default", false, false},
      {"vbox", kS, "site/xvm/vbox system/vbox", false, false},
      {"vbox", kX, "site/xvm/vbox:vm1 site/xvm/vbox:vm2 system/vbox:default", false, false},
      {"empty", kX, "site/empty", false, false},
      {"empty", kI, "", false, false},
      {":default", kI, "system/filesystem/local:default system/vbox:default", false, false},
      {"site/*", kI, "site/xvm/vbox:vm1 site/xvm/vbox:vm2", false, true},
      {"site/*", kS, "site/empty site/xvm/vbox", false, true},
      {"site/*", kX, "site/empty site/xvm/vbox:vm1 site/xvm/vbox:vm2", false, true},
      {"*:vm?", kS, "site/xvm/vbox:vm1 site/xvm/vbox:vm2", false, true},
      {"nothing", kS, "", false, false},
      {"svc:/site/xvm/vbox:vm3", kS, "", false, false},
      {"svc:/site/xvm/vbox:vm1/:properties/general", kS, "", false, false},
      {"a b", kS, "", false, false},
      {"", kS, "", false, false},
  };
  for (const auto& row : table) {
    const Match match = resolve(row.operand, kEntries, row.want);
    EXPECT_EQ(list(match), row.found) << row.operand << " " << static_cast<int>(row.want);
    EXPECT_EQ(match.exact, row.exact) << row.operand;
    EXPECT_EQ(match.glob, row.glob) << row.operand;
  }
}

TEST(Resolve, NameOrderWhateverTheOrderOfEntries) {
  const std::vector<Entry> shuffled = {{"b", {"z", "a"}}, {"a", {"c"}}, {"a-b", {"x"}}};
  EXPECT_EQ(list(resolve("*", shuffled, Want::instances)), "a:c a-b:x b:a b:z");
}

RC_GTEST_PROP(ResolveProperty, GlobsAgreeWithFnmatch, ()) {
  const auto word = [](const char* letters) {
    return rc::gen::container<std::string>(rc::gen::elementOf(std::string(letters)));
  };
  const std::string pattern = "*" + *word("ab*?");
  const std::string text = *word("ab");
  RC_ASSERT(pattern_matches(pattern, text) == (fnmatch(pattern.c_str(), text.c_str(), 0) == 0));
}

RC_GTEST_PROP(ResolveProperty, AnyBytesGiveSortedUniqueResults, ()) {
  const std::string noise = *rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("svc:/@,.*?[]!^\\-vbm1\0", 22))));
  for (const Want want : {Want::instances, Want::services_or_instances, Want::instances_or_services}) {
    const Match match = resolve(noise, kEntries, want);
    for (size_t i = 1; i < match.found.size(); ++i) RC_ASSERT(match.found[i - 1] < match.found[i]);
    if (!match.exact) {
      for (const Fmri& fmri : match.found) RC_ASSERT(pattern_matches(noise, fmri.str()));
    }
  }
}

TEST(Resolve, HostilePatternEndsAtOnce) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  const std::string text = "svc:/" + std::string(119, 'a') + ":" + std::string(119, 'a');
  EXPECT_FALSE(pattern_matches(pattern + "b", text));  // a backtracking matcher would not come back
}

}  // namespace
}  // namespace vmkeep::fmri
