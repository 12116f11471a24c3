#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "host/configured.h"
#include "host/facts.h"
#include "host/netlink.h"
#include "host/targets.h"

namespace vmkeep::host {
namespace {

constexpr const char* kMountinfo = "/proc/self/mountinfo";

Result<Fd> watch_folder_of(const std::string& file) {
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) return errno_error("cannot watch files");
  // The folder, because editors replace the file: a watch on the file itself would stay with the old one.
  const std::string folder = std::filesystem::path(file).parent_path().string();
  constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;
  if (::inotify_add_watch(fd.get(), folder.c_str(), kEvents) < 0)
    return errno_error("cannot watch " + folder);
  return fd;
}

// Whether something happened to the file of that name, or too much to tell.
bool touched(int inotify, const std::string& name) {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool found = false;
  for (;;) {
    const ssize_t n = ::read(inotify, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return found;
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* file = buffer.data() + at + sizeof event;
      found = found || (event.mask & IN_Q_OVERFLOW) != 0 || (event.len != 0 && name == file);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

struct Watched {
  Fd fd;
  Readiness readiness;
  Watched(const Executor& executor, Fd open) : fd(std::move(open)), readiness(executor, fd.get()) {}
};

// Outlives the HostFacts as long as a coroutine of it has not noticed.
struct State {
  Queue<Fact> changes;
  std::string fstab;
  Watched network;
  Watched mounts;
  Watched folder;
  Fact last_network;
  Fact last_filesystems;
  Fact last_remote;
  bool stopped = false;

  State(const Executor& executor, std::string fstab_file, Fd network_fd, Fd mounts_fd, Fd folder_fd)
      : changes(executor),
        fstab(std::move(fstab_file)),
        network(executor, std::move(network_fd)),
        mounts(executor, std::move(mounts_fd)),
        folder(executor, std::move(folder_fd)) {
    last_network = read_network_fact();
    last_filesystems = read_filesystems_fact("local-filesystems", filesystems_fact);
    last_remote = read_filesystems_fact("remote-filesystems", remote_filesystems_fact);
  }

  static Fact read_network_fact() {
    const auto network = read_network();
    if (!network) return Fact{"network", false, network.error().message};
    return network_fact(network->addresses, network->routes, network->other_interfaces);
  }

  using Judge = Fact (*)(const std::string& fstab, const std::string& mountinfo);
  Fact read_filesystems_fact(const char* name, Judge judge) const {
    const auto wanted = read_file(fstab);
    // No fstab, nothing to wait for; one that cannot be read is something else.
    if (!wanted && wanted.error().kind != ErrorKind::not_found)
      return Fact{name, false, wanted.error().message};
    const auto mounted = read_file(kMountinfo);
    if (!mounted) return Fact{name, false, mounted.error().message};
    return judge(wanted ? *wanted : std::string(), *mounted);
  }

  void look_at_filesystems() {
    compare(last_filesystems, read_filesystems_fact("local-filesystems", filesystems_fact));
    compare(last_remote, read_filesystems_fact("remote-filesystems", remote_filesystems_fact));
  }

  void compare(Fact& last, Fact current) {
    const bool changed = last.holds != current.holds;
    last = std::move(current);
    if (changed) changes.push(last);
  }

  static Task<> follow_network(std::shared_ptr<State> self) {
    for (;;) {
      const bool ready = co_await self->network.readiness.readable();
      if (!ready || self->stopped) co_return;
      drain_network_changes(self->network.fd.get());
      self->compare(self->last_network, read_network_fact());
    }
  }

  static Task<> follow_mounts(std::shared_ptr<State> self) {
    for (;;) {
      const bool ready = co_await self->mounts.readiness.exceptional();
      if (!ready || self->stopped) co_return;
      self->look_at_filesystems();
    }
  }

  static Task<> follow_fstab(std::shared_ptr<State> self) {
    const std::string name = std::filesystem::path(self->fstab).filename().string();
    for (;;) {
      const bool ready = co_await self->folder.readiness.readable();
      if (!ready || self->stopped) co_return;
      if (touched(self->folder.fd.get(), name)) self->look_at_filesystems();
    }
  }
};

class KernelFacts final : public HostFacts {
 public:
  KernelFacts(const Executor& executor, std::shared_ptr<State> state) : state_(std::move(state)) {
    start(executor, State::follow_network(state_));
    start(executor, State::follow_mounts(state_));
    start(executor, State::follow_fstab(state_));
  }
  KernelFacts(const KernelFacts&) = delete;
  KernelFacts& operator=(const KernelFacts&) = delete;

  ~KernelFacts() override {
    state_->stopped = true;
    state_->network.readiness.cancel();
    state_->mounts.readiness.cancel();
    state_->folder.readiness.cancel();
  }

  std::vector<Fact> read() override {
    state_->compare(state_->last_network, State::read_network_fact());
    state_->look_at_filesystems();
    return {state_->last_network, state_->last_filesystems, state_->last_remote,
            Fact{"multi-user", true, "this vmkeepd runs"}};
  }

  Queue<Fact>& changes() override { return state_->changes; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<HostFacts>> HostFacts::watch(Executor executor) {
  // A systemd that cannot be asked (no bus in a chroot, say) leaves what the kernel knows.
  auto facts = watch_targets(executor);
  if (!facts) facts = watch(executor, "/etc/fstab");
  if (!facts) return facts;
  return with_configured(executor, std::move(*facts));
}

Result<std::unique_ptr<HostFacts>> HostFacts::watch(const Executor& executor, const std::string& fstab) {
  auto network = open_network_changes();
  if (!network) return network.error();
  auto mounts = open_file(kMountinfo, O_RDONLY);
  if (!mounts) return mounts.error();
  auto folder = watch_folder_of(fstab);
  if (!folder) return folder.error();
  // The watches are open before the first look: what changes after it is told.
  auto state =
      std::make_shared<State>(executor, fstab, std::move(*network), std::move(*mounts), std::move(*folder));
  return std::unique_ptr<HostFacts>(std::make_unique<KernelFacts>(executor, std::move(state)));
}

}  // namespace vmkeep::host
