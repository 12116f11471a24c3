// Files, spawning, reaping, commands, the loop: with real processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/command.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/named_file.h"
#include "base/reaper.h"
#include "base/spawn.h"

namespace vmkeep {
namespace {

using namespace std::chrono_literals;

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/vmkeep-base.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { [[maybe_unused]] const int rc = std::system(("rm -rf " + folder_).c_str()); }
  std::string folder_;
};

using Files = Folder;

TEST_F(Files, ReplaceLeavesOldOrNewAndNothingElse) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(replace_file(path, "one"));
  ASSERT_TRUE(replace_file(path, "two", 0644));
  EXPECT_EQ(read_file(path).value(), "two");
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0644U);
  EXPECT_NE(::access((path + ".new").c_str(), F_OK), 0);
}

TEST_F(Files, LinksAreNotFollowed) {
  ASSERT_TRUE(replace_file(folder_ + "/target", "secret"));
  ASSERT_EQ(::symlink("target", (folder_ + "/link").c_str()), 0);
  EXPECT_FALSE(read_file(folder_ + "/link"));
  EXPECT_FALSE(open_file(folder_ + "/link", O_WRONLY | O_CREAT));
  ASSERT_EQ(::symlink("/tmp", (folder_ + "/folder").c_str()), 0);
  EXPECT_FALSE(make_folders(folder_ + "/folder", 0700));
}

