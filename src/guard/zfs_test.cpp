// Against a stand-in for the zfs program, which writes down what it is told.
#include "guard/zfs.h"

#include <gtest/gtest.h>

#include "base/fd.h"
#include "hypervisor/test_loop.h"

namespace vmkeep::guard {
namespace {

using hypervisor::TestFolder;
using hypervisor::TestLoop;
using namespace std::chrono_literals;

class ZfsTest : public testing::Test {
 protected:
  ZfsTest() {
    folder.write("mounts", "41 40 0:41 / " + folder.path() + " rw - zfs tank/vms rw\n");
    // One line a call, the words in brackets; every snapshot exists from then on.
    folder.program(
        "zfs", "#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '[%s]' \"$@\" >>" + folder.file("calls") + "\necho >>" +
                   folder.file("calls") +
                   "\ncase $2 in broken*) echo 'cannot open: no such pool' >&2; exit 1;; esac\n" + "mkdir " +
                   folder.file("") + "\"$(echo \"$2\" | tr / _)\" 2>/dev/null ||" +
                   " { echo \"cannot create snapshot '$2': dataset already exists\" >&2; exit 1; }\n");
    folder.write("disk.vdi", "");
    details.disks = {folder.file("disk.vdi")};
    name.time = WallTime(std::chrono::sys_days{std::chrono::year{2026} / 1 / 2} + 3h);
  }

  SnapshotOutcome snapshot() {
    SnapshotOutcome outcome;
    Zfs zfs(loop.reaper(), {"PATH=" + folder.path()}, folder.file("mounts"));
    loop.run(take(zfs, *this, outcome));
    return outcome;
  }

  TestLoop loop;
  TestFolder folder;
  vm::VmConfig config;
  hypervisor::VmDetails details;
  vm::SnapshotName name{"auto", "my \"vm\" $(id)", "prestart", "poweroff", {}};

 private:
  static Task<> take(Zfs& zfs, ZfsTest& test, SnapshotOutcome& outcome) {
    outcome = co_await zfs.snapshot(test.config, test.details, test.name, now() + Instant(20s));
  }
};

TEST_F(ZfsTest, T98_the_program_gets_the_name_as_one_argument) {
  const auto outcome = snapshot();
  EXPECT_TRUE(outcome.good()) << outcome.failed[0];
  EXPECT_EQ(folder.read("calls"),
            "[snapshot][tank/vms@auto:my__vm____id_:prestart:poweroff:2026-01-02z03:00:00]\n");
  ASSERT_EQ(outcome.taken.size(), 1U);
}

TEST_F(ZfsTest, T99_two_in_one_second_are_two) {
  EXPECT_TRUE(snapshot().good());
  const auto second = snapshot();
  EXPECT_TRUE(second.good());
  ASSERT_EQ(second.taken.size(), 1U);
  EXPECT_TRUE(second.taken[0].ends_with("z03:00:00.2")) << second.taken[0];
}

TEST_F(ZfsTest, T99_a_failure_is_told_and_the_others_are_taken) {
  config.zfssnap_dslist = {"broken/pool", "auto"};
  const auto outcome = snapshot();
  ASSERT_EQ(outcome.failed.size(), 1U);
  EXPECT_EQ(outcome.failed[0], "no snapshot of broken/pool: cannot open: no such pool");
  EXPECT_EQ(outcome.taken.size(), 1U);
}

TEST_F(ZfsTest, AMountPointGetsAFolder) {
  folder.write("mounts", "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n");
  make_folders(folder.file("nfs/.zfs/snapshot"), 0755).value();
  config.zfssnap_dslist = {folder.file("nfs")};
  const auto outcome = snapshot();
  ASSERT_TRUE(outcome.good()) << outcome.failed[0];
  ASSERT_EQ(outcome.taken.size(), 1U);
  EXPECT_TRUE(outcome.taken[0].starts_with(folder.file("nfs/.zfs/snapshot/auto:"))) << outcome.taken[0];
  EXPECT_FALSE(folder.has("calls"));
}

TEST_F(ZfsTest, NothingOnZfsIsAFailureUnlessNothingWasMeant) {
  folder.write("mounts", "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n");
  EXPECT_FALSE(snapshot().good());
  config.zfssnap_dslist = {"-"};
  EXPECT_TRUE(snapshot().good());
  EXPECT_FALSE(folder.has("calls"));
}

TEST_F(ZfsTest, AVolumeBehindADescriptorIsFound) {
  folder.write("raw.vmdk", "# Disk DescriptorFile\nRW 8 FLAT \"/dev/zvol/tank/vol\" 0\n");
  folder.write("mounts", "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n");
  details.disks = {folder.file("raw.vmdk")};
  const auto outcome = snapshot();
  ASSERT_TRUE(outcome.good()) << outcome.failed[0];
  EXPECT_NE(folder.read("calls").find("[tank/vol@auto:"), std::string::npos);
}

}  // namespace
}  // namespace vmkeep::guard
