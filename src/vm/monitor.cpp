// The monitor's table (behaviour spec 5.3 to 5.5), with the spec's corrections:
//
//   agreed state      condition                                     verdict
//   running           its guest: hook.h                             online, degraded, reboot, maintenance
//   passing           -                                             online; with an empty contract: ask again
//   (B12) paused            ignore_paused_vm                              online
//                     restart_paused_vm                             online, resume
//                     else                                          offline
//   poweroff, saved   restart_(halted|saved)_vm                     restart
//                     start_(halted|saved)_vm                       offline
//                     else                                          online, the VM stays as it is
//   aborted(-saved)   restart_aborted_vm, window not exceeded       restart
//                     restart_aborted_vm, window exceeded           maintenance
//                     else                                          maintenance
//   stuck (B9)        restart_stuck_vm                              restart (its start powers it off first)
//                     start_stuck_vm                                offline
//                     else                                          online
//                     poweroff of a VM that fell (state.h) is aborted
//   teleported        -                                             offline
//   missing, inaccessible                                           maintenance
//   unknown word      in a row > offline_unknown_state_maxcount     offline (never if that is negative)
//                     else                                          online, and looked at again; with an
//                                                                   empty contract: ask again
//   no answer           -                                             degraded until it answers (B1)
//   witnesses disagree  its process lives                           degraded: never taken for down (facts 6)
//                     it does not, up to three times in a row       ask again
//                     longer                                        degraded
//
// offline_is_maint turns every offline into maintenance.  What an operator did comes before the table (see
// outage.cpp); a suppression comes after it, and turns everything into online.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "vm/hook.h"
#include "vm/policy.h"

