#include "host/systemd.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <ctime>

namespace vmkeep::host {
namespace {

Result<bool> notify(const std::string& message) {
  const int sent = ::sd_notify(0, message.c_str());
  if (sent < 0) return errno_error("cannot tell systemd \"" + message + "\"", -sent);
  return sent > 0;
}

}  // namespace

Result<bool> notify_ready() {
  return notify("READY=1");
}

Result<bool> notify_reloading() {
  // systemd orders the messages of a reload by this clock.
  timespec ts{};
  ::clock_gettime(CLOCK_MONOTONIC, &ts);
  const long long microseconds = static_cast<long long>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000;
  return notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

Result<bool> notify_stopping() {
  return notify("STOPPING=1");
}

Result<bool> notify_watchdog() {
  return notify("WATCHDOG=1");
}

Instant watchdog_interval() {
  uint64_t limit = 0;  // microseconds
  if (::sd_watchdog_enabled(0, &limit) <= 0) return Instant(0);
  // Three times within the limit: a machine under load may be late.
  return std::max(Instant(static_cast<int64_t>(limit / 3000)), Instant(1));
}

Result<bool> notify_status(const std::string& text) {
  // A newline would begin another assignment.
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return notify("STATUS=" + line);
}

}  // namespace vmkeep::host
