// How long the start and the stop of each instance took, the last few times: durations.json in the state
// folder, for predictions (restarter/plan.h).
//
// A cache and no more: it is written some seconds after a change, and at the end; what a power cut loses, the
// next start measures again.  A stop is kept under what it did: a VM whose stop_method was changed from
// saving to switching off is not predicted by its saves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "restarter/plan.h"

namespace vmkeep::daemon {

class Durations {
 public:
  explicit Durations(const Executor& executor) : changed_(executor) {}

  // A file that is missing or makes no sense is an empty one.
  void open(std::string path);
  // kind: start, stop, save.
  void note(const std::string& fmri, const std::string& kind, Instant took);
  void forget(const std::string& fmri);
  // The median of the last ones.
  std::optional<Instant> typical(const std::string& fmri, const std::string& kind) const;
  Result<> write();
  // Writes what changed, for ever.
  static Task<> keep(Durations& self);

 private:
  std::string path_;
  std::map<std::string, std::map<std::string, std::vector<int64_t>>>
      by_instance_;  // milliseconds, oldest first
  bool dirty_ = false;
  Signal changed_;
};

}  // namespace vmkeep::daemon
