// How the facts of configured.h are read and watched.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "base/fd.h"
#include "host/configured.h"

namespace vmkeep::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr const char* kNodes = "/etc/iscsi/nodes";
constexpr const char* kSessions = "/sys/class/iscsi_session";

// These are root's own files, and some of them are links by custom.
std::optional<std::string> text_of(const std::string& path) {
  std::error_code failed;
  const auto real = fs::canonical(path, failed);
  if (failed) return std::nullopt;
  auto text = read_file(real.string());
  return text ? std::optional(*text) : std::nullopt;
}

bool is_there(const char* path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::set<std::string> sessions() {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(kSessions, ignored)) {
    auto name = text_of(entry.path().string() + "/targetname");
    if (!name) continue;
    names.insert(name->substr(0, name->find('\n')));
  }
  return names;
}

// Targets with a portal whose record says "node.startup = automatic".
Fact read_iscsi() {
  std::vector<std::string> targets;
  std::error_code failed;
  if (!is_there(kNodes)) return iscsi_fact({}, {});
  for (fs::recursive_directory_iterator entry(kNodes, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (!entry->is_regular_file(failed)) continue;
    const auto record = read_file(entry->path().string());
    if (!record) return {"iscsi", false, "cannot be known: " + record.error().message};
    if (record->find("node.startup = automatic") == std::string::npos) continue;
    targets.push_back(fs::relative(entry->path(), kNodes, failed).begin()->string());
  }
  if (failed) return {"iscsi", false, std::string("cannot be known: ") + kNodes + ": " + failed.message()};
  return iscsi_fact(targets, sessions());
}

// Before a socket for the kernel's events there is no telling when a session comes or goes.
Fd open_kernel_events() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

// Whether something of iSCSI was among what there was to read, or too much to tell.
bool tells_of_iscsi(int socket) {
  std::array<char, 8192> message{};
  bool found = false;
  for (;;) {
    const ssize_t n = ::recv(socket, message.data(), message.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return found || errno == ENOBUFS;
    found = found || std::string_view(message.data(), static_cast<size_t>(n)).find("iscsi_session") !=
                         std::string_view::npos;
  }
}

constexpr size_t kDevices = 1;  // its place among the facts

// Which file it was does not matter.
void drain(int inotify) {
  std::array<char, 16384> news{};
  while (::read(inotify, news.data(), news.size()) > 0) {
  }
}

struct Watched {
  Fd fd;
  Readiness readiness;
  Watched(const Executor& executor, Fd open) : fd(std::move(open)), readiness(executor, fd.get()) {}
};

// Outlives the facts as long as a coroutine has not noticed.
struct State {
  std::unique_ptr<HostFacts> others;
  std::vector<Fact> facts;
  std::unique_ptr<Watched> folders, mounts, kernel;
  bool stopped = false;

  static std::vector<Fact> look(const Fact& devices_before) {
    const bool systemd = is_there("/run/systemd/system");
    std::vector<Fact> now_true{{"single-user", true, "this vmkeepd runs"}};
    now_true.push_back(devices_fact(is_there("/run/udev/queue"), devices_before));
    now_true.push_back(name_services_fact(text_of("/etc/nsswitch.conf"), text_of(kResolvConf),
                                          is_there("/run/systemd/resolve/io.systemd.Resolve")));
    now_true.push_back(automounts_fact(systemd ? text_of("/etc/fstab").value_or("") : "",
                                       text_of("/etc/auto.master").value_or(""),
                                       text_of("/proc/self/mountinfo").value_or("")));
    now_true.push_back(read_iscsi());
    return now_true;
  }

  void watch_folders() const {
    constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;
    std::error_code ignored;
    const auto resolv = fs::canonical(kResolvConf, ignored).parent_path().string();
    // What is not there is watched once it is: its folder's parent tells, or resolv.conf leads there.
    for (const std::string& folder :
         {std::string("/etc"), resolv, std::string("/run/udev"), std::string("/run/systemd/resolve"),
          std::string("/etc/iscsi"), std::string(kNodes)}) {
      if (!folder.empty()) ::inotify_add_watch(folders->fd.get(), folder.c_str(), kEvents | IN_ONLYDIR);
    }
  }

  void look_again() {
    auto current = look(facts[kDevices]);
    for (size_t n = 0; n < current.size(); ++n) {
      const bool changed = current[n].holds != facts[n].holds;
      facts[n] = std::move(current[n]);
      if (changed) others->changes().push(facts[n]);
    }
  }

  static Task<> follow_folders(std::shared_ptr<State> self) {
    for (;;) {
      const bool ready = co_await self->folders->readiness.readable();
      if (!ready || self->stopped) co_return;
      drain(self->folders->fd.get());
      self->watch_folders();
      self->look_again();
    }
  }

  static Task<> follow_mounts(std::shared_ptr<State> self) {
    for (;;) {
      const bool ready = co_await self->mounts->readiness.exceptional();
      if (!ready || self->stopped) co_return;
      self->look_again();
    }
  }

  static Task<> follow_kernel(std::shared_ptr<State> self) {
    for (;;) {
      const bool ready = co_await self->kernel->readiness.readable();
      if (!ready || self->stopped) co_return;
      if (tells_of_iscsi(self->kernel->fd.get())) self->look_again();
    }
  }
};

class ConfiguredFacts final : public HostFacts {
 public:
  explicit ConfiguredFacts(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ConfiguredFacts(const ConfiguredFacts&) = delete;
  ConfiguredFacts& operator=(const ConfiguredFacts&) = delete;
  ~ConfiguredFacts() override {
    state_->stopped = true;
    for (auto* watched : {&state_->folders, &state_->mounts, &state_->kernel}) {
      if (*watched) (*watched)->readiness.cancel();
    }
  }

  std::vector<Fact> read() override {
    auto all = state_->others->read();
    all.insert(all.end(), state_->facts.begin(), state_->facts.end());
    return all;
  }
  Queue<Fact>& changes() override { return state_->others->changes(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<HostFacts> with_configured(const Executor& executor, std::unique_ptr<HostFacts> others) {
  auto state = std::make_shared<State>();
  state->others = std::move(others);
  // The watches are open before the first look.  Where there is none the first look is the last.
  if (Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); fd) {
    state->folders = std::make_unique<Watched>(executor, std::move(fd));
    state->watch_folders();
  }
  if (auto fd = open_file("/proc/self/mountinfo", O_RDONLY)) {
    state->mounts = std::make_unique<Watched>(executor, std::move(*fd));
  }
  if (Fd fd = open_kernel_events(); fd) state->kernel = std::make_unique<Watched>(executor, std::move(fd));
  state->facts = State::look({"devices", false, ""});
  if (state->folders) start(executor, State::follow_folders(state));
  if (state->mounts) start(executor, State::follow_mounts(state));
  if (state->kernel) start(executor, State::follow_kernel(state));
  return std::make_unique<ConfiguredFacts>(std::move(state));
}

}  // namespace vmkeep::host
