// The console: its escapes by tables, the program on a pseudo terminal against a VM's port that this test
// plays.
#include "tools/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include <cctype>
#include <cstring>
#include <filesystem>

#include "tools/fake_vms.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr char kVmkeep[] = VMKEEP_BIN_DIR "/vmkeep";

TEST(Escapes, OnlyAtTheBeginningOfALine) {
  struct Row {
    std::vector<std::string> typed;
    const char* sent;
    bool leave;
  };
  const Row rows[] = {{{"abc"}, "abc", false},
                      {{"~."}, "", true},
                      {{"a~."}, "a~.", false},
                      {{"a\r~."}, "a\r", true},
                      {{"a\n", "~", "."}, "a\n", true},
                      {{"~~."}, "~.", false},
                      {{"~x"}, "~x", false},
                      {{"~x~."}, "~x~.", false},
                      {{"~?~."}, "", true},
                      {{"~\r~."}, "~\r", true}};
  for (const Row& row : rows) {
    EscapeFilter filter;
    std::string sent;
    bool leave = false;
    for (const std::string& typed : row.typed) {
      const auto step = filter.feed(typed);
      sent += step.send;
      leave = leave || step.leave;
    }
    EXPECT_EQ(sent, row.sent);
    EXPECT_EQ(leave, row.leave) << row.typed[0];
  }
}

