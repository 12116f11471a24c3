#include "vm/snapshot.h"

#include <gtest/gtest.h>

namespace vmkeep::vm {
namespace {

using namespace std::chrono_literals;
using enum SnapshotOccasion;

constexpr WallTime kTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 5} + 3h + 4min + 5s + 678ms};

std::vector<Mount> mounts() {
  return parse_mounts(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "40 22 0:40 / /tank rw shared:7 - zfs tank rw,xattr\n"
      "41 40 0:41 / /tank/vms rw - zfs tank/vms rw,xattr\n"
      "42 40 0:42 / /tank/my\\040vms rw shared:9 master:3 - zfs tank/my\\040vms rw\n"
      "50 22 0:50 / /net/vms rw shared:8 - nfs4 server:/vms rw\n"
      "a line that is none\n");
}

TEST(Snapshot, T98_every_occasion_has_its_tag) {
  EXPECT_EQ(snapshot_tag(start), "prestart");
  EXPECT_EQ(snapshot_tag(resume), "preresume");
  EXPECT_EQ(snapshot_tag(stop, "savestate", 0), "poststop-savestate-0");
  EXPECT_EQ(snapshot_tag(reboot, "acpipowerbutton", 95), "reboot-poststop-acpipowerbutton-95");
  EXPECT_EQ(snapshot_tag(poweroff, "poweroff", 0), "poweroff-poststop-poweroff-0");
  EXPECT_EQ(snapshot_tag(save), "manual-vmsave");
  EXPECT_EQ(snapshot_tag(before_gui), "prestartGUI");
  EXPECT_EQ(snapshot_tag(after_gui), "poststartGUI");
  EXPECT_EQ(snapshot_tag(by_hand), "manual-zfssnap");
  EXPECT_EQ(snapshot_tag(by_hand, {}, 0, {"before", "the", "upgrade"}), "before the upgrade");
}

TEST(Snapshot, T98_only_where_the_flag_is_set_or_by_hand) {
  VmConfig config;
  for (const auto occasion : {start, resume, stop, reboot, poweroff, save, before_gui, after_gui}) {
    config.zfssnap_flag = false;
    EXPECT_FALSE(wants_snapshot(config, occasion));
    config.zfssnap_flag = true;
    EXPECT_TRUE(wants_snapshot(config, occasion));
  }
  config.zfssnap_flag = false;
  EXPECT_TRUE(wants_snapshot(config, by_hand));
}

TEST(Snapshot, T98_the_name_is_prefix_vm_tag_state_time) {
  EXPECT_EQ(to_string(SnapshotName{"vboxsvc-auto-snap", "vm1", "prestart", "poweroff", kTime}),
            "vboxsvc-auto-snap:vm1:prestart:poweroff:2026-11-05z03:04:05");
}

TEST(Snapshot, T98_what_zfs_refuses_does_not_get_into_a_name) {
  EXPECT_EQ(to_string(SnapshotName{"my snaps", "a:b/c@d \"$(id)\" \xc3\xa4", "by hand", "saved", kTime}),
            "my_snaps:a_b_c_d____id_____:by_hand:saved:2026-11-05z03:04:05");
  const std::string name = to_string(SnapshotName{std::string(300, 'p'), std::string(300, 'v'),
                                                  std::string(300, 't'), "aborted-saved", kTime});
  EXPECT_LT(name.size(), 230U);
}

TEST(Snapshot, T99_two_of_one_minute_or_second_do_not_collide) {
  const SnapshotName first{"p", "vm1", "t", "saved", kTime};
  const SnapshotName later{"p", "vm1", "t", "saved", kTime + 1s};
  EXPECT_NE(to_string(first), to_string(later));
  EXPECT_EQ(to_string(first, 2), to_string(first) + ".2");
}

TEST(Snapshot, T99_disks_of_any_controller_have_their_datasets_detected) {
  // As describe() gives them; which controller they hang on does not matter, nor what it is called.
  const std::vector<std::string> files{
      "/tank/vms/a/SATA.vdi", "/tank/my vms/nvme disk.vdi", "/tank/other/ide.vdi",
      "/dev/zvol/tank/vol1",  "/dev/zvol/rdsk/tank/vol2",   "/dev/zvol/dsk/tank/deep/vol3",
      "/net/vms/a/a.vbox",    "/home/a/saved.sav",          "/tankstelle/no.vdi",
      "relative.vdi",         "/tank/vms/a/second.vdi"};
  EXPECT_EQ(snapshot_targets(VmConfig{}, files, mounts()),
            (SnapshotTargets{{"tank/vms", "tank/my vms", "tank", "tank/vol1", "tank/vol2", "tank/deep/vol3"},
                             {"/net/vms"}}));
}

TEST(Snapshot, T22_list_append_and_prefix_are_honoured) {
  VmConfig config;
  config.zfssnap_dslist = {"-"};
  config.zfssnap_dslist_append = {"pool/extra", "/mnt/", "auto", "pool/extra"};
  EXPECT_EQ(snapshot_targets(config, {"/tank/vms/a.vdi"}, mounts()),
            (SnapshotTargets{{"pool/extra", "tank/vms"}, {"/mnt"}}));
  config.zfssnap_dslist_append.clear();
  EXPECT_EQ(snapshot_targets(config, {"/tank/vms/a.vdi"}, mounts()), SnapshotTargets{});
}

TEST(Snapshot, AMountOverAnotherWins) {
  auto all = mounts();
  all.push_back({"/tank/vms", "tmpfs", "tmpfs"});
  EXPECT_EQ(snapshot_targets(VmConfig{}, {"/tank/vms/a.vdi"}, all), SnapshotTargets{});
}

TEST(Snapshot, ADescriptorNamesItsDevices) {
  EXPECT_EQ(descriptor_devices("# Disk DescriptorFile\nversion=1\n"
                               "RW 4096 FLAT \"/dev/zvol/tank/vol\" 0\nRW 1 FLAT \"flat.vmdk\" 0\n"),
            std::vector<std::string>{"/dev/zvol/tank/vol"});
  EXPECT_TRUE(descriptor_devices("KDMV\1\0 \"/dev/zvol/tank/vol\"").empty());
  EXPECT_TRUE(descriptor_devices("# Disk DescriptorFile\n\"").empty());
}

}  // namespace
}  // namespace vmkeep::vm
