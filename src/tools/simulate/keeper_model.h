// What a guard's keeper does for a VM (guard/keeper.h), in virtual time: looks, asks the tables of vm/, acts
// on the model.  It decides nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tools/simulate/vm_model.h"
#include "vm/policy.h"

namespace vmkeep::simulate {

class KeeperModel {
 public:
  // Towards the daemon.
  struct Ports {
    std::function<void(const std::string& text)> log;
    std::function<void(uint64_t run, int code, const std::string& text)> done;
    std::function<void(uint64_t question, const vm::Verdict& verdict)> answer;
    std::function<void()> report;
  };

  KeeperModel(Schedule& schedule, VmModel& vm, Ports ports);

  void configure(Result<vm::VmConfig> config);
  void start(uint64_t run, bool commanded, std::optional<Instant> deadline);
  void stop(uint64_t run, std::optional<Instant> deadline);
  // What an operator says with `vmkeep save` and its like; the outage is on record before anything is done.
  void take_down(vm::TakeDown how);
  void abandon() { run_ = 0; }  // the method is over, whatever was under way for it
  void ask(uint64_t question, vm::Cause cause);
  void changed();  // the VM did: whoever waits for that looks, and a hint is followed
  void came_up();  // the start method ended well and the VM is up

  vm::History history;
  const vm::VmConfig& config() const { return config_; }

 private:
  void start_look(uint64_t run, bool commanded, Instant deadline, Instant pause);
  void carry_out(uint64_t run, const vm::StartPlan& plan, Instant deadline);
  void launch(uint64_t run, Instant deadline);
  using Planner = std::function<vm::StopPlan(const vm::Observation&)>;
  void stop_look(uint64_t run, const Planner& planner, Instant patience, Instant pause);
  void stop_step(uint64_t run, const vm::StopPlan& plan, size_t index, Instant patience, std::string trouble);
  void wait_for(uint64_t run, vm::VmState wanted, Instant limit, std::function<void(bool)> then);
  void look_for_answer(uint64_t question, vm::Cause cause, Instant until, Instant pause);
  void judge(uint64_t question, vm::Cause cause, const vm::Observation& observed);
  void hinted();
  void begin(uint64_t run);
  void finish(int code, const std::string& text);

  Schedule& schedule_;
  VmModel& vm_;
  Ports ports_;
  vm::VmConfig config_;
  std::string config_error_;
  uint64_t run_ = 0;
  uint64_t question_ = 0;
  uint64_t words_ = 0;                                           // of operators
  std::function<void(int code, const std::string& text)> over_;  // of what goes on now
  std::function<void()> waiter_;
  bool watched_ = false;
  bool asking_again_ = false;  // a question is due because of silence, or of a word that nobody knows
};

}  // namespace vmkeep::simulate
