// A vmkeepd of a test's own, in a folder of the test's own: it tells when it is ready and when an instance
// has changed, it is ended by its pid, and what it left running is found by the folder's name.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "control/client.h"

namespace vmkeep::tests {

// Of all processes those whose command line has `program` in it, and whose command line or environment names
// `folder`.  A process may end while one looks.
inline std::vector<pid_t> processes_of(const std::string& folder, const std::string& program = "") {
  const auto contents = [](const std::filesystem::path& file) {
    const auto text = read_file(file.string());
    return text ? *text : std::string();
  };
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string words = contents(entry.path() / "cmdline");
    if (words.find(program) == std::string::npos) continue;
    const bool ours = words.find(folder) != std::string::npos ||
                      contents(entry.path() / "environ").find(folder) != std::string::npos;
    if (ours) found.push_back(std::stoi(name));
  }
  return found;
}

// Ends all that runs for `folder`.  A VM outlives vmkeepd, as it should, and a method that outlives it may be
// starting one just now: so one looks again until nobody is left, who could still write into the folder.
// False: somebody is left after `longest`.
inline bool end_all_of(const std::string& folder, Instant longest = Instant(30'000)) {
  const Instant deadline = now() + longest;
  for (;;) {
    const auto left = processes_of(folder);
    if (left.empty()) return true;
    for (const pid_t pid : left) {
      const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      if (!process) continue;
      ::kill(pid, SIGKILL);
      pollfd waiting{process.get(), POLLIN, 0};
      const Instant patience = std::max(deadline - now(), Instant(0));
      if (::poll(&waiting, 1, static_cast<int>(patience.count())) != 1) return false;
    }
  }
}

class PrivateDaemon {
 public:
  PrivateDaemon() = default;
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;
  ~PrivateDaemon() { kill(); }

  // The folders state, run and log below `folder`, as --state, --run and --log, and `options` behind them;
  // stderr into the file `errors`.
  Result<> launch(const std::string& program, const std::string& folder,
                  const std::vector<std::string>& options, const std::string& errors) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // In the abstract space: nothing of it stays anywhere.
    const std::string name = "vmkeep-test-" + std::to_string(::getpid()) + "-" + std::to_string(++launches_);
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (!listener_ || ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      return errno_error("a socket for vmkeepd's word");
    }
    SpawnSpec spec;
    spec.argv = {program, "--state", folder + "/state", "--run", folder + "/run", "--log", folder + "/log"};
    spec.argv.insert(spec.argv.end(), options.begin(), options.end());
    spec.environment = {"PATH=/usr/bin:/bin", "HOME=" + folder, "NOTIFY_SOCKET=@" + name};
    auto err = open_file(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
    if (!err) return err.error();
    spec.standard_error = err->get();
    auto child = spawn(spec);
    if (!child) return child.error();
    child_ = std::move(*child);
    return {};
  }

  // It answers from now on.  False: it ended, or said nothing for so long.
  bool ready(Instant longest = Instant(30'000)) {
    const Instant deadline = now() + longest;
    std::array<pollfd, 2> waiting{{{listener_.get(), POLLIN, 0}, {child_.pidfd.get(), POLLIN, 0}}};
    while (now() < deadline && ::poll(waiting.data(), waiting.size(), left(deadline)) > 0) {
      std::array<char, 4096> word{};
      if (waiting[0].revents == 0) return false;
      const ssize_t n = ::recv(listener_.get(), word.data(), word.size(), 0);
      if (n > 0 && std::string(word.data(), static_cast<size_t>(n)).find("READY=1") != std::string::npos)
        return true;
    }
    return false;
  }

  // Whether it has ended by itself after at most so long; then `status` is what waitpid says.
  bool ended(Instant longest, int* status = nullptr) {
    if (child_.pid <= 0) return true;
    pollfd waiting{child_.pidfd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(longest.count())) != 1) return false;
    int raw = 0;
    ::waitpid(std::exchange(child_.pid, -1), &raw, 0);
    if (status != nullptr) *status = raw;
    return true;
  }

  void kill() {
    if (child_.pid <= 0) return;
    ::kill(child_.pid, SIGKILL);
    ::waitpid(std::exchange(child_.pid, -1), nullptr, 0);
  }

  pid_t pid() const { return child_.pid; }

 private:
  static int left(Instant deadline) {
    return static_cast<int>(std::max(deadline - now(), Instant(0)).count());
  }

  Fd listener_;
  Child child_;
  static inline int launches_ = 0;
};

// Whether it holds before the end.  It is looked at whenever vmkeepd tells that one of the instances has
// changed, and a few times a second for what vmkeepd does not tell of.
inline bool await_changes(const std::string& run_folder, const std::vector<std::string>& fmris,
                          Instant longest, const std::function<bool()>& holds) {
  constexpr Instant kLook{100};
  const Instant deadline = now() + longest;
  boost::json::array names(fmris.begin(), fmris.end());
  Result<control::Client> watcher = fail(ErrorKind::unavailable, "");
  while (!holds()) {
    if (now() >= deadline) return false;
    if (!watcher) {
      watcher = control::Client::connect(run_folder + "/control.sock");
      if (watcher && !watcher->call_more("Watch", {{"fmris", names}}))
        watcher = fail(ErrorKind::unavailable, "");
    }
    const Instant look = std::min(deadline, now() + kLook);
    if (!watcher) {
      ::poll(nullptr, 0, static_cast<int>(std::max(look - now(), Instant(0)).count()));
      continue;
    }
    // All that is told already counts as one look.
    for (auto change = watcher->next(look);; change = watcher->next(now())) {
      if (change) continue;
      if (change.error().kind != ErrorKind::timeout) watcher = fail(ErrorKind::unavailable, "");
      break;
    }
  }
  return true;
}

}  // namespace vmkeep::tests