namespace vmkeep::vm {
namespace {

using graph::Reason;

// A process in its last moments, or a VBoxSVC that has not noticed a death, needs one more look; more than
// these few mean that the two witnesses really disagree.
constexpr int kDisagreementPatience = 3;

// Restarts that nothing limits: at once, then after 1, 2, 4 ... seconds, as long as the aborts come within
// ten minutes of each other.
constexpr Instant kBackoffMemory = std::chrono::minutes(10);
constexpr Instant kLongestDelay = std::chrono::seconds(60);
constexpr size_t kBackoffSteps = 8;  // the eighth waits the longest

struct Settings {
  bool restart_aborted, restart_paused, restart_halted, restart_saved, restart_stuck;
  bool start_halted, start_saved, start_stuck, ignore_paused;
};

// vm/kicker_restart over the properties of each state (5.5; "all" also resumes and unsticks, B20).
Settings settings(const VmConfig& config) {
  switch (config.kicker_restart) {
    case KickerRestart::none:
      return {false, false, false, false, false, false, false, false, true};
    case KickerRestart::all:
      return {true, true, true, true, true, true, true, true, false};
    case KickerRestart::by_state:
      break;
  }
  return {config.restart_aborted_vm, config.restart_paused_vm, config.restart_halted_vm,
          config.restart_saved_vm,   config.restart_stuck_vm,  config.start_halted_vm,
          config.start_saved_vm,     config.start_stuck_vm,    config.ignore_paused_vm};
}

std::string ordinal(size_t n) {
  const size_t tens = n % 100 / 10;
  const size_t ones = n % 10;
  const char* suffix = tens == 1 ? "th" : ones == 1 ? "st" : ones == 2 ? "nd" : ones == 3 ? "rd" : "th";
  return std::to_string(n) + suffix;
}

Verdict verdict(VerdictKind kind, Reason reason, std::string why) {
  return {kind, reason, std::move(why)};
}

bool window_is_set(const VmConfig& config) {
  return config.restart_aborted_vm_failures_maxcount > 0 &&
         config.restart_aborted_vm_failures_timeframe.count() > 0;
}

// Without a window only the last ten minutes count, and only for the delay.
std::vector<Instant> inside_window(const VmConfig& config, const std::vector<Instant>& aborts, Instant now) {
  std::vector<Instant> kept;
  const Instant begin =
      now - (window_is_set(config) ? Instant(config.restart_aborted_vm_failures_timeframe) : kBackoffMemory);
  std::copy_if(aborts.begin(), aborts.end(), std::back_inserter(kept),
               [&](Instant at) { return at >= begin && at <= now; });
  return kept;
}

Verdict unlimited(const std::string& is, History& history) {
  auto& aborts = history.aborts;
  if (aborts.size() > kBackoffSteps) {
    aborts.erase(aborts.begin(), aborts.end() - static_cast<ptrdiff_t>(kBackoffSteps));
  }
  Verdict result = verdict(VerdictKind::restart, Reason::vm_aborted, is + "; restarting it");
  if (aborts.size() < 2) return result;
  result.delay = std::min<Instant>(std::chrono::seconds(int64_t{1} << (aborts.size() - 2)), kLongestDelay);
  result.why += " in " + std::to_string(result.delay.count() / 1000) + " s";
  return result;
}

Verdict aborted(const VmConfig& config, const Settings& set, const Observation& observed, History& history,
                Instant now) {
  const std::string is = "the VM is " + observed.how_it_is();
  if (!set.restart_aborted) {
    return verdict(VerdictKind::maintenance, Reason::vm_aborted, is + "; restart_aborted_vm is not true");
  }
  history.aborts.push_back(now);
  if (!window_is_set(config)) return unlimited(is, history);
  const auto limit = static_cast<size_t>(config.restart_aborted_vm_failures_maxcount);
  const size_t count = history.aborts.size();
  const std::string window =
      "in " + std::to_string(config.restart_aborted_vm_failures_timeframe.count()) + " s";
  if (count > limit) {
    // One more than the limit says all that there is to say.
    history.aborts.erase(history.aborts.begin(), history.aborts.end() - static_cast<ptrdiff_t>(limit + 1));
    return verdict(
        VerdictKind::maintenance, Reason::vm_aborted_too_often,
        std::to_string(limit + 1) + " aborts " + window + " (limit " + std::to_string(limit) + ")");
  }
  const std::string times = count > 1 ? " (" + ordinal(count) + " time " + window + ")" : "";
  return verdict(VerdictKind::restart, Reason::vm_aborted, is + times + "; restarting it");
}

// A VM that went down in good order: powered off, or saved.
Verdict down(const char* state, const char* suffix, bool restart, bool start, Reason reason) {
  const std::string is = std::string("the VM is ") + state + "; ";
  const std::string property = suffix;
  if (restart) {
    return verdict(VerdictKind::restart, reason, is + "restart_" + property + " is true; restarting it");
  }
  if (start) {
    return verdict(
        VerdictKind::offline, reason,
        is + "restart_" + property + " is not true, and start_" + property + " says that it should run");
  }
  return verdict(VerdictKind::leave_online, reason, is + "it may be so");
}

Verdict paused(const Settings& set) {
  if (set.ignore_paused) {
    return verdict(VerdictKind::leave_online, Reason::vm_paused,
                   "the VM is paused; ignore_paused_vm is true");
  }
  if (set.restart_paused) {
    Verdict result = verdict(VerdictKind::leave_online, Reason::vm_paused, "the VM is paused; resuming it");
    result.resume = true;
    return result;
  }
  return verdict(VerdictKind::offline, Reason::vm_paused,
                 "the VM is paused; neither ignore_paused_vm nor restart_paused_vm is true");
}

Verdict stuck(const Settings& set, const Observation& observed) {
  const std::string is = "the VM is stuck (" + std::string(to_string(observed.state)) + "); ";
  if (set.restart_stuck) {
    return verdict(VerdictKind::restart, Reason::vm_stuck, is + "powering it off and restarting it");
  }
  if (set.start_stuck) {
    return verdict(VerdictKind::offline, Reason::vm_stuck, is + "restart_stuck_vm is not true");
  }
  return verdict(VerdictKind::leave_online, Reason::vm_stuck,
                 is + "neither restart_stuck_vm nor start_stuck_vm is true; leaving it as it is");
}

Verdict disagreement(const Observation& observed, int in_a_row) {
  const std::string what = "the hypervisor says that the VM is " + std::string(to_string(observed.state)) +
                           ", but its process is " + std::string(to_string(observed.process));
  // Of a process that lives the guard has waited for the last moments already.
  const bool lives = observed.process == Witness::present;
  if (!lives && in_a_row <= kDisagreementPatience) {
    return verdict(VerdictKind::ask_again, Reason::vm_unknown, what + "; looking again");
  }
  return verdict(VerdictKind::degraded, Reason::vm_unknown,
                 what + " (" + std::to_string(in_a_row) + " times in a row)");
}

// No answer is no state: it changes no service, it only shows (B1, T76).
Verdict silence(const Observation& observed) {
  std::string what = "the hypervisor does not answer";
  if (!observed.detail.empty()) what += ": " + observed.detail;
  return verdict(VerdictKind::degraded, Reason::hypervisor_silent, what);
}

Verdict unknown(const VmConfig& config, const Observation& observed, Cause cause, int in_a_row) {
  if (observed.disagree()) return disagreement(observed, in_a_row);
  std::string what = "the state of the VM is not known";
  if (!observed.detail.empty()) what += ": " + observed.detail;
  const int limit = config.offline_unknown_state_maxcount;
  // Of a VM whose contract is empty something has to become known soon.
  const auto patient = cause == Cause::contract_empty ? VerdictKind::ask_again : VerdictKind::leave_online;
  if (limit < 0 || in_a_row <= limit) return verdict(patient, Reason::vm_unknown, what);
  return verdict(
      VerdictKind::offline, Reason::vm_unknown,
      what + " (" + std::to_string(in_a_row) + " times in a row, limit " + std::to_string(limit) + ")");
}

// Nobody lives in the contract, and no process was seen elsewhere: what is said to be up, or under way, is
// not yet the whole truth.
bool premature(VmState state, const Observation& observed, Cause cause) {
  return cause == Cause::contract_empty && observed.process != Witness::present &&
         (is_up(state) || is_passing(state));
}

Verdict decide(const VmConfig& config, const Observation& observed, Cause cause, Instant now,
               History& history) {
  const Settings set = settings(config);
  const VmState state = observed.agreed();
  const std::string is = "the VM is " + std::string(to_string(state));
  if (premature(state, observed, cause)) {
    return verdict(VerdictKind::ask_again, Reason::vm_unknown,
                   is + ", but its contract is empty; looking again");
  }
  if (observed.stuck()) return stuck(set, observed);
  if (is_passing(state)) return verdict(VerdictKind::leave_online, Reason::none, is);
  switch (state) {
    case VmState::running: {
      Verdict guest = judge_guest(config, observed.guest, history, now);
      if (guest.why.empty()) guest.why = is;
      return guest;
    }
    case VmState::paused:
      return paused(set);
    case VmState::poweroff:
      return down("powered off", "halted_vm", set.restart_halted, set.start_halted, Reason::vm_halted);
    case VmState::saved:
      return down("saved", "saved_vm", set.restart_saved, set.start_saved, Reason::vm_saved);
    case VmState::aborted:
    case VmState::aborted_saved:
      return aborted(config, set, observed, history, now);
    case VmState::teleported:
      return verdict(VerdictKind::offline, Reason::vm_halted, "the VM was teleported to another host");
    case VmState::missing:
    case VmState::inaccessible: {
      std::string why = state == VmState::missing ? "the hypervisor knows no such VM any more"
                                                  : "the hypervisor cannot read the VM's files";
      if (!observed.detail.empty()) why += ": " + observed.detail;
      return verdict(VerdictKind::maintenance, Reason::vm_missing, std::move(why));
    }
    default:
      break;
  }
  if (!observed.answered) return silence(observed);
  history.unknown_in_a_row += history.unknown_in_a_row < 1'000'000 ? 1 : 0;
  return unknown(config, observed, cause, history.unknown_in_a_row);
}

constexpr std::array<std::pair<OutageKind, std::string_view>, 6> kOutages{{
    {OutageKind::save, "save"},
    {OutageKind::poweroff, "poweroff"},
    {OutageKind::reboot, "reboot"},
    {OutageKind::gui, "gui"},
    {OutageKind::snapshot, "snapshot"},
    {OutageKind::pause, "pause"},
}};

}  // namespace

std::string_view to_string(OutageKind kind) {
  for (const auto& [value, word] : kOutages) {
    if (value == kind) return word;
  }
  return {};
}

std::optional<OutageKind> outage_kind(std::string_view word) {
  for (const auto& [value, name] : kOutages) {
    if (name == word) return value;
  }
  return std::nullopt;
}

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::contract_empty:
      return "contract_empty";
    case Cause::report:
      return "report";
    case Cause::operator_word:
      return "operator";
    case Cause::look:
      break;
  }
  return "look";
}

