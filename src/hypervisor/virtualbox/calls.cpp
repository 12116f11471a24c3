#include "hypervisor/virtualbox/calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "hypervisor/virtualbox/parse.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr size_t kOutputLimit = 16U << 20U;

Result<Fd> memory_file(const char* name) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return errno_error("cannot make a memory file for VBoxManage's output");
  return fd;
}

// All of a memory file, whatever its offset is now.
std::string contents(int fd, bool& truncated) {
  std::string text;
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t n = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    if (text.size() + static_cast<size_t>(n) > kOutputLimit) {
      truncated = true;
      return text;
    }
    text.append(chunk.data(), static_cast<size_t>(n));
  }
}

// What runs, and where its output goes.
struct Running {
  Child child;
  Fd out;
  Fd err;
};

Result<Running> begin(SpawnSpec spec, bool followed) {
  auto out = memory_file("vboxmanage-out");
  if (!out) return out.error();
  std::array<int, 2> ends{-1, -1};
  if (followed && ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return errno_error("cannot make a pipe for VBoxManage's progress");
  }
  Fd err(ends[0]);
  const Fd theirs(ends[1]);
  if (!followed) {
    auto file = memory_file("vboxmanage-err");
    if (!file) return file.error();
    err = std::move(*file);
  }
  // It may block when it writes; the flag is of the pipe's end, not of the pipe.
  if (followed) ::fcntl(theirs.get(), F_SETFL, 0);
  spec.standard_output = out->get();
  spec.standard_error = followed ? theirs.get() : err.get();
  auto child = spawn(spec);
  if (!child) return child.error();
  return Running{std::move(*child), std::move(*out), std::move(err)};
}

void kill_now(int pidfd) {
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
}

Error timed_out(const std::vector<std::string>& argv, const char* how) {
  std::string words;
  for (const auto& word : argv) words += (words.empty() ? "" : " ") + word;
  return fail(ErrorKind::timeout, "\"" + words + "\" " + how);
}

}  // namespace

struct Calls::Lane {
  Signal freed;
  Signal abandoned;
  bool busy = false;
  int pidfd = -1;  // of the call under way: a pid could be somebody else's by now
  uint64_t abandons = 0;

  explicit Lane(const Executor& executor) : freed(executor), abandoned(executor) {}
};

// How many questions have just begun.
struct Calls::Crowd {
  Signal thinner;
  int size = 0;

  explicit Crowd(const Executor& executor) : thinner(executor) {}
};

// One of them.
class Calls::Place {
 public:
  explicit Place(std::shared_ptr<Crowd> crowd) : crowd_(std::move(crowd)) {}
  ~Place() { leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // Takes it if there is one; true: it is ours.
  bool taken() {
    if (!ours_ && crowd_->size < kAtOnce) {
      ours_ = true;
      ++crowd_->size;
    }
    return ours_;
  }
  void leave() {
    if (!std::exchange(ours_, false)) return;
    --crowd_->size;
    crowd_->thinner.notify();
  }

 private:
  std::shared_ptr<Crowd> crowd_;
  bool ours_ = false;
};

// Reads what a call says of its progress, while it runs.
struct Calls::Follower {
  Fd pipe;
  Percent progress;
  Readiness readiness;
  std::string text;
  int told = 0;
  bool over = false;

  Follower(const Executor& executor, Fd end, Percent percent)
      : pipe(std::move(end)), progress(std::move(percent)), readiness(executor, pipe.get()) {}