TEST_F(Files, WhatTheUserNamedIsOpenedAsAShellDoes) {
  const std::string target = folder_ + "/target";
  ASSERT_TRUE(write_named_file(target, "longer than what comes"));
  struct stat found {};
  ASSERT_EQ(::stat(target.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0644U);
  ASSERT_EQ(::chmod(target.c_str(), 0600), 0);
  ASSERT_EQ(::link(target.c_str(), (folder_ + "/other").c_str()), 0);
  ASSERT_EQ(::symlink("target", (folder_ + "/link").c_str()), 0);
  ASSERT_TRUE(write_named_file(folder_ + "/link", "text"));
  ASSERT_EQ(::lstat((folder_ + "/link").c_str(), &found), 0);
  EXPECT_TRUE(S_ISLNK(found.st_mode));
  EXPECT_EQ(read_file(folder_ + "/other").value(), "text");
  ASSERT_EQ(::stat(target.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(read_named_file(folder_ + "/link").value(), "text");
  EXPECT_EQ(read_named_file(folder_ + "/link", 3).error().kind, ErrorKind::invalid);
  ASSERT_EQ(::symlink("absent", (folder_ + "/dangling").c_str()), 0);
  ASSERT_TRUE(write_named_file(folder_ + "/dangling", "there now"));
  EXPECT_EQ(read_file(folder_ + "/absent").value(), "there now");
  const auto failed = write_named_file(folder_ + "/none/x", "text");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "cannot open " + folder_ + "/none/x: No such file or directory");
  EXPECT_EQ(read_named_file(folder_ + "/none/x").error().kind, ErrorKind::not_found);
}

TEST_F(Files, WhatTheUserNamedMayBeAPipeOrADevice) {
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Fd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  ASSERT_TRUE(write_named_file(fifo, "through the pipe"));
  std::string got(16, ' ');
  EXPECT_EQ(::read(reader.get(), got.data(), got.size()), 16);
  EXPECT_EQ(got, "through the pipe");
  struct stat found {};
  ASSERT_EQ(::lstat(fifo.c_str(), &found), 0);
  EXPECT_TRUE(S_ISFIFO(found.st_mode));
  // What a shell's <(command) hands over.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  ASSERT_EQ(::write(in.get(), "text", 4), 4);
  in.reset();
  EXPECT_EQ(read_named_file("/dev/fd/" + std::to_string(out.get())).value(), "text");
  // By a link, so that a mistake costs the link only.
  ASSERT_EQ(::symlink("/dev/null", (folder_ + "/null").c_str()), 0);
  ASSERT_TRUE(write_named_file(folder_ + "/null", "nobody reads this"));
  EXPECT_EQ(read_named_file(folder_ + "/null").value(), "");
  ASSERT_EQ(::lstat((folder_ + "/null").c_str(), &found), 0);
  EXPECT_TRUE(S_ISLNK(found.st_mode));
}

TEST_F(Files, TooLargeIsAnErrorAndNoTruncation) {
  ASSERT_TRUE(replace_file(folder_ + "/file", std::string(5000, 'x')));
  EXPECT_EQ(read_file(folder_ + "/file", 4000).error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_file(folder_ + "/file", 5000)->size(), 5000U);
}

// Runs a task to its end, at most ten seconds.
template <class T>
T run_task(asio::io_context& loop, Task<T> task) {
  std::optional<T> result;
  start(loop.get_executor(), [](Task<T> inner, std::optional<T>& out, asio::io_context& l) -> Task<> {
    out.emplace(co_await std::move(inner));
    l.stop();
  }(std::move(task), result, loop));
  loop.restart();
  loop.run_for(10s);
  if (!result) throw std::runtime_error("the task did not end in time");
  return std::move(*result);
}

class Processes : public Folder {
 protected:
  asio::io_context loop_{1};
  Reaper reaper_{loop_.get_executor()};
  std::vector<Fd> gates_;

  CommandResult run(const std::string& script, Instant limit = 8s) {
    SpawnSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin", "GREETING=hello"};
    return run_task(loop_, run_command(reaper_, spec, now() + limit)).value();
  }
};

TEST_F(Processes, OutputAndStatusComeBack) {
  const auto result = run("echo $GREETING; echo oops >&2; exit 3");
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_EQ(result.err, "oops\n");
  EXPECT_TRUE(result.status.exited());
  EXPECT_EQ(result.status.code(), 3);
  EXPECT_EQ(result.status.text(), "exited with status 3");
}

TEST_F(Processes, NothingIsInheritedButWhatIsNamed) {
  ::setenv("VMKEEP_LEAK", "yes", 1);
  const int leak = ::open("/dev/null", O_RDONLY);  // without CLOEXEC, as a library might
  const auto result = run("echo ${VMKEEP_LEAK-none}; ls /proc/self/fd | wc -l");
  ::close(leak);
  ::unsetenv("VMKEEP_LEAK");
  EXPECT_EQ(result.out, "none\n4\n");  // 0, 1, 2 and the folder that ls reads
}

TEST_F(Processes, OurOwnDescriptorsMayBeManyButNotThoseOfWhoeverIsSpawned) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t most = limit.rlim_max;
  const rlim_t given = std::min<rlim_t>(most, 300);
  limit.rlim_cur = given;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  raise_descriptor_limit();
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, most);
  EXPECT_EQ(run("ulimit -n").out, std::to_string(given) + "\n");
}

TEST_F(Processes, EachWaiterGetsItsOwnChildAndADeadlineLeavesNothingBehind) {
  constexpr size_t kChildren = 30;
  std::vector<Child> children;
  for (size_t i = 0; i < kChildren; ++i) {
    SpawnSpec spec;
    spec.argv = {"/bin/sh", "-c", "read line; exit " + std::to_string(i)};
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Fd read_end(ends[0]);
    gates_.emplace_back(ends[1]);
    spec.standard_input = read_end.get();
    auto child = spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    reaper_.expect(child->pid);
    children.push_back(std::move(*child));
  }
  EXPECT_FALSE(run_task(loop_, reaper_.exited(children[0].pid, now() + Instant(20ms))));
  std::vector<int> codes(kChildren, -1);
  for (size_t i = 0; i < kChildren; ++i) {
    start(loop_.get_executor(), [](Reaper& reaper, pid_t pid, int& code) -> Task<> {
      code = (co_await reaper.exited(pid))->code();
    }(reaper_, children[i].pid, codes[i]));
  }
  loop_.restart();
  loop_.poll();
  gates_.clear();  // they end, in whatever order
  const Instant limit = now() + Instant(10s);
  while (std::count(codes.begin(), codes.end(), -1) != 0 && now() < limit) loop_.run_one_for(50ms);
  for (size_t i = 0; i < kChildren; ++i) EXPECT_EQ(codes[i], static_cast<int>(i));
}

