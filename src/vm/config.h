// The typed vm/* properties of an instance (behaviour spec 2.2), read once from its running configuration
// over the table in properties.h.
//
// Bad values are refused here, all at once, with the property's name and what it may be; nothing else in
// vmkeep reads vm/*.  Inheritance: instance over service per property, but properties marked IO in the spec's
// table read the instance only where the table says so.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "repository/types.h"
#include "vm/properties.h"

namespace vmkeep::vm {

enum class StopMethod { savestate, acpipowerbutton, acpisleepbutton, poweroff, reset, poweroff_graceful };
std::string_view to_string(StopMethod method);
std::optional<StopMethod> stop_method(std::string_view word);

// vm/kicker_restart: one word over all the restart_* properties, for the monitor only (5.5).
enum class KickerRestart { by_state, none, all };

// vm/start_wait_policy: what a start waits for once the VM runs (5.9).  lax: the deadline is no failure.
// A hook policy without a hook, and a guest policy without a guest property, is timeout.
enum class StartWait { nodelay, timeout, hook_lax, hook_strict, guest_lax, guest_strict };
std::string_view to_string(StartWait policy);

// vm/takeover: what start does with a VM that runs already (T32).
enum class Takeover { adopt, savestate };

struct VmConfig {
  std::string name;  // vm/name, else the instance's name
  std::string uuid;  // vm/uuid, else empty: found by name
  bool is_interactive = false;
  bool is_dualboot = false;
  Takeover takeover = Takeover::adopt;

  StopMethod stop_method = StopMethod::savestate;
  std::optional<std::chrono::seconds> stop_timeout;  // absent: unlimited (0, negative or missing)
  bool start_aborted_vm = false;
  bool start_paused_vm = false;
  bool start_halted_vm = true;
  bool start_saved_vm = true;
  bool start_stuck_vm = false;
  StartWait start_wait_policy = StartWait::nodelay;

  bool restart_stuck_vm = false;
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
  KickerRestart kicker_restart = KickerRestart::by_state;
  // Whether a VM that was handed over to a window comes back once it is saved
  // (vm/kicker_restart_saved_vm_once_file_name is not "false").
  bool restart_saved_vm_once = true;

  // The hook (5.7).  It runs if it is enabled and has a method.
  bool kicker_vmsvccheck_enabled = false;
  std::string kicker_vmsvccheck_method;                      // absolute path; empty: none
  std::vector<std::string> kicker_vmsvccheck_method_params;  // its arguments, one each
  std::chrono::seconds kicker_vmsvccheck_startdelay{300};
  // Both > 0, or single failures never lead anywhere (T85).
  int kicker_vmsvccheck_failures_maxcount = 0;
  std::chrono::seconds kicker_vmsvccheck_failures_timeframe{0};
  // Exit codes, searched in this order; a code in none of them counts as itself.
  std::vector<int> kicker_vmsvccheck_exitcode_okay{0};
  std::vector<int> kicker_vmsvccheck_exitcode_failonce{1};
  std::vector<int> kicker_vmsvccheck_exitcode_doreboot{2};
  std::vector<int> kicker_vmsvccheck_exitcode_maintenance{3};
  std::chrono::seconds kicker_vmsvccheck_timeout{60};  // one run of the hook (T86); always > 0
  // So many reboots by the hook inside failures_timeframe (an hour, if there is none), then maintenance; 0:
  // no cap.
  int kicker_vmsvccheck_reboots_maxcount = 3;

  // A guest whose heartbeat has stopped for so long is restarted, unless its disk or network move; 0: never.
  std::chrono::seconds heartbeat_restart_after{0};
  // Ready when this guest property has a value, or this value; name empty: none.
  std::string ready_guest_property;
  std::string ready_guest_value;

  std::optional<int> nice;
  std::string timezone;                // empty: as the daemon's
  std::vector<int> cpu_set;            // empty: all
  std::optional<int> cpu_weight;       // 1 to 10000; cgroup's cpu.weight
  std::optional<int> io_weight;        // 1 to 10000; cgroup's io.weight
  std::optional<int64_t> memory_low;   // MiB that are reclaimed last: cgroup's memory.low
  std::optional<int64_t> memory_high;  // MiB above which it is slowed down: cgroup's memory.high

  bool zfssnap_flag = false;
  std::vector<std::string> zfssnap_dslist{"auto"};
  std::vector<std::string> zfssnap_dslist_append;
  std::string zfssnap_prefix = "vboxsvc-auto-snap";

  // Numbers of the signals that end a startgui -fg by the stop method.
  std::vector<int> startgui_fg_trap_signals{1, 2, 3, 15, 6};

  bool debug_smf = false;
  bool kicker_debug = false;

  // Hard defaults as in the spec's table; the shipped manifest sets the more helpful ones at the service.
  // The error tells every problem, separated by "; ".
  static Result<VmConfig> read(const repository::Levels& running, const std::string& instance_name);
};

// Where an effective value comes from.
enum class Origin { instance, service, standard };
std::string_view to_string(Origin origin);  // "instance", "service", "default"

// One property as it counts.
struct Setting {
  const PropertyInfo* property = nullptr;
  std::vector<std::string> values;  // normalised; empty: none, see PropertyInfo::without
  Origin origin = Origin::standard;
  std::string note;          // why it is not what one would think; may be empty
  std::string text() const;  // the values with blanks between
};

struct ConfigProblem {
  std::string property;  // without "vm/"
  std::string message;   // "vm/stop_method is "bogus"; it must be ..."
};

// The whole reading: for read() above, dump-config and check-config.
struct ConfigReading {
  VmConfig config;                      // with defaults where something is wrong
  std::vector<Setting> settings;        // every property of the table, in its order
  std::vector<ConfigProblem> problems;  // empty: config is good
  std::vector<std::string> unknown;     // properties of the group vm that the table has not: typing errors
};
ConfigReading read_config(const repository::Levels& running, const std::string& instance_name);

}  // namespace vmkeep::vm
