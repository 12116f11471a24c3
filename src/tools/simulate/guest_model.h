// What a keeper hears of the guest inside its VM (guard/guest_watch.h), in virtual time: the owner's check
// once a period, and the heartbeat.  It reports, and decides nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tools/simulate/vm_model.h"
#include "vm/hook.h"

namespace vmkeep::simulate {

class GuestModel {
 public:
  struct Ports {
    std::function<void(const std::string& text)> log;
    std::function<void()> report;
  };
  using Checked = std::function<void(const vm::HookNews& news)>;

  // `history`: the keeper's own, which outlives this.
  GuestModel(Schedule& schedule, VmModel& vm, const vm::History& history, Ports ports);

  void configure(const vm::VmConfig& config);
  void begin(bool started);  // the VM is watched from now on; it was `started` just now
  void end();
  void changed();  // the VM, the configuration or what an operator wants: who may check now is asked again
  vm::GuestNews take_news();
  // One run of the check, whoever wants it; at its limit it is killed.
  void check(Checked then);
  bool usable() const { return !config_.kicker_vmsvccheck_method.empty(); }

  // What the scenario does.
  void heartbeat(bool lost);

 private:
  bool may_check() const;
  void plan_check();
  void digest(const vm::HookNews& news);
  void plan_sample(Instant at);

  Schedule& schedule_;
  VmModel& vm_;
  const vm::History& history_;
  Ports ports_;
  vm::VmConfig config_;
  bool watching_ = false;
  uint64_t watch_ = 0;  // grows with each begin() and end(): what was put down before is void
  uint64_t plan_ = 0;   // of the checks
  bool busy_ = false;
  bool failing_ = false;
  Instant started_{};
  std::optional<Instant> last_begun_;
  std::optional<vm::HookNews> hook_news_;
  std::optional<vm::HeartbeatNews> heartbeat_;
};

}  // namespace vmkeep::simulate