// A VM's serial port: what it hears it says in capitals.
class Port {
 public:
  explicit Port(const std::string& path) : path_(path) { listen(); }
  ~Port() { ::unlink(path_.c_str()); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void listen() {
    ::unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    server_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(server_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(server_.get(), 4) != 0) {
      server_.reset();
    }
  }
  bool accept() {
    if (!wait(server_)) return false;
    client_ = Fd(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return static_cast<bool>(client_);
  }
  // Answers until it has heard so much.
  std::string hear(size_t bytes) {
    std::string heard;
    while (heard.size() < bytes && wait(client_)) {
      std::array<char, 256> chunk;
      const ssize_t n = ::read(client_.get(), chunk.data(), chunk.size());
      if (n <= 0) break;
      for (char& c : chunk) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      heard.append(chunk.data(), static_cast<size_t>(n));
      if (::write(client_.get(), chunk.data(), static_cast<size_t>(n)) != n) break;
    }
    return heard;
  }
  void hang_up() { client_.reset(); }
  bool client_left() {
    char byte = 0;
    return wait(client_) && ::read(client_.get(), &byte, 1) <= 0;
  }

 private:
  static bool wait(const Fd& fd) {
    pollfd waiting{fd.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 30'000) == 1;
  }
  std::string path_;
  Fd server_, client_;
};

class ConsoleProgram : public ::testing::Test {
 protected:
  ConsoleProgram() : folder_(make()), port_(folder_ + "/port"), daemon_(example(folder_)) {
    int master = -1;
    int slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0) {
      master_ = Fd(master);
      slave_ = Fd(slave);
    }
  }
  ~ConsoleProgram() override {
    const std::string locks = folder_ + "/vmkeep-console";
    for (const char* name : {"/port", "/other"}) ::unlink((folder_ + name).c_str());
    [[maybe_unused]] const auto gone = std::filesystem::remove_all(locks);
    ::rmdir(folder_.c_str());
  }
  static std::string make() {
    std::string name = "/tmp/console-test-XXXXXX";
    return ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  static FakeWorld example(const std::string& folder) {
    FakeWorld fake;
    for (const char* name : {"vm1", "two", "none"}) add_vm(fake, name, "running", 0);
    const json::object one{{"number", 1}, {"mode", "server"}, {"path", folder + "/port"}};
    const json::object other{{"number", 2}, {"mode", "server"}, {"path", folder + "/other"}};
    fake.statuses[kService + "vm1"]["serial_ports"] = {
        one, json::object{{"number", 2}, {"mode", "file"}, {"path", "/l"}}};
    fake.statuses[kService + "two"]["serial_ports"] = {one, other};
    return fake;
  }
  void SetUp() override { ASSERT_TRUE(daemon_.started() && slave_); }

  std::vector<std::string> environment() const {
    return {"VMKEEP_RUN=" + daemon_.folder(), "XDG_RUNTIME_DIR=" + folder_};
  }
  FakeDaemon::Printed run(const std::vector<std::string>& arguments) const {
    return daemon_.run("vmkeep", arguments, {"XDG_RUNTIME_DIR=" + folder_});
  }
  void type(const std::string& text) const {
    ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  bool terminal_is_raw() const {
    termios now{};
    return ::tcgetattr(slave_.get(), &now) == 0 && (now.c_lflag & (ICANON | ECHO)) == 0;
  }

  std::string folder_;
  Port port_;
  FakeDaemon daemon_;
  Fd master_, slave_;
};

TEST_F(ConsoleProgram, T94_a_terminal_on_the_one_server_port) {
  Running console(kVmkeep, {"console", "vm1"}, environment(), slave_.get());
  ASSERT_TRUE(port_.accept());
  ASSERT_TRUE(console.says("~. at the beginning of a line leaves"));
  EXPECT_TRUE(terminal_is_raw());
  type("hello\r");
  EXPECT_EQ(port_.hear(6), "HELLO\r");
  EXPECT_TRUE(console.says("HELLO\r"));
  type("~.");
  EXPECT_EQ(console.ended(), 0);
  EXPECT_TRUE(port_.client_left());
  EXPECT_FALSE(terminal_is_raw());
}

TEST_F(ConsoleProgram, T94_two_ports_or_none_are_errors) {
  const auto two = run({"console", "two"});
  EXPECT_EQ(two.code, 1);
  EXPECT_NE(two.err.find("port 1: server, " + folder_ + "/port\n  port 2: server, " + folder_ + "/other"),
            std::string::npos)
      << two.err;
  EXPECT_EQ(run({"vbox.sh", "-vm", "two", "sercon"}).code, 95);
  EXPECT_EQ(run({"console", "none"}).code, 1);
  EXPECT_EQ(run({"vbox.sh", "-vm", "none", "sercon-once"}).code, 95);
  // Chosen, it is tried: nobody listens there.
  EXPECT_NE(run({"console", "two", "--port", "2"}).err.find("/other"), std::string::npos);
}

TEST_F(ConsoleProgram, T94_break_ends_that_client_only) {
  EXPECT_EQ(run({"console", "--break", "vm1"}).code, 1);
  Running other("/bin/sleep", {"60"}, {});
  Running console(kVmkeep, {"console", "vm1"}, environment(), slave_.get());
  ASSERT_TRUE(port_.accept());
  ASSERT_TRUE(console.says("leaves"));
  // A second one is told who has it.
  const auto second = run({"console", "vm1"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("another console is connected (process " + std::to_string(console.pid()) + ")"),
            std::string::npos)
      << second.err;
  EXPECT_EQ(run({"vbox.sh", "-vm", "vm1", "sercon-break"}).code, 0);
  EXPECT_EQ(console.ended(), 128 + SIGHUP);
  EXPECT_FALSE(terminal_is_raw());
  EXPECT_EQ(::kill(other.pid(), 0), 0);
}

TEST_F(ConsoleProgram, ALostConnectionIsTold) {
  Running console(kVmkeep, {"console", "vm1"}, environment(), slave_.get());
  ASSERT_TRUE(port_.accept());
  ASSERT_TRUE(console.says("leaves"));
  port_.hang_up();
  EXPECT_TRUE(console.says("the VM closed the connection at once: it serves one client at a time"));
  EXPECT_EQ(console.ended(), 1);
}

TEST_F(ConsoleProgram, WithWaitItConnectsAgain) {
  Running console(kVmkeep, {"console", "-w", "vm1"}, environment(), slave_.get());
  ASSERT_TRUE(port_.accept());
  port_.hang_up();
  ASSERT_TRUE(port_.accept());
  type("x");
  EXPECT_EQ(port_.hear(1), "X");
  console.signal(SIGTERM);
  EXPECT_EQ(console.ended(), 128 + SIGTERM);
}

// Not a terminal: what is piped in goes through as it is, and what comes back is printed until the VM hangs
// up.
TEST_F(ConsoleProgram, APipeIsTakenAsItIs) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Fd reading(pipe[0]);
  Fd writing(pipe[1]);
  Running console(kVmkeep, {"vbox.sh", "-vm", "vm1", "sercon-once"}, environment(), reading.get());
  ASSERT_TRUE(port_.accept());
  ASSERT_EQ(::write(writing.get(), "~.\n", 3), 3);
  writing.reset();
  EXPECT_EQ(port_.hear(3), "~.\n");
  EXPECT_TRUE(console.says("~.\n"));
  port_.hang_up();
  EXPECT_EQ(console.ended(), 95);
}

}  // namespace
}  // namespace vmkeep::tools
