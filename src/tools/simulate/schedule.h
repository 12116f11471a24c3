// Virtual time: what is to happen, in the order in which it does.  What is due at one moment happens in the
// order in which it was put down; looks at the outcome (expectations) come after all else of their moment.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace vmkeep::simulate {

class Schedule {
 public:
  using What = std::function<void()>;

  Instant now() const { return now_; }
  void after(Instant delay, What what) { put(now_ + delay, 0, std::move(what)); }
  void at(Instant when, What what) { put(when, 0, std::move(what)); }
  void finally_at(Instant when, What what) { put(when, 1, std::move(what)); }

  std::optional<Instant> next() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.begin()->first.at);
  }
  bool next_is_final() const { return !entries_.empty() && entries_.begin()->first.phase == 1; }
  void go_to(Instant when) { now_ = when; }
  void run_next() {
    auto entry = entries_.extract(entries_.begin());
    now_ = std::max(now_, entry.key().at);
    entry.mapped()();
  }

 private:
  struct Key {
    Instant at{};
    int phase = 0;
    uint64_t number = 0;
    auto operator<=>(const Key&) const = default;
  };
  void put(Instant when, int phase, What what) {
    entries_.emplace(Key{std::max(when, now_), phase, ++count_}, std::move(what));
  }

  std::map<Key, What> entries_;
  Instant now_{};
  uint64_t count_ = 0;
};

}  // namespace vmkeep::simulate
