// Takes the ZFS snapshots that vm/snapshot.h describes, as the VM's owner, whom `zfs allow` must let.
//
// Everything that may wait for a disk is a child with a deadline: `sync -f` on the VM's files first, so that
// what the hypervisor wrote is in the snapshot, then `zfs snapshot`, or mkdir where a mount point was named.
// Arguments are arguments; no shell reads a VM's name.
#pragma once

#include <string>
#include <vector>

#include "base/reaper.h"
#include "base/result.h"
#include "hypervisor/hypervisor.h"
#include "vm/snapshot.h"

namespace vmkeep::guard {

struct SnapshotOutcome {
  std::vector<std::string> taken;   // DATASET@NAME, or the folder
  std::vector<std::string> failed;  // sentences
  bool good() const { return failed.empty(); }
};

class Zfs {
 public:
  // The programs are looked for on the PATH of this environment, then where they usually are.
  Zfs(Reaper& reaper, std::vector<std::string> environment, std::string mountinfo = "/proc/self/mountinfo");

  // The files of a VM: all that its details name, and the devices behind disks that only describe one.
  static std::vector<std::string> files_of(const hypervisor::VmDetails& details);

  // Nothing to take is no failure, if nothing was meant ("-"); with "auto" and no dataset found it is one.
  Task<SnapshotOutcome> snapshot(vm::VmConfig config, hypervisor::VmDetails details, vm::SnapshotName name,
                                 Instant deadline);

 private:
  Task<Result<>> run(std::string program, std::vector<std::string> arguments, Instant deadline);
  Task<Result<std::string>> take(std::string dataset, vm::SnapshotName name, bool folder, Instant deadline);
  std::string find(const std::string& program) const;

  Reaper& reaper_;
  std::vector<std::string> environment_;
  std::string mountinfo_;
};

}  // namespace vmkeep::guard
