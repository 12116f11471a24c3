#include "graph/state.h"

#include <array>

namespace vmkeep::graph {
namespace {

struct StateText {
  State state;
  std::string_view name;
  std::string_view abbreviation;
  char letter;
  int rank;  // 4.1, the sort order of svcs
};

constexpr std::array kStates = {
    StateText{State::none, "none", "-", '-', 7},
    StateText{State::uninitialized, "uninitialized", "UN", 'u', 6},
    StateText{State::offline, "offline", "OFF", '0', 4},
    StateText{State::online, "online", "ON", '1', 2},
    StateText{State::degraded, "degraded", "DGD", 'D', 3},
    StateText{State::maintenance, "maintenance", "MNT", 'm', 5},
    StateText{State::disabled, "disabled", "DIS", 'd', 1},
    StateText{State::legacy_run, "legacy_run", "LRC", 'L', 0},
};

// In the order of the enumeration, so that a look-up is an index; the test checks it.  Explanations and codes
// of SMF's own reasons are those of an instance in maintenance (4.3); reasons whose text needs a name or is
// "Unknown." have none, and the tool falls back to its own rules.
constexpr std::array kReasons = {
    ReasonText{Reason::none, "none", "the restarter gave no reason", "", "9C"},
    ReasonText{Reason::administrative_request, "administrative_request",
               "maintenance was requested by an administrator", "Maintenance requested by an administrator.",
               "63"},
    ReasonText{Reason::bad_repo_state, "bad_repo_state", "an SMF repository inconsistecy exists", "", "AR"},
    ReasonText{Reason::clear_request, "clear_request", "maintenance clear was requested by an administrator",
               "", "AR"},
    ReasonText{Reason::ct_ev_core, "ct_ev_core", "a process dumped core", "", "AR"},
    ReasonText{Reason::ct_ev_exit, "ct_ev_exit", "all processes in the service have exited", "", "AR"},
    ReasonText{Reason::ct_ev_hwerr, "ct_ev_hwerr", "a process was killed due to uncorrectable hardware error",
               "", "AR"},
    ReasonText{Reason::ct_ev_signal, "ct_ev_signal",
               "a process received a fatal signal from outside the service", "", "AR"},
    ReasonText{Reason::dependencies_satisfied, "dependencies_satisfied",
               "all dependencies have been satisfied", "", "AR"},
    ReasonText{Reason::dependency_activity, "dependency_activity", "a dependency activity required a stop",
               "", "AR"},
    ReasonText{Reason::dependency_cycle, "dependency_cycle", "a dependency cycle exists",
               "Completes a dependency cycle.", "HP"},
    ReasonText{Reason::disable_request, "disable_request", "a disable was requested", "", "AR"},
    ReasonText{Reason::enable_request, "enable_request", "an enable was requested", "", "AR"},
    ReasonText{Reason::fault_threshold_reached, "fault_threshold_reached",
               "a method is failing in a retryable manner but too often", "Method failed repeatedly.", "8Q"},
    ReasonText{Reason::insert_in_graph, "insert_in_graph", "the instance was inserted in the graph", "",
               "AR"},
    ReasonText{Reason::invalid_dependency, "invalid_dependency", "a service has an invalid dependency",
               "Has invalid dependency.", "JA"},
    ReasonText{Reason::invalid_restarter, "invalid_restarter", "the service restarter is invalid", "", "2A"},
    ReasonText{Reason::method_failed, "method_failed", "a start, stop or refresh method failed",
               "Method failed.", "8Q"},
    ReasonText{Reason::per_configuration, "per_configuration",
               "the SMF repository configuration specifies this state", "", "AR"},
    ReasonText{Reason::restart_request, "restart_request", "a restart was requested", "", "AR"},
    ReasonText{Reason::restarting_too_quickly, "restarting_too_quickly",
               "the instance is restarting too quickly", "Restarting too quickly.", "L5"},
    ReasonText{Reason::service_request, "service_request", "maintenance was requested by another service",
               "Maintenance requested by another service.", "R4"},
    ReasonText{Reason::startd_restart, "startd_restart",
               "the instance was inserted in the graph due to startd restart", "", "AR"},
    ReasonText{Reason::vm_aborted, "vm_aborted", "the process of the VM died",
               "The process of the VM died, and its properties do not ask for a restart.", ""},
    ReasonText{Reason::vm_aborted_too_often, "vm_aborted_too_often", "the VM was aborted too often",
               "The VM was aborted more often than its properties allow.", ""},
    ReasonText{Reason::vm_halted, "vm_halted", "the guest switched itself off",
               "The guest switched itself off.", ""},
    ReasonText{Reason::vm_saved, "vm_saved", "the VM was saved outside of its service",
               "The VM was saved by somebody else than its service.", ""},
    ReasonText{Reason::vm_paused, "vm_paused", "the VM is paused",
               "The VM is paused, and its properties do not ignore that.", ""},
    ReasonText{Reason::vm_stuck, "vm_stuck", "the VM is stuck",
               "The VM is stuck: the hypervisor stopped it for an error that it cannot mend.", ""},
    ReasonText{Reason::vm_missing, "vm_missing", "the hypervisor does not know the VM",
               "The VM is not registered with its owner's hypervisor, or it is inaccessible.", ""},
    ReasonText{Reason::vm_unknown, "vm_unknown", "nobody can say in which state the VM is",
               "The hypervisor's answer and the processes that run do not agree about the VM's state.", ""},
    ReasonText{Reason::hypervisor_silent, "hypervisor_silent", "the hypervisor does not answer",
               "The hypervisor does not answer in time; what the VM does is not known.", ""},
    ReasonText{Reason::vm_operator, "vm_operator", "an operator asked for it",
               "An operator saved, powered off, paused or rebooted the VM.", ""},
    ReasonText{Reason::waits_turn, "waits_turn", "VMs start a few at a time",
               "Waits for its turn, and starts by itself when that comes.", ""},
    ReasonText{Reason::vm_check_failed, "vm_check_failed", "the check of the guest failed",
               "The check that the VM's owner set for its guest fails.", ""},
    ReasonText{Reason::vm_unresponsive, "vm_unresponsive", "the guest does not respond",
               "The heartbeat of the VM's guest is lost.", ""},
};

const StateText& row(State state) {
  for (const auto& entry : kStates) {
    if (entry.state == state) return entry;
  }
  return kStates[0];
}

}  // namespace

std::string_view to_string(State state) {
  return row(state).name;
}
std::string_view abbreviation(State state) {
  return row(state).abbreviation;
}
char letter(State state) {
  return row(state).letter;
}
int sort_rank(State state) {
  return row(state).rank;
}

std::optional<State> state(std::string_view name) {
  for (const auto& entry : kStates) {
    if (entry.name == name) return entry.state;
  }
  return std::nullopt;
}

const ReasonText& text(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return index < kReasons.size() ? kReasons[index] : kReasons[0];
}

std::string_view to_string(Reason reason) {
  return text(reason).name;
}

std::optional<Reason> reason(std::string_view name) {
  for (const auto& entry : kReasons) {
    if (entry.name == name) return entry.reason;
  }
  return std::nullopt;
}

}  // namespace vmkeep::graph
