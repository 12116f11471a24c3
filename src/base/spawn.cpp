#include "base/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

namespace vmkeep {
namespace {

constexpr int kPatienceMs = 5000;

// What we were given, once raise_descriptor_limit() has changed it.
std::optional<rlimit> given_limit;

struct Failure {
  SpawnStep step;
  int error;
};

const char* step_name(SpawnStep step) {
  constexpr std::array names{"clone",     "cgroup", "setsid", "descriptors", "nice",  "sched_setaffinity",
                             "setgroups", "setgid", "setuid", "chdir",       "execve"};
  return names[static_cast<size_t>(step)];
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const auto& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// Everything below runs in the child between clone and exec: system calls only.
struct ChildSide {
  const SpawnSpec& spec;
  char** argv;
  char** environment;
  int report;    // write end of the pipe
  int null;      // /dev/null
  int high = 0;  // first number that no wanted descriptor has

  [[noreturn]] void give_up(SpawnStep step) const {
    const Failure failure{step, errno};
    [[maybe_unused]] const ssize_t n = ::write(report, &failure, sizeof failure);
    ::_exit(127);
  }

  // Moves a descriptor out of the way of the numbers that are to be assigned.
  int out_of_the_way(int fd) const {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, high);
    if (moved < 0) give_up(SpawnStep::descriptors);
    return moved;
  }

  void assign(int from, int to) const {
    if (::dup2(from, to) < 0) give_up(SpawnStep::descriptors);
  }

  void descriptors() {
    report = out_of_the_way(report);
    const int in = out_of_the_way(spec.standard_input < 0 ? null : spec.standard_input);
    const int out = out_of_the_way(spec.standard_output < 0 ? null : spec.standard_output);
    const int err = out_of_the_way(spec.standard_error < 0 ? null : spec.standard_error);
    std::array<int, 16> moved{};
    if (spec.descriptors.size() > moved.size()) {
      errno = EMFILE;
      give_up(SpawnStep::descriptors);
    }
    for (size_t i = 0; i < spec.descriptors.size(); ++i) moved[i] = out_of_the_way(spec.descriptors[i].first);
    assign(in, 0);
    assign(out, 1);
    assign(err, 2);
    for (size_t i = 0; i < spec.descriptors.size(); ++i) assign(moved[i], spec.descriptors[i].second);
    // Whatever a library of ours opened without CLOEXEC must not reach the child (VBoxSVC inherits all).
    ::syscall(SYS_close_range, static_cast<unsigned>(high), ~0U, kCloseRangeCloexec);
    for (int fd = 3; fd < high; ++fd) {
      bool wanted = false;
      for (const auto& [ours, theirs] : spec.descriptors) wanted = wanted || theirs == fd;
      if (!wanted) ::close(fd);
    }
  }

  void signals() const {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  void drop() const {
    const auto& who = *spec.credentials;
    // One user's own daemon may ask for what it is already; only root can change the groups.
    if (::geteuid() == 0 && ::setgroups(who.groups.size(), who.groups.data()) != 0)
      give_up(SpawnStep::groups);
    if (::setresgid(who.gid, who.gid, who.gid) != 0) give_up(SpawnStep::gid);
    if (::setresuid(who.uid, who.uid, who.uid) != 0) give_up(SpawnStep::uid);
  }

  void affinity() const {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : spec.cpus) {
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
    }
    if (::sched_setaffinity(0, sizeof set, &set) != 0) give_up(SpawnStep::affinity);
  }

  [[noreturn]] void run() {
    descriptors();
    if (given_limit) ::setrlimit(RLIMIT_NOFILE, &*given_limit);
    signals();
    if (spec.new_session && ::setsid() < 0) give_up(SpawnStep::session);
    if (spec.nice && ::setpriority(PRIO_PROCESS, 0, *spec.nice) != 0) give_up(SpawnStep::nice);
    if (!spec.cpus.empty()) affinity();
    if (spec.credentials) drop();
    if (::chdir(spec.working_directory.c_str()) != 0) give_up(SpawnStep::chdir);
    ::execve(argv[0], argv, environment);
    give_up(SpawnStep::exec);
  }

  static constexpr unsigned kCloseRangeCloexec = 1U << 2U;
};

pid_t clone_child(const SpawnSpec& spec, int* pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  if (spec.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(spec.cgroup);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && !given_limit) given_limit = before;
}

Result<Child> spawn(const SpawnSpec& spec) {
  SpawnStep ignored{};
  return spawn(spec, &ignored);
}

Result<Child> spawn(const SpawnSpec& spec, SpawnStep* failed) {
  *failed = SpawnStep::clone;
  if (spec.argv.empty()) return fail(ErrorKind::invalid, "no program to execute");
  auto null = open_file("/dev/null", O_RDWR);
  if (!null) return null.error();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("cannot make a pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);

  auto argv = pointers(spec.argv);
  auto environment = pointers(spec.environment);
  ChildSide child{spec, argv.data(), environment.data(), write_end.get(), null->get()};
  child.high = 3;
  for (const auto& [ours, theirs] : spec.descriptors) child.high = std::max(child.high, theirs + 1);

  int pidfd = -1;
  const pid_t pid = clone_child(spec, &pidfd);
  if (pid == 0) child.run();
  if (pid < 0) {
    if (spec.cgroup >= 0) *failed = SpawnStep::cgroup;
    return errno_error("cannot start " + spec.argv[0]);
  }
  Child born{pid, Fd(pidfd)};
  write_end.reset();
  // The child tells within moments what failed before exec, unless its folder or program lies on a filesystem
  // that does not answer: then the loop goes on, and the failure is an exit status of 127.
  pollfd told{read_end.get(), POLLIN, 0};
  if (::poll(&told, 1, kPatienceMs) == 0) return born;
  Failure failure{};
  ssize_t n = 0;
  while ((n = ::read(read_end.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (n != sizeof failure) return born;
  ::waitpid(pid, nullptr, 0);  // it has told its failure and is about to be gone
  *failed = failure.step;
  const std::string detail = failure.step == SpawnStep::chdir ? " (\"" + spec.working_directory + "\")" : "";
  return errno_error("cannot start " + spec.argv[0] + ": " + step_name(failure.step) + detail, failure.error);
}

}  // namespace vmkeep
