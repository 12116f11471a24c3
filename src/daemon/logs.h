// The logs (spec of the facility, 6.14): one for each instance, "[ Nov 21 18:47:35 text ]" a line, with the
// raw output of the methods in between; and the daemon's own.
#pragma once

#include <string>

#include "base/fd.h"
#include "fmri/fmri.h"

namespace vmkeep::daemon {

class Logs {
 public:
  explicit Logs(std::string folder) : folder_(std::move(folder)) {}

  std::string path(const fmri::Fmri& instance) const;
  void line(const fmri::Fmri& instance, const std::string& text) const;
  // For methods: an O_APPEND descriptor of the instance's log.
  Result<Fd> open(const fmri::Fmri& instance) const;
  // vmkeepd.log, and stderr.
  void notice(const std::string& text) const;
  std::string daemon_path() const { return folder_ + "/vmkeepd.log"; }

 private:
  std::string folder_;
};

}  // namespace vmkeep::daemon
