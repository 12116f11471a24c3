// File systems whose answers come from elsewhere: another host, or a process of somebody's.  Whoever looks at
// a path on one waits until they answer, which may be never, and no signal but SIGKILL ends that.  So vmkeepd
// does not touch such paths: it knows them by the mount table, and has a child look.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace vmkeep::host {

// Types as the mount table has them; one that ends in "." stands for all that begin with it.
const std::set<std::string>& remote_types();

// The mount points of these types in a /proc/self/mountinfo.  Only what is mounted uppermost at a place
// counts.
std::set<std::string> mounts_of_types(std::string_view mountinfo, const std::set<std::string>& types);

// How a child looks; tests have other types and programs.
struct RemoteLook {
  std::set<std::string> types = remote_types();
  std::string program = "/usr/bin/test";  // PROGRAM -e PATH: exits with 0 if it is there, with 1 if it is not
  Instant longest = std::chrono::seconds(10);
  Instant again = std::chrono::seconds(60);  // after one that did not answer
};

}  // namespace vmkeep::host
