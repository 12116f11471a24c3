#include "daemon/files.h"

#include <sys/stat.h>

namespace vmkeep::daemon {

void Files::look() {
  std::map<std::string, bool> seen;
  for (const auto& path : core_.restarter.graph().files()) {
    struct stat found {};
    const bool present = ::stat(path.c_str(), &found) == 0;
    seen[path] = present;
    const auto before = present_.find(path);
    if (before != present_.end() && before->second == present) continue;
    core_.events.push(restarter::FileChanged{path, present});
  }
  present_ = std::move(seen);
}

}  // namespace vmkeep::daemon
