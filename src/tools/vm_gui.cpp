#include "tools/vm_gui.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json/object.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/spawn.h"
#include "tools/method.h"
#include "tools/vm_session.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

// The lease counts only until the window has taken the VM, and if this program vanishes: a VM that its window
// has given back is seen by vmkeepd without it.
constexpr int kLeaseSeconds = 8 * 3600;
constexpr Instant kRenew{600'000};
constexpr size_t kMostGroups = 256;

struct Owner {
  bool other = false;  // than the caller
  Credentials credentials;
  std::string name, home;
};

Result<Owner> owner_of(const VmView& vm) {
  Owner owner;
  owner.name = vm.owner;
  const passwd* entry = vm.owner.empty() ? nullptr : ::getpwnam(vm.owner.c_str());
  if (entry == nullptr) {
    if (vm.owner.empty()) return owner;
    return fail(ErrorKind::not_found, "the VM's owner, " + vm.owner + ", is no user of this host");
  }
  owner.other = entry->pw_uid != ::geteuid();
  owner.home = entry->pw_dir;
  if (!owner.other) return owner;
  if (::geteuid() != 0) {
    return fail(ErrorKind::permission, "the VM belongs to " + vm.owner + ": only " + vm.owner +
                                           " (and root) can show it in a window");
  }
  std::vector<gid_t> groups(kMostGroups);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(vm.owner.c_str(), entry->pw_gid, groups.data(), &count) < 0) count = 1;
  groups.resize(static_cast<size_t>(count));
  if (count == 1) groups = {entry->pw_gid};
  owner.credentials = {entry->pw_uid, entry->pw_gid, std::move(groups)};
  return owner;
}

// The caller's environment for the caller's window; of another's only what a display needs.
std::vector<std::string> environment_for(const Owner& owner) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    static constexpr std::string_view kDisplay[] = {"DISPLAY=", "XAUTHORITY=", "PATH=", "LANG=", "LC_"};
    bool keep = !owner.other;
    for (const std::string_view prefix : kDisplay) keep = keep || text.starts_with(prefix);
    if (keep) all.push_back(text);
  }
  if (owner.other) {
    all.push_back("HOME=" + owner.home);
    all.push_back("USER=" + owner.name);
    all.push_back("LOGNAME=" + owner.name);
  }
  return all;
}

class Window {
 public:
  Window(const WindowPlan& plan, Output& output) : plan_(plan), output_(output) {}

  int open() {
    auto vm = look_closely(plan_.fmri);
    if (!vm) return refuse(vm.error());
    auto owner = owner_of(*vm);
    if (!owner) return refuse(owner.error());
    signals_ = window_signals(*vm);
    auto spec = hand_over();
    if (!spec) return refuse(spec.error());
    const std::vector<std::string> theirs = std::move(spec->environment);
    spec->environment = merged_environment(environment_for(*owner), theirs);
    if (owner->other) spec->credentials = owner->credentials;
    return plan_.foreground ? stay(*spec) : leave(*spec);
  }

 private:
  int refuse(const Error& error) {
    const bool named = error.message.starts_with(plan_.fmri);
    output_.warn(named ? error.message : plan_.fmri + ": " + error.message);
    return output_.finish();
  }

  // Saves the VM and answers with what to run.
  Result<SpawnSpec> hand_over() {
    json::object parameters{{"verb", "gui"}, {"seconds", kLeaseSeconds}};
    if (plan_.timeout) parameters["timeout"] = *plan_.timeout;
    Progress progress(shows_progress(false));
    const VmOutcome outcome = tell_vms({plan_.fmri}, parameters, progress).front();
    if (!outcome.ok()) return fail(outcome.error.kind, outcome.text());
    auto argv = control::strings_member(*outcome.answer, "argv");
    auto environment = control::strings_member(*outcome.answer, "environment");
    if (!argv || argv->empty() || !environment) {
      return fail(ErrorKind::unsupported, "vmkeepd told no program for the window");
    }
    SpawnSpec spec;
    spec.argv = std::move(*argv);
    spec.argv.insert(spec.argv.end(), plan_.words.begin(), plan_.words.end());
    spec.environment = std::move(*environment);
    return spec;
  }

  // The lease is of no use to anybody any more; the VM is saved.
  void give_back() {
    Progress quiet(false);
    tell_vms({plan_.fmri}, {{"verb", "gui_end"}}, quiet);
  }

  Result<Child> launch(SpawnSpec spec) {
    if (plan_.foreground) {
      spec.standard_output = STDOUT_FILENO;
      spec.standard_error = STDERR_FILENO;
    }
    auto child = spawn(spec);
    if (!child) give_back();
    return child;
  }

  void renew() {
    Progress quiet(false);
    tell_vms({plan_.fmri}, {{"verb", "gui_renew"}, {"seconds", kLeaseSeconds}}, quiet);
  }

