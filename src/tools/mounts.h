// Which file system holds a path, from the text of /proc/self/mountinfo.  Pure.
#pragma once

#include <string>

namespace vmkeep::tools {

struct Mount {
  std::string point, type, source;  // for ZFS the source is the dataset
};

// Empty members: none is known.
Mount mount_of(const std::string& mountinfo, const std::string& path);

}  // namespace vmkeep::tools
