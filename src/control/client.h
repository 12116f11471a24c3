// A client of the control socket for the tools: blocking, with a deadline, no loop.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace vmkeep::control {

// VMKEEP_RUN, else the user's own runtime folder ($XDG_RUNTIME_DIR/vmkeep) if a daemon listens there, else
// /run/vmkeep; with "/control.sock" behind.
std::string socket_path();

class Client {
 public:
  // ErrorKind::unavailable: nobody listens; the message names the socket and says what to do.
  static Result<Client> connect(const std::string& path = socket_path());

  // One call, one reply.  An error reply becomes an Error of the kind that its name says.  `method` without
  // the interface: "Act".
  Result<boost::json::object> call(const std::string& method, const boost::json::object& parameters,
                                   Instant deadline = kDefaultDeadline());
  // A call with "more": next() gives each further reply; ErrorKind::timeout at the deadline, after which it
  // may be called again.
  Result<> call_more(const std::string& method, const boost::json::object& parameters);
  Result<boost::json::object> next(Instant deadline);

  // The two halves of call(), for who waits for something else besides: begin(), poll descriptor(), next().
  Result<> begin(const std::string& method, const boost::json::object& parameters);
  int descriptor() const { return socket_.get(); }

 private:
  explicit Client(Fd socket) : socket_(std::move(socket)) {}
  static Instant kDefaultDeadline();
  Result<> send(const std::string& method, const boost::json::object& parameters, bool more);
  Fd socket_;
  std::string received_;
};

}  // namespace vmkeep::control
