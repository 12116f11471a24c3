// What the simulated driver does to a VM, by telling its process.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/simulated/call.h"
#include "hypervisor/simulated/driver.h"
#include "hypervisor/simulated/live_vm.h"
#include "hypervisor/virtualbox/parse.h"

namespace vmkeep::hypervisor::simulated {
namespace {

// One black pixel.
constexpr std::string_view kPng{
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9c"
    "c`\0\0\0\2\0\1H\xaf\xa4q\0\0\0\0IEND\xae"
    "B`\x82",
    67};

// A connection to the VM's process.  The socket is reached through its folder's descriptor, because the path
// of the folder may be longer than a socket's address.
Result<Fd> connect_to(const Store& store, const std::string& uuid) {
  const auto folder = open_file(store.home(), O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!peer) return errno_error("cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder->get()) + "/" + socket_name(uuid);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorKind::invalid, "VM " + uuid + " is not currently running");
  }
  return peer;
}

// Takes whole lines off the front: percents are told; what is left over is the answer, once it is there.
std::optional<std::string> take_answer(std::string& said, const Percent& progress) {
  for (size_t end = said.find('\n'); end != std::string::npos; end = said.find('\n')) {
    const std::string line = said.substr(0, end);
    said.erase(0, end + 1);
    if (line.empty() || line.back() != '%') return line;
    int percent = 0;
    (void)std::from_chars(line.data(), line.data() + line.size(), percent);
    if (progress) progress(percent);
  }
  return std::nullopt;
}

}  // namespace

Task<Result<>> Driver::say(std::string uuid, std::string word, Instant deadline, Percent progress) {
  const auto peer = connect_to(store_, uuid);
  if (!peer) co_return peer.error();
  const std::string line = word + "\n";
  if (::send(peer->get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    co_return errno_error("cannot tell VM " + uuid + " to " + word);
  }
  Call call(*this, uuid);
  Readiness readiness(executor_, peer->get());
  call.readiness = &readiness;
  std::string said;
  for (;;) {
    const bool readable = co_await readiness.readable(deadline);
    if (!readable) co_return fail(ErrorKind::timeout, "VM " + uuid + " did not " + word + " in time");
    std::array<char, 512> text{};
    const ssize_t n = ::read(peer->get(), text.data(), text.size());
    // It was told readable once more for what the read before has taken along.
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) co_return fail(ErrorKind::unavailable, "VM " + uuid + " ended before it could " + word);
    said.append(text.data(), static_cast<size_t>(n));
    const auto answer = take_answer(said, progress);
    if (!answer) continue;
    if (*answer == "ok") co_return done();
    co_return fail(virtualbox::kind_of(virtualbox::classify(*answer)),
                   "VM " + uuid + ": " + virtualbox::first_error(*answer));
  }
}

Task<Result<>> Driver::act(std::string uuid, std::string word, Instant deadline, Percent progress) {
  const auto vm = store_.read(uuid);
  if (vm) {
    if (auto noted = store_.record(word, *vm, owner_home_); !noted) co_return noted.error();
  }
  const auto subject = co_await ask(uuid, "", deadline);
  if (!subject) co_return subject.error();
  if (subject->trouble) co_return in("cannot " + word + " VM " + uuid, *subject->trouble);
  co_return co_await say(std::move(uuid), std::move(word), deadline, std::move(progress));
}

Task<Result<>> Driver::emergency_stop(std::string uuid, Instant deadline) {
  abandon(uuid);
  if (const auto vm = store_.read(uuid)) {
    if (auto noted = store_.record("emergencystop", *vm, owner_home_); !noted) co_return noted.error();
    const auto script = store_.script(vm->name);
    const bool refused = script && script->refuse.count("emergencystop") != 0;
    if (refused) co_return fail(ErrorKind::io, script->refuse.at("emergencystop"));
  }
  const auto found = process(uuid);
  if (!found) co_return fail(ErrorKind::invalid, "VM " + uuid + " has no process");
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, found->pid, 0)));
  const auto again = process(uuid);
  if (!pidfd || !again || again->start_time != found->start_time) co_return done();
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  Readiness readiness(executor_, pidfd.get());
  if (!co_await readiness.readable(deadline)) {
    co_return fail(ErrorKind::timeout, "the process of VM " + uuid + " did not end");
  }
  co_return done();
}

