// When a start is over: vm/start_wait_policy (behaviour spec 5.9; T87, T88).  Pure.
//
// SMF's dependents start when an instance is online, and an instance is online when its start method exits.
// With a policy the start method exits only when the guest's service is there:
//
//   nodelay        at once, when the VM runs
//   timeout        at the deadline
//   hook_*         when the check of the guest (hook.h) exits 0; tried once a second; only the raw code
//   counts guest_*        when a guest property has a value, or the wanted value
//   *_lax          the deadline is no failure
//   *_strict       it is: 95, and the VM that was started for nothing is stopped
//
// The deadline is five seconds before the start method's own limit (start/timeout_seconds).  A method without
// a limit, or with one of five seconds or less, does not wait.  A hook policy without a usable hook, and a
// guest policy without a guest property, is timeout.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "vm/config.h"

namespace vmkeep::vm {

enum class ReadyBy { nothing, time, hook, guest_property };

struct ReadyPlan {
  ReadyBy by = ReadyBy::nothing;
  bool strict = false;
  Instant until{};
  std::string why;  // for the log, if there is anything to wait for
};

struct ReadyInput {
  std::optional<Instant> limit;  // of the start method, as configured; absent: none
  Instant deadline{};            // when that is over
  bool hook_usable = false;      // enabled, and an executable file
  bool launched = true;          // false: the VM ran before.  There is nothing to sleep for then
};

ReadyPlan ready_plan(const VmConfig& config, const ReadyInput& input);

// Whether the value of the guest property (absent: not set) says that the guest is ready.
bool says_ready(const VmConfig& config, const std::optional<std::string>& value);

}  // namespace vmkeep::vm