TEST_F(Processes, ADeadlineKills) {
  const auto result = run("echo before; exec sleep 60", 200ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status.signal(), SIGKILL);
  EXPECT_EQ(result.out, "before\n");
}

TEST_F(Processes, ADaemonThatHoldsThePipeDoesNotHoldUs) {
  const auto result = run("sleep 60 & echo $!");
  EXPECT_FALSE(result.timed_out);
  const pid_t left = static_cast<pid_t>(std::strtol(result.out.c_str(), nullptr, 10));
  ASSERT_GT(left, 1);
  ::kill(left, SIGKILL);
}

TEST_F(Processes, WhatIsPrintedBeyondTheLimitIsDroppedAndSaid) {
  SpawnSpec spec;
  spec.argv = {"/bin/sh", "-c", "head -c 300000 /dev/zero"};
  spec.environment = {"PATH=/usr/bin:/bin"};
  const auto result = run_task(loop_, run_command(reaper_, spec, now() + Instant(8s), 1000)).value();
  EXPECT_EQ(result.out.size(), 1000U);
  EXPECT_TRUE(result.truncated);
  EXPECT_TRUE(result.status.success());
}

TEST_F(Processes, TheStepThatFailedIsNamed) {
  SpawnSpec spec;
  spec.argv = {"/nonexistent/program"};
  SpawnStep step{};
  auto child = spawn(spec, &step);
  ASSERT_FALSE(child);
  EXPECT_EQ(step, SpawnStep::exec);
  EXPECT_EQ(child.error().kind, ErrorKind::not_found);
  spec.argv = {"/bin/true"};
  spec.working_directory = "/nonexistent";
  child = spawn(spec, &step);
  ASSERT_FALSE(child);
  EXPECT_EQ(step, SpawnStep::chdir);
  EXPECT_NE(child.error().message.find("/nonexistent"), std::string::npos);
}

// Counted, not timed: a page that was shared with a copy of us would have to be copied when it is written to.
TEST_F(Processes, AStartCostsTheSameHoweverMuchMemoryWeHave) {
  constexpr size_t kPage = 4096;
  constexpr size_t kPages = 4096;
  std::vector<char> memory(kPages * kPage, 'x');
  SpawnSpec spec;
  spec.argv = {"/bin/true"};
  struct rusage before {};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
  auto child = spawn(spec);
  ASSERT_TRUE(child) << child.error().message;
  reaper_.expect(child->pid);
  for (size_t at = 0; at < memory.size(); at += kPage) memory[at] = 'y';
  struct rusage after {};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, static_cast<long>(kPages / 4));
  EXPECT_TRUE(run_task(loop_, reaper_.exited(child->pid, now() + Instant(5s)))->success());
}

// It has our memory until then, and our handlers must not run in it.
TEST_F(Processes, AChildBeginsWithItsOwnSignalsAndLeavesOurs) {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  sigset_t ours;
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &ours), 0);
  EXPECT_EQ(run("grep SigBlk /proc/self/status").out, "SigBlk:\t0000000000000000\n");
  sigset_t still;
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &ours, &still), 0);
  EXPECT_EQ(::sigismember(&still, SIGUSR1), 1);
  EXPECT_EQ(::sigismember(&still, SIGUSR2), ::sigismember(&ours, SIGUSR2));
}

TEST_F(Processes, DescriptorsArriveWhereTheyShould) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  SpawnSpec spec;
  spec.argv = {"/bin/sh", "-c", "echo through >&3"};
  spec.environment = {"PATH=/usr/bin:/bin"};
  spec.descriptors = {{ends[1], 3}};
  auto child = spawn(spec);
  ASSERT_TRUE(child);
  reaper_.expect(child->pid);
  ::close(ends[1]);
  std::array<char, 32> text{};
  EXPECT_EQ(::read(ends[0], text.data(), text.size()), 8);
  EXPECT_STREQ(text.data(), "through\n");
  ::close(ends[0]);
  EXPECT_TRUE(run_task(loop_, reaper_.exited(child->pid, now() + Instant(5s)))->success());
}