Task<Result<>> Driver::control(std::string uuid, vm::StopAction action, Instant deadline, Percent progress) {
  if (action == vm::StopAction::emergencystop) return emergency_stop(std::move(uuid), deadline);
  return confirmed(std::move(uuid), action, deadline, std::move(progress));
}

// As the driver of VirtualBox does: a refusal with a known reason is believed, a mere failure is not.
Task<Result<>> Driver::confirmed(std::string uuid, vm::StopAction action, Instant deadline,
                                 Percent progress) {
  const auto acted = co_await act(uuid, std::string(vm::to_string(action)), deadline, std::move(progress));
  const bool saves = action == vm::StopAction::savestate;
  const bool ends = saves || action == vm::StopAction::poweroff;
  if (acted || !ends || acted.error().kind != ErrorKind::io) co_return acted;
  // If it has done it, its process is in its last moments.
  if (const auto last = process(uuid)) {
    constexpr Instant kLastMoments{1'500};
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, last->pid, 0)));
    Readiness readiness(executor_, pidfd.get());
    co_await readiness.readable(std::min(deadline, now() + kLastMoments));
  }
  const auto looked = co_await look(std::move(uuid), deadline);
  const auto wanted = saves ? vm::VmState::saved : vm::VmState::poweroff;
  if (looked && looked->agreed() == wanted) co_return done();
  co_return acted;
}

Task<Result<>> Driver::resume(std::string uuid, Instant deadline) {
  return act(std::move(uuid), "resume", deadline, {});
}

Task<Result<>> Driver::pause(std::string uuid, Instant deadline) {
  return act(std::move(uuid), "pause", deadline, {});
}

Task<Result<>> Driver::screenshot(std::string uuid, std::string path, Instant deadline) {
  const auto subject = co_await ask(uuid, "screenshot", deadline);
  if (!subject) co_return subject.error();
  if (subject->trouble) co_return in("cannot take a screenshot", *subject->trouble);
  if (auto noted = store_.record("screenshot", subject->vm, owner_home_); !noted) co_return noted.error();
  const auto refused = subject->script.refuse.find("screenshot");
  if (refused != subject->script.refuse.end()) co_return fail(ErrorKind::io, refused->second);
  if (!process(uuid)) co_return fail(ErrorKind::invalid, "VM " + uuid + " is not currently running");
  co_return replace_file(path, kPng);
}

// The VM's process is not there; the hypervisor itself does it.
Task<Result<>> Driver::snapshot_of_halted(Subject subject, Instant deadline) {
  const auto refused = subject.script.refuse.find("snapshot");
  if (refused != subject.script.refuse.end()) co_return fail(ErrorKind::io, refused->second);
  const bool ends = subject.script.never.count("snapshot") == 0;
  const Instant until = ends ? now() + Instant(subject.script.delay("snapshot")) : kNever;
  StoredVm vm = subject.vm;
  vm.then = store_.state(subject.vm);
  vm.state = "snapshotting";
  vm.at = until;
  if (auto written = store_.write(vm); !written) co_return written.error();
  const bool waited = co_await delay(vm.uuid, std::min(until, deadline));
  if (!waited || until > deadline) {
    co_return fail(ErrorKind::timeout, "the snapshot of VM " + vm.uuid + " did not end in time");
  }
  co_return done();
}

Task<Result<>> Driver::take_snapshot(std::string uuid, std::string /*name*/, std::string /*description*/,
                                     Instant deadline, Percent progress) {
  if (process(uuid)) co_return co_await act(std::move(uuid), "snapshot", deadline, std::move(progress));
  auto subject = co_await ask(uuid, "", deadline);
  if (!subject) co_return subject.error();
  if (subject->trouble) co_return in("cannot take a snapshot", *subject->trouble);
  if (auto noted = store_.record("snapshot", subject->vm, owner_home_); !noted) co_return noted.error();
  co_return co_await snapshot_of_halted(std::move(*subject), deadline);
}

}  // namespace vmkeep::hypervisor::simulated
