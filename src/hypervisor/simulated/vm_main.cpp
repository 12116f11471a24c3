// vmkeep-simulated-vm: the process of a simulated VM.  No guest runs in it, but it is a real process that can
// be killed, stopped and asked, and that is what vmkeep has to cope with.
//
//   vmkeep-simulated-vm --create NAME --home DIR      registers a VM, prints its UUID
//   vmkeep-simulated-vm --startvm UUID --home DIR     is the VM, until it is powered off, saved or killed
//   vmkeep-simulated-vm --state NAME --home DIR       prints what the VM is in, in VirtualBox's words
//   vmkeep-simulated-vm --say WORD UUID --home DIR    tells a running VM something: pause, resume, guru, ...
//
// As VBoxHeadless does, it saves its state on TERM, INT and HUP, and ends with status 0 after a save or
// power-off.
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "hypervisor/simulated/store.h"

namespace {

using vmkeep::Fd;
using vmkeep::Instant;
using vmkeep::hypervisor::simulated::Script;
using vmkeep::hypervisor::simulated::Store;
using vmkeep::hypervisor::simulated::StoredVm;
using vmkeep::vm::VmState;

constexpr Instant kNotYet = Instant::max();

int complain(const std::string& text) {
  std::fprintf(stderr, "vmkeep-simulated-vm: %s\n", text.c_str());
  return 1;
}

// The folder of the VMs is the working directory, so that the name of a socket is short enough anywhere.
sockaddr_un address_of(const std::string& uuid) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = uuid + ".sock";
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

class Vm {
 public:
  Vm(Store store, StoredVm vm, Script script)
      : store_(std::move(store)), vm_(std::move(vm)), script_(std::move(script)) {}

  int run();

 private:
  bool lock();
  bool listen();
  bool set(VmState state);
  void boot();
  void take_word();
  void take_signal();
  std::string obey(const std::string& word);
  void end(VmState passing, VmState last, const char* delay);
  int next_event() const;
  void timers();

  Store store_;
  StoredVm vm_;
  Script script_;
  Fd lock_;
  Fd listener_;
  Fd signals_;
  bool done_ = false;
  Instant halt_at_ = kNotYet;
  Instant die_at_ = kNotYet;
  Instant stuck_at_ = kNotYet;
};

void pause_for(std::chrono::milliseconds time) {
  const timespec wait{time.count() / 1000, time.count() % 1000 * 1'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, nullptr);
}

bool Vm::lock() {
  auto file = vmkeep::open_file(store_.path(vm_.uuid, ".lock"), O_RDWR | O_CREAT);
  if (!file) return false;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_OFD_SETLK, &whole) != 0) return false;
  lock_ = std::move(*file);
  return true;
}

bool Vm::listen() {
  listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(vm_.uuid);
  ::unlink(address.sun_path);  // of a VM that was killed; ours is the lock
  return listener_ &&
         ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::listen(listener_.get(), 16) == 0;
}

bool Vm::set(VmState state) {
  vm_.state = state;
  const auto written = store_.write(vm_);
  if (!written) complain(written.error().message);
  return static_cast<bool>(written);
}

void Vm::boot() {
  // Killed while restoring: what was saved is still there.
  const bool restore = vm_.state == VmState::saved || vm_.state == VmState::restoring;
  set(restore ? VmState::restoring : VmState::starting);
  pause_for(script_.delay(restore ? "restore" : "launch"));
  set(VmState::running);
  const Instant now = vmkeep::now();
  if (script_.halt_after > 0) halt_at_ = now + Instant(script_.halt_after);
  if (script_.die_after > 0) die_at_ = now + Instant(script_.die_after);
  if (script_.stuck_after > 0) stuck_at_ = now + Instant(script_.stuck_after);
}

void Vm::end(VmState passing, VmState last, const char* delay) {
  set(passing);
  pause_for(script_.delay(delay));
  set(last);
  done_ = true;
}

std::string Vm::obey(const std::string& word) {
  const bool runs = vm_.state == VmState::running;
  const bool paused = vm_.state == VmState::paused;
  if (word == "savestate" && (runs || paused)) {
    end(VmState::saving, VmState::saved, "savestate");
  } else if (word == "poweroff") {
    end(VmState::stopping, VmState::poweroff, "poweroff");
  } else if (word == "acpipowerbutton" && runs) {
    if (!script_.deaf) halt_at_ = vmkeep::now() + script_.delay("acpi");
  } else if ((word == "acpisleepbutton" || word == "reset") && runs) {
    // Nothing that one could see from outside.
  } else if (word == "pause" && runs) {
    set(VmState::paused);
  } else if (word == "resume" && paused) {
    set(VmState::running);
  } else if (word == "guru" && runs) {
    set(VmState::gurumeditation);
  } else {
    return "error: cannot " + word + ": it is " + std::string(vmkeep::vm::to_string(vm_.state)) + "\n";
  }
  return "ok\n";
}

