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

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace vmkeep {
namespace {

constexpr int kPatienceMs = 5000;
// While somebody's filesystem does not answer, the next program is perhaps on the same one.
constexpr int kPatienceWithSilentMs = 50;

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

// For what runs in the child: nobody takes AddressSanitizer's marks off a stack that is left by execve(), and
// the memory may be ours.
#define VMKEEP_IN_CHILD __attribute__((no_sanitize("address")))

// System calls that leave errno alone, and a clone3(2) whose child begins in run() on the stack that it was
// given: there is no such function in the C library.
#if defined(__x86_64__)
constexpr bool kSharesMemory = true;

VMKEEP_IN_CHILD long raw_call(long number, long a, long b = 0, long c = 0) {
  long result = 0;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

__attribute__((noinline)) long clone_raw(clone_args& args, void (*run)(void*), void* argument) {
  long result = 0;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "movq %[argument], %%rdi\n\t"
      "andq $-16, %%rsp\n\t"
      "callq *%[run]\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(&args), "S"(sizeof args), [run] "r"(run), [argument] "r"(argument)
      : "rcx", "r11", "memory");
  return result;
}
#else
constexpr bool kSharesMemory = false;

long raw_call(long number, long a, long b = 0, long c = 0) {
  return ::syscall(number, a, b, c) == 0 ? 0 : -errno;
}

long clone_raw(clone_args& args, void (*run)(void*), void* argument) {
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) run(argument);
  return pid < 0 ? -errno : pid;
}
#endif

template <class T>
VMKEEP_IN_CHILD long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

// What the child does between clone and exec: system calls only.  It has what it needs of its own, because
// the caller may not wait for it to the end.
struct ChildSide {
  static constexpr size_t kStack = 64U << 10U;

  SpawnSpec spec;
  std::vector<char*> argv, environment;
  int report = -1;  // write end of the pipe
  int null = -1;    // /dev/null
  int high = 3;     // first number that no wanted descriptor has
  std::unique_ptr<std::byte[]> stack;

  [[noreturn]] VMKEEP_IN_CHILD void give_up(SpawnStep step, int error) const {
    const Failure failure{step, error};
    [[maybe_unused]] const ssize_t n = ::write(report, &failure, sizeof failure);
    ::_exit(127);
  }
  [[noreturn]] VMKEEP_IN_CHILD void give_up(SpawnStep step) const { give_up(step, errno); }

  // Moves a descriptor out of the way of the numbers that are to be assigned.
  VMKEEP_IN_CHILD int out_of_the_way(int fd) const {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, high);
    if (moved < 0) give_up(SpawnStep::descriptors);
    return moved;
  }

  VMKEEP_IN_CHILD void assign(int from, int to) const {
    if (::dup2(from, to) < 0) give_up(SpawnStep::descriptors);
  }

  VMKEEP_IN_CHILD void descriptors() {
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
    // Nothing else of ours is kept, not even until exec, which may take for ever: whoever waits for the end
    // of a socket of ours would wait for the child's, and our successor would find somebody listening.
    if (report != high && ::dup3(report, high, O_CLOEXEC) < 0) give_up(SpawnStep::descriptors);
    report = high;
    ::syscall(SYS_close_range, static_cast<unsigned>(high) + 1, ~0U, 0);
    for (int fd = 3; fd < high; ++fd) {
      bool wanted = false;
      for (const auto& [ours, theirs] : spec.descriptors) wanted = wanted || theirs == fd;
      if (!wanted) raw_call(SYS_close, fd);
    }
  }

  VMKEEP_IN_CHILD void signals() const {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
      const bool fixed = signal == SIGKILL || signal == SIGSTOP || (signal > SIGSYS && signal < SIGRTMIN);
      if (!fixed) ::sigaction(signal, &standard, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  VMKEEP_IN_CHILD void drop() const {
    const auto& who = *spec.credentials;
    // One user's own daemon may ask for what it is already; only root can change the groups.
    if (::geteuid() == 0 && ::setgroups(who.groups.size(), who.groups.data()) != 0)
      give_up(SpawnStep::groups);
    if (::setresgid(who.gid, who.gid, who.gid) != 0) give_up(SpawnStep::gid);
    if (::setresuid(who.uid, who.uid, who.uid) != 0) give_up(SpawnStep::uid);
  }

  VMKEEP_IN_CHILD void affinity() const {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : spec.cpus) {
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
    }
    if (::sched_setaffinity(0, sizeof set, &set) != 0) give_up(SpawnStep::affinity);
  }

  [[noreturn]] VMKEEP_IN_CHILD void run() {
    descriptors();
    if (given_limit) ::setrlimit(RLIMIT_NOFILE, &*given_limit);
    signals();
    if (spec.new_session && ::setsid() < 0) give_up(SpawnStep::session);
    if (spec.nice && ::setpriority(PRIO_PROCESS, 0, *spec.nice) != 0) give_up(SpawnStep::nice);
    if (!spec.cpus.empty()) affinity();
    if (spec.credentials) drop();
    // These may take for ever, and then the caller goes on: errno is his.
    if (const long error = raw_call(SYS_chdir, address(spec.working_directory.c_str())); error != 0)
      give_up(SpawnStep::chdir, static_cast<int>(-error));
    const long error =
        raw_call(SYS_execve, address(argv[0]), address(argv.data()), address(environment.data()));
    give_up(SpawnStep::exec, static_cast<int>(-error));
  }
};

VMKEEP_IN_CHILD void begin_child(void* child) {
  static_cast<ChildSide*>(child)->run();
}

pid_t clone_child(ChildSide& child, int* pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  if (child.spec.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(child.spec.cgroup);
  }
  // A copy of our page tables is most of what a start costs.  But memory is never shared with a process that
  // becomes somebody else: as that user's, it could be looked into.
  if (kSharesMemory && !child.spec.credentials) {
    args.flags |= CLONE_VM;
    child.stack.reset(new std::byte[ChildSide::kStack]);
    args.stack = reinterpret_cast<uint64_t>(child.stack.get());
    args.stack_size = ChildSide::kStack;
  }
  const long pid = clone_raw(args, begin_child, &child);
  if (pid < 0) errno = static_cast<int>(-pid);
  return static_cast<pid_t>(pid);
}

// A child that has not come to its exec yet, and what it is at work with.
struct Silent {
  Fd read_end;
  std::unique_ptr<ChildSide> child;
};
std::vector<Silent> silent;

// It has left our memory, to execute or to end: only then does the kernel close its end.
bool is_gone(const Silent& one) {
  pollfd told{one.read_end.get(), POLLIN, 0};
  return ::poll(&told, 1, 0) == 1 && (told.revents & POLLHUP) != 0;
}

// Our handlers must not run in the child, which has our memory until it has its own signals; and while it may
// share our errno, no interrupted call of ours may set that.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && !given_limit) given_limit = before;
}

int spawn_patience_ms() {
  std::erase_if(silent, is_gone);
  return silent.empty() ? kPatienceMs : kPatienceWithSilentMs;
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
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);

  auto child = std::make_unique<ChildSide>();
  child->spec = spec;
  child->argv = pointers(child->spec.argv);
  child->environment = pointers(child->spec.environment);
  child->report = write_end.get();
  child->null = null->get();
  for (const auto& [ours, theirs] : spec.descriptors) child->high = std::max(child->high, theirs + 1);

  const SignalsBlocked blocked;
  int pidfd = -1;
  const pid_t pid = clone_child(*child, &pidfd);
  if (pid < 0) {
    if (spec.cgroup >= 0) *failed = SpawnStep::cgroup;
    return errno_error("cannot start " + spec.argv[0]);
  }
  Child born{pid, Fd(pidfd)};
  write_end.reset();
  // The child tells within moments what failed before exec, unless its folder or program lies on a filesystem
  // that does not answer: then the loop goes on, and the failure is an exit status of 127.
  pollfd told{read_end.get(), POLLIN, 0};
  if (::poll(&told, 1, spawn_patience_ms()) == 0) {
    silent.push_back({std::move(read_end), std::move(child)});
    return born;
  }
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
