#include "hypervisor/simulated/live_vm.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <utility>

#include "base/reaper.h"

namespace vmkeep::hypervisor::simulated {
namespace {

constexpr int kStep = 10;  // percent
constexpr const char* kDiskFull =
    "Failed to save the machine state: there is no space left on the disk (VERR_DISK_FULL)";

int complain(const std::string& text) {
  std::fprintf(stderr, "vmkeep-simulated-vm: %s\n", text.c_str());
  return 1;
}

void pause_for(std::chrono::milliseconds time) {
  const timespec wait{time.count() / 1000, time.count() % 1000 * 1'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, nullptr);
}

Instant later(Instant delay) {
  return now() + delay;
}

// What the script calls an action that has a delay of its own.
std::string delay_name(const std::string& action) {
  return action == "acpipowerbutton" ? "acpi" : action;
}

void answer(const Fd& peer, const std::string& text) {
  if (peer) (void)::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string upper(std::string word) {
  for (char& c : word) c = static_cast<char>(::toupper(static_cast<unsigned char>(c)));
  return word;
}

std::string today() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return std::string(text.data()) + ".000000000Z";
}

const char* home_of_process() {
  const char* home = ::secure_getenv("HOME");
  return home == nullptr ? "" : home;
}

}  // namespace

std::string socket_name(const std::string& uuid) {
  return uuid + ".sock";
}

LiveVm::LiveVm(Store store, StoredVm vm, Script script, Birth birth)
    : store_(std::move(store)),
      vm_(std::move(vm)),
      script_(std::move(script)),
      birth_(std::move(birth)),
      born_(now()) {}

bool LiveVm::lock() {
  auto file = open_file(store_.path(vm_.uuid, ".lock"), O_RDWR | O_CREAT);
  if (!file) return false;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_OFD_SETLK, &whole) != 0) return false;
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file->get(), 0) != 0 || ::pwrite(file->get(), pid.data(), pid.size(), 0) < 0) return false;
  lock_ = std::move(*file);
  return true;
}

Result<> LiveVm::listen() {
  auto listener = listen_at(socket_name(vm_.uuid));
  if (!listener) return listener.error();
  listener_ = std::move(*listener);
  return ports_.listen(vm_.uuid, script_.serial);
}

void LiveVm::log(const std::string& text) {
  const int64_t ms = (now() - born_).count();
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%02d:%02d:%02d.%06d ", static_cast<int>(ms / 3'600'000),
                static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1'000 % 60),
                static_cast<int>(ms % 1'000 * 1'000));
  const std::string line = time.data() + text + "\n";
  if (log_) (void)!::write(log_.get(), line.data(), line.size());
}

void LiveVm::set(const std::string& word) {
  log("Changing the VM state from '" + upper(vm_.state) + "' to '" + upper(word) + "'");
  vm_.state = word;
  vm_.then.clear();
  if (const auto stored = store_.read(vm_.uuid)) vm_.name = stored->name;  // it may have been renamed
  const auto written = store_.write(vm_);
  if (!written) complain(written.error().message);
}

void LiveVm::begin(const std::string& passing, const std::string& last, const std::string& action, Fd peer,
                   std::string answer) {
  const Instant time = script_.delay(action);
  const bool ends = script_.never.count(action) == 0;
  change_ = Change{now(), ends ? later(time) : kNever, last, std::move(answer), std::move(peer), 0, false};
  if (script_.die_during == action) die_at_ = later(time / 2);
  set(passing);
}

// Into a state that lasts.
void LiveVm::arrive(const std::string& word) {
  if (word == "aborted" || word == "aborted-saved") {
    // The state of a VM whose process was killed.
    if (word == "aborted-saved") set("restoring");
    ::kill(::getpid(), SIGKILL);
  }
  const bool first = word == "running" && (vm_.state == "starting" || vm_.state == "restoring");
  set(word);
  done_ = !needs_process(word) && word != "missing" && word != "inaccessible";
  if (!first) return;
  if (script_.halt_after > 0) halt_at_ = later(Instant(script_.halt_after));
  if (script_.die_after > 0) die_at_ = later(Instant(script_.die_after));
  if (script_.stuck_after > 0) stuck_at_ = later(Instant(script_.stuck_after));
  if (script_.flatline_after > 0) {
    log("VMMDev: Heartbeat flatline timer set to trigger after 4 000 000 000 ns");
    flat_at_ = later(Instant(script_.flatline_after));
  }
}

