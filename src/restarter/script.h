// What everything shares that drives a restarter in virtual time from lines of text: the golden scenarios of
// this room (scenario.h) and `vmkeep simulate`.
//
// Pure, as the room is: the time is a number, a timer is an entry in a table that somebody takes when its
// time has come.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restarter/events.h"

namespace vmkeep::restarter {

using Words = std::vector<std::string>;

// Words are separated by blanks; double quotes keep blanks.
Words split(std::string_view line);

// "250ms", "20s", "5m", "2h", "20" (seconds); "1.5s".  Nothing if it is none, or negative.
std::optional<Instant> duration(std::string_view word);

// "online -> offline (vm_aborted: the VM is aborted)".
std::string to_string(const SetState& action);

// The timers that a restarter armed and nobody fired yet.
class Timers {
 public:
  bool arm(const ArmTimer& timer);  // false: that number is armed already
  bool cancel(uint64_t timer);      // false: it is not armed
  bool empty() const { return armed_.empty(); }
  std::optional<Instant> next() const;
  // The earliest at or before `until`, of those that are due together the one that was armed first.
  std::optional<ArmTimer> take(Instant until);

 private:
  std::map<uint64_t, ArmTimer>::const_iterator earliest() const;
  std::map<uint64_t, ArmTimer> armed_;
};

}  // namespace vmkeep::restarter
