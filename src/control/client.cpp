#include "control/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "control/messages.h"
#include "control/text.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

constexpr Instant kPatience{30'000};
constexpr size_t kMaxReply = 64U << 20U;
constexpr char kSocketName[] = "/control.sock";

// A connect(2) that gives up after a while: a daemon that is stopped has a full backlog.
Result<Fd> open_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::invalid, "the path of the control socket is too long: " + path +
                                        "; set VMKEEP_RUN to a folder with a shorter name");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno_error("cannot make a socket");
  timeval patience{};
  patience.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(kPatience).count();
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  int connected = 0;
  do {
    connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (connected != 0 && errno == EINTR);
  if (connected != 0) {
    const int why = errno;
    if (why == ENOENT || why == ECONNREFUSED || why == ENOTDIR) {
      return fail(ErrorKind::unavailable,
                  "no vmkeepd listens on " + path + "; start it, or set VMKEEP_RUN to its run folder");
    }
    if (why == EAGAIN) return fail(ErrorKind::timeout, "vmkeepd does not take connections on " + path);
    return errno_error("cannot connect to " + path, why);
  }
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  return socket;
}

Result<> wait_for(const Fd& socket, short events, Instant deadline) {
  for (;;) {
    const int64_t left = std::clamp<int64_t>((deadline - now()).count(), 0, INT_MAX);
    pollfd waiting{socket.get(), events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready == 0) return fail(ErrorKind::timeout, "vmkeepd did not answer in time");
    if (errno != EINTR) return errno_error("cannot wait for vmkeepd");
  }
}

Error lost() {
  return fail(ErrorKind::unavailable, "vmkeepd closed the connection; see its log, and try again");
}

// What a reply is made of lies in one piece of memory, which the reply keeps: a listing has hundreds of
// thousands of values.
Result<json::object> take_reply(std::string_view message) {
  boost::system::error_code error;
  json::value value = json::parse(message, error, json::make_shared_resource<json::monotonic_resource>());
  if (error || !value.is_object())
    return fail(ErrorKind::invalid, "vmkeepd answered with something that is no JSON object");
  json::object& reply = value.get_object();
  json::value* parameters = reply.if_contains("parameters");
  json::object content(value.storage());
  if (parameters != nullptr && parameters->is_object()) content = std::move(parameters->get_object());
  const json::value* failure = reply.if_contains("error");
  if (failure == nullptr) return content;
  if (!failure->is_string())
    return fail(ErrorKind::invalid, "vmkeepd answered with an error that has no name");
  const std::string name(failure->get_string());
  auto text = string_member(content, "message");
  return fail(error_kind(name), text ? *text : name);
}

}  // namespace

std::string socket_path() {
  if (const char* run = std::getenv("VMKEEP_RUN"); run != nullptr && *run != '\0')
    return std::string(run) + kSocketName;
  if (const char* own = std::getenv("XDG_RUNTIME_DIR"); own != nullptr && *own == '/') {
    std::string path = std::string(own) + "/vmkeep" + kSocketName;
    if (open_socket(path)) return path;
  }
  return std::string("/run/vmkeep") + kSocketName;
}

Instant Client::kDefaultDeadline() {
  return now() + kPatience;
}

Result<Client> Client::connect(const std::string& path) {
  auto socket = open_socket(path);
  if (!socket) return socket.error();
  return Client(std::move(*socket));
}

Result<> Client::send(const std::string& method, const json::object& parameters, bool more) {
  json::object call{{"method", "org.vmkeep." + method}, {"parameters", parameters}};
  if (more) call["more"] = true;
  std::string text = json::serialize(call);
  if (!is_utf8(text)) return fail(ErrorKind::invalid, "what is asked for is not UTF-8");
  text.push_back('\0');
  const Instant deadline = kDefaultDeadline();
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t n = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      left.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(socket_, POLLOUT, deadline); !ready) return ready;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      // It may have said why before it closed: next() tells.
      return {};
    } else if (errno != EINTR) {
      return errno_error("cannot ask vmkeepd");
    }
  }
  return {};
}

Result<json::object> Client::next(Instant deadline) {
  size_t looked_at = 0;
  std::array<char, 65536> chunk;
  for (;;) {
    if (const size_t end = received_.find('\0', looked_at); end != std::string::npos) {
      auto reply = take_reply(std::string_view(received_).substr(0, end));
      received_.erase(0, end + 1);
      return reply;
    }
    looked_at = received_.size();
    if (received_.size() > kMaxReply) return fail(ErrorKind::invalid, "the answer of vmkeepd is too long");
    const ssize_t n = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (n > 0) {
      received_.append(chunk.data(), static_cast<size_t>(n));
    } else if (n == 0 || errno == ECONNRESET) {
      return lost();
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(socket_, POLLIN, deadline); !ready) return ready.error();
    } else if (errno != EINTR) {
      return errno_error("cannot hear vmkeepd");
    }
  }
}

Result<json::object> Client::call(const std::string& method, const json::object& parameters,
                                  Instant deadline) {
  if (auto sent = send(method, parameters, false); !sent) return sent.error();
  return next(deadline);
}

Result<> Client::call_more(const std::string& method, const json::object& parameters) {
  return send(method, parameters, true);
}

Result<> Client::begin(const std::string& method, const json::object& parameters) {
  return send(method, parameters, false);
}

}  // namespace vmkeep::control
