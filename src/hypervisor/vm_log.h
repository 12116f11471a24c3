// A VM's own log (VBox.log), which VirtualBox writes live (facts 16): what it tells of the guest's heartbeat,
// whether the VM got stuck, and its last lines.
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
// and of its console: "Machine state changed to 'Stuck'" (a guru meditation) and the like.
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
  // A new run is about to begin: the log that is there now tells of an earlier one.
  void expect_new_run();
  // Whether the run that was expected last has come to a guru meditation and is still in it.
  bool is_stuck();
  // Whether the run that was expected last is still on its way up, as far as the log tells.
  bool is_coming_up();
  // Whether that run runs, as far as the log tells.
  bool is_running();
  // Whether the last run has come to its end, or is about to: its process may still be there.
  bool is_over();

 private:
  struct Identity {
    uint64_t device = 0, inode = 0;
    int64_t born_s = 0, born_ns = 0;
    bool operator==(const Identity&) const = default;
  };

  void refresh();
  void read_new(int fd, off_t size);
  void take(std::string_view line);
  Instant time_of(std::string_view line) const;

  std::string path_;
  std::optional<Identity> identity_, earlier_;
  off_t offset_ = 0;
  std::optional<WallTime> opened_;  // what the times in its lines count from
  std::optional<Heartbeat> heartbeat_;
  std::string state_;  // the console's own word, as told last
};

// At most the last `lines` lines of a file, and no more than its last 256 KB.
Result<std::vector<std::string>> last_lines(const std::string& path, size_t lines);

}  // namespace vmkeep::hypervisor
