// The policy of a VM instance: pure tables.
//
//   start_plan()  (config, observation, why) -> what the start method does           behaviour spec 3.2
//   stop_plan()   (config, observation, budget) -> the steps of the stop method        4.1 to 4.3
//   judge()       (config, history, observation, cause, now) -> a verdict              5.3 to 5.5
//
// Nothing here does anything, and nothing else decides.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "graph/state.h"
#include "vm/config.h"
#include "vm/state.h"

namespace vmkeep::vm {

// ---- start
// ----------------------------------------------------------------------------------------------------

enum class StartAction {
  launch,                // run the VM's process in the contract (boots, or restores what is saved)
  adopt,                 // it runs already: take its process into the contract, touch nothing
  save_then_launch,      // it runs already, and vm/takeover says savestate: save it, then launch
  resume,                // paused and ours: resume it, then adopt
  poweroff_then_launch,  // stuck and start_stuck_vm
  wait,                  // passing state: look again
  leave,                 // success, and the VM is left as it is (start_halted_vm=false and the like)
  refuse,                // failure: fatal, maintenance
  misconfigured,         // failure: no such VM is registered; a configuration error, maintenance
  retry,                 // the hypervisor did not know: fail in a retryable way
};

struct StartPlan {
  StartAction action = StartAction::refuse;
  std::string why;  // a sentence: "it is saved; start_saved_vm is true; restoring it"
};

// `commanded`: a verdict asked for this start (restart after an abort), so the start_* properties do not
// judge again; only what the VM is now matters.
// `ours`: what runs was launched by this very start, of which the news was lost (another guard, say):
// vm/takeover is about what somebody else runs.
StartPlan start_plan(const VmConfig& config, const Observation& observed, bool commanded, bool ours = false);

// ---- stop
// -----------------------------------------------------------------------------------------------------

enum class StopAction { savestate, acpipowerbutton, acpisleepbutton, poweroff, reset, emergencystop };
std::string_view to_string(StopAction action);  // the hypervisor's own word

struct StopStep {
  StopAction action;
  VmState wanted;  // what it should end in; VmState::unknown: nothing to wait for
  std::optional<std::chrono::milliseconds> budget;  // how long to wait for that; absent: unlimited
};

struct StopPlan {
  std::vector<StopStep> steps;  // the next one only if the one before did not get there
  bool wait_first = false;      // a passing state: look again before deciding
  bool forced = false;          // no call may take longer than its step: the budget is a promise
  std::string why;
};

// `budget`: what is left of the method's timeout; the plan ends its last step two seconds before it (T50).
// `force`: the VM has to be down by the end of the budget, whatever stop_method says: a shutdown that may
// take so long and no longer (T62).
StopPlan stop_plan(const VmConfig& config, const Observation& observed,
                   std::optional<std::chrono::milliseconds> budget, bool force = false);

// What an operator's word takes a VM down with (1.8, 1.9).  The steps are those of a stop method; an empty
// list: there is nothing to take down.
//   save       savestate
//   poweroff   the power button, then the plug; of a stuck VM the plug at once
//   reboot     the same, and a reset where both are refused: after that the VM is up, and not started again
//   (B8)
// `limit`: of each step; absent: none.
enum class TakeDown { save, poweroff, reboot };
StopPlan take_down_plan(TakeDown how, const Observation& observed,
                        std::optional<std::chrono::milliseconds> limit);

// ---- the monitor
// ----------------------------------------------------------------------------------------------

enum class Cause {
  contract_empty,  // all its processes are gone
  report,          // the guard saw it change: paused, saved, stuck, silent
  look,            // the safety net, a restart of the daemon or of the guard
  operator_word,   // not a question's: the start that follows was asked for by a person
};
std::string_view to_string(Cause cause);

enum class VerdictKind { restart, leave_online, offline, degraded, maintenance, ask_again };

struct Verdict {
  VerdictKind kind = VerdictKind::leave_online;
  graph::Reason reason = graph::Reason::none;
  std::string why;      // one line for the log: "the VM is aborted (2nd time in 1200 s); restarting it"
  bool resume = false;  // with leave_online: the guard resumes a paused VM
  Instant delay{};      // with restart: how long the start waits, where no window limits them (T65)
  // With leave_online: vmkeepd has the VM rebooted once this verdict's history, which holds the outage, is on
  // record.  patience: so long the guest has for the power button.
  bool reboot = false;
  Instant patience{};
};

// What an operator does to a VM, and what the monitor must not take for a fault.  Written before it is done,
// so that whoever finds the VM down later knows why; it ends when the VM is started again, or with `until`.
enum class OutageKind { save, poweroff, reboot, gui, snapshot, pause };
std::string_view to_string(OutageKind kind);
std::optional<OutageKind> outage_kind(std::string_view word);
struct Outage {
  OutageKind kind = OutageKind::save;
  std::string by;  // user name
  Instant since{};
  std::optional<Instant> until;  // gui: the lease's end
  // gui: the VM was seen running in the user's window, or whoever opened that says that it is closed.
  bool seen = false;
  bool operator==(const Outage&) const = default;
};

// Until its end nothing is done by itself to the VM; what is seen is still told.
struct Suppression {
  std::string by, why;
  Instant since{}, until{};
  bool operator==(const Suppression&) const = default;
};

// What must outlive daemon and guard; kept in the volatile store, written before the verdict is carried out.
struct History {
  std::vector<Instant> aborts;  // inside the window; without one, the last ten minutes' (for the delay)
  int unknown_in_a_row = 0;
  std::vector<Instant> hook_failures;  // inside vm/kicker_vmsvccheck_failures_timeframe
  std::vector<Instant> hook_reboots;   // inside the same; caps them
  Instant started{};                   // the last start that came about
  std::optional<Outage> outage;
  std::optional<Suppression> suppression;
  bool restart_saved_once = false;  // start it once when it is found saved, whatever the properties say
  std::string fell;  // see Observation; until it runs again, or an administrator disables or clears it
};

// What was sent with a question came back changed, and meanwhile the operator may have changed it too: of
// each member the answer's value counts only where `current` is still what was sent.
History merged(const History& current, const History& sent, const History& answered);

struct Judgement {
  Verdict verdict;
  History history;
};

Judgement judge(const VmConfig& config, const History& history, const Observation& observed, Cause cause,
                Instant now);

// Whether the VM is handed to a window that is still to come.  It wants the VM's lock in a moment that nobody
// knows, so that nobody else may hold that: a look does (facts 1).
bool awaits_window(const std::optional<Outage>& outage, Instant now);

// What an operator did, or asked for, over the table of states; nothing where it explains nothing.  Part of
// judge(), in outage.cpp with the rules in prose.
std::optional<Verdict> operator_verdict(const VmConfig& config, const Observation& observed, Cause cause,
                                        Instant now, History& history);

}  // namespace vmkeep::vm
