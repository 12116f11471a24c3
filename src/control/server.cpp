#include "control/server.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "base/fd.h"
#include "control/connection.h"

namespace vmkeep::control {
namespace {

using Protocol = asio::local::stream_protocol;
constexpr auto kQuiet = asio::as_tuple(asio::use_awaitable);

// Who waits to be accepted: when everything goes down at once every method calls while we are still busy with
// starting the others, and a call that finds no place there is one that failed.  The kernel's own limit
// (net.core.somaxconn, 4096) is below this one or equal to it.
constexpr int kBacklog = 4096;
// A method process holds two connections, and the VMs of one user may all go down at once; but nobody gets
// all the descriptors that there are.
constexpr size_t kConnectionsOfOneUser = 1024;

size_t connections_of_one_user() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kConnectionsOfOneUser;
  return std::max<size_t>(kConnectionsOfOneUser, std::min<size_t>(limit.rlim_cur, 1U << 16U) / 4);
}

// How many connections each user has.
using Seats = std::map<uid_t, size_t>;

// One connection's part of that, for as long as there is the connection.
class Seat {
 public:
  Seat(std::shared_ptr<Seats> all, uid_t uid) : all_(std::move(all)), uid_(uid) { ++(*all_)[uid_]; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() {
    if (--(*all_)[uid_] == 0) all_->erase(uid_);
  }

 private:
  std::shared_ptr<Seats> all_;
  uid_t uid_;
};

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::invalid, "cannot listen on " + path +
                                        ": the path is too long for a socket; "
                                        "choose a run folder with a shorter name");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// As they were when the peer connected; a kernel that does not tell gives none.
std::vector<gid_t> groups_of(int socket) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const bool told = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0;
    if (!told && errno != ERANGE) return {};
    groups.resize(size / sizeof(gid_t));
    if (told) return groups;
  }
}

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  Peer peer{credentials.pid, credentials.uid, credentials.gid, {}};
  if (peer.uid != 0 && peer.uid != ::geteuid()) peer.groups = groups_of(socket);
  return peer;
}

// Whether the process at the other end is there, not only somebody who keeps its socket: a child of a daemon
// that was killed may have been on its way to its exec.
bool peer_lives(int socket) {
  const pid_t pid = peer_of(socket).pid;
  if (pid <= 0) return true;  // of another pid namespace
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return errno != ESRCH;
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

// Makes room for our socket: removes what a dead daemon left behind.
Result<> clear_the_way(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return errno_error("cannot look at " + path);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(ErrorKind::invalid, path + " is there and is no socket; remove it if nobody needs it");
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return errno_error("cannot make a socket");
  // EAGAIN is a full backlog: somebody listens, if slowly.
  const bool connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (connected ? peer_lives(probe.get()) : errno == EAGAIN) {
    return fail(ErrorKind::busy, "another vmkeepd listens on " + path);
  }
  if (!connected && errno != ECONNREFUSED) return errno_error("cannot find out who listens on " + path);
  if (::unlink(path.c_str()) != 0) return errno_error("cannot remove the stale socket " + path);
  return {};
}

}  // namespace

struct Server::State {
  Protocol::acceptor acceptor;
  Queue<Call> calls;
  std::string path;
  struct stat file {};  // of the socket, to remove nobody else's
  std::vector<std::weak_ptr<Connection>>
      connections;  // those that are over among them, at most as many again
  size_t sweep_at = 64;
  std::shared_ptr<Seats> seats = std::make_shared<Seats>();
  size_t seats_of_one_user = connections_of_one_user();
  bool closed = false;

  State(const Executor& executor, std::string socket)
      : acceptor(executor), calls(executor), path(std::move(socket)) {}

  bool is_full_for(uid_t uid) const {
    const auto taken = seats->find(uid);
    return taken != seats->end() && taken->second >= seats_of_one_user;
  }

  void keep(const std::shared_ptr<Connection>& connection) {
    if (connections.size() >= sweep_at) {
      std::erase_if(connections, [](const auto& each) { return each.expired(); });
      sweep_at = std::max<size_t>(64, 2 * connections.size());
    }
    connections.push_back(connection);
  }

  static Task<> accept(std::shared_ptr<State> self);
};

Task<> Server::State::accept(std::shared_ptr<State> self) {
  const Executor executor = self->acceptor.get_executor();
  while (!self->closed) {
    auto [error, socket] = co_await self->acceptor.async_accept(kQuiet);
    if (self->closed) break;
    if (error) {
      // Out of descriptors, most likely: whoever waits in the backlog gets his turn when some are free again.
      co_await sleep_until(now() + Instant(200));
      continue;
    }
    const Peer peer = peer_of(socket.native_handle());
    if (self->is_full_for(peer.uid)) continue;
    const std::weak_ptr<State> server = self;
    // The seat is given back when the connection goes, and this with it.
    const auto seat = std::make_shared<Seat>(self->seats, peer.uid);
    auto connection = std::make_shared<Connection>(std::move(socket), peer, [server, seat](Call call) {
      if (const auto alive = server.lock(); alive && !alive->closed) alive->calls.push(std::move(call));
    });
    self->keep(connection);
    connection->run();
  }
}

Result<std::unique_ptr<Server>> Server::listen(Executor executor, const std::string& path) {
  const auto address = address_of(path);
  if (!address) return address.error();
  if (auto clear = clear_the_way(path, *address); !clear) return clear.error();
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno_error("cannot make a socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(sockaddr_un)) != 0) {
    return errno_error("cannot make the control socket " + path);
  }
  auto state = std::make_shared<State>(executor, path);
  if (::chmod(path.c_str(), 0666) != 0 || ::lstat(path.c_str(), &state->file) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    const Error error = errno_error("cannot listen on " + path);
    ::unlink(path.c_str());
    return error;
  }
  boost::system::error_code failed;
  state->acceptor.assign(Protocol(), socket.get(), failed);
  if (failed) {
    ::unlink(path.c_str());
    return fail(ErrorKind::io, "cannot listen on " + path + ": " + failed.message());
  }
  [[maybe_unused]] const int kept = socket.release();
  start(std::move(executor), State::accept(state));
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->closed = true;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& weak : state_->connections) {
    if (const auto connection = weak.lock()) connection->close();
  }
  struct stat now_there {};
  if (::lstat(state_->path.c_str(), &now_there) == 0 && now_there.st_ino == state_->file.st_ino &&
      now_there.st_dev == state_->file.st_dev) {
    ::unlink(state_->path.c_str());
  }
}

Queue<Call>& Server::calls() {
  return state_->calls;
}

void Call::reply(boost::json::object parameters, bool continues) const {
  connection->reply(*this, std::move(parameters), continues);
}

void Call::fail(const Error& error) const {
  connection->fail(*this, error);
}

bool Call::alive() const {
  return connection->open();
}

// No coroutine of its own: the connection must be taken now, not when the caller begins to wait.
Task<> Call::gone() const {
  return Connection::until_closed(connection);
}

}  // namespace vmkeep::control
