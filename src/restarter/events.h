// What the restarter is told (Event), and what it wants done (Action).  Both are plain data: the daemon
// carries actions out and turns what happens into events; tests do the same with a script and a virtual
// clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "graph/graph.h"
#include "graph/state.h"
#include "restarter/admission.h"
#include "restarter/config.h"
#include "restarter/plan.h"
#include "vm/policy.h"

namespace vmkeep::restarter {

enum class MethodName { start, stop, refresh };
std::string_view to_string(MethodName method);

// How a method process ended.
struct MethodEnd {
  enum class Kind { exited, signaled, not_started } kind = Kind::exited;
  int value = 0;  // exit code or signal number
  bool core = false;
  std::string why;  // of not_started: what could not be done (context, exec); fatal, exit code in value if
                    // any.  Of exited: what a VM's method said of its failure; may be empty
  bool kept =
      false;  // a VM's stop that succeeded and leaves it running, as its stop_method is meant to (T54)
};

// What was asked of an instance and is not done yet, because a method of it runs or its dependents go first.
// It is on record meanwhile (2.7), so that the next daemon does it if this one does not come to it.
struct Requests {
  bool restart = false;
  bool refresh = false;
  bool degrade = false;
  bool start = false;  // a person wants its VM started (StartCommanded)
  bool maintain = false;
  bool immediate = false;      // of maintain: no stop method
  bool administrative = true;  // false: another service asked
  bool operator==(const Requests&) const = default;
  bool any() const { return restart || refresh || degrade || start || maintain; }
};

// What the daemon found again after it was restarted (6.15).
struct Recovered {
  graph::State state = graph::State::uninitialized;
  graph::State next_state = graph::State::none;  // not none: it was in the middle of something
  graph::Reason reason = graph::Reason::none;
  bool has_contract = false;    // it had a contract: false for :true, transient and exit 94
  bool contract_empty = false;  // nobody lives in it any more, or it is gone
  bool claimed = false;         // it is a VM instance
  Requests waiting{};
};

// ---- events
// -----------------------------------------------------------------------------------------------------

// A new instance, or all of them at the daemon's start.  `enabled` absent: not configured, never told to
// anybody. `more`: others follow at once, so nothing is decided before the last one: a member of an
// optional_all group that is not loaded yet must not be taken for one that does not exist.
struct Loaded {
  std::string fmri;
  InstanceConfig config;
  std::optional<bool> enabled;
  Recovered recovered;
  bool more = false;
  bool created = false;  // it just came into the repository, and nobody asked for it with svcadm enable
};
struct Refreshed {
  std::string fmri;
  InstanceConfig config;
};  // svcadm refresh: rereads, may run `refresh`
struct Removed {
  std::string fmri;
};
struct EnabledChanged {
  std::string fmri;
  bool enabled = false;
};
enum class Request { restart, clear, maintain, degrade };
struct Requested {
  std::string fmri;
  Request request = Request::restart;
  bool immediate = false;      // maintain: no stop method
  bool administrative = true;  // false: another service asked
};
struct MethodEnded {
  std::string fmri;
  uint64_t run = 0;
  MethodEnd end;
};
struct ContractEmptied {
  std::string fmri;
};
enum class Fault { core, signal, hwerr };
struct ProcessFaulted {
  std::string fmri;
  Fault fault = Fault::signal;
};
struct TimerFired {
  std::string fmri;
  uint64_t timer = 0;
};
struct Claimed {
  std::string fmri;
};  // our method said that this is a VM instance
struct VerdictGiven {
  std::string fmri;
  uint64_t question = 0;
  vm::Verdict verdict;
  bool emptied = false;  // the contract is empty by now, whether that was told already or not
};
struct Reported {
  std::string fmri;
};  // the guard saw the VM change by itself
// A person wants the VM of this instance started, now and whatever its start_* properties say.  Of an
// instance that is up the VM is down: it is restarted.  One that is disabled is enabled by another event.
struct StartCommanded {
  std::string fmri;
};
struct FactChanged {
  std::string name;
  bool holds = false;
};
struct FileChanged {
  std::string path;
  bool present = false;
};
// The milestone that the host is held at (5.6): "all", "none", or the FMRI of a major one.  Who had to go
// down for it is told by EnabledChanged; what is created from now on obeys it, too.
struct MilestoneSet {
  std::string milestone;
};
// The pace of starts and saves is configured; the host told its pressure.
struct PaceConfigured {
  AdmissionConfig config;
};
struct PressureRead {
  HostPressure pressure;
};
// vmkeep shutdown: everything goes down, in order, and nothing is started any more.  With a budget it is over
// by then.  Each is answered by one ShutDownDone once nothing is up, or the budget is used up.
struct ShutDown {
  std::optional<Instant> budget;
  Measurements measured;
};
struct StartUp {};  // vmkeep startup: takes the last ShutDown back, whether it is over or not

using Event =
    std::variant<Loaded, Refreshed, Removed, EnabledChanged, Requested, MethodEnded, ContractEmptied,
                 ProcessFaulted, TimerFired, Claimed, VerdictGiven, Reported, StartCommanded, FactChanged,
                 FileChanged, MilestoneSet, PaceConfigured, PressureRead, ShutDown, StartUp>;

// ---- actions
// ----------------------------------------------------------------------------------------------------

// Publish the state (restarter property group), durable before the next action.
struct SetState {
  std::string fmri;
  graph::State state, next_state;
  graph::Reason reason = graph::Reason::none;
  std::string why;  // more than the reason says, for svcs -x: "4 aborts in 1200 s"; may be empty
};
struct Log {
  std::string fmri;
  std::string text;
};  // a line of the instance's log
struct Notice {
  std::string text;
};  // a line of the daemon's log
// Run a method.  A start method gets a new contract, which becomes the instance's; any other a contract of
// its own.  `exec` is as configured, tokens not expanded; the daemon expands, logs "Executing ..." and
// answers with MethodEnded{run}.
struct RunMethod {
  std::string fmri;
  MethodName method = MethodName::start;
  uint64_t run = 0;
  std::string exec;
  std::optional<vm::Cause> commanded;  // a start that a verdict asked for
  std::optional<Instant> until;        // a stop that has to be over by then, by force if need be
};
// A method ran out of time.  Of a VM instance only the method's own process is killed and the guard told to
// give up its call; otherwise SIGKILL to the contract that the method runs in (for stop: also the
// instance's).
struct KillMethod {
  std::string fmri;
  uint64_t run = 0;
  bool vm_instance = false;
};
struct SignalContract {
  std::string fmri;
  int signal = 15;
};  // to every member, once
// The instance has none any more.  kill: members first; late: because they had to be gone by now (6.9).
struct ReleaseContract {
  std::string fmri;
  bool kill = false;
  bool late = false;
};
// A timer of the restarter itself has no instance: its fmri is empty.
struct ArmTimer {
  std::string fmri;
  uint64_t timer = 0;
  Instant at{};
};
struct CancelTimer {
  std::string fmri;
  uint64_t timer = 0;
};
struct AskVerdict {
  std::string fmri;
  uint64_t question = 0;
  vm::Cause cause = vm::Cause::contract_empty;
};
struct ReplaceGuard {
  std::string fmri;
};  // it did not answer: kill it, start another
struct DisableTemporarily {
  std::string fmri;
};  // general_ovr/enabled = false
struct LiftTemporarily {
  std::string fmri;
};  // general_ovr/enabled is taken away; EnabledChanged tells what is true then
// Durable before the next action; nothing is waiting any more if `waiting` is empty.
struct RecordRequests {
  std::string fmri;
  Requests waiting;
};
struct TakeStartSnapshot {
  std::string fmri;
};
struct StoreStartStatus {
  std::string fmri;
  MethodEnd end;
};  // for svcs -x (start_method_waitstatus)
// All is down, or the budget is used up; left: what is up all the same, or its VM is.
struct ShutDownDone {
  std::vector<std::string> left;
};

using Action =
    std::variant<SetState, Log, Notice, RunMethod, KillMethod, SignalContract, ReleaseContract, ArmTimer,
                 CancelTimer, AskVerdict, ReplaceGuard, DisableTemporarily, LiftTemporarily, RecordRequests,
                 TakeStartSnapshot, StoreStartStatus, ShutDownDone>;

}  // namespace vmkeep::restarter
