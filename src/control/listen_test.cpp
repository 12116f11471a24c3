// How a server comes to its socket, whatever is at that place already.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/fd.h"
#include "control/client.h"
#include "control/server.h"

namespace vmkeep::control {
namespace {

TEST(Listen, RefusesWhatIsNoSocket) {
  asio::io_context loop(1);
  const std::string path = ::testing::TempDir() + "/no-socket";
  ASSERT_TRUE(replace_file(path, "precious"));
  const auto server = Server::listen(loop.get_executor(), path);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::invalid);
  EXPECT_EQ(*read_file(path), "precious");
  ::unlink(path.c_str());
  EXPECT_FALSE(Server::listen(loop.get_executor(), "/" + std::string(200, 'x')));
  EXPECT_FALSE(Server::listen(loop.get_executor(), "/nonexistent/control.sock"));
}

// As many methods as there are VMs call while vmkeepd is still busy with starting the last of them.
TEST(Listen, ManyCallAtOnceWhoAreNotYetAccepted) {
  size_t many = 600;
  size_t most = 0;
  if (std::ifstream("/proc/sys/net/core/somaxconn") >> most) many = std::min(many, most);
  const std::string path = ::testing::TempDir() + "/many-" + std::to_string(::getpid()) + ".sock";
  asio::io_context loop(1);  // which nobody runs
  const auto server = Server::listen(loop.get_executor(), path);
  ASSERT_TRUE(server) << server.error().message;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  std::vector<Fd> callers;
  while (callers.size() < many) {
    callers.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::connect(callers.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
        << callers.size() << ": " << std::strerror(errno);
  }
}

// Of a daemon that was killed while it started a program: the child has the socket until it closes it.
TEST(Listen, ASocketWhoseListenerIsDeadIsReplacedWhoeverKeepsIt) {
  std::array<int, 2> keeping{};
  ASSERT_EQ(::pipe(keeping.data()), 0);
  const std::string path = ::testing::TempDir() + "/kept-" + std::to_string(::getpid()) + ".sock";
  const pid_t listener = ::fork();
  if (listener == 0) {
    asio::io_context loop(1);
    const auto server = Server::listen(loop.get_executor(), path);
    const pid_t keeper = server ? ::fork() : -1;
    if (keeper == 0) {
      ::close(keeping[1]);
      char byte = 0;
      [[maybe_unused]] const auto end = ::read(keeping[0], &byte, 1);
    }
    ::_exit(keeper < 0 ? 1 : 0);
  }
  ::close(keeping[0]);
  int status = -1;
  ::waitpid(listener, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(Client::connect(path)) << "nobody keeps it";
  asio::io_context loop(1);
  auto next = Server::listen(loop.get_executor(), path);
  EXPECT_TRUE(next) << next.error().message;
  ::close(keeping[1]);
  if (next) next->reset();
  loop.run();
}

}  // namespace
}  // namespace vmkeep::control
