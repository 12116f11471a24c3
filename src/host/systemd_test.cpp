#include "host/systemd.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "base/fd.h"

namespace vmkeep::host {
namespace {

TEST(Systemd, NobodyListensAndThatIsNoError) {
  ::unsetenv("NOTIFY_SOCKET");
  const auto told = notify_ready();
  ASSERT_TRUE(told);
  EXPECT_FALSE(*told);
}

TEST(Systemd, WhoeverListensIsTold) {
  std::string folder = (std::filesystem::temp_directory_path() / "vmkeep-notify-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/socket";
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const auto heard = [&] {
    std::array<char, 256> buffer{};
    const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    return std::string(buffer.data(), static_cast<size_t>(std::max<ssize_t>(n, 0)));
  };
  ASSERT_TRUE(notify_ready());
  EXPECT_EQ(heard(), "READY=1");
  ASSERT_TRUE(notify_status("3 of 4\nREADY=1"));
  EXPECT_EQ(heard(), "STATUS=3 of 4 READY=1");
  ASSERT_TRUE(notify_reloading());
  EXPECT_EQ(heard().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  ASSERT_TRUE(notify_stopping());
  EXPECT_EQ(heard(), "STOPPING=1");
  ASSERT_TRUE(notify_watchdog());
  EXPECT_EQ(heard(), "WATCHDOG=1");
  ::setenv("NOTIFY_SOCKET", (folder + "/absent").c_str(), 1);
  EXPECT_FALSE(notify_ready());
  ::unsetenv("NOTIFY_SOCKET");
  std::filesystem::remove_all(folder);
}

TEST(Systemd, TheWatchdogIsFedThreeTimesWithinItsLimit) {
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(watchdog_interval(), Instant(0));
  ::setenv("WATCHDOG_USEC", "60000000", 1);
  EXPECT_EQ(watchdog_interval(), Instant(20'000));
  ::setenv("WATCHDOG_PID", "1", 1);  // another process's
  EXPECT_EQ(watchdog_interval(), Instant(0));
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

}  // namespace
}  // namespace vmkeep::host
