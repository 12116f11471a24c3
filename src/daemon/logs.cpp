#include "daemon/logs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>

namespace vmkeep::daemon {
namespace {

// strftime's "%b %e %T" without regard to the locale.
std::string stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{} {:>2} {:02}:{:02}:{:02}", kMonths.at(static_cast<size_t>(local.tm_mon)),
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

void append(const std::string& path, const std::string& text) {
  auto fd = open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644);
  // A log that cannot be written (a full disk) must not stop the service that it tells of.
  if (fd) [[maybe_unused]]
    const ssize_t n = ::write(fd->get(), text.data(), text.size());
}

}  // namespace

std::string Logs::path(const fmri::Fmri& instance) const {
  return folder_ + "/" + fmri::log_stem(instance) + ".log";
}

void Logs::line(const fmri::Fmri& instance, const std::string& text) const {
  append(path(instance), "[ " + stamp() + " " + text + " ]\n");
}

Result<Fd> Logs::open(const fmri::Fmri& instance) const {
  return open_file(path(instance), O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644);
}

void Logs::notice(const std::string& text) const {
  const std::string line = stamp() + "/1: " + text + "\n";
  append(daemon_path(), line);
  std::fputs(line.c_str(), stderr);
}

}  // namespace vmkeep::daemon
