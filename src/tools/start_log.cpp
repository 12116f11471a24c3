#include "tools/start_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/fd.h"

namespace vmkeep::tools {
namespace {

// A restore says little; what lies further back is of no start that anybody waits for.
constexpr off_t kMost = 65536;

off_t size_of(const Fd& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : 0;
}

}  // namespace

std::optional<StartPercent> start_percent(std::string_view log) {
  constexpr std::string_view kMark = " virtual machine:";
  const size_t mark = log.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view before = log.substr(0, mark);
  const bool restores = before.ends_with("Restoring");
  if (!restores && !before.ends_with("Starting")) return std::nullopt;
  log.remove_prefix(mark + kMark.size());
  int percent = 0;
  for (size_t at = log.find('%'); at != std::string_view::npos; at = log.find('%', at + 1)) {
    size_t begin = at;
    while (begin > 0 && at - begin < 3 && log[begin - 1] >= '0' && log[begin - 1] <= '9') --begin;
    int value = -1;
    std::from_chars(log.data() + begin, log.data() + at, value);
    const bool goes_on = log.substr(at + 1, 3) == "...";
    if ((goes_on || value == 100) && value >= percent && value <= 100) percent = value;
  }
  // The hypervisor has done its part; what is waited for now has no percent.
  if (percent == 100) return std::nullopt;
  return StartPercent{restores ? "restoring" : "starting", percent};
}

StartLog::StartLog(std::string path) : path_(std::move(path)) {
  const auto file = open_file(path_, O_RDONLY | O_NONBLOCK);
  if (file) begin_ = size_of(*file);
}

std::optional<StartPercent> StartLog::percent() const {
  const auto file = open_file(path_, O_RDONLY | O_NONBLOCK);
  if (!file) return std::nullopt;
  const off_t size = size_of(*file);
  // One that got shorter was put away for a new one.
  const off_t from = std::max(size < begin_ ? 0 : begin_, size - kMost);
  std::string text(static_cast<size_t>(size - from), '\0');
  const ssize_t n = ::pread(file->get(), text.data(), text.size(), from);
  if (n <= 0) return std::nullopt;
  text.resize(static_cast<size_t>(n));
  return start_percent(text);
}

}  // namespace vmkeep::tools
