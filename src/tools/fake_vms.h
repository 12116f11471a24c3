// For the tests of the verbs: a world of VMs for the fake daemon, and a program that runs while the test goes
// on.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/spawn.h"
#include "tools/fake_daemon.h"

namespace vmkeep::tools {

inline const std::string kService = "svc:/site/xvm/vbox:";

inline void add_vm(FakeWorld& fake, const std::string& name, const std::string& word, int code) {
  control::InstanceMessage instance;
  instance.fmri = kService + name;
  instance.state = "online";
  instance.next_state = "none";
  instance.reason = "none";
  instance.state_time = 1247766575;
  instance.configured = true;
  instance.enabled = true;
  instance.restarter = "svc:/system/svc/restarter:default";
  instance.log = "/nonexistent/" + name + ".log";
  instance.vm = true;
  instance.dependencies.emplace();
  fake.world.instances.push_back(instance);
  fake.levels[instance.fmri] = {};
  fake.statuses[instance.fmri] = {
      {"fmri", instance.fmri}, {"name", name},   {"uuid", "uuid-of-" + name},
      {"owner", ""},           {"word", word},   {"code", code},
      {"driver", "fake"},      {"pid", 0},       {"monitor", "watching"},
      {"detail", ""},          {"next", "rest"}, {"transitions", {"went online"}}};
}

// What it prints is read as it comes; killed at the end of the test if it still runs.
class Running {
 public:
  Running(const std::string& path, const std::vector<std::string>& arguments,
          const std::vector<std::string>& environment, int input = -1) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return;
    output_ = Fd(pipe[0]);
    const Fd writing(pipe[1]);
    SpawnSpec spec;
    spec.argv = {path};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment = environment;
    spec.standard_input = input;
    spec.standard_output = writing.get();
    spec.standard_error = writing.get();
    if (auto child = spawn(spec)) child_ = std::move(*child);
  }
  ~Running() {
    if (child_.pid <= 0) return;
    ::kill(child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Whether it prints this within the deadline.
  bool says(const std::string& text) {
    const Instant deadline = now() + Instant(30'000);
    while (said_.find(text) == std::string::npos) {
      pollfd waiting{output_.get(), POLLIN, 0};
      const auto left = (deadline - now()).count();
      if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) != 1) return false;
      std::array<char, 4096> chunk;
      const ssize_t n = ::read(output_.get(), chunk.data(), chunk.size());
      if (n <= 0) return false;
      said_.append(chunk.data(), static_cast<size_t>(n));
    }
    return true;
  }
  void signal(int number) const { ::kill(child_.pid, number); }
  // Its exit code; -1: it did not end in time, or died.
  int ended() {
    pollfd waiting{child_.pidfd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) != 1) return -1;
    int raw = 0;
    ::waitpid(child_.pid, &raw, 0);
    child_.pid = -1;
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
  }
  pid_t pid() const { return child_.pid; }
  const std::string& said() const { return said_; }

 private:
  Child child_;
  Fd output_;
  std::string said_;
};

}  // namespace vmkeep::tools