void Vm::take_word() {
  const Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) return;
  // Whoever connects says something at once; a peer that does not is not waited for.
  const timeval patience{1, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::array<char, 64> text{};
  const ssize_t n = ::read(peer.get(), text.data(), text.size());
  if (n <= 0) return;
  std::string word(text.data(), static_cast<size_t>(n));
  word.resize(std::min(word.find('\n'), word.size()));
  const std::string answer = obey(word);
  (void)::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
}

void Vm::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
  end(VmState::saving, VmState::saved, "savestate");
}

int Vm::next_event() const {
  const Instant next = std::min({halt_at_, die_at_, stuck_at_});
  if (next == kNotYet) return -1;
  return static_cast<int>(std::clamp<int64_t>((next - vmkeep::now()).count(), 0, 60'000));
}

void Vm::timers() {
  const Instant now = vmkeep::now();
  if (now >= die_at_) ::kill(::getpid(), SIGKILL);
  if (now >= halt_at_) end(VmState::stopping, VmState::poweroff, "poweroff");
  if (now >= stuck_at_ && !done_) {
    set(VmState::gurumeditation);
    stuck_at_ = kNotYet;
  }
}

int Vm::run() {
  if (script_.launch_exit) return static_cast<int>(*script_.launch_exit);
  if (!lock()) return complain("VM " + vm_.uuid + " is already locked by a session");
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&caught, signal);
  ::sigprocmask(SIG_BLOCK, &caught, nullptr);
  signals_ = Fd(::signalfd(-1, &caught, SFD_CLOEXEC));
  if (!listen()) return complain("cannot listen on " + vm_.uuid + ".sock: " + std::strerror(errno));
  boot();
  while (!done_) {
    std::array<pollfd, 2> items{{{listener_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
    if (::poll(items.data(), items.size(), next_event()) < 0 && errno != EINTR)
      return complain("poll failed");
    timers();
    if (!done_ && items[0].revents != 0) take_word();
    if (!done_ && items[1].revents != 0) take_signal();
  }
  ::unlink(address_of(vm_.uuid).sun_path);
  return 0;
}

int say(const std::string& word, const std::string& uuid) {
  const Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(uuid);
  const std::string line = word + "\n";
  std::array<char, 256> answer{};
  if (!peer || ::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::send(peer.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    return complain("VM " + uuid + " does not run");
  }
  const ssize_t n = ::read(peer.get(), answer.data(), answer.size() - 1);
  const std::string_view text(answer.data(), n > 0 ? static_cast<size_t>(n) : 0);
  return text == "ok\n" ? 0 : complain(std::string(text));
}

int tell_state(const Store& store, const std::string& name) {
  const auto all = store.all();
  if (!all) return complain(all.error().message);
  for (const auto& vm : *all) {
    if (vm.name != name) continue;
    std::puts(std::string(vmkeep::vm::to_string(store.state(vm))).c_str());
    return 0;
  }
  return complain("no VM " + name + " in " + store.home());
}

int usage() {
  std::fputs(
      "usage: vmkeep-simulated-vm --create NAME --home DIR\n"
      "       vmkeep-simulated-vm --startvm UUID --home DIR\n"
      "       vmkeep-simulated-vm --state NAME --home DIR\n"
      "       vmkeep-simulated-vm --say WORD UUID --home DIR\n",
      stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 4 || words[words.size() - 2] != "--home") return usage();
  std::error_code problem;
  const Store store(std::filesystem::absolute(words.back(), problem).string());
  if (problem) return complain(words.back() + ": " + problem.message());
  words.resize(words.size() - 2);
  if (words[0] == "--create" && words.size() == 2) {
    const auto vm = store.create(words[1]);
    if (!vm) return complain(vm.error().message);
    std::puts(vm->uuid.c_str());
    return 0;
  }
  if (::chdir(store.home().c_str()) != 0) return complain("cannot enter " + store.home());
  if (words[0] == "--state" && words.size() == 2) return tell_state(store, words[1]);
  if (words[0] == "--say" && words.size() == 3) return say(words[1], words[2]);
  if (words[0] != "--startvm" || words.size() != 2) return usage();
  const auto vm = store.read(words[1]);
  if (!vm) return complain(vm.error().message);
  const auto script = store.script(vm->name);
  if (!script) return complain(script.error().message);
  return Vm(store, *vm, *script).run();
}