  // vmkeepd may not have seen a window that closed soon.
  void tell_closed() {
    Progress quiet(false);
    tell_vms({plan_.fmri}, {{"verb", "gui_closed"}}, quiet);
  }

  static int reap(const Child& child) {
    int raw = 0;
    return ::waitpid(child.pid, &raw, 0) == child.pid ? raw : 0;
  }

  // Blocked before the window is there, so that none is missed; its process begins with a session of its own.
  Fd trap() {
    sigset_t all;
    ::sigemptyset(&all);
    for (const int number : signals_) ::sigaddset(&all, number);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    return Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int stay(const SpawnSpec& spec) {
    const Fd signals = trap();
    auto child = launch(spec);
    if (!child) return refuse(child.error());
    output_.line(plan_.fmri + ": in a window, process " + std::to_string(child->pid) +
                 "; a signal to this program stops the VM");
    output_.flush();
    Instant next = now() + kRenew;
    for (;;) {
      std::array<pollfd, 2> waiting{{{child->pidfd.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
      const int ready = ::poll(waiting.data(), waiting.size(),
                               static_cast<int>(std::max<int64_t>((next - now()).count(), 0)));
      if (ready < 0) continue;
      if (waiting[0].revents != 0) return closed(reap(*child));
      if (waiting[1].revents != 0) return stop(*child);
      renew();
      next = now() + kRenew;
    }
  }

  int closed(int raw) {
    tell_closed();
    if (WIFEXITED(raw) && WEXITSTATUS(raw) == 0) {
      output_.line(plan_.fmri + ": the window was closed");
      return output_.finish();
    }
    output_.warn(plan_.fmri + ": the window " + death_of(raw).text);
    return output_.finish();
  }

  // Once, whatever else arrives meanwhile (T91).
  int stop(const Child& child) {
    json::object parameters{{"verb", "gui_end"}, {"text", plan_.stop_method}};
    if (plan_.timeout) parameters["timeout"] = *plan_.timeout;
    Progress progress(shows_progress(false));
    const VmOutcome outcome = tell_vms({plan_.fmri}, parameters, progress).front();
    if (!outcome.ok()) {
      output_.warn(plan_.fmri + ": " + outcome.text() + "; the window stays");
      return output_.finish();
    }
    output_.line(plan_.fmri + ": " + (outcome.text().empty() ? "stopped" : outcome.text()));
    output_.flush();
    constexpr int kGrace = 10'000;
    pollfd waiting{child.pidfd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, kGrace) == 1) reap(child);
    return output_.finish();
  }

  // A keeper of the lease stays behind; it goes when the window does.
  int leave(const SpawnSpec& spec) {
    std::array<int, 2> told{};
    if (::pipe2(told.data(), O_CLOEXEC) != 0) return refuse(errno_error("cannot make a pipe"));
    Fd reading(told[0]);
    Fd writing(told[1]);
    const pid_t keeper = ::fork();
    if (keeper < 0) return refuse(errno_error("cannot fork"));
    if (keeper == 0) keep(spec, std::move(writing));
    writing.reset();
    std::string answer;
    std::array<char, 512> chunk;
    for (ssize_t n = 0; (n = ::read(reading.get(), chunk.data(), chunk.size())) > 0;) {
      answer.append(chunk.data(), static_cast<size_t>(n));
    }
    if (!answer.starts_with("=")) {
      return refuse(fail(ErrorKind::io, answer.empty() ? "the window's keeper died" : answer));
    }
    output_.line(plan_.fmri + ": in a window, process " + answer.substr(1) +
                 "; save the VM there to have it run without one again");
    return output_.finish();
  }

  [[noreturn]] void keep(const SpawnSpec& spec, Fd told) {
    ::setsid();
    auto child = launch(spec);
    const std::string answer = child ? "=" + std::to_string(child->pid) : child.error().message;
    [[maybe_unused]] const auto written = ::write(told.get(), answer.data(), answer.size());
    told.reset();
    if (!child) ::_exit(kFailed);
    // Nothing of the terminal is held any more.
    if (auto nowhere = open_file("/dev/null", O_RDWR)) {
      for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::dup2(nowhere->get(), standard);
    }
    for (;;) {
      pollfd waiting{child->pidfd.get(), POLLIN, 0};
      if (::poll(&waiting, 1, static_cast<int>(kRenew.count())) == 1) break;
      renew();
    }
    reap(*child);
    tell_closed();
    ::_exit(kOk);
  }

  const WindowPlan& plan_;
  Output& output_;
  std::vector<int> signals_;
};

}  // namespace

bool has_display(Output& output) {
  const char* display = std::getenv("DISPLAY");
  if (display != nullptr && *display != '\0') return true;
  output.warn("DISPLAY is not set: there is nowhere to show a window", kUsage);
  return false;
}

int open_window(const WindowPlan& plan, Output& output) {
  return Window(plan, output).open();
}

}  // namespace vmkeep::tools
