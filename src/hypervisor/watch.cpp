#include "hypervisor/watch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace vmkeep::hypervisor {
namespace {

// A file that grew by more than this since the last event is news without being read.
constexpr off_t kMuch = 262'144;

}  // namespace

struct Watch::State {
  struct Vm {
    Signal changed;
    bool pending = false;
    std::string folder;
    std::string name;
    NewsFilter filter = nullptr;
    int descriptor = -1;  // inotify's, which is the same for VMs of the same folder
    off_t read = 0;       // how much of the file is known
    Fd pidfd;
    std::string start_time;
    pid_t pid = -1;

    explicit Vm(const Executor& executor) : changed(executor) {}

    void tell() {
      pending = true;
      changed.notify();
    }
  };

  Executor executor;
  Fd inotify;
  Fd epoll;
  Readiness readiness;
  std::map<std::string, std::shared_ptr<Vm>> vms;
  // Who is meant by an event: many VMs may have their files in one folder, where much else is written.
  std::multimap<std::pair<int, std::string>, std::shared_ptr<Vm>> by_file;  // inotify's descriptor, name
  std::map<int, std::shared_ptr<Vm>> by_pidfd;
  bool stopped = false;

  explicit State(const Executor& e)
      : executor(e),
        inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
        epoll(::epoll_create1(EPOLL_CLOEXEC)),
        readiness(e, epoll.get()) {
    if (inotify) add(inotify.get());
  }

  void add(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }

  std::shared_ptr<Vm> vm(const std::string& uuid) {
    auto& found = vms[uuid];
    if (!found) found = std::make_shared<Vm>(executor);
    return found;
  }

  // A pidfd is readable once, at the end: then nothing of that process is worth watching.
  void process_ended(int fd) {
    const auto found = by_pidfd.find(fd);
    if (found == by_pidfd.end()) return;
    const auto vm = found->second;
    by_pidfd.erase(found);
    vm->pidfd.reset();
    vm->tell();
  }

  static bool has_news(Vm& vm) {
    if (vm.filter == nullptr) return true;
    const auto file = open_file(vm.folder + "/" + vm.name, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) return true;
    if (info.st_size < vm.read) vm.read = 0;  // a new file
    const off_t grown = info.st_size - vm.read;
    if (grown > kMuch) {
      vm.read = info.st_size;
      return true;
    }
    std::string text(static_cast<size_t>(grown), '\0');
    const ssize_t n = ::pread(file->get(), text.data(), text.size(), vm.read);
    if (n < 0) return true;
    text.resize(static_cast<size_t>(n));
    // The beginning of a line stays for the next time.
    const size_t whole = text.rfind('\n') + 1;
    vm.read += static_cast<off_t>(whole);
    text.resize(whole);
    return vm.filter(text);
  }

  void written(int descriptor, std::string_view name) {
    const auto range = by_file.equal_range({descriptor, std::string(name)});
    for (auto at = range.first; at != range.second; ++at) {
      if (has_news(*at->second)) at->second->tell();
    }
  }

  void forget_folder(int descriptor) {
    for (auto& [uuid, vm] : vms) {
      if (vm->descriptor != descriptor) continue;
      forget_file(vm);
      vm->descriptor = -1;
      vm->folder.clear();
      vm->tell();
    }
  }

  void forget_file(const std::shared_ptr<Vm>& vm) {
    const auto range = by_file.equal_range({vm->descriptor, vm->name});
    for (auto at = range.first; at != range.second; ++at) {
      if (at->second != vm) continue;
      by_file.erase(at);
      return;
    }
  }

  void read_inotify() {
    alignas(inotify_event) std::array<char, 16384> buffer;
    for (;;) {
      const ssize_t n = ::read(inotify.get(), buffer.data(), buffer.size());
      if (n <= 0) return;
      for (ssize_t at = 0; at < n;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
          for (auto& [uuid, vm] : vms) vm->tell();
        } else if ((event.mask & IN_IGNORED) != 0) {
          forget_folder(event.wd);
        } else if (event.len > 0) {
          written(event.wd, std::string_view(name, ::strnlen(name, event.len)));
        }
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

  void dispatch() {
    std::array<epoll_event, 32> events{};
    const int n = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == inotify.get()) {
        read_inotify();
      } else {
        process_ended(fd);
      }
    }
  }

  static Task<> run(std::shared_ptr<State> self) {
    // Not in one condition: GCC 12 makes a trap of a loop whose condition awaits behind an &&.
    for (;;) {
      const bool readable = co_await self->readiness.readable();
      if (!readable || self->stopped) co_return;
      self->dispatch();
    }
  }
};

Watch::Watch(Executor executor) : state_(std::make_shared<State>(executor)) {
  start(std::move(executor), State::run(state_));
}

Watch::~Watch() {
  state_->stopped = true;
  state_->readiness.cancel();
}

void Watch::file(const std::string& uuid, const std::string& folder, const std::string& name,
                 NewsFilter filter) {
  const auto vm = state_->vm(uuid);
  const bool same = vm->folder == folder && vm->name == name && vm->descriptor >= 0;
  if (folder.empty() || same || !state_->inotify) return;
  // It was to be watched before, when its folder was not there yet: what happened in between nobody saw.
  const bool late = vm->folder == folder && vm->name == name;
  state_->forget_file(vm);
  vm->folder = folder;
  vm->name = name;
  vm->filter = filter;
  // A folder that was watched before stays so: it costs nothing, and another VM may be in it.
  vm->descriptor = ::inotify_add_watch(state_->inotify.get(), folder.c_str(),
                                       IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
  if (vm->descriptor >= 0) state_->by_file.emplace(std::pair(vm->descriptor, name), vm);
  // What the file says by now is no news.
  struct stat info {};
  const std::string path = folder + "/" + name;
  vm->read = ::lstat(path.c_str(), &info) == 0 ? info.st_size : 0;
  if (late && vm->descriptor >= 0) vm->tell();
}

void Watch::process(const std::string& uuid, const std::optional<VmProcess>& process) {
  const auto vm = state_->vm(uuid);
  if (!process || (vm->pid == process->pid && vm->start_time == process->start_time)) return;
  vm->pid = process->pid;
  vm->start_time = process->start_time;
  if (vm->pidfd) state_->by_pidfd.erase(vm->pidfd.get());
  vm->pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, process->pid, 0)));
  if (vm->pidfd) {
    state_->by_pidfd[vm->pidfd.get()] = vm;
    state_->add(vm->pidfd.get());
  } else {
    vm->tell();  // it ended between the two calls
  }
}

Task<bool> Watch::hint(std::string uuid, Instant deadline) {
  const auto vm = state_->vm(uuid);
  if (!std::exchange(vm->pending, false)) {
    co_await vm->changed.wait(deadline);
    co_return std::exchange(vm->pending, false);
  }
  co_return true;
}

}  // namespace vmkeep::hypervisor
