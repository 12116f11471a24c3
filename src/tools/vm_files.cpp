// `vmkeep dirs` and `vmkeep log`: the files of a VM.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/fd.h"
#include "tools/mounts.h"
#include "tools/tail.h"
#include "tools/vm_session.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr int kDocument = 1;

struct VmFile {
  const char* kind;
  std::string path;
};

std::vector<VmFile> files_of(const VmView& vm) {
  std::vector<VmFile> all;
  for (const auto& [kind, path] : {std::pair{"settings", &vm.settings_file},
                                   {"logs", &vm.log_folder},
                                   {"snapshots", &vm.snapshot_folder},
                                   {"saved state", &vm.state_file}}) {
    if (!path->empty()) all.push_back({kind, *path});
  }
  for (const std::string& disk : vm.disks) all.push_back({"disk", disk});
  return all;
}

// ---- the log

void copy_rest(const Fd& file, Output& output) {
  std::array<char, 65536> chunk;
  for (ssize_t n = 0; (n = ::read(file.get(), chunk.data(), chunk.size())) > 0;) {
    output.print({chunk.data(), static_cast<size_t>(n)});
  }
}

bool same_file(const Fd& file, const std::string& path) {
  struct stat ours {};
  struct stat theirs {};
  return ::fstat(file.get(), &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
         ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

// Until we are interrupted, or nobody reads what we print.  A log that is put away for a new one is followed
// into it.
int follow(Fd file, const std::string& path, Output& output) {
  const Fd events(::inotify_init1(IN_CLOEXEC));
  const std::string folder = path.substr(0, path.rfind('/'));
  if (!events || ::inotify_add_watch(events.get(), folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    output.warn(errno_error("cannot watch " + folder).message);
    return output.finish();
  }
  for (;;) {
    copy_rest(file, output);
    if (!same_file(file, path)) {
      if (auto next = open_file(path, O_RDONLY)) {
        file = std::move(*next);
        copy_rest(file, output);
      }
    }
    if (!output.flush()) return output.finish();
    std::array<pollfd, 2> waiting{{{events.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if ((waiting[1].revents & (POLLERR | POLLHUP)) != 0) return output.finish();
    std::array<char, 8192> read;
    [[maybe_unused]] const auto told = ::read(events.get(), read.data(), read.size());
  }
}

Result<std::string> log_path(const VmSession& session, bool of_vm) {
  const std::string& fmri = session.fmris.front();
  if (!of_vm) {
    const auto* instance = session.world.find(fmri);
    if (instance == nullptr || instance->log.empty()) {
      return fail(ErrorKind::not_found, fmri + " has no log yet: it was never started");
    }
    return instance->log;
  }
  auto vm = look_closely(fmri);
  if (!vm) return vm.error();
  if (vm->log_folder.empty()) {
    return fail(ErrorKind::not_found, fmri + ": it is not known where the VM keeps its own log" +
                                          (vm->detail.empty() ? "" : ": " + vm->detail));
  }
  return vm->log_folder + "/VBox.log";
}

}  // namespace

int print_folders(const VmSession& session, bool as_json, Output& output) {
  Progress progress(shows_progress(as_json));
  auto mounts = read_file("/proc/self/mountinfo");
  const std::string mountinfo = mounts ? *mounts : std::string();
  json::array vms;
  for (const VmOutcome& outcome : look_at_vms(session.fmris, false, true, progress)) {
    auto vm = outcome.answer ? vm_from(*outcome.answer) : Result<VmView>(outcome.error);
    if (!vm) {
      output.warn(outcome.fmri + ": " + (outcome.answer ? vm.error().message : outcome.text()));
      continue;
    }
    json::array files;
    std::string text;
    for (const VmFile& file : files_of(*vm)) {
      const Mount mount = mount_of(mountinfo, file.path);
      files.push_back(json::object{{"kind", file.kind},
                                   {"path", control::value_to_json(file.path)},
                                   {"filesystem", mount.type},
                                   {"source", control::value_to_json(mount.source)},
                                   {"mounted_on", control::value_to_json(mount.point)}});
      std::string kind = file.kind;
      kind.resize(12, ' ');
      text += "  " + kind + file.path + "\n";
      if (!mount.point.empty()) {
        text += fmt::format("{:14}on {} {}, mounted on {}\n", "", mount.type, mount.source, mount.point);
      }
    }
    if (text.empty()) text = "  nothing is known" + (vm->detail.empty() ? "" : ": " + vm->detail) + "\n";
    if (!as_json) output.print(vm->fmri + "\n" + text);
    vms.push_back(json::object{{"fmri", vm->fmri}, {"files", std::move(files)}});
  }
  if (as_json) {
    output.line(json::serialize(json::object{
        {"schema", "vmkeep/vms/1"}, {"version", kDocument}, {"command", "dirs"}, {"vms", std::move(vms)}}));
  }
  return output.finish();
}

int print_log(const VmSession& session, bool of_vm, int lines, bool follow_it, Output& output) {
  auto path = log_path(session, of_vm);
  auto file = path ? open_file(*path, O_RDONLY) : Result<Fd>(path.error());
  auto text = file ? last_lines(*file, lines) : Result<std::string>(file.error());
  if (!text) {
    output.warn(text.error().message);
    return output.finish();
  }
  output.print(*text);
  if (!follow_it) return output.finish();
  return follow(std::move(*file), *path, output);
}

}  // namespace vmkeep::tools
