// The server and the client over a real socket in a folder of their own.  The server's loop runs in a child
// process, for the client blocks; raw sockets say what no client of ours would.
#include "control/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "control/client.h"
#include "control/messages.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

Task<> tell_end(Call call, std::string path) {
  co_await call.gone();
  auto fd = open_file(path, O_WRONLY | O_CREAT, 0600);
}

// Answers in ways that tests can tell apart; which one, the method says.
void answer(const Call& call, const Executor& executor, const std::string& folder) {
  if (call.method == "Version") {
    call.reply({{"pid", call.peer.pid}, {"uid", call.peer.uid}, {"gid", call.peer.gid}});
  } else if (call.method == "Read") {
    call.reply({{"echo", call.parameters}});
  } else if (call.method == "Snapshots") {
    call.fail(fail(ErrorKind::not_found, "No such \xff thing."));
  } else if (call.method == "Watch") {
    for (int i = 0; i < 3; ++i) call.reply({{"count", i}}, true);
    call.reply({{"count", 3}});
    call.reply({{"count", 4}});  // nobody's any more
  } else if (call.method == "Entries") {
    // A stream that never ends, for a reader that never reads.
    while (call.alive()) call.reply({{"text", std::string(1U << 20U, 'x')}}, true);
  } else if (call.method == "Processes") {
    call.reply({{"text", std::string(8U << 20U, 'y')}});
  } else if (call.method == "Shutdown") {
    start(executor, tell_end(call, folder + "/gone"));
  }
}

Task<> serve(Server& server, Executor executor, std::string folder) {
  for (;;) {
    const auto call = co_await server.calls().pop();
    if (call) answer(*call, executor, folder);
  }
}

// What the child process does.
[[noreturn]] void run_server(const std::string& folder, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  asio::io_context loop(1);
  auto server = Server::listen(loop.get_executor(), folder + "/control.sock");
  if (!server) ::_exit(1);
  start(loop.get_executor(), serve(**server, loop.get_executor(), folder));
  [[maybe_unused]] const auto told = ::write(ready, "x", 1);
  loop.run();
  ::_exit(0);
}

class Wire : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/wire-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/control.sock";
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    server_ = ::fork();
    if (server_ == 0) run_server(folder_, ready[1]);
    ::close(ready[1]);
    pollfd waiting{ready[0], POLLIN, 0};
    char byte = 0;
    const bool up = ::poll(&waiting, 1, 20000) == 1 && ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
    ASSERT_TRUE(up);
  }
  void TearDown() override {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
    for (const char* name : {"/control.sock", "/gone"}) ::unlink((folder_ + name).c_str());
    ::rmdir(folder_.c_str());
  }

  Client client() {
    auto connected = Client::connect(path_);
    EXPECT_TRUE(connected) << connected.error().message;
    return std::move(*connected);
  }
  Fd raw() const {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  std::string folder_, path_;
  pid_t server_ = -1;
};

// One message, without its NUL; empty at the end of the connection.
std::string receive(const Fd& socket) {
  std::string text;
  std::string chunk(65536, '\0');
  for (;;) {
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 20000) != 1) return text;
    const ssize_t there = ::recv(socket.get(), chunk.data(), chunk.size(), MSG_PEEK);
    if (there <= 0) return text;
    const size_t end = chunk.substr(0, static_cast<size_t>(there)).find('\0');
    const size_t take = end == std::string::npos ? static_cast<size_t>(there) : end + 1;
    if (::recv(socket.get(), chunk.data(), take, 0) != static_cast<ssize_t>(take)) return text;
    text.append(chunk, 0, end == std::string::npos ? take : end);
    if (end != std::string::npos) return text;
  }
}

