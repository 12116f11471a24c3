// What a terminal shows while something takes its time: one line on stderr that is drawn over again, with
// what each VM is at and for how long.  On anything else than a terminal, and in the first second, nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"

namespace vmkeep::tools {

class Progress {
 public:
  explicit Progress(bool shown);  // shown: stderr is a terminal and nobody wants JSON
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set(const std::string& name, const std::string& text, int percent);  // percent < 0: not known
  void drop(const std::string& name);
  // How long it usually takes, where that was measured; told as long as nobody knows a percent.
  void expect(Instant usual) { usual_ = usual; }
  bool shown() const { return shown_; }
  void draw();   // at every turn of the caller's wait; no oftener than that matters
  void clear();  // before something is printed
  // How long a caller may wait before it draws again.
  static constexpr Instant kTurn{250};

 private:
  struct Item {
    std::string text;
    int percent = -1;
  };
  bool shown_;
  Instant begun_;
  std::optional<Instant> usual_;
  bool drawn_ = false;
  std::map<std::string, Item> items_;
};

// The line: "vm1 saving 40 %, vm2 saving (12 s)", cut to `width` columns; with `usual` and no percent
// anywhere "vm1 start (3 s of about 8 s)", and once that is over "vm1 start (9 s, usually 8 s)".  Pure.
std::string progress_line(const std::map<std::string, std::pair<std::string, int>>& items, Instant since,
                          size_t width, std::optional<Instant> usual = std::nullopt);

}  // namespace vmkeep::tools
