#include "vm/hook.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace vmkeep::vm {
namespace {

using graph::Reason;
using namespace std::chrono_literals;

constexpr std::array<std::pair<HookMeaning, std::string_view>, 4> kMeanings{{
    {HookMeaning::okay, "okay"},
    {HookMeaning::failure, "failure"},
    {HookMeaning::reboot, "reboot"},
    {HookMeaning::maintenance, "maintenance"},
}};

constexpr Instant kHour = 3600s;
// For the power button of a guest that its check found sick (or stop_timeout, if that is less), and of one
// that does not even send its heartbeat.
constexpr Instant kSick = 300s;
constexpr Instant kDeaf = 10s;

bool contains(const std::vector<int>& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::vector<Instant> since(const std::vector<Instant>& list, Instant begin, Instant now) {
  std::vector<Instant> kept;
  std::copy_if(list.begin(), list.end(), std::back_inserter(kept),
               [&](Instant at) { return at >= begin && at <= now; });
  return kept;
}

bool window_is_set(const VmConfig& config) {
  return config.kicker_vmsvccheck_failures_maxcount > 0 &&
         config.kicker_vmsvccheck_failures_timeframe.count() > 0;
}

std::string seconds(Instant time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

Verdict online(Reason reason, std::string why) {
  return {VerdictKind::leave_online, reason, std::move(why)};
}

// The VM is taken down by vmkeepd's order once this verdict is on record; judge() of the empty contract then
// finds the outage and starts it again.
Verdict reboot(const VmConfig& config, History& history, Reason reason, const std::string& because,
               Instant now) {
  const Instant window = reboot_window(config);
  history.hook_reboots = since(history.hook_reboots, now - window, now);
  const int limit = config.kicker_vmsvccheck_reboots_maxcount;
  if (limit > 0 && history.hook_reboots.size() >= static_cast<size_t>(limit)) {
    return {VerdictKind::maintenance, reason,
            because + "; rebooted " + std::to_string(history.hook_reboots.size()) + " times in " +
                seconds(window) + " already (limit " + std::to_string(limit) + ")"};
  }
  history.hook_reboots.push_back(now);
  history.hook_failures.clear();
  history.started = now;
  history.outage = Outage{OutageKind::reboot, "vmkeep", now, std::nullopt};
  Verdict result = online(reason, because + "; rebooting the VM");
  result.reboot = true;
  result.patience = config.stop_timeout ? std::min<Instant>(*config.stop_timeout, kSick) : kSick;
  if (reason == Reason::vm_unresponsive) result.patience = kDeaf;
  return result;
}

Verdict failed(const VmConfig& config, const std::string& what, History& history, Instant now) {
  if (!window_is_set(config)) {
    history.hook_failures.clear();
    return online(Reason::vm_check_failed, what + "; without a limit that changes nothing");
  }
  const Instant window = config.kicker_vmsvccheck_failures_timeframe;
  history.hook_failures = since(history.hook_failures, now - window, now);
  history.hook_failures.push_back(now);
  const auto limit = static_cast<size_t>(config.kicker_vmsvccheck_failures_maxcount);
  const size_t count = history.hook_failures.size();
  const std::string times = " (" + std::to_string(count) + " of " + std::to_string(limit) +
                            " that are tolerated in " + seconds(window) + ")";
  if (count <= limit) return online(Reason::vm_check_failed, what + times);
  return reboot(config, history, Reason::vm_check_failed,
                what + "; " + std::to_string(count) + " failures in " + seconds(window) + " (limit " +
                    std::to_string(limit) + ")",
                now);
}

Verdict checked(const VmConfig& config, const HookNews& hook, History& history, Instant now) {
  const std::string what = hook.timed_out ? "the check of the guest ran longer than " +
                                                seconds(config.kicker_vmsvccheck_timeout) + " and was killed"
                                          : "the check of the guest exited with " + std::to_string(hook.code);
  switch (hook.meaning) {
    case HookMeaning::okay:
      break;
    case HookMeaning::failure:
      return failed(config, what, history, now);
    case HookMeaning::reboot:
      return reboot(config, history, Reason::vm_check_failed, what, now);
    case HookMeaning::maintenance:
      return {VerdictKind::maintenance, Reason::vm_check_failed, what};
  }
  const bool was_failing = !history.hook_failures.empty();
  history.hook_failures.clear();
  return online(Reason::none, was_failing ? "the check of the guest succeeds again" : "");
}

Verdict lost(const VmConfig& config, const HeartbeatNews& heartbeat, History& history, Instant now) {
  const std::string what = "the guest's heartbeat is lost since " + seconds(now - heartbeat.since);
  const auto limit = heartbeat_limit(config, heartbeat.since);
  if (!limit || now < *limit) return {VerdictKind::degraded, Reason::vm_unresponsive, what};
  if (heartbeat.moves) {
    return {VerdictKind::degraded, Reason::vm_unresponsive,
            what + ", but its disks or its network still move"};
  }
  return reboot(config, history, Reason::vm_unresponsive,
                what + ", and neither its disks nor its network move", now);
}

}  // namespace

std::string_view to_string(HookMeaning meaning) {
  for (const auto& [value, word] : kMeanings) {
    if (value == meaning) return word;
  }
  return {};
}

HookMeaning hook_meaning(const VmConfig& config, int code) {
  if (contains(config.kicker_vmsvccheck_exitcode_okay, code)) return HookMeaning::okay;
  if (contains(config.kicker_vmsvccheck_exitcode_failonce, code)) return HookMeaning::failure;
  if (contains(config.kicker_vmsvccheck_exitcode_doreboot, code)) return HookMeaning::reboot;
  if (contains(config.kicker_vmsvccheck_exitcode_maintenance, code)) return HookMeaning::maintenance;
  if (code == 0) return HookMeaning::okay;
  if (code == 2) return HookMeaning::reboot;
  return code == 3 ? HookMeaning::maintenance : HookMeaning::failure;
}

bool has_hook(const VmConfig& config) {
  return config.kicker_vmsvccheck_enabled && !config.kicker_vmsvccheck_method.empty();
}

Instant next_hook(const VmConfig& config, Instant started, std::optional<Instant> last) {
  Instant due{};
  if (started > Instant{}) due = started + Instant(config.kicker_vmsvccheck_startdelay);
  if (last) due = std::max(due, *last + Instant(config.kicker_freq));
  return due;
}

Instant reboot_window(const VmConfig& config) {
  const Instant set = config.kicker_vmsvccheck_failures_timeframe;
  const Instant standard = set > Instant{} ? set : kHour;
  // From one reboot to the next: the delay, then the failures that are tolerated and one more, each a period
  // or a run to its limit.
  const Instant cycle = std::max<Instant>(config.kicker_freq, config.kicker_vmsvccheck_timeout);
  const Instant round = Instant(config.kicker_vmsvccheck_startdelay) +
                        cycle * (std::max(config.kicker_vmsvccheck_failures_maxcount, 0) + 2);
  return std::max(standard, round * (std::max(config.kicker_vmsvccheck_reboots_maxcount, 0) + 1));
}

std::optional<Instant> heartbeat_limit(const VmConfig& config, Instant since) {
  if (config.heartbeat_restart_after.count() <= 0) return std::nullopt;
  return since + Instant(config.heartbeat_restart_after);
}

Verdict judge_guest(const VmConfig& config, const GuestNews& guest, History& history, Instant now) {
  const bool suppressed = history.suppression && history.suppression->until > now;
  // What an operator does to the VM right now explains all that can be heard of the guest.
  if (suppressed || history.outage) return online(Reason::none, "");
  Verdict hook = guest.hook ? checked(config, *guest.hook, history, now) : online(Reason::none, "");
  const bool settled = hook.kind != VerdictKind::leave_online || hook.reboot;
  if (settled || !guest.heartbeat || !guest.heartbeat->lost) return hook;
  return lost(config, *guest.heartbeat, history, now);
}

bool deserves_dossier(const Verdict& verdict) {
  switch (verdict.reason) {
    case Reason::vm_aborted:
    case Reason::vm_aborted_too_often:
    case Reason::vm_stuck:
      return true;
    case Reason::vm_check_failed:
    case Reason::vm_unresponsive:
      return verdict.reboot || verdict.kind == VerdictKind::maintenance;
    case Reason::vm_unknown:
    case Reason::hypervisor_silent:
      return verdict.kind == VerdictKind::degraded;
    default:
      return false;
  }
}

}  // namespace vmkeep::vm
