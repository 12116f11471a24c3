#include "guard/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>

namespace vmkeep::guard {

namespace json = boost::json;

namespace {
// The other side may be a guard that its owner has taken over: it must not fill our memory.
constexpr size_t kMaxMessage = 4U << 20U;
}  // namespace

struct Channel::State {
  Executor executor;
  Fd socket;
  Readiness readiness;
  std::string outgoing;
  std::string incoming;
  bool writing = false;
  bool broken = false;

  State(Executor e, Fd fd)
      : executor(std::move(e)), socket(std::move(fd)), readiness(executor, socket.get()) {}

  // Sends what the socket takes now; false if it is gone.
  bool flush() {
    while (!outgoing.empty()) {
      const ssize_t n = ::send(socket.get(), outgoing.data(), outgoing.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN;
      outgoing.erase(0, static_cast<size_t>(n));
    }
    return true;
  }

  static Task<> write(std::shared_ptr<State> self) {
    while (!self->outgoing.empty() && !self->broken) {
      if (!co_await self->readiness.writable() || !self->flush()) self->broken = true;
    }
    self->writing = false;
  }

  // Takes what is there; false at the end.
  bool fill() {
    std::array<char, 16384> chunk;
    const ssize_t n = ::recv(socket.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    incoming.append(chunk.data(), n > 0 ? static_cast<size_t>(n) : 0);
    return n > 0 && incoming.size() <= kMaxMessage;
  }

  std::optional<std::string> next() {
    const auto end = incoming.find('\0');
    if (end == std::string::npos) return std::nullopt;
    std::string text = incoming.substr(0, end);
    incoming.erase(0, end + 1);
    return text;
  }
};

Channel::Channel(Executor executor, Fd socket)
    : state_(std::make_shared<State>(std::move(executor), std::move(socket))) {}

Channel::~Channel() {
  state_->broken = true;
  state_->readiness.cancel();
}

void Channel::send(const json::object& message) {
  if (state_->broken) return;
  state_->outgoing += json::serialize(message);
  state_->outgoing += '\0';
  if (state_->writing) return;
  if (!state_->flush()) {
    state_->broken = true;
  } else if (!state_->outgoing.empty()) {
    state_->writing = true;
    start(state_->executor, State::write(state_));
  }
}

Task<std::optional<json::object>> Channel::receive() {
  const auto state = state_;
  for (;;) {
    if (const auto text = state->next()) {
      boost::system::error_code error;
      json::value value = json::parse(*text, error);
      if (error || !value.is_object()) co_return std::nullopt;
      co_return std::move(value.as_object());
    }
    if (!co_await state->readiness.readable() || !state->fill()) co_return std::nullopt;
  }
}

}  // namespace vmkeep::guard