// How many descriptors beyond 0 to 2 a process has that is about to execute this program: the kernel asks us
// first (fanotify(7)), and we look before we let it.  -1: nobody came.
int descriptors_before_exec(int asked) {
  pollfd waiting{asked, POLLIN, 0};
  fanotify_event_metadata event{};
  if (::poll(&waiting, 1, 20000) != 1 || ::read(asked, &event, sizeof event) != sizeof event) return -1;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(event.pid) + "/fd"))
    count += std::stoi(entry.path().filename()) > 2;
  const fanotify_response go{event.fd, FAN_ALLOW};
  return ::write(asked, &go, sizeof go) == sizeof go ? count : -1;
}

// An exec may take for ever, and nobody must take the child for us meanwhile.
TEST_F(Processes, AChildThatHasNotComeToItsExecKeepsNothingOfOurs) {
  const Fd asked(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
  if (!asked) GTEST_SKIP() << "only root may ask the kernel for that";
  std::string program = "/tmp/vmkeep-base.XXXXXX";
  ASSERT_NE(::mkdtemp(program.data()), nullptr);
  const std::string folder = std::exchange(program, program + "/true");
  std::filesystem::copy_file("/bin/true", program);
  ASSERT_EQ(::fanotify_mark(asked.get(), FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, program.c_str()), 0);
  const pid_t looking = ::fork();
  if (looking == 0) ::_exit(descriptors_before_exec(asked.get()));
  SpawnSpec spec;
  spec.argv = {program};
  auto child = spawn(spec);
  EXPECT_TRUE(child) << child.error().message;
  int status = -1;
  ::waitpid(looking, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1) << "its word to us, and nothing else";
  reaper_.expect(child->pid);
  EXPECT_TRUE(run_task(loop_, reaper_.exited(child->pid, now() + Instant(5s)))->success());
  std::filesystem::remove_all(folder);
}

TEST_F(Processes, AnOrphanIsReapedWithItsStatus) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Killed only once its parent is gone: a shell reaps by itself what dies before.
  const auto result = run("(sleep 60 >/dev/null 2>&1 & echo $!)");
  ASSERT_EQ(::kill(std::stoi(result.out), SIGKILL), 0);
  const auto orphan = run_task(loop_, reaper_.orphans().pop(now() + Instant(5s)));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ASSERT_TRUE(orphan);
  EXPECT_EQ(orphan->status.signal(), SIGKILL);
  EXPECT_EQ(orphan->status.text(), "died on signal KILL (9)");
  EXPECT_NE(orphan->cgroup.find("0::/"), std::string::npos);
}

using Loop = Processes;

TEST_F(Loop, AQueueWaitsAndKeepsOrder) {
  Queue<int> queue(loop_.get_executor());
  EXPECT_FALSE(run_task(loop_, queue.pop(now() + Instant(20ms))));
  queue.push(1);
  queue.push(2);
  EXPECT_EQ(run_task(loop_, queue.pop()), 1);
  EXPECT_EQ(run_task(loop_, queue.pop()), 2);
}

TEST_F(Loop, ASignalWakesAllWhoWait) {
  Signal signal(loop_.get_executor());
  int woken = 0;
  for (int i = 0; i < 3; ++i) {
    start(loop_.get_executor(), [](Signal& s, int& count, asio::io_context& l) -> Task<> {
      if (co_await s.wait(now() + Instant(5s)) && ++count == 3) l.stop();
    }(signal, woken, loop_));
  }
  loop_.poll();
  signal.notify();
  loop_.restart();
  loop_.run_for(5s);
  EXPECT_EQ(woken, 3);
}

TEST_F(Loop, ReadinessSeesDataAndDeadline) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  {
    Readiness readiness(loop_.get_executor(), ends[0]);
    EXPECT_FALSE(run_task(loop_, readiness.readable(now() + Instant(20ms))));
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    EXPECT_TRUE(run_task(loop_, readiness.readable(now() + Instant(5s))));
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace vmkeep
