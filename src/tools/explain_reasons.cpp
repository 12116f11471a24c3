// The words of svcs -x for one instance by itself.
#include <sys/wait.h>

#include <cstring>

#include "tools/explain.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::Reason;
using graph::State;

// How the last start method ended; empty if that is not known, or if it did not fail.
std::string how_it_ended(const InstanceMessage& instance) {
  if (!instance.start_status || *instance.start_status == 0) return {};
  const int raw = *instance.start_status;
  if (WIFEXITED(raw)) {
    const int code = WEXITSTATUS(raw);
    if (code == 96) return "exited with $SMF_EXIT_ERR_CONFIG";
    if (code == 95) return "exited with $SMF_EXIT_ERR_FATAL";
    return "exited with status " + std::to_string(code);
  }
  if (!WIFSIGNALED(raw)) return {};
  const int signal = WTERMSIG(raw);
  return std::string(WCOREDUMP(raw) ? "dumped core on " : "died on ") + ::strsignal(signal) + " (" +
         std::to_string(signal) + ")";
}

bool is_temporarily_disabled(const InstanceMessage& instance) {
  return instance.enabled_temporary == false && instance.enabled_permanent == true;
}

std::string with_why(std::string_view text, const InstanceMessage& instance) {
  return instance.why.empty() ? std::string(text) : std::string(text) + " " + instance.why;
}

// vmkeepd says of a VM's stop how it failed, so that "Method failed." needs no saying besides.  Empty: it is
// no such thing that it said.
std::string how_the_stop_failed(Reason reason, const InstanceMessage& instance) {
  constexpr std::string_view kStop = "the stop method ";
  constexpr std::string_view kFailed = "failed";
  const bool repeatedly = reason == Reason::fault_threshold_reached;
  if (!instance.why.starts_with(kStop) || (!repeatedly && reason != Reason::method_failed)) return {};
  std::string how = instance.why.substr(kStop.size());
  if (repeatedly && how.starts_with(kFailed)) how.insert(kFailed.size(), " repeatedly");
  if (how.find(": ") == std::string::npos) how += ".";
  return "Stop method " + how;
}

bool is_reason_of_a_vm(Reason reason) {
  return reason >= Reason::vm_aborted;
}

}  // namespace

Explainer::Reason Explainer::uninitialized_reason(const InstanceMessage& instance) const {
  const auto restarter = fmri::Fmri::parse(instance.restarter);
  if (!restarter || !restarter->is_instance())
    return {"Restarter \"" + instance.restarter + "\" is invalid.", "2A", ""};
  // Ours answers: it runs, whether or not it is an instance of its own.
  const bool ours = restarter->service == "system/svc/restarter";
  const InstanceMessage* found = world_.find(restarter->entity());
  if (found == nullptr && !ours)
    return {"Restarter \"" + instance.restarter + "\" does not exist.", "3P", ""};
  if (ours || is_up(*found)) {
    return {"Restarter " + instance.restarter + " has not initialized service state.", "4D", ""};
  }
  return {"Restarter " + instance.restarter + " is not running.", "5H", ""};
}

std::string Explainer::log_of(const std::string& fmri) const {
  const InstanceMessage* other = world_.find(fmri);
  return other == nullptr ? "" : other->log;
}

std::vector<Explainer::Reason> Explainer::state_reasons(const InstanceMessage& instance) const {
  const graph::Reason reason = graph::reason(instance.reason).value_or(graph::Reason::none);
  const State state = state_of(instance);
  const State next = next_state_of(instance);
  if (state == State::online) return {};
  if (is_reason_of_a_vm(reason) && next == State::none) {
    const graph::ReasonText& text = graph::text(reason);
    return {{with_why(text.explanation, instance), std::string(text.code), ""}};
  }
  switch (state) {
    case State::degraded:
      if (reason == graph::Reason::bad_repo_state) {
        return {
            {with_why(
                 "What becomes of it cannot be written down; a vmkeepd that is started now would not know.",
                 instance),
             "AR", ""}};
      }
      return {{"Degraded by an administrator.", "DX", ""}};
    case State::disabled:
      if (is_temporarily_disabled(instance)) return {{"Temporarily disabled by an administrator.", "1S", ""}};
      return {{"Disabled by an administrator.", "05", ""}};
    case State::uninitialized:
      return {uninitialized_reason(instance)};
    case State::offline:
      if (next == State::online) return {{with_why("Start method is running.", instance), "C4", ""}};
      if (next != State::none) return {{"Transitioning to state " + instance.next_state + ".", "PH", ""}};
      return {};
    case State::maintenance:
      break;
    default:
      return {{"Not in valid state (" + instance.state + ").", "N3", ""}};
  }
  const std::string ended = how_it_ended(instance);
  switch (reason) {
    case graph::Reason::none:
      return {{"Restarter " + instance.restarter + " gave no explanation.", "9C", ""}};
    case graph::Reason::service_request:
      if (!instance.requested_by) return {{"Maintenance requested by another service.", "R4", ""}};
      return {{"Maintenance requested by \"" + *instance.requested_by + "\".", "R4",
               log_of(*instance.requested_by)}};
    case graph::Reason::invalid_restarter:
      return {{"Restarter \"" + instance.restarter + "\" is invalid.", "2A", ""}};
    case graph::Reason::method_failed:
      if (!ended.empty()) return {{with_why("Start method " + ended + ".", instance), "KS", ""}};
      break;
    case graph::Reason::fault_threshold_reached:
      if (!ended.empty()) {
        return {{with_why("Start method failed repeatedly, last " + ended + ".", instance), "KS", ""}};
      }
      break;
    default:
      break;
  }
  const graph::ReasonText& text = graph::text(reason);
  if (text.explanation.empty()) return {{"Unknown.", "AR", ""}};
  if (const auto how = how_the_stop_failed(reason, instance); instance.vm && !how.empty()) {
    return {{how, std::string(text.code), ""}};
  }
  return {{instance.vm ? with_why(text.explanation, instance) : std::string(text.explanation),
           std::string(text.code), ""}};
}

std::string Explainer::summary(const InstanceMessage& instance) const {
  switch (state_of(instance)) {
    case State::uninitialized:
      return "is uninitialized.";
    case State::disabled:
      return is_temporarily_disabled(instance) ? "is temporarily disabled." : "is disabled.";
    case State::offline: {
      if (next_state_of(instance) == State::online) return "is starting.";
      const auto& reasons = troubles_[world_.place(instance)].reasons;
      const bool absent = !reasons.empty() && reasons.front().code == "E2";
      return absent ? "has missing dependencies." : "is offline.";
    }
    case State::maintenance:
      break;
    default:
      return "is in an invalid state.";
  }
  switch (graph::reason(instance.reason).value_or(graph::Reason::bad_repo_state)) {
    case graph::Reason::administrative_request:
      return "was taken down for maintenace by an administrator.";
    case graph::Reason::dependency_cycle:
      return "completed a dependency cycle.";
    case graph::Reason::fault_threshold_reached:
      return "is not running because a method failed repeatedly.";
    case graph::Reason::invalid_dependency:
      return "has an invalid dependency.";
    case graph::Reason::invalid_restarter:
      return "has an invalid restarter.";
    case graph::Reason::method_failed:
      return "is not running because a method failed.";
    case graph::Reason::none:
      return "is not running for an unknown reason.";
    case graph::Reason::restarting_too_quickly:
      return "was restarting too quickly.";
    default:
      return "requires maintenance.";
  }
}

}  // namespace vmkeep::tools