void LiveVm::finish() {
  Change change = std::move(*change_);
  change_.reset();
  arrive(change.last);
  answer(change.peer, change.answer);
  if (save_wanted_ && !done_) save_by_signal();
}

Instant LiveVm::next_progress() const {
  if (!change_ || change_->until == kNever || change_->told >= 100 - kStep) return kNever;
  if (!change_->peer && !change_->on_stderr) return kNever;
  return change_->begun + (change_->until - change_->begun) * (change_->told + kStep) / 100;
}

void LiveVm::tell_progress() {
  while (next_progress() <= now()) {
    change_->told += kStep;
    answer(change_->peer, std::to_string(change_->told) + "%\n");
    if (change_->on_stderr) std::fprintf(stderr, "%d%%...", change_->told);
  }
}

void LiveVm::boot() {
  if (!birth_.in.empty()) {
    vm_.state = "starting";
    arrive(birth_.in);
    return;
  }
  // Killed while restoring: what was saved is still there.
  const bool restore = vm_.state == "saved" || vm_.state == "aborted-saved";
  begin(restore ? "restoring" : "starting", "running", restore ? "restore" : "launch");
  change_->on_stderr = restore;
  if (restore) std::fputs("Restoring virtual machine: ", stderr);
}

std::optional<std::string> LiveVm::act(const std::string& word, Fd& peer) {
  const bool runs = vm_.state == "running" && !change_;
  const bool paused = vm_.state == "paused" && !change_;
  const bool passes = vm::is_passing(state_of(vm_.state));
  const bool boots = vm_.state == "starting" || vm_.state == "restoring";
  const auto lie = script_.lie.find(word);
  const bool lies = lie != script_.lie.end() && lie->second == "error";
  const std::string good = lies ? "error: the operation failed\n" : "ok\n";
  if (word == "savestate" && (runs || paused)) {
    const bool full = script_.full_disk;
    begin("saving", full ? vm_.state : "saved", word, std::move(peer),
          full ? std::string("error: ") + kDiskFull + "\n" : good);
    return std::nullopt;
  }
  if (word == "poweroff" && (!passes || boots)) {
    begin("stopping", "poweroff", word, std::move(peer), good);
    return std::nullopt;
  }
  if (word == "snapshot" && (runs || paused)) {
    begin("onlinesnapshotting", vm_.state, word, std::move(peer), good);
    return std::nullopt;
  }
  if (word == "acpipowerbutton" && runs) {
    if (!script_.deaf) halt_at_ = later(script_.delay(delay_name(word)));
    return good;
  }
  if ((word == "acpisleepbutton" || word == "reset") && (runs || (paused && word == "reset"))) return good;
  if (word == "pause" && runs) {
    set("paused");
    return good;
  }
  if (word == "resume" && paused) {
    set("running");
    return good;
  }
  return "error: Invalid machine state: " + vm_.state + " (VBOX_E_INVALID_VM_STATE)\n";
}

// WORD [MS THEN]
void LiveVm::set_by_hand(const std::string& rest) {
  std::istringstream words(rest);
  std::string word;
  std::string then;
  int64_t ms = 0;
  words >> word >> ms >> then;
  change_.reset();
  arrive(word);
  if (!then.empty() && !done_) change_ = Change{now(), later(Instant(ms)), then, "", Fd(), 0, false};
}

void LiveVm::beat(bool alive) {
  log(alive ? "VMMDev: GuestHeartBeat: Guest is alive (gone 5 000 000 000 ns)"
            : "VMMDev: vmmDevHeartbeatFlatlinedTimer: Guest seems to be unresponsive. Last heartbeat "
              "received 4 "
              "seconds ago");
  // Whoever watches is told.
  (void)store_.write(vm_);
}

std::optional<std::string> LiveVm::obey(const std::string& word, const std::string& rest, Fd& peer) {
  if (word == "set") {
    set_by_hand(rest);
    if (!done_) return "ok\n";
    // It hears of its end when that has come.
    answer(peer, "ok\n");
    unanswered_.push_back(std::move(peer));
    return std::nullopt;
  }
  if (word == "flatline" || word == "heartbeat") {
    beat(word == "heartbeat");
    return "ok\n";
  }
  if (word == "guru") {
    arrive("gurumeditation");
    return "ok\n";
  }
  if (const auto refused = script_.refuse.find(word); refused != script_.refuse.end()) {
    return "error: " + refused->second + "\n";
  }
  if (const auto lie = script_.lie.find(word); lie != script_.lie.end() && lie->second == "ok") return "ok\n";
  const bool changes = word == "savestate" || word == "poweroff" || word == "snapshot";
  if (!changes && script_.never.count(word) != 0) {
    unanswered_.push_back(std::move(peer));
    return std::nullopt;
  }
  if (!changes && word != "acpipowerbutton") pause_for(script_.delay(word));
  return act(word, peer);
}

