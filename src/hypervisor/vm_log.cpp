#include "hypervisor/vm_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "base/fd.h"

namespace vmkeep::hypervisor {
namespace {

// What one call reads at most: of a log that grew by more, the newest part.
constexpr off_t kMost = 4'194'304;
constexpr size_t kHead = 4096;
constexpr off_t kTail = 262'144;
constexpr std::string_view kStateChanged = " Console: Machine state changed to '";

std::string read_part(int fd, off_t from, size_t length) {
  std::string text(length, '\0');
  size_t done = 0;
  while (done < length) {
    const ssize_t n = ::pread(fd, text.data() + done, length - done, from + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

std::optional<int64_t> number(std::string_view text, size_t at, size_t length) {
  if (at + length > text.size()) return std::nullopt;
  int64_t value = 0;
  const char* const begin = text.data() + at;
  const auto [end, problem] = std::from_chars(begin, begin + length, value);
  if (problem != std::errc() || end != begin + length) return std::nullopt;
  return value;
}

// "2026-11-21T22:10:59", in UTC.
std::optional<WallTime> parse_time(std::string_view text) {
  const auto year = number(text, 0, 4);
  const auto month = number(text, 5, 2);
  const auto day = number(text, 8, 2);
  const auto hour = number(text, 11, 2);
  const auto minute = number(text, 14, 2);
  const auto second = number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

std::optional<WallTime> opened(std::string_view head) {
  constexpr std::string_view kSign = "Log opened ";
  const size_t at = head.find(kSign);
  if (at == std::string_view::npos) return std::nullopt;
  return parse_time(head.substr(at + kSign.size()));
}

// "01:02:03.456789 " at the front of a line: since the log was opened.
std::optional<Instant> offset_of(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon < 2) return std::nullopt;
  const auto hours = number(line, 0, colon);
  const auto minutes = number(line, colon + 1, 2);
  const auto seconds = number(line, colon + 4, 2);
  const auto ms = number(line, colon + 7, 3);
  if (!hours || !minutes || !seconds || !ms) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds) +
         Instant(*ms);
}

bool has(std::string_view line, std::string_view sign) {
  return line.find(sign) != std::string_view::npos;
}

// The console's own line: right behind the time, where no word of the guest can stand.
bool is_state(std::string_view line) {
  return line.substr(std::min(line.find(' '), line.size())).starts_with(kStateChanged);
}

}  // namespace

// A line that is read late (a guard that was started anew) tells itself when it was written.
Instant VmLog::time_of(std::string_view line) const {
  const auto offset = offset_of(line);
  if (!offset || !opened_) return now();
  const auto age = std::chrono::duration_cast<Instant>(wall_now() - (*opened_ + *offset));
  return now() - std::max(age, Instant(0));
}

void VmLog::take(std::string_view line) {
  if (is_state(line)) {
    line.remove_prefix(line.find(' ') + kStateChanged.size());
    state_ = line.substr(0, line.find('\''));
  } else if (has(line, "Guest seems to be unresponsive") || has(line, "Guest has flatlined")) {
    if (!heartbeat_ || !heartbeat_->lost) heartbeat_ = Heartbeat{true, time_of(line)};
  } else if (has(line, "Heartbeat flatline timer set") || has(line, "GuestHeartBeat: Guest is alive")) {
    if (!heartbeat_ || heartbeat_->lost) heartbeat_ = Heartbeat{false, time_of(line)};
  } else if (has(line, "Heartbeat checking timer has been stopped")) {
    heartbeat_.reset();
  }
}

void VmLog::read_new(int fd, off_t size) {
  offset_ = std::max(offset_, size - kMost);
  const std::string text = read_part(fd, offset_, static_cast<size_t>(size - offset_));
  // The beginning of a line stays for the next time.
  const size_t whole = text.rfind('\n') + 1;
  offset_ += static_cast<off_t>(whole);
  std::string_view rest = std::string_view(text).substr(0, whole);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (has(line, "VMMDev") || has(line, "vmmdev") || is_state(line)) take(line);
  }
}

std::optional<Heartbeat> VmLog::heartbeat() {
  refresh();
  return heartbeat_;
}

void VmLog::expect_new_run() {
  refresh();
  earlier_ = identity_;
}

bool VmLog::is_stuck() {
  refresh();
  return (state_ == "Stuck" || state_ == "GuruMeditation") && identity_ != earlier_;
}

bool VmLog::is_coming_up() {
  refresh();
  return identity_ == earlier_ || state_.empty() || state_ == "Starting" || state_ == "Restoring";
}

bool VmLog::is_running() {
  refresh();
  return state_ == "Running" && identity_ != earlier_;
}

bool VmLog::is_over() {
  refresh();
  return state_ == "PoweredOff" || state_ == "Saved" || state_ == "Aborted" || state_ == "AbortedSaved" ||
         state_ == "Stopping";
}

void VmLog::refresh() {
  const auto file = open_file(path_, O_RDONLY | O_NONBLOCK);
  struct statx info {};
  if (!file || ::statx(file->get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &info) != 0 ||
      !S_ISREG(info.stx_mode)) {
    identity_.reset();
    heartbeat_.reset();
    state_.clear();
    return;
  }
  const Identity identity{(uint64_t{info.stx_dev_major} << 32U) | info.stx_dev_minor, info.stx_ino,
                          info.stx_btime.tv_sec, info.stx_btime.tv_nsec};
  const auto size = static_cast<off_t>(info.stx_size);
  if (identity_ != identity || size < offset_) {
    identity_ = identity;
    offset_ = 0;
    heartbeat_.reset();
    state_.clear();
    opened_ = opened(read_part(file->get(), 0, kHead));
  }
  if (!opened_ && offset_ < static_cast<off_t>(kHead)) opened_ = opened(read_part(file->get(), 0, kHead));
  if (size > offset_) read_new(file->get(), size);
}

Result<std::vector<std::string>> last_lines(const std::string& path, size_t lines) {
  const auto file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) return in("cannot read the VM's log", file.error());
  struct stat info {};
  if (::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorKind::invalid, path + " is no log: not a plain file");
  }
  const off_t from = std::max<off_t>(0, info.st_size - kTail);
  std::string text = read_part(file->get(), from, static_cast<size_t>(info.st_size - from));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  std::vector<std::string> result;
  while (result.size() < lines && !text.empty()) {
    const size_t at = text.rfind('\n');
    // What was cut in its middle is no line.
    if (at == std::string::npos && from > 0) break;
    result.push_back(at == std::string::npos ? text : text.substr(at + 1));
    text.resize(at == std::string::npos ? 0 : at);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace vmkeep::hypervisor
