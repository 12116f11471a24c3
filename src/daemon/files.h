// Files that somebody depends on (spec of the facility, 5.1): whether each is there.
#pragma once

#include <map>
#include <string>

#include "daemon/core.h"

namespace vmkeep::daemon {

class Files {
 public:
  explicit Files(Core& core) : core_(core) {}

  // Looks at every file in the graph and pushes FileChanged for what is new or different.  Called when
  // something that may wait for a file is evaluated: loaded, refreshed, enabled, restarted, cleared.
  void look();

 private:
  Core& core_;
  std::map<std::string, bool> present_;
};

}  // namespace vmkeep::daemon
