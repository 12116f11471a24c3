// The typed vm/* properties of an instance (behaviour spec 2.2), read once from its running configuration.
//
// Bad values are refused here, with the property's name and what it may be; nothing else in vmkeep reads
// vm/*. Inheritance: instance over service per property, but properties marked IO in the spec's table read
// the instance only where the table says so.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "repository/types.h"

namespace vmkeep::vm {

enum class StopMethod { savestate, acpipowerbutton, acpisleepbutton, poweroff, reset, poweroff_graceful };
std::string_view to_string(StopMethod method);
std::optional<StopMethod> stop_method(std::string_view word);

// vm/kicker_restart: one word over all the restart_* properties, for the monitor only (5.5).
enum class KickerRestart { by_state, none, all };

struct VmConfig {
  std::string name;  // vm/name, else the instance's name
  std::string uuid;  // vm/uuid, else empty: found by name
  StopMethod stop_method = StopMethod::savestate;
  std::optional<std::chrono::seconds> stop_timeout;  // absent: unlimited (0, negative or missing)
  bool start_aborted_vm = false;
  bool start_paused_vm = false;
  bool start_halted_vm = true;
  bool start_saved_vm = true;
  bool start_stuck_vm = false;
  bool restart_stuck_vm = false;
  bool is_interactive = false;
  bool is_dualboot = false;
  bool restart_aborted_vm = false;
  bool restart_paused_vm = false;
  bool restart_halted_vm = false;
  bool restart_saved_vm = false;
  bool ignore_paused_vm = true;
  bool offline_is_maint = false;
  int offline_unknown_state_maxcount = 0;
  // Both > 0, or there is no limit.
  int restart_aborted_vm_failures_maxcount = 0;
  std::chrono::seconds restart_aborted_vm_failures_timeframe{0};
  std::chrono::seconds kicker_freq{50};  // bounds the safety net's period
  std::optional<int> nice;
  std::string timezone;  // empty: as the daemon's
  KickerRestart kicker_restart = KickerRestart::by_state;

  // Hard defaults as in the spec's table; the shipped manifest sets the more helpful ones at the service.
  static Result<VmConfig> read(const repository::Levels& running, const std::string& instance_name);
};

}  // namespace vmkeep::vm
