#include "guard/zfs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/command.h"
#include "base/fd.h"
#include "hypervisor/done.h"

namespace vmkeep::guard {
namespace {

constexpr int kAttempts = 9;  // names of one second
// A descriptor is a page of text; a disk with its data in the same file is not read.
constexpr off_t kDescriptorLimit = 64 << 10;
constexpr char kUsualPath[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

bool executable(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

}  // namespace

Zfs::Zfs(Reaper& reaper, std::vector<std::string> environment, std::string mountinfo)
    : reaper_(reaper), environment_(std::move(environment)), mountinfo_(std::move(mountinfo)) {}

std::vector<std::string> Zfs::files_of(const hypervisor::VmDetails& details) {
  std::vector<std::string> files;
  for (const auto& disk : details.disks) {
    files.push_back(disk);
    struct stat info {};
    if (!disk.ends_with(".vmdk") || ::stat(disk.c_str(), &info) != 0 || info.st_size > kDescriptorLimit)
      continue;
    if (const auto text = read_file(disk)) {
      for (auto& device : vm::descriptor_devices(*text)) files.push_back(std::move(device));
    }
  }
  for (const auto& file : {details.settings_file, details.state_file, details.snapshot_folder}) {
    if (file.starts_with("/")) files.push_back(file);
  }
  return files;
}

std::string Zfs::find(const std::string& program) const {
  std::string path;
  for (const auto& entry : environment_) {
    if (entry.starts_with("PATH=")) path = entry.substr(5) + ":";
  }
  path += kUsualPath;
  for (size_t from = 0; from <= path.size();) {
    const auto end = std::min(path.find(':', from), path.size());
    std::string file = path.substr(from, end - from) + "/" + program;
    if (file.front() == '/' && executable(file)) return file;
    from = end + 1;
  }
  return {};
}

Task<Result<>> Zfs::run(std::string program, std::vector<std::string> arguments, Instant deadline) {
  SpawnSpec spec;
  spec.argv.push_back(find(program));
  if (spec.argv[0].empty()) {
    co_return fail(ErrorKind::unavailable, "there is no program \"" + program + "\" here");
  }
  spec.argv.insert(spec.argv.end(), std::make_move_iterator(arguments.begin()),
                   std::make_move_iterator(arguments.end()));
  spec.environment = environment_;
  spec.environment.emplace_back("LC_ALL=C");
  auto ended = co_await run_command(reaper_, std::move(spec), deadline);
  if (!ended) co_return ended.error();
  if (ended->timed_out) co_return fail(ErrorKind::timeout, program + " did not end in time");
  if (ended->status.success()) co_return hypervisor::done();
  const std::string said = last_line(ended->err);
  co_return fail(
      said.find("already exists") != std::string::npos || said.find("File exists") != std::string::npos
          ? ErrorKind::exists
          : ErrorKind::io,
      said.empty() ? program + " " + ended->status.text() : said);
}

Task<Result<std::string>> Zfs::take(std::string dataset, vm::SnapshotName name, bool folder,
                                    Instant deadline) {
  for (int attempt = 1;; ++attempt) {
    const std::string text = vm::to_string(name, attempt);
    const std::string snapshot = folder ? dataset + "/.zfs/snapshot/" + text : dataset + "@" + text;
    std::vector<std::string> arguments{"snapshot", snapshot};
    if (folder) arguments = {"--", snapshot};
    auto taken = co_await run(folder ? "mkdir" : "zfs", std::move(arguments), deadline);
    if (taken) co_return snapshot;
    const bool again = taken.error().kind == ErrorKind::exists && attempt < kAttempts;
    if (!again) co_return in("no snapshot of " + dataset, taken.error());
  }
}

Task<SnapshotOutcome> Zfs::snapshot(vm::VmConfig config, hypervisor::VmDetails details, vm::SnapshotName name,
                                    Instant deadline) {
  SnapshotOutcome outcome;
  const auto files = files_of(details);
  const auto mountinfo = read_file(mountinfo_);
  if (!mountinfo) {
    outcome.failed.push_back("the mount table cannot be read: " + mountinfo.error().message);
    co_return outcome;
  }
  const auto targets = vm::snapshot_targets(config, files, vm::parse_mounts(*mountinfo));
  if (targets.datasets.empty() && targets.folders.empty()) {
    const bool meant = std::any_of(config.zfssnap_dslist.begin(), config.zfssnap_dslist.end(),
                                   [](const std::string& entry) { return entry != "-"; });
    if (meant) outcome.failed.emplace_back("no snapshot: none of the VM's files lies on ZFS");
    co_return outcome;
  }
  std::vector<std::string> flush{"-f", "--"};
  for (const auto& file : files) {
    if (::access(file.c_str(), F_OK) == 0) flush.push_back(file);
  }
  if (flush.size() > 2) {
    auto flushed = co_await run("sync", std::move(flush), deadline);
    // Worth a line, and still worth a snapshot: ZFS itself is never inconsistent.
    if (!flushed) outcome.failed.push_back("the VM's files could not be flushed: " + flushed.error().message);
  }
  for (const bool folder : {false, true}) {
    for (const auto& target : folder ? targets.folders : targets.datasets) {
      auto taken = co_await take(target, name, folder, deadline);
      if (taken) {
        outcome.taken.push_back(std::move(*taken));
      } else {
        outcome.failed.push_back(taken.error().message);
      }
    }
  }
  co_return outcome;
}

}  // namespace vmkeep::guard
