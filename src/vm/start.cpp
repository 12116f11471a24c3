// The start method's table (behaviour spec 3.2), with the spec's corrections:
//
//   agreed state          asked for by a person or by a dependency          commanded (a verdict)
//   running               adopt, never interrupt (B24); save, then launch   adopt; the same
//                         where takeover is savestate (not interactive)
//   passing, up or down   wait for what it becomes (B11)                    wait
//   paused                start_paused_vm: resume; else refuse              resume
//                         (interactive: adopt, it is somebody's)
//   poweroff              start_halted_vm: launch; else leave               launch
//   saved                 start_saved_vm: launch; else leave                launch
//   aborted(-saved)       start_aborted_vm: launch; else refuse (B10)       launch
//                         (interactive: leave)
//   stuck (B9)            start_stuck_vm: power off, launch; else leave     power off, launch
//   teleported            refuse: it may be running on the other host       refuse
//   missing               refuse, as a configuration error                  refuse
//   inaccessible          retry: its storage may still be on the way (B1)   retry
//   no answer             retry (B1)                                        retry
//   unknown               retry: nothing is started on a guess (B1)         retry
#include "vm/policy.h"

namespace vmkeep::vm {
namespace {

std::string with_detail(std::string text, const Observation& observed) {
  if (!observed.detail.empty()) text += ": " + observed.detail;
  return text;
}

// A launch that a property has to allow.
StartPlan permitted(bool allowed, bool commanded, const char* state, const char* property, const char* doing,
                    StartAction otherwise) {
  const std::string is = std::string("the VM is ") + state + "; ";
  if (commanded) return {StartAction::launch, is + "a restart was asked for; " + doing};
  if (allowed) return {StartAction::launch, is + property + " is true; " + doing};
  const bool left = otherwise == StartAction::leave;
  return {otherwise,
          is + property + " is not true; " + (left ? "leaving it as it is" : "refusing to start it")};
}

StartPlan paused(const VmConfig& config, bool commanded) {
  if (commanded) return {StartAction::resume, "the VM is paused; a restart was asked for; resuming it"};
  if (config.start_paused_vm) {
    return {StartAction::resume, "the VM is paused; start_paused_vm is true; resuming it"};
  }
  if (config.is_interactive) {
    return {StartAction::adopt, "the VM is paused and interactive; leaving it to its user"};
  }
  return {StartAction::refuse, "the VM is paused; start_paused_vm is not true; refusing to resume it"};
}

StartPlan running(const VmConfig& config, bool ours) {
  if (ours) return {StartAction::adopt, "the VM runs already, as this start launched it"};
  if (config.takeover == Takeover::savestate && !config.is_interactive) {
    return {StartAction::save_then_launch,
            "the VM runs already; takeover is savestate; saving it, then restoring it"};
  }
  return {StartAction::adopt, "the VM runs already; taking it over as it is"};
}

StartPlan stuck(const VmConfig& config, const Observation& observed, bool commanded) {
  const std::string is = "the VM is stuck (" + std::string(to_string(observed.state)) + "); ";
  if (commanded) {
    return {StartAction::poweroff_then_launch,
            is + "a restart was asked for; powering it off, then starting it"};
  }
  if (config.start_stuck_vm) {
    return {StartAction::poweroff_then_launch,
            is + "start_stuck_vm is true; powering it off, then starting it"};
  }
  return {StartAction::leave, is + "start_stuck_vm is not true; leaving it as it is"};
}

StartPlan unknown(const Observation& observed) {
  if (!observed.answered) {
    return {StartAction::retry, with_detail("the hypervisor does not answer", observed)};
  }
  if (observed.disagree()) {
    return {StartAction::retry,
            with_detail("the hypervisor says that the VM is " + std::string(to_string(observed.state)) +
                            ", but its process is " + std::string(to_string(observed.process)) +
                            "; not starting anything before that is clear",
                        observed)};
  }
  return {StartAction::retry, with_detail("the state of the VM is not known", observed)};
}

}  // namespace

StartPlan start_plan(const VmConfig& config, const Observation& observed, bool commanded, bool ours) {
  if (observed.stuck()) return stuck(config, observed, commanded);
  const VmState state = observed.agreed();
  if (is_passing(state)) {
    return {StartAction::wait,
            "the VM is " + std::string(to_string(state)) + "; waiting for the end of that"};
  }
  const StartAction if_aborted = config.is_interactive ? StartAction::leave : StartAction::refuse;
  switch (state) {
    case VmState::running:
      return running(config, ours);
    case VmState::paused:
      return paused(config, commanded);
    case VmState::poweroff:
      return permitted(config.start_halted_vm, commanded, "powered off", "start_halted_vm", "starting it",
                       StartAction::leave);
    case VmState::saved:
      return permitted(config.start_saved_vm, commanded, "saved", "start_saved_vm", "restoring it",
                       StartAction::leave);
    case VmState::aborted:
      return permitted(config.start_aborted_vm, commanded, observed.how_it_is().c_str(), "start_aborted_vm",
                       "starting it", if_aborted);
    case VmState::aborted_saved:
      return permitted(config.start_aborted_vm, commanded, "aborted, with its saved state kept",
                       "start_aborted_vm", "restoring it", if_aborted);
    case VmState::teleported:
      return {StartAction::refuse, "the VM was teleported and may be running on another host"};
    case VmState::missing:
      return {StartAction::misconfigured, with_detail("the hypervisor knows no such VM", observed)};
    case VmState::inaccessible:
      return {StartAction::retry, with_detail("the hypervisor cannot read the VM's files", observed)};
    default:
      return unknown(observed);
  }
}

}  // namespace vmkeep::vm
