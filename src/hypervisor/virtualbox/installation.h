// Where VirtualBox's programs are, as its owner's environment says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vmkeep::hypervisor::virtualbox {

struct Installation {
  std::string manage;    // VBoxManage; always called with -q first
  std::string headless;  // VBoxHeadless, beside it
  std::string service;   // VBoxSVC, beside it; empty if there is none, and then VBoxManage starts its own
  std::string window;    // VirtualBoxVM, beside it; empty if there is none (Debian's virtualbox-qt brings it)
};

// The value of NAME in NAME=value words; the last one counts.  Empty if it is not there.
std::string value_of(const std::vector<std::string>& environment, std::string_view name);

// VBoxManage on the PATH of `environment`.  /usr/bin/VBoxManage is a shell script that prints warnings on
// stdout and deletes the user's socket folder when it thinks that it is stale (facts 12): the program behind
// it is taken instead.  `packaged` is the folder where that lives.  Errors: ErrorKind::unsupported.
Result<Installation> find_installation(const std::vector<std::string>& environment,
                                       const std::string& packaged = "/usr/lib/virtualbox");

}  // namespace vmkeep::hypervisor::virtualbox
