#include "contract/hierarchy.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "base/fd.h"
#include "base/mount_text.h"

namespace vmkeep::contract {
namespace {

std::vector<std::string> subfolders(const std::string& folder) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) return found;
  while (const dirent* entry = ::readdir(open.get())) {
    std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") found.push_back(name.insert(0, folder + "/"));
  }
  return found;
}

std::vector<pid_t> pids_of(const std::string& folder) {
  std::vector<pid_t> found;
  const auto text = read_file(folder + "/cgroup.procs");
  if (!text) return found;  // gone meanwhile, or a threaded one, whose processes its parent tells
  std::istringstream words(*text);
  for (pid_t pid = 0; words >> pid;) found.push_back(pid);
  return found;
}

bool holds_us(const std::string& folder) {
  const auto pids = pids_of(folder);
  return std::find(pids.begin(), pids.end(), ::getpid()) != pids.end();
}

// For a cgroup namespace whose mount was made outside of it: the mount shows more than we have names for.
std::optional<std::string> search(const std::string& point) {
  constexpr size_t kMaxFolders = 10000;
  std::vector<std::string> open{point};
  for (size_t i = 0; i < open.size() && i < kMaxFolders; ++i) {
    if (holds_us(open[i])) return open[i];
    for (auto& folder : subfolders(open[i])) open.push_back(std::move(folder));
  }
  return std::nullopt;
}

}  // namespace

std::string root_name(const std::string& run_folder) {
  std::string canonical = run_folder;
  if (char* real = ::realpath(run_folder.c_str(), nullptr)) {
    canonical = real;
    std::free(real);
  }
  uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: stable over builds and hosts, which std::hash is not
  for (const char c : canonical) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::string name = "vmkeep-";
  for (int shift = 44; shift >= 0; shift -= 4)
    name += "0123456789abcdef"[(hash >> static_cast<unsigned>(shift)) & 15U];
  return name;
}

std::vector<CgroupMount> cgroup2_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream words(line);
    std::string skipped;
    CgroupMount mount;
    words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    mounts.insert(mounts.begin(), CgroupMount{unescape_mount(mount.root), unescape_mount(mount.point)});
  }
  return mounts;
}

std::optional<std::string> cgroup_path(std::string_view proc_cgroup) {
  std::istringstream lines{std::string(proc_cgroup)};
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 3, "0::") != 0) continue;
    constexpr std::string_view kDeleted = " (deleted)";
    std::string path = line.substr(3);
    if (path.size() > kDeleted.size() &&
        path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0)
      path.resize(path.size() - kDeleted.size());
    return path;
  }
  return std::nullopt;
}

std::string above(const std::string& path, const std::string& name) {
  const std::string with_ends = path + "/";
  const size_t at = with_ends.find("/" + name + "/");
  if (at == std::string::npos) return path;
  return at == 0 ? "/" : path.substr(0, at);
}

std::optional<std::string> folder_of(const CgroupMount& mount, const std::string& path) {
  if (path.compare(0, 3, "/..") == 0 || mount.root.compare(0, 3, "/..") == 0) return std::nullopt;
  const std::string root = mount.root == "/" ? "" : mount.root;
  const std::string whole = path == "/" ? "" : path;
  if (whole.compare(0, root.size(), root) != 0) return std::nullopt;
  const std::string rest = whole.substr(root.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  return mount.point + rest;
}

std::optional<ContractId> contract_of(std::string_view proc_cgroup, const std::string& root_path) {
  const auto path = cgroup_path(proc_cgroup);
  if (!path) return std::nullopt;
  const std::string prefix = root_path + "/contract-";
  if (path->compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  const std::string rest = path->substr(prefix.size(), path->find('/', prefix.size()) - prefix.size());
  ContractId id = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  return id;
}

Result<Hierarchy> find_hierarchy(const std::string& name) {
  const auto mountinfo = read_file("/proc/self/mountinfo");
  if (!mountinfo) return mountinfo.error();
  const auto own = read_file("/proc/self/cgroup");
  if (!own) return own.error();
  const auto path = cgroup_path(*own);
  const auto mounts = cgroup2_mounts(*mountinfo);
  if (!path || mounts.empty()) return fail(ErrorKind::unsupported, "no cgroup version 2 is mounted here");
  for (const auto& mount : mounts) {
    const auto folder = folder_of(mount, *path);
    if (folder && holds_us(*folder)) return Hierarchy{above(*folder, name), above(*path, name)};
  }
  for (const auto& mount : mounts) {
    if (const auto folder = search(mount.point)) return Hierarchy{above(*folder, name), above(*path, name)};
  }
  return fail(ErrorKind::unsupported,
              "our own cgroup " + *path + " is not to be seen in " + mounts.front().point);
}

Result<Hierarchy> find_delegated(const std::string& path) {
  const auto mountinfo = read_file("/proc/self/mountinfo");
  if (!mountinfo) return mountinfo.error();
  const auto mounts = cgroup2_mounts(*mountinfo);
  if (mounts.empty()) return fail(ErrorKind::unsupported, "no cgroup version 2 is mounted here");
  for (const auto& mount : mounts) {
    const auto folder = folder_of(mount, path);
    if (folder && ::access((*folder + "/cgroup.procs").c_str(), W_OK) == 0) return Hierarchy{*folder, path};
  }
  return fail(ErrorKind::not_found, "the cgroup " + path + " is not to be seen in " + mounts.front().point);
}

std::vector<std::string> folders_below(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& child : subfolders(folder)) {
    for (auto& deeper : folders_below(child)) found.push_back(std::move(deeper));
    found.push_back(child);
  }
  return found;
}

std::vector<pid_t> processes_in(const std::string& folder) {
  std::vector<pid_t> found = pids_of(folder);
  for (const auto& below : folders_below(folder)) {
    const auto more = pids_of(below);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

bool populated(const std::string& folder) {
  const auto text = read_file(folder + "/cgroup.events");
  return text && text->find("populated 1") != std::string::npos;
}

bool remove_cgroup(const std::string& folder) {
  for (const auto& below : folders_below(folder)) ::rmdir(below.c_str());
  return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

}  // namespace vmkeep::contract
