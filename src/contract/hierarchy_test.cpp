#include "contract/hierarchy.h"

#include <gtest/gtest.h>

#include "contract/proc.h"

namespace vmkeep::contract {
namespace {

constexpr const char* kHybrid =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

TEST(Hierarchy, FindsTheMountsOfVersionTwo) {
  const auto hybrid = cgroup2_mounts(kHybrid);
  ASSERT_EQ(hybrid.size(), 1U);
  EXPECT_EQ(hybrid[0].root, "/");
  EXPECT_EQ(hybrid[0].point, "/sys/fs/cgroup/unified");
  const auto two = cgroup2_mounts(
      "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
      "99 23 0:26 /docker/abc /mnt/with\\040blank rw - cgroup2 none rw\n");
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].point, "/mnt/with blank");
  EXPECT_EQ(two[0].root, "/docker/abc");
  EXPECT_EQ(two[1].point, "/sys/fs/cgroup");
  EXPECT_TRUE(cgroup2_mounts("").empty());
}

TEST(Hierarchy, ReadsTheLineOfVersionTwo) {
  EXPECT_EQ(cgroup_path("9:name=systemd:/\n4:memory:/a/b\n0::/user.slice/x\n"), "/user.slice/x");
  EXPECT_EQ(cgroup_path("0::/gone/vmkeep-1/contract-2 (deleted)\n"), "/gone/vmkeep-1/contract-2");
  EXPECT_EQ(cgroup_path("0::/\n"), "/");
  EXPECT_EQ(cgroup_path("4:memory:/a\n"), std::nullopt);
}

TEST(Hierarchy, ADaemonStartedInsideItsPredecessorsRootDoesNotNest) {
  const struct {
    const char* path;
    const char* result;
  } kTable[] = {
      {"/", "/"},
      {"/system.slice/x.service", "/system.slice/x.service"},
      {"/system.slice/x.service/vmkeep-ab/daemon", "/system.slice/x.service"},
      {"/vmkeep-ab/contract-3/deeper", "/"},
      {"/vmkeep-ab", "/"},
      {"/vmkeep-abc/daemon", "/vmkeep-abc/daemon"},
      {"/vmkeep-cd/vmkeep-ab/daemon", "/vmkeep-cd"},
  };
  for (const auto& row : kTable) EXPECT_EQ(above(row.path, "vmkeep-ab"), row.result) << row.path;
}

TEST(Hierarchy, TheFolderOfAPathDependsOnWhatIsMounted) {
  const struct {
    CgroupMount mount;
    const char* path;
    std::optional<std::string> folder;
  } kTable[] = {
      {{"/", "/sys/fs/cgroup"}, "/", "/sys/fs/cgroup"},
      {{"/", "/sys/fs/cgroup"}, "/a/b", "/sys/fs/cgroup/a/b"},
      {{"/docker/abc", "/sys/fs/cgroup"}, "/docker/abc", "/sys/fs/cgroup"},
      {{"/docker/abc", "/sys/fs/cgroup"}, "/docker/abc/x", "/sys/fs/cgroup/x"},
      {{"/docker/abc", "/sys/fs/cgroup"}, "/docker/abcd", std::nullopt},
      {{"/docker/abc", "/sys/fs/cgroup"}, "/other", std::nullopt},
      {{"/..", "/sys/fs/cgroup"}, "/x", std::nullopt},   // mounted outside of our namespace
      {{"/", "/sys/fs/cgroup"}, "/../y", std::nullopt},  // we are outside of it
  };
  for (const auto& row : kTable) EXPECT_EQ(folder_of(row.mount, row.path), row.folder) << row.path;
}

TEST(Hierarchy, AProcessTellsItsContract) {
  EXPECT_EQ(contract_of("0::/a/vmkeep-1/contract-12\n", "/a/vmkeep-1"), 12U);
  EXPECT_EQ(contract_of("3:cpu:/\n0::/a/vmkeep-1/contract-12/deeper (deleted)\n", "/a/vmkeep-1"), 12U);
  EXPECT_EQ(contract_of("0::/a/vmkeep-1/contract-12 (deleted)\n", "/a/vmkeep-1"), 12U);
  EXPECT_EQ(contract_of("0::/vmkeep-1/contract-0\n", "/vmkeep-1"), 0U);
  EXPECT_EQ(contract_of("0::/a/vmkeep-1/contract-x\n", "/a/vmkeep-1"), std::nullopt);
  EXPECT_EQ(contract_of("0::/a/vmkeep-1/owner-x/guard\n", "/a/vmkeep-1"), std::nullopt);
  EXPECT_EQ(contract_of("0::/vmkeep-2/contract-12\n", "/vmkeep-1"), std::nullopt);
  EXPECT_EQ(contract_of("", "/vmkeep-1"), std::nullopt);
}

TEST(Hierarchy, TheNameOfTheRootIsStableAndDiffersByRunFolder) {
  // The digits are those of every build, or a new release would not find what the old one left.
  EXPECT_EQ(root_name("/nonexistent/run/vmkeep"), "vmkeep-ffccb48b91f0");
  EXPECT_EQ(root_name("/nonexistent/run/vmkeep2").size(), 19U);
  EXPECT_NE(root_name("/nonexistent/run/vmkeep2"), root_name("/nonexistent/run/vmkeep"));
  EXPECT_EQ(root_name("/usr/../usr/bin"), root_name("/usr/bin"));
}

TEST(Proc, ReadsStatWhateverTheCommandIsCalled) {
  const auto plain = parse_stat("42 (sleep) S 1 40 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9\n");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->pid, 42);
  EXPECT_EQ(plain->parent, 1);
  EXPECT_EQ(plain->session, 40);
  EXPECT_EQ(plain->start_ticks, 123456U);
  EXPECT_TRUE(plain->alive());
  const auto odd = parse_stat("7 (a) R (b)) Z 3 2 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0\n");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->parent, 3);
  EXPECT_EQ(odd->session, 1);
  EXPECT_EQ(odd->start_ticks, 77U);
  EXPECT_FALSE(odd->alive());
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("7 (a) R 1"));
}

}  // namespace
}  // namespace vmkeep::contract