void transmit(const Fd& socket, const std::string& text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

bool appears(const std::string& path) {
  const Instant deadline = now() + Instant(20000);
  while (now() < deadline) {
    if (::access(path.c_str(), F_OK) == 0) return true;
    ::poll(nullptr, 0, 10);
  }
  return false;
}

TEST_F(Wire, KnowsThePeer) {
  const auto reply = client().call("Version", {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(int_member(*reply, "pid", -1), ::getpid());
  EXPECT_EQ(int_member(*reply, "uid", -1), ::getuid());
  EXPECT_EQ(int_member(*reply, "gid", -1), ::getgid());
}

TEST_F(Wire, EverybodyMayConnect) {
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0666U);
}

TEST_F(Wire, CarriesParametersAndManyCalls) {
  Client one = client();
  for (int i = 0; i < 100; ++i) {
    const auto reply = one.call("Read", {{"n", i}, {"text", "a\nb\"c\xC3\xA4"}});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(json::serialize(*reply),
              "{\"echo\":{\"n\":" + std::to_string(i) + ",\"text\":\"a\\nb\\\"c\xC3\xA4\"}}");
  }
}

TEST_F(Wire, CarriesLongRepliesAndLongCalls) {
  Client one = client();
  const auto reply = one.call("Processes", {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->at("text").as_string().size(), 8U << 20U);
  const auto echo = one.call("Read", {{"text", std::string(3U << 20U, 'z')}});
  ASSERT_TRUE(echo) << echo.error().message;
}

TEST_F(Wire, AnErrorHasItsKindAndItsMessage) {
  const auto reply = client().call("Snapshots", {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::not_found);
  EXPECT_EQ(reply.error().message, "No such \xEF\xBF\xBD thing.");
}

TEST_F(Wire, MoreGivesAllRepliesAndOthersTheLast) {
  Client one = client();
  ASSERT_TRUE(one.call_more("Watch", {}));
  for (int i = 0; i < 4; ++i) {
    const auto reply = one.next(now() + Instant(20000));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(int_member(*reply, "count", -1), i);
  }
  const auto single = one.call("Watch", {});
  ASSERT_TRUE(single) << single.error().message;
  EXPECT_EQ(int_member(*single, "count", -1), 3);
}

TEST_F(Wire, ADeadlineIsNoEnd) {
  Client one = client();
  ASSERT_TRUE(one.call_more("Shutdown", {}));
  const auto nothing = one.next(now() + Instant(20));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::timeout);
  EXPECT_EQ(one.next(now() + Instant(20)).error().kind, ErrorKind::timeout);
}

TEST_F(Wire, TheEndOfAClientIsSeen) {
  {
    Client one = client();
    ASSERT_TRUE(one.call_more("Shutdown", {}));
    EXPECT_EQ(one.next(now() + Instant(50)).error().kind, ErrorKind::timeout);
    EXPECT_NE(::access((folder_ + "/gone").c_str(), F_OK), 0);
  }
  EXPECT_TRUE(appears(folder_ + "/gone"));
}

TEST_F(Wire, DescribesItself) {
  const Fd socket = raw();
  transmit(socket, std::string(R"({"method":"org.varlink.service.GetInfo"})") + '\0');
  const json::value info = json::parse(receive(socket));
  EXPECT_EQ(info.at("parameters").at("product"), "vmkeepd");
  EXPECT_EQ(json::serialize(info.at("parameters").at("interfaces")),
            R"(["org.varlink.service","org.vmkeep"])");
  transmit(socket, std::string(R"({"method":"org.varlink.service.GetInterfaceDescription",)"
                               R"("parameters":{"interface":"org.vmkeep"}})") +
                       '\0');
  const json::value description = json::parse(receive(socket));
  const auto text = read_file(std::string(VMKEEP_SOURCE_DIR) + "/src/control/org.vmkeep.varlink");
  ASSERT_TRUE(text);
  EXPECT_EQ(std::string(description.at("parameters").at("description").as_string()), *text);
}

TEST_F(Wire, RefusesWhatDoesNotExist) {
  const struct {
    const char* call;
    const char* error;
  } cases[] = {
      {R"({"method":"org.vmkeep.Explode"})", "org.varlink.service.MethodNotFound"},
      {R"({"method":"org.varlink.service.Explode"})", "org.varlink.service.MethodNotFound"},
      {R"({"method":"org.example.Act"})", "org.varlink.service.InterfaceNotFound"},
      {R"({"method":"Act"})", "org.varlink.service.InterfaceNotFound"},
      {R"({"method":"org.varlink.service.GetInterfaceDescription"})", "org.varlink.service.InvalidParameter"},
      {R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"a"}})",
       "org.varlink.service.InterfaceNotFound"},
  };
  const Fd socket = raw();  // all on one connection: it stays open
  for (const auto& test : cases) {
    transmit(socket, std::string(test.call) + '\0');
    const json::value reply = json::parse(receive(socket));
    EXPECT_EQ(reply.at("error"), test.error) << test.call;
  }
}

TEST_F(Wire, GarbageIsAnsweredAndCloses) {
  for (const std::string text :
       {"hello", "[]", "7", "{}", "{\"method\":7}", "\xff\xff", "",
        "{\"method\":\"org.vmkeep.Version\",\"parameters\":7}", "{\"method\":\"\xff\"}"}) {
    const Fd socket = raw();
    transmit(socket, text + '\0' + "{\"method\":\"org.vmkeep.Version\"}" + '\0');
    const json::value reply = json::parse(receive(socket));
    EXPECT_EQ(reply.at("error"), "org.vmkeep.Invalid") << text;
    EXPECT_EQ(receive(socket), "") << text;
  }
  EXPECT_TRUE(client().call("Version", {}));
}

