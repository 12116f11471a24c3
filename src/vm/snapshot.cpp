#include "vm/snapshot.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "base/mount_text.h"

namespace vmkeep::vm {
namespace {

// ZFS allows 255 bytes for dataset and snapshot together; a VM's name may be as long by itself.
constexpr size_t kLongestPart = 60;

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

// A ":" separates the parts, so none may stand in one.
std::string part(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, kLongestPart)) result += allowed(c) ? c : '_';
  return result;
}

std::string stamp(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uz%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// "tank/vol" of /dev/zvol/tank/vol, and of the two folders that Solaris has between.
std::optional<std::string> volume(std::string_view path) {
  constexpr std::string_view kVolumes = "/dev/zvol/";
  if (!path.starts_with(kVolumes)) return std::nullopt;
  path.remove_prefix(kVolumes.size());
  for (const std::string_view between : {"dsk/", "rdsk/"}) {
    if (path.starts_with(between)) path.remove_prefix(between.size());
  }
  return std::string(path);
}

const Mount* mount_of(const std::string& path, const std::vector<Mount>& mounts) {
  const Mount* found = nullptr;
  for (const auto& mount : mounts) {
    const bool deeper = found == nullptr || mount.point.size() >= found->point.size();
    if (lies_in(path, mount.point) && deeper) found = &mount;
  }
  return found;
}

void add(std::vector<std::string>& list, const std::string& entry) {
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
}

void add_automatic(SnapshotTargets& targets, const std::vector<std::string>& files,
                   const std::vector<Mount>& mounts) {
  for (const auto& file : files) {
    if (!file.starts_with("/")) continue;
    if (const auto dataset = volume(file)) {
      add(targets.datasets, *dataset);
    } else if (const Mount* mount = mount_of(file, mounts)) {
      if (mount->type == "zfs") add(targets.datasets, mount->source);
      if (mount->type.starts_with("nfs")) add(targets.folders, mount->point);
    }
  }
}

}  // namespace

bool wants_snapshot(const VmConfig& config, SnapshotOccasion occasion) {
  return config.zfssnap_flag || occasion == SnapshotOccasion::by_hand;
}

std::string snapshot_tag(SnapshotOccasion occasion, std::string_view method, int code,
                         const std::vector<std::string>& words) {
  std::string after = "poststop-" + std::string(method) + "-" + std::to_string(code);
  switch (occasion) {
    case SnapshotOccasion::start:
      return "prestart";
    case SnapshotOccasion::resume:
      return "preresume";
    case SnapshotOccasion::stop:
      return after;
    case SnapshotOccasion::reboot:
      return "reboot-" + after;
    case SnapshotOccasion::poweroff:
      return "poweroff-" + after;
    case SnapshotOccasion::save:
      return "manual-vmsave";
    case SnapshotOccasion::before_gui:
      return "prestartGUI";
    case SnapshotOccasion::after_gui:
      return "poststartGUI";
    case SnapshotOccasion::by_hand:
      break;
  }
  std::string tag;
  for (const auto& word : words) tag += (tag.empty() ? "" : " ") + word;
  return tag.empty() ? "manual-zfssnap" : tag;
}

std::string to_string(const SnapshotName& name, int attempt) {
  std::string text = part(name.prefix) + ":" + part(name.vm) + ":" + part(name.tag) + ":" + part(name.state) +
                     ":" + stamp(name.time);
  if (attempt > 1) text += "." + std::to_string(attempt);
  return text;
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    const auto end = mountinfo.find('\n');
    std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    std::vector<std::string_view> fields;
    while (!line.empty()) {
      const auto blank = line.find(' ');
      if (blank != 0) fields.push_back(line.substr(0, blank));
      line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
    }
    // 36 35 98:0 /root /point options optional... - type source options
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 7 || fields.end() - dash < 3) continue;
    mounts.push_back(
        {unescape_mount(std::string(fields[4])), std::string(dash[1]), unescape_mount(std::string(dash[2]))});
  }
  return mounts;
}

SnapshotTargets snapshot_targets(const VmConfig& config, const std::vector<std::string>& files,
                                 const std::vector<Mount>& mounts) {
  SnapshotTargets targets;
  for (const auto* list : {&config.zfssnap_dslist, &config.zfssnap_dslist_append}) {
    for (const auto& entry : *list) {
      if (entry.empty() || entry == "-") continue;
      if (entry == "auto") {
        add_automatic(targets, files, mounts);
      } else if (entry.starts_with("/")) {
        add(targets.folders,
            entry.size() > 1 && entry.ends_with("/") ? entry.substr(0, entry.size() - 1) : entry);
      } else {
        add(targets.datasets, entry);
      }
    }
  }
  return targets;
}

std::vector<std::string> descriptor_devices(std::string_view text) {
  std::vector<std::string> devices;
  if (!text.starts_with("# Disk DescriptorFile")) return devices;
  // Extents: RW 4194304 FLAT "/dev/zvol/tank/vol" 0
  for (auto open = text.find('"'); open != std::string_view::npos; open = text.find('"', open)) {
    const auto close = text.find('"', open + 1);
    if (close == std::string_view::npos) break;
    const auto word = text.substr(open + 1, close - open - 1);
    if (word.starts_with("/dev/")) devices.emplace_back(word);
    open = close + 1;
  }
  return devices;
}

}  // namespace vmkeep::vm
