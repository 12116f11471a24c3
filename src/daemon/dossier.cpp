#include "daemon/dossier.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "base/fd.h"
#include "control/messages.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr size_t kKept = 5;
constexpr size_t kFile = 600U << 10U;  // the largest, a picture
constexpr size_t kText = 256U << 10U;
constexpr size_t kRecords = 20'000;  // of the kernel's, more than its buffer holds
constexpr size_t kOomLines = 20;
constexpr auto kOomAge = 15min;
constexpr Instant kLater = 200ms;

std::string limited(const json::object& message, const char* member, size_t limit) {
  const auto* value = message.if_contains(member);
  auto text = value != nullptr ? control::value_from(*value) : Result<std::string>(std::string());
  if (!text || text->size() > limit) return text ? text->substr(text->size() - limit) : std::string();
  return *text;
}

// What the kernel's ring buffer holds; empty where we may not read it.
std::vector<std::string> kernel_records() {
  std::vector<std::string> records;
  const auto device = open_file("/dev/kmsg", O_RDONLY | O_NONBLOCK);
  if (!device) return records;
  std::array<char, 8192> record;
  while (records.size() < kRecords) {
    const ssize_t n = ::read(device->get(), record.data(), record.size());
    if (n < 0 && (errno == EPIPE || errno == EINTR)) continue;  // overwritten while we read
    if (n <= 0) break;
    records.emplace_back(record.data(), static_cast<size_t>(n));
  }
  return records;
}

std::chrono::microseconds since_boot() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_nsec / 1000);
}

std::string utc(std::time_t time, const char* format) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string summary(const Record& record, const json::object& message) {
  std::string text = record.fmri.str() + "\n";
  text += "Time: " + utc(std::time(nullptr), "%Y-%m-%dT%H:%M:%SZ") + "\n";
  text += "Decided: " + limited(message, "why", 1000) + "\n";
  text += "State: " + limited(message, "state", 100) + "; its process is " +
          limited(message, "process", 100) + "\n";
  if (!record.process_end.empty()) text += "End: " + record.process_end + "\n";
  text += fmt::format("Aborts in the window: {}; failures of the check: {}; reboots for it: {}\n",
                      record.history.aborts.size(), record.history.hook_failures.size(),
                      record.history.hook_reboots.size());
  for (const auto& note : guard::words_from(message, "notes")) text += "Missing: " + note + "\n";
  const auto oom = oom_lines(kernel_records(), since_boot() - kOomAge);
  text +=
      oom.empty() ? "Memory: the kernel's log tells of no shortage\n" : "Memory, from the kernel's log:\n";
  for (const auto& line : oom) text += "  " + line + "\n";
  return text;
}

Result<> put_file(const std::string& folder, gid_t group, const char* name, const std::string& text) {
  if (text.empty()) return {};
  auto file = open_file(folder + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0640);
  if (!file) return file.error();
  // Only root can give files to another group; one user's own daemon has the right one already.
  [[maybe_unused]] const int given = ::fchown(file->get(), static_cast<uid_t>(-1), group);
  const ssize_t n = ::write(file->get(), text.data(), text.size());
  if (n != static_cast<ssize_t>(text.size())) return errno_error("cannot write " + folder + "/" + name);
  return {};
}

Result<> put_folder(const std::string& path, gid_t group) {
  if (auto made = make_folders(path, 0750); !made) return made;
  auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  [[maybe_unused]] const int given = ::fchown(folder->get(), static_cast<uid_t>(-1), group);
  return {};
}

// The names are times: the oldest come first.
void drop_old(const std::string& folder) {
  std::vector<std::filesystem::path> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i + kKept < all.size(); ++i) std::filesystem::remove_all(all[i], ignored);
}

Result<std::string> put_dossier(Core& core, const Record& record, gid_t group, const json::object& message) {
  const std::string all = core.options.log_folder + "/dossiers";
  const std::string ours = all + "/" + fmri::log_stem(record.fmri);
  const auto time = wall_now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  const std::string folder =
      fmt::format("{}/{}.{:03}Z", ours, utc(static_cast<std::time_t>(ms / 1000), "%Y%m%dT%H%M%S"), ms % 1000);
  // Who may look into an instance's folder is that folder's matter.
  if (auto made = make_folders(all, 0755); !made) return made.error();
  for (const auto& path : {ours, folder}) {
    if (auto made = put_folder(path, group); !made) return made.error();
  }
  const std::array<std::pair<const char*, std::string>, 4> files{{
      {"summary.txt", summary(record, message)},
      {"vm.log", limited(message, "log", kText)},
      {"screenshot.png", limited(message, "screenshot", kFile)},
      {"check.txt", limited(message, "check", kText / 8)},
  }};
  for (const auto& [name, text] : files) {
    if (auto put = put_file(folder, group, name, text); !put) return put.error();
  }
  drop_old(ours);
  return folder;
}

}  // namespace

std::vector<std::string> oom_lines(const std::vector<std::string>& records, std::chrono::microseconds since) {
  std::vector<std::string> lines;
  for (const auto& record : records) {
    const auto semicolon = record.find(';');
    if (semicolon == std::string::npos) continue;
    size_t comma = record.find(',');
    if (comma != std::string::npos) comma = record.find(',', comma + 1);
    if (comma == std::string::npos || comma > semicolon) continue;
    int64_t at = 0;
    std::from_chars(record.data() + comma + 1, record.data() + semicolon, at);
    if (std::chrono::microseconds(at) < since) continue;
    const std::string text = record.substr(semicolon + 1, record.find('\n', semicolon) - semicolon - 1);
    for (const char* word :
         {"oom-kill", "Out of memory", "out of memory", "oom_reaper", "invoked oom-killer"}) {
      if (text.find(word) == std::string::npos) continue;
      lines.push_back(text);
      break;
    }
  }
  if (lines.size() > kOomLines) lines.erase(lines.begin(), lines.end() - kOomLines);
  return lines;
}

Task<> write_dossier(Core& core, std::string fmri, gid_t group, json::object message) {
  co_await sleep_until(now() + kLater);
  Record* record = core.record(fmri);
  if (record == nullptr) co_return;
  auto folder = put_dossier(core, *record, group, message);
  if (!folder) {
    core.logs.line(record->fmri, "No crash dossier could be written: " + folder.error().message);
    co_return;
  }
  record->dossier = *folder;
  core.logs.line(record->fmri, "Crash dossier: " + *folder);
  publish_vm(core, *record);
  core.touch(*record);
}

}  // namespace vmkeep::daemon
