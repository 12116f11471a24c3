#include "tools/method.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "control/messages.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr int kRetry = 1;    // the restarter tries again
constexpr int kFatal = 95;   // SMF_EXIT_ERR_FATAL
constexpr int kConfig = 96;  // SMF_EXIT_ERR_CONFIG
// The daemon's restart takes less; the restarter ends a method whose time is over.
constexpr Instant kReconnect{60'000};
constexpr Instant kRound{30'000};
constexpr int kPauseMilliseconds = 250;

void print(const std::string& text) {
  if (text.empty()) return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.back() != '\n') std::fputc('\n', stdout);
  std::fflush(stdout);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

std::string text_of(const json::object& object, const char* name) {
  auto text = control::string_member(object, name);
  return text ? *text : std::string();
}

}  // namespace

std::vector<std::string> merged_environment(std::vector<std::string> ours,
                                            const std::vector<std::string>& theirs) {
  for (const std::string& entry : theirs) {
    const std::string name = entry.substr(0, entry.find('=')) + "=";
    std::erase_if(ours, [&name](const std::string& old) { return old.starts_with(name); });
    ours.push_back(entry);
  }
  return ours;
}

Death death_of(int raw) {
  if (WIFEXITED(raw)) return {WEXITSTATUS(raw), "exited with status " + std::to_string(WEXITSTATUS(raw))};
  const int signal = WTERMSIG(raw);
  const char* name = ::sigabbrev_np(signal);
  return {128 + signal, std::string("died on signal ") + (name != nullptr ? name : "UNKNOWN") + " (" +
                            std::to_string(signal) + ")"};
}

int exit_code_for(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::stale:
    case ErrorKind::busy:         // also: no process could be made
    case ErrorKind::timeout:      // vmkeepd, or its host, is overloaded
    case ErrorKind::io:           // descriptors, memory: a host's bad hour more often than its state
    case ErrorKind::unavailable:  // vmkeepd is being restarted, for longer than we wait
      return kRetry;
    case ErrorKind::invalid:
    case ErrorKind::not_found:
    case ErrorKind::exists:
    case ErrorKind::permission:
    case ErrorKind::unsupported:
      break;
  }
  return kFatal;
}

int Method::fail_with(int code, const std::string& message) const {
  print("vmkeep: " + fmri_ + ": " + message);
  return code;
}

void Method::pause() const {
  pollfd child{child_ ? child_->pidfd.get() : -1, POLLIN, 0};
  ::poll(&child, 1, kPauseMilliseconds);
}

// A vmkeepd that is there and has no time is waited for, however long that takes: when everything goes down
// at once on a busy host, that is a minute, and the restarter ends a method whose time is over.  `patience`
// is for one that is not there.
Result<control::Client> Method::connect(Instant patience) const {
  Instant deadline = now() + patience;
  for (;;) {
    auto connected = control::Client::connect();
    if (connected) return connected;
    if (connected.error().kind == ErrorKind::timeout) {
      deadline = now() + patience;
    } else if (now() >= deadline) {
      return connected;
    }
    pause();
  }
}

// The call that the daemon holds is answered over the other connection; this one only carries the news.
void Method::tell_death() {
  int raw = 0;
  if (::waitpid(child_->pid, &raw, 0) != child_->pid) raw = 0;
  const Death death = death_of(raw);
  const pid_t pid = child_->pid;
  child_.reset();
  auto second = connect(Instant(0));
  if (!second) return;  // a daemon that comes back looks for itself
  const auto told = second->call("VmMethod", {{"fmri", fmri_},
                                              {"method", name_},
                                              {"step", "died"},
                                              {"pid", pid},
                                              {"code", death.code},
                                              {"text", death.text}});
  if (!told) print("vmkeep: process " + std::to_string(pid) + " " + death.text);
}

// It may take as long as it likes.  A reply that says "timeout" is an answer, and not our own clock's.
Result<json::object> Method::answer() {
  for (;;) {
    pollfd waiting[2] = {{client_->descriptor(), POLLIN, 0}, {child_ ? child_->pidfd.get() : -1, POLLIN, 0}};
    if (::poll(waiting, 2, static_cast<int>(kRound.count())) <= 0) continue;
    if (waiting[0].revents != 0) return client_->next(now() + kRound);
    tell_death();
  }
}

Result<json::object> Method::ask(json::object step) {
  step["fmri"] = fmri_;
  step["method"] = name_;
  for (;;) {
    if (!client_) {
      auto connected = connect(kReconnect);
      if (!connected) return connected.error();
      client_ = std::make_unique<control::Client>(std::move(*connected));
    }
    if (child_) step["pid"] = child_->pid;
    auto begun = client_->begin("VmMethod", step);
    auto reply = begun ? answer() : Result<json::object>(begun.error());
    if (reply || reply.error().kind != ErrorKind::unavailable) return reply;
    // The daemon went away in the middle of it.  Its successor finds out what is there and plans again.
    client_.reset();
    step = {{"fmri", fmri_}, {"method", name_}, {"step", "again"}};
    pause();
  }
}

Result<json::object> Method::execute(const json::object& step) {
  auto argv = control::strings_member(step, "argv");
  if (!argv) return argv.error();
  auto environment = control::strings_member(step, "environment");
  if (!environment) return environment.error();
  if (argv->empty()) return fail(ErrorKind::invalid, "vmkeepd told nothing to execute");
  SpawnSpec spec;
  spec.argv = std::move(*argv);
  spec.environment = merged_environment(own_environment(), *environment);
  std::error_code unknown;
  spec.working_directory = std::filesystem::current_path(unknown).string();
  if (unknown) spec.working_directory = "/";
  spec.standard_output = STDOUT_FILENO;  // the instance's log
  spec.standard_error = STDERR_FILENO;
  auto child = spawn(spec);
  if (!child) {
    auto told = ask({{"step", "died"}, {"pid", -1}, {"code", kFatal}, {"text", child.error().message}});
    return child.error();
  }
  child_ = std::move(*child);
  return ask({{"step", "launched"}});
}

int Method::run() {
  auto step = ask({{"step", "plan"}});
  for (;;) {
    if (!step) return fail_with(exit_code_for(step.error().kind), step.error().message);
    const std::string action = text_of(*step, "action");
    if (action == "done") {
      print(text_of(*step, "text"));
      return static_cast<int>(control::int_member(*step, "code", kFatal));
    }
    if (action == "exec") {
      step = execute(*step);
    } else if (action == "wait") {
      pause();
      step = ask({{"step", "again"}});
    } else {
      return fail_with(kFatal, "vmkeepd asks for the unknown step \"" + action + "\"");
    }
  }
}

int run_method(const std::string& method) {
  const char* fmri = std::getenv("SMF_FMRI");
  if (fmri == nullptr || *fmri == '\0') {
    std::fputs("vmkeep: SMF_FMRI is not set: `vmkeep method` is run by vmkeepd for an instance; use svcadm\n",
               stderr);
    return kConfig;
  }
  return Method(fmri, method).run();
}

}  // namespace vmkeep::tools