TEST_F(Wire, DeepNestingIsGarbage) {
  const Fd socket = raw();
  transmit(socket, std::string(100000, '[') + '\0');
  EXPECT_EQ(json::parse(receive(socket)).at("error"), "org.vmkeep.Invalid");
}

TEST_F(Wire, CallsOfOneConnectionAreAnsweredInOrder) {
  const Fd socket = raw();
  std::string calls;
  for (int i = 0; i < 50; ++i) {
    calls += "{\"method\":\"org.vmkeep.Read\",\"parameters\":{\"n\":" + std::to_string(i) + "}}";
    calls += '\0';
  }
  transmit(socket, calls);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(json::parse(receive(socket)).at("parameters").at("echo").at("n"), i);
  }
}

TEST_F(Wire, ACallInPiecesIsACall) {
  const Fd socket = raw();
  for (const char c : std::string("{\"method\":\"org.vmkeep.Read\",\"parameters\":{}}"))
    transmit(socket, {c});
  transmit(socket, std::string(1, '\0'));
  EXPECT_EQ(receive(socket), "{\"parameters\":{\"echo\":{}}}");
}

TEST_F(Wire, AOnewayCallGetsNoReply) {
  const Fd socket = raw();
  transmit(socket, std::string(R"({"method":"org.vmkeep.Snapshots","oneway":true})") + '\0');
  transmit(socket, std::string(R"({"method":"org.vmkeep.Read","parameters":{}})") + '\0');
  EXPECT_EQ(receive(socket), "{\"parameters\":{\"echo\":{}}}");
}

TEST_F(Wire, AReplyIsWrittenToWhoHasNothingMoreToSay) {
  const Fd socket = raw();
  transmit(socket, std::string(R"({"method":"org.vmkeep.Processes"})") + '\0');
  ::shutdown(socket.get(), SHUT_WR);
  EXPECT_GT(receive(socket).size(), 8U << 20U);
}

TEST_F(Wire, ASlowReaderIsClosed) {
  const Fd socket = raw();
  transmit(socket, std::string(R"({"method":"org.vmkeep.Entries","more":true})") + '\0');
  // The server's loop would never come back if it waited for us.
  EXPECT_TRUE(client().call("Version", {}));
  size_t replies = 0;
  while (!receive(socket).empty() && replies < 100) ++replies;
  EXPECT_LT(replies, 20U);
}

TEST_F(Wire, ALiveSocketIsBusyAndAStaleOneIsReplaced) {
  asio::io_context loop(1);
  const auto busy = Server::listen(loop.get_executor(), path_);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().kind, ErrorKind::busy);
  ::kill(server_, SIGKILL);
  ::waitpid(server_, nullptr, 0);
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
  const auto gone = Client::connect(path_);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::unavailable);
  EXPECT_NE(gone.error().message.find(path_), std::string::npos);
  auto next = Server::listen(loop.get_executor(), path_);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_TRUE(Client::connect(path_));
  next->reset();
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  loop.run();
}

TEST_F(Wire, ADaemonThatDiesIsNoticed) {
  Client one = client();
  ASSERT_TRUE(one.begin("Shutdown", {}));
  ::kill(server_, SIGKILL);
  const auto reply = one.next(now() + Instant(20000));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(one.call("Version", {}).error().kind, ErrorKind::unavailable);
}

// A server that talks nonsense.
TEST(ClientAlone, GarbageFromTheServerIsAnError) {
  for (const std::string text : {"hello", "[]", "{\"error\":7}", "\xff"}) {
    const std::string path = ::testing::TempDir() + "/nonsense.sock";
    ::unlink(path.c_str());
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    auto client = Client::connect(path);
    ASSERT_TRUE(client);
    const Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    transmit(server, text + '\0');
    const auto reply = client->call("Version", {});
    ASSERT_FALSE(reply) << text;
    EXPECT_EQ(reply.error().kind, ErrorKind::invalid) << reply.error().message;
    ::unlink(path.c_str());
  }
}

TEST(SocketPath, FollowsTheEnvironment) {
  ::setenv("VMKEEP_RUN", "/somewhere", 1);
  EXPECT_EQ(socket_path(), "/somewhere/control.sock");
  ::unsetenv("VMKEEP_RUN");
  // Nobody listens there.
  ::setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
  EXPECT_EQ(socket_path(), "/run/vmkeep/control.sock");
}

}  // namespace
}  // namespace vmkeep::control
