#include "host/facts.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "base/mount_text.h"

namespace vmkeep::host {
namespace {

// "//data/" and "/data" are the same place.
std::string normal_path(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result += c;
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

bool has_option(const std::string& options, std::string_view wanted) {
  for (size_t at = 0; at <= options.size();) {
    const size_t end = std::min(options.find(',', at), options.size());
    if (std::string_view(options).substr(at, end - at) == wanted) return true;
    at = end + 1;
  }
  return false;
}

bool is_network_type(std::string_view type) {
  constexpr std::array<std::string_view, 20> kTypes{
      "nfs",   "nfs4", "cifs",  "smb3",           "smbfs",      "ncpfs",    "ncp",
      "afs",   "coda", "ceph",  "glusterfs",      "lustre",     "davfs",    "9p",
      "pvfs2", "gfs2", "ocfs2", "fuse.glusterfs", "fuse.sshfs", "fuse.ceph"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

struct Mount {
  std::string point;
  std::string type;
  std::string options;
};

std::vector<Mount> wanted_mounts(const std::string& fstab, bool remote) {
  std::vector<Mount> mounts;
  std::istringstream lines(fstab);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string source;
    Mount mount;
    if (!(words >> source >> mount.point >> mount.type) || source.front() == '#') continue;
    words >> mount.options;
    mount.point = normal_path(unescape_mount(mount.point));
    if (mount.point.front() != '/' || mount.type == "swap") continue;
    if ((is_network_type(mount.type) || has_option(mount.options, "_netdev")) != remote) continue;
    const bool skipped = has_option(mount.options, "noauto") || has_option(mount.options, "nofail");
    if (!skipped) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::set<std::string> mount_points(const std::string& mountinfo) {
  std::set<std::string> points;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string skipped;
    std::string point;
    if (words >> skipped >> skipped >> skipped >> skipped >> point)
      points.insert(normal_path(unescape_mount(point)));
  }
  return points;
}

}  // namespace

Fact network_fact(const std::vector<Address>& addresses, const std::vector<Route>& routes,
                  int other_interfaces) {
  Fact fact{"network", false, {}};
  const Address* best = nullptr;
  bool default_route = false;
  std::string nearly = "no interface has an address";
  for (const auto& address : addresses) {
    if (address.loopback || !address.usable) continue;
    if (!address.link_up) {
      nearly = address.text + " but its link is down";
      continue;
    }
    bool routed = false;
    bool by_default = false;
    for (const auto& route : routes) {
      if (route.interface != address.interface) continue;
      routed = true;
      by_default = by_default || route.is_default;
    }
    if (!routed) {
      nearly = address.text + " but no route leads over it";
    } else if (best == nullptr || (by_default && !default_route)) {
      best = &address;
      default_route = by_default;
    }
  }
  if (best != nullptr) {
    fact.holds = true;
    fact.why = best->text + " and there is a " + (default_route ? "default route" : "route");
  } else if (other_interfaces == 0) {
    fact.holds = true;
    fact.why = "there is no interface but loopback";
  } else {
    fact.why = nearly;
  }
  return fact;
}

namespace {

Fact mounts_fact(Fact fact, const std::string& fstab, const std::string& mountinfo, bool remote) {
  const auto mounted = mount_points(mountinfo);
  for (const auto& mount : wanted_mounts(fstab, remote)) {
    if (mounted.count(mount.point) != 0) continue;
    fact.holds = false;
    fact.why = mount.point + " of /etc/fstab is not mounted";
    break;
  }
  return fact;
}

}  // namespace

Fact filesystems_fact(const std::string& fstab, const std::string& mountinfo) {
  return mounts_fact({"local-filesystems", true, "all local filesystems of /etc/fstab are mounted"}, fstab,
                     mountinfo, false);
}

Fact remote_filesystems_fact(const std::string& fstab, const std::string& mountinfo) {
  return mounts_fact({"remote-filesystems", true, "all network filesystems of /etc/fstab are mounted"}, fstab,
                     mountinfo, true);
}

Fact target_fact(const Target& target, const std::string& active_state, const std::string& system_state,
                 const Fact& before) {
  if (system_state == "stopping") return before;
  const bool holds = active_state == "active" || active_state == "reloading";
  return {target.fact, holds, std::string(target.unit) + " is " + active_state};
}

}  // namespace vmkeep::host
