// Any bytes that a peer may send: as calls over a real connection, which answers each with an object or ends
// it, and as each type of message, of which what is taken, is told as what is taken again.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "control/connection.h"
#include "control/contract_message.h"
#include "control/messages.h"

namespace vmkeep::control {

template <class From, class To>
void fuzz_type(const boost::json::value& value, const From& from, const To& to) {
  const auto taken = from(value);
  if (!taken) {
    if (taken.error().message.empty()) std::abort();
    return;
  }
  const boost::json::value told = to(*taken);
  const auto again = from(told);
  if (!again || boost::json::value(to(*again)) != told) std::abort();
}

inline void fuzz_types(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error) return;
  const auto tell = [](const auto& message) { return to_json(message); };
  fuzz_type(
      value, [](const auto& json) { return instance_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return process_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return group_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return changes_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return entries_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return contract_from(json); }, tell);
  fuzz_type(
      value, [](const auto& json) { return value_from(json); },
      [](const std::string& bytes) { return value_to_json(bytes); });
  if (value.is_object()) (void)levels_from(value.get_object());
}

// Takes whole answers off `received`.
inline void check_answers(std::string& received) {
  for (size_t end = received.find('\0'); end != std::string::npos; end = received.find('\0')) {
    boost::system::error_code error;
    const auto answer = boost::json::parse(std::string_view(received).substr(0, end), error);
    if (error || !answer.is_object()) std::abort();
    received.erase(0, end + 1);
  }
}

inline void fuzz_connection(std::string_view text) {
  constexpr int kPatience = 100'000;  // looks without an end: it hangs
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) return;
  const Fd client(ends[0]);
  asio::io_context loop(1);
  auto connection =
      std::make_shared<Connection>(Connection::Socket(loop, asio::local::stream_protocol(), ends[1]),
                                   Peer{::getpid(), ::geteuid(), 0}, [](const Call& call) {
                                     call.reply({{"method", call.method}, {"parameters", call.parameters}});
                                   });
  connection->run();
  connection.reset();
  std::string received;
  std::array<char, 65536> chunk;
  size_t sent = 0;
  bool over = false;
  for (int look = 0; !loop.stopped(); ++look) {
    if (look == kPatience) std::abort();
    if (!over) {
      const ssize_t n = ::send(client.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      sent += n > 0 ? static_cast<size_t>(n) : 0;
      over = sent == text.size() || (n < 0 && errno != EAGAIN);
      if (over) ::shutdown(client.get(), SHUT_WR);
    }
    loop.poll();
    for (ssize_t n = 1; n > 0;) {
      n = ::recv(client.get(), chunk.data(), chunk.size(), 0);
      if (n > 0) received.append(chunk.data(), static_cast<size_t>(n));
    }
    check_answers(received);
  }
}

inline void fuzz_message(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    fuzz_types(text.substr(at, end - at));
    at = end + 1;
  }
  fuzz_connection(text);
}

}  // namespace vmkeep::control
