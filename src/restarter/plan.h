// What a boot or a shutdown of everything would look like: who waits for whom, who does what when, and what
// the longest chain is.  Pure; the same arithmetic decides a real shutdown with a budget.
//
// An item waits for others (`waits`), takes a time (measured, else guessed) and, if it is `paced`, one of the
// `width` places.  The plan lets time run: whatever may begin begins, the one with the longest way still
// ahead first (a boot: in the order in which they become ready).
//
// A budget is a promise.  Each item gets a latest finish: the end of the budget less what those need that
// cannot begin before it is done.  Where the longest chain does not fit, all of its members give up time in
// proportion, down to what a forced stop takes, so that the last in the row still has its share.  Whoever is
// not done by its latest finish is forced then; whoever has got no place by then is forced without one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vmkeep::restarter {

// What a forced stop of one VM takes: poweroff, and emergencystop if that does not help.
inline constexpr Instant kForcedTime = std::chrono::seconds(5);

struct PlanItem {
  std::string fmri;
  std::string what;              // start, save, stop, nothing
  std::optional<Instant> takes;  // measured
  Instant guess{0};              // counts where nothing was measured
  bool paced = false;
  struct Wait {
    bool any = false;  // one of them is enough
    std::vector<std::string> whom;
  };
  std::vector<Wait> waits;
  Instant time() const { return takes.value_or(guess); }
};

struct PlanLimits {
  size_t width = 0;            // paced items at once; 0: no limit
  Instant stagger{0};          // between two paced items' beginnings
  bool longest_first = false;  // else in the order of becoming ready
  std::optional<Instant> budget;
};

struct PlanStep {
  std::string fmri, what;
  Instant at{}, ends{};
  std::optional<Instant> takes;
  std::vector<std::string> after;  // those of the plan that it waits for
  bool forced = false;
};

struct Plan {
  std::vector<PlanStep> steps;  // in the order of beginning
  Instant total{};
  std::vector<std::string> chain;  // the longest, first to last
  Instant chain_time{};
};

// What was measured of an instance: the median of its last durations.
struct Measured {
  std::optional<Instant> start, stop;
};
using Measurements = std::map<std::string, Measured>;

Plan make_plan(const std::vector<PlanItem>& items, const PlanLimits& limits);

// Of each item: how late it may end so that the budget holds, and its rank among those that want a place:
// less is first.
struct StopWindow {
  std::optional<Instant> latest_finish;  // from the beginning; absent without a budget
  Instant latest_start{};                // negative without a budget: less the longer the way ahead
};
std::map<std::string, StopWindow> stop_windows(const std::vector<PlanItem>& items,
                                               std::optional<Instant> budget);

}  // namespace vmkeep::restarter
