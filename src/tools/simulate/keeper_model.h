// What a guard's keeper does for a VM (guard/keeper.h), in virtual time: looks, asks the tables of vm/, acts
// on the model.  It decides nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tools/simulate/guest_model.h"
#include "tools/simulate/vm_model.h"
#include "vm/policy.h"
#include "vm/ready.h"

namespace vmkeep::simulate {

class KeeperModel {
 public:
  // Towards the daemon.
  struct Ports {
    std::function<void(const std::string& text)> log;
    std::function<void(uint64_t run, int code, const std::string& text)> done;
    std::function<void(uint64_t question, const vm::Verdict& verdict)> answer;
    std::function<void()> report;
    std::function<void()> start;  // a person's word: by the instance's start method
  };

  KeeperModel(Schedule& schedule, VmModel& vm, Ports ports);

  void configure(Result<vm::VmConfig> config);
  void start(uint64_t run, bool commanded, std::optional<Instant> deadline);
  // force: it is down by the deadline, whatever its stop_method says.
  void stop(uint64_t run, std::optional<Instant> deadline, bool force);
  void abandon() { run_ = 0; }  // the method is over, whatever was under way for it
  void ask(uint64_t question, vm::Cause cause);
  void changed();                      // the VM did: whoever waits for that looks, and a hint is followed
  void came_up();                      // the start method ended well and the VM is up
  void rest() { unwatch(); }           // its instance is not up any more
  bool kept() const { return kept_; }  // by the stop that ended: the VM was only told something, and runs on

  // ---- what an operator says with `vmkeep VERB` (keeper_words.cpp); an outage is on record before it begins
  void take_down(vm::TakeDown how);
  void start_wanted(bool force);
  void pause();
  void resume();
  void suppress(Instant time);
  void release();
  // `lease` absent: the window renews its lease for as long as it is there.
  void open_window(std::optional<Instant> lease);

  vm::History history;
  const vm::VmConfig& config() const { return config_; }
  GuestModel& guest() { return guest_; }

 private:
  void start_look(uint64_t run, bool commanded, Instant deadline, Instant pause);
  void carry_out(uint64_t run, const vm::StartPlan& plan, Instant deadline);
  void launch(uint64_t run, Instant deadline);
  // The VM runs: the start is over when its guest is ready (vm/ready.h).
  void become_ready(uint64_t run, bool launched, const std::string& text);
  void ask_guest(uint64_t run, const vm::ReadyPlan& plan, bool launched, const std::string& text);
  void guest_answered(uint64_t run, const vm::ReadyPlan& plan, bool launched, const std::string& text,
                      bool ready);
  void guest_late(const vm::ReadyPlan& plan, bool launched, const std::string& text);
  using Planner = std::function<vm::StopPlan(const vm::Observation&)>;
  void stop_look(uint64_t run, const Planner& planner, Instant patience, Instant pause);
  void stop_step(uint64_t run, const vm::StopPlan& plan, size_t index, Instant patience, std::string trouble);
  void wait_for(uint64_t run, vm::VmState wanted, Instant limit, std::function<void(bool)> then);
  void look_for_answer(uint64_t question, vm::Cause cause, Instant until, Instant pause);
  void judge(uint64_t question, vm::Cause cause, const vm::Observation& seen);
  void hinted();
  void watch(bool started);
  void unwatch();
  // Brings the VM down beside any method; `then`: whether it is as it was wanted.
  void bring_down(const Planner& planner, Instant patience, std::function<void(bool)> then);
  void reboot(Instant patience);  // what a verdict asked for
  void window_opens();
  void await_lease_end();
  void begin(uint64_t run);
  void finish(int code, const std::string& text);

  Schedule& schedule_;
  VmModel& vm_;
  Ports ports_;
  vm::VmConfig config_;
  std::string config_error_;
  uint64_t run_ = 0;
  bool kept_ = false;
  uint64_t question_ = 0;
  uint64_t words_ = 0;            // of operators
  std::optional<Instant> limit_;  // of the start method
  Instant method_end_{};
  bool renews_ = false;                                          // the window's client is there
  std::function<void(int code, const std::string& text)> over_;  // of what goes on now
  std::function<void()> waiter_;
  bool watched_ = false;
  GuestModel guest_;
  bool asking_again_ = false;  // a question is due because of silence, or of a word that nobody knows
};

}  // namespace vmkeep::simulate
