// The wire between vmkeepd and a guard: an inherited socketpair that carries JSON objects, each ended by a
// NUL, as on the control socket.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/loop.h"

namespace vmkeep::guard {

class Channel {
 public:
  Channel(Executor executor, Fd socket);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Queued and sent in order; lost if the other side is gone, which receive() tells.
  void send(const boost::json::object& message);
  // The next message; nothing once the other side is gone (or sends what is no JSON object).
  Task<std::optional<boost::json::object>> receive();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep::guard