namespace {

// Until its end nothing is done by itself; that something would be, is told.
void suppress(Judgement& result, const History& before) {
  Verdict& verdict = result.verdict;
  if (verdict.kind == VerdictKind::leave_online && !verdict.resume) return;
  const auto& lease = *before.suppression;
  verdict = {VerdictKind::leave_online,
             verdict.reason,
             verdict.why + "; but nothing is done, as " + lease.by + " has it" +
                 (lease.why.empty() ? "" : " (" + lease.why + ")"),
             false,
             {}};
  result.history = before;
}

// A VM with a user of its own that was down before its service came up, and that nobody asked to be started,
// is as it should be (T36).
bool its_users_business(const VmConfig& config, const Observation& observed, Cause cause) {
  const VmState state = observed.agreed();
  return config.is_interactive && cause == Cause::look &&
         (state == VmState::aborted || state == VmState::aborted_saved) &&
         config.kicker_restart != KickerRestart::all && !config.restart_aborted_vm;
}

}  // namespace

Judgement judge(const VmConfig& config, const History& history, const Observation& observed, Cause cause,
                Instant now) {
  Judgement result;
  result.history = history;
  History& past = result.history;
  past.aborts = inside_window(config, history.aborts, now);
  if (past.suppression && now >= past.suppression->until) past.suppression.reset();
  const bool known = observed.stuck() || observed.agreed() != VmState::unknown;
  if (known) past.unknown_in_a_row = 0;
  const History before = past;
  if (auto word = operator_verdict(config, observed, cause, now, past)) {
    result.verdict = std::move(*word);
  } else if (its_users_business(config, observed, cause)) {
    result.verdict = verdict(VerdictKind::leave_online, Reason::vm_aborted,
                             "the VM is " + std::string(to_string(observed.agreed())) +
                                 ", and a VM with a user of its own may be");
  } else {
    result.verdict = decide(config, observed, cause, now, past);
  }
  if (config.offline_is_maint && result.verdict.kind == VerdictKind::offline) {
    result.verdict.kind = VerdictKind::maintenance;
    result.verdict.why += "; offline_is_maint is true";
  }
  if (before.suppression) suppress(result, before);
  return result;
}

}  // namespace vmkeep::vm