  // False at its end.
  bool read() {
    std::array<char, 4096> chunk;
    for (;;) {
      const ssize_t n = ::read(pipe.get(), chunk.data(), chunk.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 && errno == EAGAIN;
      if (text.size() < kOutputLimit) text.append(chunk.data(), static_cast<size_t>(n));
    }
  }

  static Task<> run(std::shared_ptr<Follower> self) {
    for (;;) {
      const bool readable = co_await self->readiness.readable();
      if (!readable || self->over) co_return;
      const bool more = self->read();
      const auto percent = last_percent(self->text);
      if (percent && *percent > self->told) {
        self->told = *percent;
        self->progress(*percent);
      }
      if (!more) co_return;
    }
  }

  // Nobody is told anything from now on.
  std::string finish() {
    over = true;
    readiness.cancel();
    (void)read();
    return std::move(text);
  }
};

Calls::Calls(Executor executor, Reaper& reaper, std::vector<std::string> environment, std::string cgroup,
             Instant least, Instant brief)
    : executor_(std::move(executor)),
      reaper_(reaper),
      environment_(std::move(environment)),
      cgroup_path_(std::move(cgroup)),
      least_(least),
      brief_(brief),
      crowd_(std::make_shared<Crowd>(executor_)) {}

std::shared_ptr<Calls::Lane> Calls::lane(const std::string& uuid) {
  if (uuid.empty()) return std::make_shared<Lane>(executor_);
  auto& found = lanes_[uuid];
  if (!found) found = std::make_shared<Lane>(executor_);
  return found;
}

Result<int> Calls::cgroup() {
  if (cgroup_path_.empty()) return -1;
  if (!cgroup_) {
    auto folder = open_file(cgroup_path_, O_RDONLY | O_DIRECTORY);
    if (!folder) return in("cannot open the cgroup for calls", folder.error());
    cgroup_ = std::move(*folder);
  }
  return cgroup_.get();
}

Task<Result<CommandResult>> Calls::run(std::string uuid, std::vector<std::string> argv, Instant deadline,
                                       Percent progress, Rank rank) {
  const std::shared_ptr<Lane> mine = lane(uuid);
  const uint64_t abandons = mine->abandons;
  Place place(crowd_);
  // In the VM's lane only once there is a place: what acts on the VM must not wait behind a question that
  // waits.
  while (mine->busy || (rank == Rank::question && !place.taken())) {
    Signal& turn = mine->busy ? mine->freed : crowd_->thinner;
    const char* why = mine->busy ? "did not get its turn: another call for this VM is under way"
                                 : "did not get its turn: many others are under way";
    if (!co_await turn.wait(deadline) && now() >= deadline) co_return timed_out(argv, why);
    // Whoever abandons a VM means the calls that wait for their turn, too.
    if (mine->abandons != abandons) co_return timed_out(argv, "was abandoned");
  }
  mine->busy = true;
  struct Leave {
    std::shared_ptr<Lane> lane;
    std::shared_ptr<Follower> follower;
    ~Leave() {
      if (follower) follower->finish();
      lane->busy = false;
      lane->pidfd = -1;
      lane->freed.notify();
    }
  } leave{mine, nullptr};

  const auto folder = cgroup();
  if (!folder) co_return folder.error();
  SpawnSpec spec;
  spec.argv = argv;
  spec.environment = environment_;
  spec.cgroup = *folder;
  auto running = begin(std::move(spec), static_cast<bool>(progress));
  if (!running) co_return running.error();
  const pid_t pid = running->child.pid;
  reaper_.expect(pid);
  mine->pidfd = running->child.pidfd.get();
  if (progress) {
    leave.follower = std::make_shared<Follower>(executor_, std::move(running->err), std::move(progress));
    start(executor_, Follower::run(leave.follower));
  }

  CommandResult result;
  const Instant end = std::max(deadline, now() + least_);
  auto status = co_await reaper_.exited(pid, std::min(end, now() + brief_));
  place.leave();
  if (!status) status = co_await reaper_.exited(pid, end);
  if (!status) {
    result.timed_out = true;
    kill_now(running->child.pidfd.get());
    status = co_await reaper_.exited(pid);
  }
  if (mine->abandons != abandons) co_return timed_out(argv, "was abandoned");
  if (result.timed_out) co_return timed_out(argv, "did not end in time and was killed");
  result.status = *status;
  result.out = contents(running->out.get(), result.truncated);
  result.err = leave.follower ? leave.follower->finish() : contents(running->err.get(), result.truncated);
  co_return result;
}

Task<bool> Calls::pause(std::string uuid, Instant until) {
  const std::shared_ptr<Lane> mine = lane(uuid);
  co_return !co_await mine->abandoned.wait(until);
}

void Calls::abandon(const std::string& uuid) {
  const auto found = lanes_.find(uuid);
  if (found == lanes_.end()) return;
  Lane& lane = *found->second;
  ++lane.abandons;
  // Of this process only: a VBoxSVC that it may have started lives on.
  if (lane.pidfd >= 0) kill_now(lane.pidfd);
  lane.freed.notify();
  lane.abandoned.notify();
  crowd_->thinner.notify();
}

}  // namespace vmkeep::hypervisor::virtualbox
