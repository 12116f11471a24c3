#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace vmkeep::tools {
namespace {

constexpr Instant kQuiet{1000};
constexpr size_t kUsualWidth = 80;

size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return kUsualWidth;
  return size.ws_col;
}

std::string seconds(Instant time) {
  return std::to_string(time.count() / 1000) + " s";
}

}  // namespace

std::string progress_line(const std::map<std::string, std::pair<std::string, int>>& items, Instant since,
                          size_t width, std::optional<Instant> usual) {
  std::string line;
  bool percent = false;
  for (const auto& [name, item] : items) {
    line += (line.empty() ? "" : ", ") + name;
    if (!item.first.empty()) line += " " + item.first;
    if (item.second >= 0) line += " " + std::to_string(item.second) + " %";
    percent = percent || item.second >= 0;
  }
  std::string time = " (" + seconds(since);
  if (usual && !percent) {
    const Instant whole = std::chrono::ceil<std::chrono::seconds>(*usual);
    time += (since <= whole ? " of about " : ", usually ") + seconds(whole);
  }
  time += ")";
  if (line.size() + time.size() >= width) {
    line.resize(width > time.size() + 4 ? width - time.size() - 4 : 0);
    line += "...";
  }
  return line + time;
}

Progress::Progress(bool shown) : shown_(shown), begun_(now()) {}

void Progress::set(const std::string& name, const std::string& text, int percent) {
  items_[name] = {text, percent};
}

void Progress::drop(const std::string& name) {
  items_.erase(name);
}

void Progress::draw() {
  const Instant since = now() - begun_;
  if (!shown_ || items_.empty() || since < kQuiet) return;
  std::map<std::string, std::pair<std::string, int>> items;
  for (const auto& [name, item] : items_) items[name] = {item.text, item.percent};
  const std::string line = progress_line(items, since, terminal_width(), usual_);
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace vmkeep::tools
