// The states of an instance (spec of the facility, section 4.1) and the reasons for them (4.2), with every
// text that the tools print for them, in one place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkeep::graph {

enum class State { none, uninitialized, offline, online, degraded, maintenance, disabled, legacy_run };

std::string_view to_string(State state);  // "offline"; "none" for none
std::optional<State> state(std::string_view name);
std::string_view abbreviation(State state);  // "OFF"; "-" for none (column STA)
char letter(State state);                    // '0'; '-' for none (column S)
int sort_rank(State state);                  // 4.1: disabled 1, online 2, ...
inline bool is_up(State s) {
  return s == State::online || s == State::degraded;
}

// SMF's own reasons, then those that VM instances add.  The table in state.cpp gives each its short name
// (auxiliary_state), the text of `svcs -x` and its code.
enum class Reason {
  none,
  administrative_request,
  bad_repo_state,
  clear_request,
  ct_ev_core,
  ct_ev_exit,
  ct_ev_hwerr,
  ct_ev_signal,
  dependencies_satisfied,
  dependency_activity,
  dependency_cycle,
  disable_request,
  enable_request,
  fault_threshold_reached,
  insert_in_graph,
  invalid_dependency,
  invalid_restarter,
  method_failed,
  per_configuration,
  restart_request,
  restarting_too_quickly,
  service_request,
  startd_restart,
  // VM instances:
  vm_aborted,            // the VM's process died and VirtualBox says aborted
  vm_aborted_too_often,  // more aborts in the window than vm/restart_aborted_vm_failures_maxcount
  vm_halted,             // the guest switched itself off
  vm_saved,              // saved behind our back
  vm_paused,             // paused and not ignored
  vm_stuck,              // guru meditation
  vm_missing,            // not registered with VirtualBox any more, or inaccessible
  vm_unknown,            // the hypervisor's answer and the process disagree
  hypervisor_silent,     // no answer in time
  vm_operator,           // an operator saved, powered off, paused or rebooted it, or has it in a window
  waits_turn,            // it could start, but VMs start a few at a time
  vm_check_failed,       // its owner's check of the guest (vm/kicker_vmsvccheck_method) says so
  vm_unresponsive,       // the guest's heartbeat is lost
};

struct ReasonText {
  Reason reason;
  std::string_view name;         // auxiliary_state
  std::string_view description;  // one sentence, lower case, for events
  std::string_view
      explanation;  // after "Reason: " in svcs -x, for reasons that are no SMF special case; may be empty
  std::string_view code;  // "63"; empty: none
};

const ReasonText& text(Reason reason);
std::string_view to_string(Reason reason);
std::optional<Reason> reason(std::string_view name);

}  // namespace vmkeep::graph
