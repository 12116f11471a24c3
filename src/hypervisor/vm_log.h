// A VM's own log (VBox.log), which VirtualBox writes live (facts 16): what it tells of the guest's heartbeat,
// and its last lines.
//
// Only what was added since the last time is read.  A new start of the VM makes a new file of the same name
// (the old one is renamed), so a log is known by its inode and birth time; one that got shorter is new, too.
// In a new log nothing has been told yet.
//
// The words (VirtualBox 7.2's VMMDev device):
//   "Heartbeat flatline timer set to trigger"   Guest Additions have begun to send heartbeats
//   "Guest seems to be unresponsive", "Guest has flatlined"   none came for a while: lost
//   "GuestHeartBeat: Guest is alive"            they are back
//   "Heartbeat checking timer has been stopped" the guest ended them in order: nobody is heard any more
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor {

class VmLog {
 public:
  explicit VmLog(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // Absent: the log is not there, or has not told of any heartbeat.
  std::optional<Heartbeat> heartbeat();

 private:
  struct Identity {
    uint64_t device = 0, inode = 0;
    int64_t born_s = 0, born_ns = 0;
    bool operator==(const Identity&) const = default;
  };

  void read_new(int fd, off_t size);
  void take(std::string_view line);
  Instant time_of(std::string_view line) const;

  std::string path_;
  std::optional<Identity> identity_;
  off_t offset_ = 0;
  std::optional<WallTime> opened_;  // what the times in its lines count from
  std::optional<Heartbeat> heartbeat_;
};

// At most the last `lines` lines of a file, and no more than its last 256 KB.
Result<std::vector<std::string>> last_lines(const std::string& path, size_t lines);

}  // namespace vmkeep::hypervisor
