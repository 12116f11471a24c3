// ZFS snapshots of a VM (behaviour spec, section 8): when, of what, and under which name.  Pure; guard/zfs.h
// takes them.
//
// A snapshot is named DATASET@PREFIX:VM:TAG:STATE:TIME, with the time in UTC to the second.  What ZFS does
// not take in a name becomes "_"; what the second does not tell apart, a number behind it does.
//
// Of what: vm/zfssnap_dslist and vm/zfssnap_dslist_append together.  In either:
//   auto       where the VM's own files lie: disks of every controller, settings, saved state, snapshots
//   -          nothing; so a list of its own says that no dataset is meant
//   /folder    a mount point; its snapshot is a folder made in FOLDER/.zfs/snapshot, which NFS carries, too
//   else       a dataset or a volume
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "vm/config.h"

namespace vmkeep::vm {

enum class SnapshotOccasion { start, resume, stop, reboot, poweroff, save, before_gui, after_gui, by_hand };

// Whether the configuration wants one; one that was asked for by hand is always taken.
bool wants_snapshot(const VmConfig& config, SnapshotOccasion occasion);

// "poststop-savestate-0".  `method` and `code` are of stop, reboot and poweroff: what brought the VM down,
// and how that ended; `words` of by_hand.
std::string snapshot_tag(SnapshotOccasion occasion, std::string_view method = {}, int code = 0,
                         const std::vector<std::string>& words = {});

struct SnapshotName {
  std::string prefix, vm, tag, state;
  WallTime time{};
};
// Without the dataset.  `attempt` counts from 1: the names of one second that are taken already.
std::string to_string(const SnapshotName& name, int attempt = 1);

struct Mount {
  std::string point, type, source;
};
// /proc/self/mountinfo; later ones lie over earlier ones.
std::vector<Mount> parse_mounts(std::string_view mountinfo);

struct SnapshotTargets {
  std::vector<std::string> datasets;  // for the zfs program
  std::vector<std::string> folders;   // mount points
  bool operator==(const SnapshotTargets&) const = default;
};
// `files`: absolute paths of what belongs to the VM.  Each target once, in the order in which it was named. A
// mount that is no ZFS here may be one elsewhere: whether it has .zfs/snapshot must be looked at.
SnapshotTargets snapshot_targets(const VmConfig& config, const std::vector<std::string>& files,
                                 const std::vector<Mount>& mounts);

// The devices that a VMDK descriptor stands for; none if the text is no descriptor.
std::vector<std::string> descriptor_devices(std::string_view text);

}  // namespace vmkeep::vm
