#include "hypervisor/virtualbox/service.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "hypervisor/done.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr Instant kLook{20};  // between two tries for the lock, which is held for 0.1 s as a rule

// Where VBoxSVC finds its end of the startup pipe.
constexpr int kPipeNumber = 3;

// As VBoxSVC makes it: VBOX_IPC_SOCKETID, else the user's name.
std::string socket_id(const std::vector<std::string>& environment) {
  std::string id = value_of(environment, "VBOX_IPC_SOCKETID");
  if (!id.empty()) return id;
  const passwd* user = ::getpwuid(::geteuid());
  if (user != nullptr) return user->pw_name;
  id = value_of(environment, "LOGNAME");
  return id.empty() ? value_of(environment, "USER") : id;
}

bool ended(int pidfd) {
  pollfd item{pidfd, POLLIN, 0};
  return ::poll(&item, 1, 0) > 0;
}

Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

Service::Service(Executor executor, Reaper& reaper, Options options)
    : executor_(std::move(executor)), reaper_(reaper), options_(std::move(options)) {
  folder_ = options_.sockets + "/.vbox-" + socket_id(options_.environment) + "-ipc";
}

bool Service::alive() const {
  return pidfd_ && !ended(pidfd_.get());
}

// While a VBoxSVC lives, a client's own VBOX_USER_HOME is ignored: it would be asked about another one's VMs.
Result<> Service::check_home(pid_t pid) const {
  const auto theirs = table_.environment(pid);
  if (!theirs) return {};
  const std::string their_home = value_of(*theirs, "VBOX_USER_HOME");
  const std::string our_home = value_of(options_.environment, "VBOX_USER_HOME");
  if (their_home.empty() || our_home.empty() || their_home == our_home) return {};
  return fail(ErrorKind::invalid, "VBoxSVC " + std::to_string(pid) + " serves VBOX_USER_HOME=" + their_home +
                                      ", not " + our_home +
                                      "; give one of them a VBOX_IPC_SOCKETID of its own");
}

Result<> Service::adopt(pid_t pid) {
  Fd pidfd = open_pidfd(pid);
  // Looked at after the pidfd was opened: what we hold is what we looked at.
  const auto process = table_.read(pid);
  if (!pidfd || !process || process->argv.empty() || program_name(process->argv[0]) != "VBoxSVC" ||
      table_.uid(pid) != ::geteuid() || ended(pidfd.get())) {
    return fail(ErrorKind::not_found, "process " + std::to_string(pid) + " is no VBoxSVC of ours");
  }
  if (auto home = check_home(pid); !home) return home;
  pid_ = pid;
  pidfd_ = std::move(pidfd);
  return {};
}

// Looks for a VBoxSVC that is there already.
Result<bool> Service::find() {
  pid_ = -1;
  pidfd_.reset();
  struct stat info {};
  if (::lstat(folder_.c_str(), &info) != 0) return false;
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) {
    return fail(ErrorKind::permission, folder_ + " belongs to uid " + std::to_string(info.st_uid) +
                                           "; VirtualBox cannot work before it is removed");
  }
  const auto file = open_file(folder_ + "/lock", O_RDWR);
  if (!file) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return false;
  const auto adopted = adopt(lock.l_pid);
  if (!adopted && adopted.error().kind == ErrorKind::invalid) return adopted.error();
  // Held by what is no VBoxSVC: the daemon that VirtualBox had of its own for this before 7.1.  It serves as
  // well.
  return true;
}

// Two guards of one owner (one is being replaced) must not start two.
Task<Result<Fd>> Service::lock(Instant deadline) const {
  std::string home = value_of(options_.environment, "VBOX_USER_HOME");
  if (home.empty()) home = value_of(options_.environment, "HOME");
  auto file = open_file(home + "/.vmkeep-vboxsvc.lock", O_RDWR | O_CREAT);
  // Without a place for it VBoxSVC's own lock decides, only less quietly.
  if (!file) co_return Fd();
  while (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (now() >= deadline) {
      co_return fail(ErrorKind::timeout, "somebody else is starting VBoxSVC and does not get done with it");
    }
    co_await sleep_until(now() + kLook);
  }
  co_return std::move(*file);
}

Result<Child> Service::launch(const Installation& installation, int startup_pipe) const {
  Fd cgroup;
  if (!options_.cgroup.empty()) {
    auto folder = open_file(options_.cgroup, O_RDONLY | O_DIRECTORY);
    if (!folder) return in("cannot open the cgroup for VBoxSVC", folder.error());
    cgroup = std::move(*folder);
  }
  SpawnSpec spec;
  spec.argv = {installation.service, "--inherit-startup-pipe", std::to_string(kPipeNumber)};
  spec.environment = options_.environment;
  spec.descriptors = {{startup_pipe, kPipeNumber}};
  spec.cgroup = cgroup.get();
  auto child = spawn(spec);
  if (!child) return child.error();
  reaper_.expect(child->pid);
  reaper_.forget(child->pid);
  // Refused to all but root, and that is all right.
  (void)write_existing("/proc/" + std::to_string(child->pid) + "/oom_score_adj", "-500");
  return child;
}

Task<Result<>> Service::begin(const Installation& installation, Instant deadline) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) co_return errno_error("cannot make a pipe for VBoxSVC");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  auto child = launch(installation, theirs.get());
  if (!child) co_return in("cannot start VBoxSVC", child.error());
  theirs.reset();
  Readiness readiness(executor_, ours.get());
  if (!co_await readiness.readable(deadline)) {
    co_return fail(ErrorKind::timeout, "VBoxSVC was started, but does not get ready");
  }
  std::array<char, 8> word{};
  if (::read(ours.get(), word.data(), word.size()) > 0) {
    pid_ = child->pid;
    pidfd_ = std::move(child->pidfd);
    co_return done();
  }
  // It ended.  A VBoxSVC that somebody else started at the same moment does that to ours, and is as good.
  const auto found = find();
  if (!found) co_return found.error();
  if (*found) co_return done();
  co_return fail(ErrorKind::unavailable,
                 "VBoxSVC ended as soon as it was started; its VBoxSVC.log in VirtualBox's home says why");
}

Task<Result<>> Service::prepare(const Installation& installation, Instant deadline) {
  if (alive()) co_return done();
  if (installation.service.empty()) co_return done();
  // Before anything is looked at: who holds this may be in the middle of starting it.
  const auto held = co_await lock(deadline);
  if (!held) co_return held.error();
  const auto found = find();
  if (!found) co_return found.error();
  if (*found) co_return done();
  co_return co_await begin(installation, deadline);
}

}  // namespace vmkeep::hypervisor::virtualbox
