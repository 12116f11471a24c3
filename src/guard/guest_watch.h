// What a keeper hears of the guest inside its VM while that runs: the owner's check (the hook) once a period,
// and the heartbeat that the hypervisor writes to the VM's log.
//
// It runs beside the keeper's inbox, so that a check that takes its time delays nothing, and it decides
// nothing: when a check fails, when one succeeds again, and when the heartbeat goes or comes back, it sends a
// report.  vmkeepd then asks for a verdict, the keeper takes the news from here, and judge() answers.  While
// all is well it costs the check itself and nothing else: the heartbeat is read when the VM's log has moved,
// and a VM without a check, whose heartbeat is heard, has no coroutine here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "guard/channel.h"
#include "guard/hook_runner.h"
#include "hypervisor/hypervisor.h"
#include "vm/hook.h"

namespace vmkeep::guard {

// How a check went, with what that means.
struct Checked {
  HookRun run;
  vm::HookMeaning meaning = vm::HookMeaning::okay;
};

class GuestWatch : public std::enable_shared_from_this<GuestWatch> {
 public:
  // `hooks` null: no checks are run.
  GuestWatch(Executor executor, hypervisor::Hypervisor& driver, Channel& channel, std::string fmri,
             HookRunner* hooks);

  // Shared with the keeper: there are many VMs, and it is the largest thing that is known of one.
  using Config = std::shared_ptr<const vm::VmConfig>;
  void configure(Config config);
  // What vmkeepd keeps of the VM: when it was started, leases, failures.
  void remember(const vm::History& history);
  void identify(const std::string& uuid, const std::string& name);
  // From now on the VM is watched; it was `started` just now, or runs for longer already.
  void begin(bool started);
  void end();
  void saw(vm::VmState state);  // each look of the keeper
  void log_moved();

  // For the next judgement; a check's result is handed over once.
  vm::GuestNews take_news();
  // Of the last check; empty if there was none.
  const std::optional<Checked>& last_check() const { return last_; }

  // Whether there is a hook that can be executed.  A child looks: the hook may lie on a filesystem that does
  // not answer.
  static Task<bool> usable(std::shared_ptr<GuestWatch> self);
  // Runs the hook now, after the one that is under way.  Deadline: its own limit at the latest.
  static Task<Result<Checked>> check(std::shared_ptr<GuestWatch> self, Instant deadline = kNever);

 private:
  void changed();
  std::optional<Instant> next_check() const;
  static Task<> checks(std::shared_ptr<GuestWatch> self, uint64_t watch);
  static Task<> heartbeat_limits(std::shared_ptr<GuestWatch> self, uint64_t watch);
  bool may_check() const;
  void digest(const Checked& checked);
  std::optional<Instant> next_sample() const;
  Task<std::optional<uint64_t>> moved();
  void report(const std::string& text);
  void log(const std::string& text);

  Executor executor_;
  hypervisor::Hypervisor& driver_;
  Channel& channel_;
  std::string fmri_, uuid_, name_;
  HookRunner* hooks_;
  Config config_;
  vm::History history_;
  Signal changed_;
  uint64_t watch_ = 0;      // grows with each begin() and end(): the coroutines of another one leave
  uint64_t checks_of_ = 0;  // the watch that has this coroutine; 0: none, for there is nothing to wait for
  uint64_t limits_of_ = 0;
  bool watching_ = false;
  vm::VmState state_ = vm::VmState::unknown;
  Instant started_{};
  std::optional<Instant> last_begun_;  // of the checks that are due by themselves
  std::optional<Checked> last_;
  bool busy_ = false;  // a check is running
  bool failing_ = false;
  std::string trouble_;  // why the hook could not be run, told once
  std::optional<vm::HookNews> hook_news_;
  std::optional<vm::HeartbeatNews> heartbeat_;
  std::optional<Instant> sampled_;
  std::optional<uint64_t> moved_;
};

}  // namespace vmkeep::guard
