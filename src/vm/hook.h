// What is known of the guest inside a running VM, and what follows from it (behaviour spec 5.7; B19).  Pure.
//
// The hook is a program of the owner that looks at the guest's service once a cycle (vm/kicker_freq).  Its
// exit code is looked up in four lists of codes and means
//
//   okay         the list of failures is cleared
//   failure      counts; more than failures_maxcount inside failures_timeframe: the VM is rebooted.  Without
//                both properties it never leads anywhere (T85)
//   reboot       the VM is rebooted at once
//   maintenance  the instance goes to maintenance, the VM keeps running
//
// Reboots are counted too: after reboots_maxcount of them inside their window the next one is maintenance
// instead, or a check that can never succeed would reboot its VM for ever.
//
// The heartbeat is what the hypervisor hears of the guest's own driver.  While it is lost the instance is
// degraded; lost for heartbeat_restart_after, with neither disk nor network moving, the VM is restarted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/policy.h"

namespace vmkeep::vm {

std::string_view to_string(HookMeaning meaning);  // "okay", "failure", "reboot", "maintenance"

// The lists are searched in that order.  A code in none of them keeps its own meaning (0, 2, 3), and is a
// failure if it has none.
HookMeaning hook_meaning(const VmConfig& config, int code);

// Enabled, and there is something to run.
bool has_hook(const VmConfig& config);

// When the hook is to run next in a VM that runs: not before startdelay after `started` (zero: long ago), and
// one period after the beginning of the run before.
Instant next_hook(const VmConfig& config, Instant started, std::optional<Instant> last);

// How long reboots are remembered: failures_timeframe (an hour where there is none), or longer where so many
// reboots as are allowed could not come about in it.
Instant reboot_window(const VmConfig& config);

// Of a guest whose heartbeat is lost since `since`: when it matters next, kNever if it cannot any more.
std::optional<Instant> heartbeat_limit(const VmConfig& config, Instant since);

// Of a VM that runs: the part of judge() that this file is about.
Verdict judge_guest(const VmConfig& config, const GuestNews& guest, History& history, Instant now);

// Whether what happened is worth a crash dossier.
bool deserves_dossier(const Verdict& verdict);

}  // namespace vmkeep::vm
