// The server's side of the wire: accepts, frames, knows the peer, hands calls over one by one and carries
// replies. What a call means is the daemon's business.
#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"

namespace vmkeep::control {

struct Peer {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  std::vector<gid_t> groups = {};  // his others; none are asked for of root and of our own user
};

class Connection;

// One call.  Reply once; with more() as often as needed, the last time with continues = false.
struct Call {
  std::string method;  // without the interface
  boost::json::object parameters;
  bool more = false;
  Peer peer;
  std::shared_ptr<Connection> connection;
  uint64_t serial = 0;  // which call of its connection it is

  void reply(boost::json::object parameters, bool continues = false) const;
  void fail(const Error& error) const;
  bool alive() const;   // the client is still there
  Task<> gone() const;  // returns when it is not
};

class Server {
 public:
  // Listens on `path` (mode 0666: everybody may ask, few may change; the folder decides who gets there).  A
  // stale socket of a dead daemon is replaced; one that somebody listens on is ErrorKind::busy.
  static Result<std::unique_ptr<Server>> listen(Executor executor, const std::string& path);
  ~Server();

  Queue<Call>& calls();

 private:
  struct State;
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep::control
