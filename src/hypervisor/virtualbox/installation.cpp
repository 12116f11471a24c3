#include "hypervisor/virtualbox/installation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr std::string_view kStandardPath = "/usr/local/bin:/usr/bin:/bin";

bool executable(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

bool same_folder(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

Installation in_folder(const std::string& folder) {
  const std::string service = folder + "/VBoxSVC";
  const std::string window = folder + "/VirtualBoxVM";
  return {folder + "/VBoxManage", folder + "/VBoxHeadless", executable(service) ? service : "",
          executable(window) ? window : ""};
}

}  // namespace

std::string value_of(const std::vector<std::string>& environment, std::string_view name) {
  std::string value;
  for (const std::string& word : environment) {
    if (word.size() > name.size() && word[name.size()] == '=' && word.compare(0, name.size(), name) == 0) {
      value = word.substr(name.size() + 1);
    }
  }
  return value;
}

Result<Installation> find_installation(const std::vector<std::string>& environment,
                                       const std::string& packaged) {
  std::string path = value_of(environment, "PATH");
  if (path.empty()) path = kStandardPath;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    const std::string folder = path.substr(at, end - at);
    at = end + 1;
    // A folder relative to wherever we happen to be is none.
    if (folder.empty() || folder.front() != '/' || !executable(folder + "/VBoxManage")) continue;
    const bool wrapper = same_folder(folder, "/usr/bin") && executable(packaged + "/VBoxManage");
    return in_folder(wrapper ? packaged : folder);
  }
  return fail(ErrorKind::unsupported, "there is no VBoxManage on the PATH (" + path +
                                          "); install VirtualBox, or set PATH in the method context");
}

}  // namespace vmkeep::hypervisor::virtualbox