void LiveVm::take_word() {
  Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) return;
  // Whoever connects says something at once, and one that is gone is told by the kernel; but among a thousand
  // VMs that are all saved at once a guard may get no processor for seconds between the two.
  const timeval patience{60, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::array<char, 512> text{};
  const ssize_t n = ::read(peer.get(), text.data(), text.size());
  if (n <= 0) return;
  std::string line(text.data(), static_cast<size_t>(n));
  line.resize(std::min(line.find('\n'), line.size()));
  const size_t blank = std::min(line.find(' '), line.size());
  // What a test has changed meanwhile counts.
  if (auto script = store_.script(vm_.name)) script_ = std::move(*script);
  const auto said = obey(line.substr(0, blank), line.substr(std::min(blank + 1, line.size())), peer);
  if (said) answer(peer, *said);
}

void LiveVm::save_by_signal() {
  save_wanted_ = change_.has_value();
  if (!change_) begin("saving", "saved", "savestate");
}

void LiveVm::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
  const int signal = static_cast<int>(info.ssi_signo);
  (void)store_.record("signal " + signal_name(signal), vm_, home_of_process());
  if (auto script = store_.script(vm_.name)) script_ = std::move(*script);
  if (script_.ignores) return;
  if (signal == SIGQUIT) ::kill(::getpid(), SIGKILL);
  save_by_signal();
}

int LiveVm::next_event() const {
  // What the guest does by itself waits for the end of a change.
  const Instant guest = change_ ? change_->until : std::min(halt_at_, stuck_at_);
  const Instant next = std::min({guest, die_at_, flat_at_, next_progress()});
  if (next == kNever) return -1;
  return static_cast<int>(std::clamp<int64_t>((next - now()).count(), 0, 60'000));
}

void LiveVm::timers() {
  const Instant time = now();
  if (time >= die_at_) ::kill(::getpid(), SIGKILL);
  tell_progress();
  if (change_ && time >= change_->until) finish();
  if (done_) return;
  if (time >= halt_at_ && !change_) {
    halt_at_ = kNever;
    begin("stopping", "poweroff", "poweroff");
  }
  if (time >= stuck_at_ && !change_) {
    stuck_at_ = kNever;
    set("gurumeditation");
  }
  if (time >= flat_at_) {
    flat_at_ = kNever;
    beat(false);
  }
}

void LiveVm::loop() {
  while (!done_) {
    std::vector<pollfd> items{{listener_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    const size_t first_port = items.size();
    ports_.add_to(items);
    if (::poll(items.data(), items.size(), next_event()) < 0 && errno != EINTR) return;
    timers();
    if (!done_ && items[0].revents != 0) take_word();
    if (!done_ && items[1].revents != 0) take_signal();
    ports_.serve(items.data() + first_port);
  }
}

int LiveVm::run() {
  (void)store_.note_birth(vm_.uuid);
  (void)store_.record(birth_.front_end ? "front_end" : "launch", vm_, home_of_process());
  const auto refused = script_.refuse.find("launch");
  if (refused != script_.refuse.end()) std::fprintf(stderr, "%s\n", refused->second.c_str());
  if (script_.launch_exit || refused != script_.refuse.end()) {
    return static_cast<int>(script_.launch_exit.value_or(1));
  }
  pause_for(script_.delay(birth_.front_end ? "front_end" : "lock"));
  if (!lock()) {
    return complain("The machine '" + vm_.name + "' is already locked by a session (or being locked)");
  }
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&caught, signal);
  ::sigprocmask(SIG_BLOCK, &caught, nullptr);
  signals_ = Fd(::signalfd(-1, &caught, SFD_CLOEXEC));
  if (auto ready = listen(); !ready) return complain(ready.error().message);
  if (auto file = open_file(store_.log(vm_.uuid), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)) {
    log_ = std::move(*file);
  }
  log("VirtualBox VM (simulated). Log opened " + today());
  boot();
  if (birth_.ready >= 0) (void)!::write(birth_.ready, "+", 1);
  if (birth_.ready >= 0) ::close(birth_.ready);
  loop();
  pause_for(script_.delay("exit"));
  ::unlink(socket_name(vm_.uuid).c_str());
  return 0;
}

}  // namespace vmkeep::hypervisor::simulated
