// What operators do to VMs, as the monitor sees it.
//
//   outage     found                          verdict
//   save       saved, or aborted-saved        online, the VM stays saved (if its process dies when all is
//                                             saved, VirtualBox says aborted-saved: measured)
//   poweroff   down, in whichever way         online, the VM stays off (the plug and -k leave it aborted)
//   reboot     down, in whichever way         restart; the outage ends with the start that follows
//   pause,     paused                         online, even where ignore_paused_vm is not true
//   snapshot
//   any        running                        the outage is over: what is found later is no operator's doing
//   any        anything else                  the outage explains nothing: the table of states decides
//
// A window (gui) is a lease.  The VM was saved for it and is handed to its user's own front end:
//
//   not yet seen up, lease running            online: the window may need a minute to come up (T90)
//   up                                        online: it runs in the user's window
//   down after that, or once whoever opened   saved, and restart_saved_once: restart; powered off: it stays
//   it says that it is closed, or after the   off and restart_saved_once goes; else the table decides
//   lease
//
// restart_saved_once without a window (T69): found saved, the VM is started once, whatever the properties
// say.
#include <utility>

#include "vm/policy.h"

namespace vmkeep::vm {
namespace {

using graph::Reason;

Verdict stay(std::string why) {
  return {VerdictKind::leave_online, Reason::vm_operator, std::move(why), false, {}};
}

bool is_down(VmState state) {
  return state == VmState::poweroff || state == VmState::aborted || is_restorable(state);
}

// The restart is remembered as an outage until the VM runs again: whoever looks in between asks for it again.
Verdict once(History& history, const std::string& by, Instant now) {
  history.restart_saved_once = false;
  history.outage = Outage{OutageKind::reboot, by, now, std::nullopt, false};
  return {VerdictKind::restart,
          Reason::vm_operator,
          "the VM is saved, and was to run again once it is; restarting it",
          false,
          {}};
}

bool is_over(const Outage& lease, Instant now) {
  return lease.until && now >= *lease.until;
}

std::optional<Verdict> window(const VmConfig& config, VmState state, Instant now, History& history) {
  Outage& lease = *history.outage;
  const bool over = is_over(lease, now);
  if (is_up(state)) {
    lease.seen = true;
    return stay("the VM runs in a window of " + lease.by + (over ? ", whose lease is over" : ""));
  }
  if (is_passing(state)) return std::nullopt;
  if (awaits_window(history.outage, now)) return stay("the VM is handed to " + lease.by + " for a window");
  const std::string by = lease.by;
  history.outage.reset();
  if (state == VmState::saved && history.restart_saved_once && config.restart_saved_vm_once) {
    return once(history, by, now);
  }
  history.restart_saved_once = false;
  if (state != VmState::poweroff) return std::nullopt;
  history.outage = Outage{OutageKind::poweroff, by, now, std::nullopt, false};
  return stay("the VM was powered off in a window of " + by);
}

std::optional<Verdict> explained(const Outage& outage, VmState state) {
  switch (outage.kind) {
    case OutageKind::save:
      if (is_restorable(state)) return stay("the VM is saved, by " + outage.by);
      break;
    case OutageKind::poweroff:
      if (is_down(state)) return stay("the VM is off, by " + outage.by);
      break;
    case OutageKind::reboot:
      if (!is_down(state)) break;
      return Verdict{
          VerdictKind::restart, Reason::vm_operator, "the VM is down, rebooted by " + outage.by, false, {}};
    case OutageKind::pause:
    case OutageKind::snapshot:
      if (state == VmState::paused) return stay("the VM is paused, by " + outage.by);
      break;
    case OutageKind::gui:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool awaits_window(const std::optional<Outage>& outage, Instant now) {
  return outage && outage->kind == OutageKind::gui && !outage->seen && !is_over(*outage, now);
}

std::optional<Verdict> operator_verdict(const VmConfig& config, const Observation& observed, Cause cause,
                                        Instant now, History& history) {
  const VmState state = observed.agreed();
  // What is said to be up while nobody lives in the contract is not yet the whole truth.
  const bool early = cause == Cause::contract_empty && observed.process != Witness::present && is_up(state);
  if (state == VmState::unknown || early) return std::nullopt;
  if (!history.outage) {
    if (history.restart_saved_once && config.restart_saved_vm_once && state == VmState::saved)
      return once(history, "a request", now);
    return std::nullopt;
  }
  if (history.outage->kind == OutageKind::gui) return window(config, state, now, history);
  if (is_passing(state)) return std::nullopt;
  auto verdict = explained(*history.outage, state);
  if (!verdict) history.outage.reset();
  return verdict;
}

History merged(const History& current, const History& sent, const History& answered) {
  History result = current;
  const auto take = [&](auto member) {
    if (current.*member == sent.*member) result.*member = answered.*member;
  };
  take(&History::aborts);
  take(&History::unknown_in_a_row);
  take(&History::hook_failures);
  take(&History::hook_reboots);
  take(&History::started);
  take(&History::outage);
  take(&History::suppression);
  take(&History::restart_saved_once);
  take(&History::fell);
  return result;
}

}  // namespace vmkeep::vm
