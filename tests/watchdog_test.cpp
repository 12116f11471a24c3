// systemd's watchdog, as the whole program serves it: pings in time while the loop turns, none while it does
// not.  systemd itself is played by a socket of the test's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>

#include "base/fd.h"
#include "base/spawn.h"
#include "private_daemon.h"

namespace vmkeep {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// What the unit would say in WatchdogSec=.  A third of it is the daemon's period, and so a machine that is
// busy has two thirds to be late.
constexpr auto kLimit = 3s;

class Watchdog : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vmkeep-watchdog-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ / "notify";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  void TearDown() override {
    if (child_.pid > 0) {
      ::kill(child_.pid, SIGKILL);
      ::waitpid(child_.pid, nullptr, 0);
    }
    EXPECT_TRUE(tests::end_all_of(folder_));
    fs::remove_all(folder_);
  }

  void launch(std::vector<std::string> environment) {
    SpawnSpec spec;
    spec.argv = {std::string(VMKEEP_BIN_DIR) + "/vmkeepd", "--no-cgroups"};
    for (const char* name : {"state", "run", "log"}) {
      spec.argv.push_back(std::string("--") + name);
      spec.argv.push_back((folder_ / name).string());
    }
    spec.environment = std::move(environment);
    spec.environment.emplace_back("PATH=/usr/bin:/bin");
    spec.environment.push_back("NOTIFY_SOCKET=" + (folder_ / "notify").string());
    auto child = spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    child_ = std::move(*child);
  }

  // The next message within that time; empty: there was none.
  std::string heard(std::chrono::milliseconds patience) const {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) != 1) return {};
    std::array<char, 512> text{};
    const ssize_t n = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(n, 0))};
  }

  // Whether that is heard before the deadline, whatever else is.
  bool hears(const std::string& wanted, std::chrono::milliseconds patience) const {
    const auto deadline = Clock::now() + patience;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      if (left <= 0ms) return false;
      if (heard(left) == wanted) return true;
    }
  }

  bool is_stopped() const {
    const auto stat = read_file("/proc/" + std::to_string(child_.pid) + "/stat");
    return stat && stat->find(") T ") != std::string::npos;
  }

  void wait_until_stopped() const {
    for (const auto deadline = Clock::now() + 10s; !is_stopped() && Clock::now() < deadline;) {
      ::poll(nullptr, 0, 5);
    }
    ASSERT_TRUE(is_stopped());
  }

  fs::path folder_;
  Fd socket_;
  Child child_;
};

TEST_F(Watchdog, ALoopThatTurnsIsHeardInTimeAndOneThatStandsIsNot) {
  launch({"WATCHDOG_USEC=" + std::to_string(std::chrono::microseconds(kLimit).count())});
  ASSERT_TRUE(hears("READY=1", 20s));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hears("WATCHDOG=1", kLimit)) << "ping " << i;

  ASSERT_EQ(::kill(child_.pid, SIGSTOP), 0);
  wait_until_stopped();
  while (!heard(0ms).empty()) {
  }
  // As long as systemd would wait before it acts.
  EXPECT_EQ(heard(kLimit), "");

  ASSERT_EQ(::kill(child_.pid, SIGCONT), 0);
  EXPECT_TRUE(hears("WATCHDOG=1", kLimit));
}

// The variables may be inherited from whoever was watched himself.
TEST_F(Watchdog, PingsAreForWhoIsMeant) {
  launch({"WATCHDOG_USEC=300000", "WATCHDOG_PID=1"});
  ASSERT_TRUE(hears("READY=1", 20s));
  EXPECT_FALSE(hears("WATCHDOG=1", 1s));
}

}  // namespace
}  // namespace vmkeep
