// What a start tells of itself while one waits for it: the percent of powering on, or of a restore.
//
// VirtualBox's own program for a VM writes it to its standard error ("Restoring virtual machine:
// 10%...20%..."; of a VM that was off "Starting virtual machine: ..."), and that is the log of the VM's
// instance.  vmkeepd reads nothing of what a hypervisor prints, and nobody may ask VirtualBox about a VM that
// is being started; so whoever waits for the start, and may read the log, reads it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace vmkeep::tools {

struct StartPercent {
  const char* doing = "starting";  // or "restoring"
  int percent = 0;
  bool operator==(const StartPercent& other) const {
    return std::string_view(doing) == other.doing && percent == other.percent;
  }
};

class StartLog {
 public:
  // What the log holds already is of an earlier start.
  explicit StartLog(std::string path);
  // Of what has begun since then; absent: nothing has, it is over, or the log cannot be read.
  std::optional<StartPercent> percent() const;

 private:
  std::string path_;
  off_t begin_ = 0;
};

// Of a log's new part.  Lines of vmkeepd may stand between the percents.  Pure.
std::optional<StartPercent> start_percent(std::string_view log);

}  // namespace vmkeep::tools
