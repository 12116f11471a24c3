#include "base/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <csignal>
#include <memory>

namespace vmkeep {
namespace {

constexpr int kRounds = 16;  // of 16 KB: more than a pipe holds

struct Capture {
  Fd fd;
  Readiness readiness;
  std::string text;
  size_t limit;
  bool tail;
  bool truncated = false;
  bool ended = false;

  Capture(const Executor& executor, Fd pipe, size_t limit_bytes, bool keep_tail)
      : fd(std::move(pipe)), readiness(executor, fd.get()), limit(limit_bytes), tail(keep_tail) {}

  void keep(const char* bytes, size_t n) {
    const size_t room = limit - std::min(limit, text.size());
    truncated = truncated || n > room;
    if (!tail) {
      text.append(bytes, std::min(room, n));
      return;
    }
    text.append(bytes, n);
    if (text.size() > limit) text.erase(0, text.size() - limit);
  }

  // Takes what is there now; false at the end of the pipe.  Not more than so much at once: a program that
  // prints without end must not hold the loop.
  bool drain() {
    std::array<char, 16384> chunk;
    for (int round = 0; round < kRounds; ++round) {
      const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN;
      if (n == 0) return false;
      keep(chunk.data(), static_cast<size_t>(n));
    }
    return true;
  }
};

Task<> follow(std::shared_ptr<Capture> capture) {
  while (!capture->ended) {
    const bool readable = co_await capture->readiness.readable();
    if (!readable || !capture->drain()) break;
  }
}

Result<std::pair<std::shared_ptr<Capture>, Fd>> capture_pipe(const Executor& executor,
                                                             const CommandOptions& options) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("cannot make a pipe");
  Fd write_end(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // only our end: the program must not meet EAGAIN
  return std::pair(std::make_shared<Capture>(executor, Fd(ends[0]), options.limit, options.tail),
                   std::move(write_end));
}

void finish(Capture& capture) {
  capture.ended = true;
  capture.readiness.cancel();
  capture.drain();
}

}  // namespace

Task<Result<CommandResult>> run_command(Reaper& reaper, SpawnSpec spec, Instant deadline, size_t limit) {
  return run_command(reaper, std::move(spec), deadline, CommandOptions{limit, false, false, nullptr});
}

Task<Result<CommandResult>> run_command(Reaper& reaper, SpawnSpec spec, Instant deadline,
                                        CommandOptions options) {
  const Executor executor = co_await asio::this_coro::executor;
  auto out = capture_pipe(executor, options);
  if (!out) co_return out.error();
  auto err = capture_pipe(executor, options);
  if (!err) co_return err.error();
  spec.standard_output = out->second.get();
  spec.standard_error = err->second.get();
  auto child = spawn(spec);
  if (!child) co_return child.error();
  reaper.expect(child->pid);
  if (options.pid != nullptr) *options.pid = child->pid;
  out->second.reset();
  err->second.reset();
  start(executor, follow(out->first));
  start(executor, follow(err->first));

  CommandResult result;
  auto status = co_await reaper.exited(child->pid, deadline);
  if (!status) {
    result.timed_out = true;
    ::kill(options.whole_group && spec.new_session ? -child->pid : child->pid, SIGKILL);
    status = co_await reaper.exited(child->pid);
  }
  if (options.pid != nullptr) *options.pid = -1;
  finish(*out->first);
  finish(*err->first);
  result.status = *status;
  result.truncated = out->first->truncated || err->first->truncated;
  result.out = std::move(out->first->text);
  result.err = std::move(err->first->text);
  co_return result;
}

}  // namespace vmkeep
