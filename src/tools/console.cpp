#include "tools/console.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include "tools/console_lock.h"

namespace vmkeep::tools {
namespace {

constexpr int kSignalBase = 128;
constexpr Instant kBreakLimit{5000};
// A VM that has a client already takes a second one and closes it again.
constexpr Instant kAtOnce{1000};

constexpr char kEscapes[] =
    "\r\nAt the beginning of a line:\r\n"
    "  ~.  leave the console\r\n"
    "  ~~  send one ~\r\n"
    "  ~?  this text\r\n";

// The terminal as it was, whatever happens.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    raw_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
  }
  ~RawTerminal() {
    if (raw_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool raw() const { return raw_; }

 private:
  termios before_{};
  bool raw_ = false;
};

// Signals are read like everything else, so that the terminal is always given back.
Fd block_signals() {
  sigset_t all;
  ::sigemptyset(&all);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::sigaddset(&all, number);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  return Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::invalid, path + ": too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno_error("cannot make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error("cannot connect to " + path);
  }
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  return socket;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

enum class End { left, closed, signal, output, time };

class Console {
 public:
  Console(const ConsolePlan& plan, Output& output)
      : plan_(plan), output_(output), signals_(block_signals()) {}

  int run() {
    for (bool connected_before = false;; connected_before = true) {
      auto socket = connect_to(plan_.path);
      if (!socket && !plan_.wait) {
        tell(socket.error().message + "; is the VM running?");
        return kFailed;
      }
      if (!socket && !connected_before) tell("waiting for " + plan_.title + "; ~. leaves");
      if (socket) tell("on " + plan_.title + "; ~. at the beginning of a line leaves");
      const bool talked = socket.has_value();
      const End end = socket ? talk(std::move(*socket)) : rest();
      if (end == End::left) return kOk;
      if (end == End::signal) return kSignalBase + signal_;
      if (end == End::output) return kFailed;
      if (!talked) continue;
      if (!plan_.wait) {
        tell(heard_ || now() - connected_ >= kAtOnce ? "the VM closed the connection"
                                                     : "the VM closed the connection at once: it serves one "
                                                       "client at a time, and has one already");
        return kFailed;
      }
      if (rest() == End::left) return kOk;
      if (signal_ != 0) return kSignalBase + signal_;
    }
  }

 private:
  void tell(const std::string& text) const {
    const std::string line = output_.program() + ": " + text + (terminal_.raw() ? "\r\n" : "\n");
    write_all(STDERR_FILENO, line);
  }

  bool took_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return false;
    signal_ = static_cast<int>(info.ssi_signo);
    return true;
  }

  // What was typed, as far as it is for the VM; nothing: leave.
  std::optional<std::string> typed() {
    std::array<char, 4096> chunk;
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return "";
    if (n <= 0) {
      input_open_ = false;
      return "";
    }
    const std::string_view text(chunk.data(), static_cast<size_t>(n));
    if (!terminal_.raw()) return std::string(text);  // what is no person has no escapes
    EscapeFilter::Step step = filter_.feed(text);
    if (step.help) write_all(STDERR_FILENO, kEscapes);
    if (step.leave) return std::nullopt;
    return std::move(step.send);
  }

  // Until the connection ends, one way or the other.
  End talk(Fd socket) {
    heard_ = false;
    connected_ = now();
    std::string to_send;
    std::array<char, 4096> chunk;
    for (;;) {
      const short wanted = to_send.empty() ? POLLIN : POLLIN | POLLOUT;
      std::array<pollfd, 3> waiting{{{signals_.get(), POLLIN, 0},
                                     {socket.get(), wanted, 0},
                                     // No more typing than the VM takes.
                                     {input_open_ && to_send.empty() ? STDIN_FILENO : -1, POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
      if (waiting[0].revents != 0 && took_signal()) return End::signal;
      if ((waiting[1].revents & POLLOUT) != 0) {
        const ssize_t n = ::send(socket.get(), to_send.data(), to_send.size(), MSG_NOSIGNAL);
        if (n > 0) to_send.erase(0, static_cast<size_t>(n));
      }
      if ((waiting[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        const ssize_t n = ::recv(socket.get(), chunk.data(), chunk.size(), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return End::closed;
        if (n > 0 && !write_all(STDOUT_FILENO, {chunk.data(), static_cast<size_t>(n)})) return End::output;
        heard_ = heard_ || n > 0;
      }
      if (waiting[2].revents != 0) {
        auto text = typed();
        if (!text) return End::left;
        to_send += *text;
        heard_ = heard_ || !text->empty();
      }
    }
  }

  // An interval without a connection, in which one may still leave.
  End rest() {
    const Instant until = now() + plan_.interval;
    for (;;) {
      const Instant left = until - now();
      if (left.count() <= 0) return End::time;
      const bool person = terminal_.raw() && input_open_;
      std::array<pollfd, 2> waiting{{{signals_.get(), POLLIN, 0}, {person ? STDIN_FILENO : -1, POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0) continue;
      if (waiting[0].revents != 0 && took_signal()) return End::signal;
      if (waiting[1].revents != 0 && !typed()) return End::left;
    }
  }

  const ConsolePlan& plan_;
  Output& output_;
  Fd signals_;
  RawTerminal terminal_;
  EscapeFilter filter_;
  bool input_open_ = true;
  bool heard_ = false;
  Instant connected_{};
  int signal_ = 0;
};

}  // namespace

EscapeFilter::Step EscapeFilter::feed(std::string_view typed) {
  Step step;
  for (const char c : typed) {
    if (tilde_) {
      tilde_ = false;
      line_begins_ = false;
      if (c == '.') {
        step.leave = true;
        return step;
      }
      if (c == '?') {
        step.help = true;
        line_begins_ = true;
        continue;
      }
      step.send += '~';
      if (c == '~') continue;
    } else if (line_begins_ && c == '~') {
      tilde_ = true;
      continue;
    }
    step.send += c;
    line_begins_ = c == '\r' || c == '\n';
  }
  return step;
}

int run_console(const ConsolePlan& plan, Output& output) {
  auto lock = ConsoleLock::open(plan.path);
  if (!lock) {
    output.warn(lock.error().message);
    return output.finish();
  }
  if (auto taken = lock->take(); !taken) {
    const pid_t holder = lock->holder();
    output.warn(plan.title + ": " + taken.error().message +
                (holder > 0 ? " (process " + std::to_string(holder) + ")" : "") +
                "; `vmkeep console --break` ends it");
    return output.finish();
  }
  return Console(plan, output).run();
}

int break_console(const ConsolePlan& plan, Output& output) {
  auto lock = ConsoleLock::open(plan.path);
  const pid_t holder = lock ? lock->holder() : 0;
  if (!lock || holder <= 0) {
    output.warn(!lock ? lock.error().message : plan.title + ": no console of yours is connected");
    return output.finish();
  }
  // The pid counts only if it still holds the lock once we hold a handle on it.
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, holder, 0)));
  if (!process || lock->holder() != holder) {
    output.line(plan.title + ": the console ended by itself");
    return output.finish();
  }
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGHUP, nullptr, 0) != 0) {
    output.warn(errno_error("cannot end process " + std::to_string(holder)).message);
    return output.finish();
  }
  pollfd waiting{process.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(kBreakLimit.count())) != 1) {
    output.warn("process " + std::to_string(holder) + " does not end");
    return output.finish();
  }
  output.line(plan.title + ": ended the console of process " + std::to_string(holder));
  return output.finish();
}

}  // namespace vmkeep::tools
