// One VM, as its guard keeps it: a coroutine with an inbox.
//
// Whatever concerns the VM comes through the inbox and is done one thing after the other, so that two calls
// of the hypervisor never overlap on one VM (facts 1).  The keeper observes, asks the tables of vm/, and acts
// through hypervisor/; it decides nothing by itself and remembers nothing that a successor could not find
// again.
//
//   method   start: look, start_plan(), and then launch (the method process executes the VM in the contract,
//   we
//            follow it until it runs), adopt, resume, wait, or an exit code
//            stop: look, stop_plan(), step by step until the VM is where it should be
//   ask      look until the two witnesses agree or ten seconds have passed, judge(), answer
//   hint     the VM's log or process moved: one look, and a report if it is up no more as it was
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "guard/channel.h"
#include "hypervisor/hypervisor.h"
#include "repository/types.h"
#include "vm/policy.h"

namespace vmkeep::guard {

// What a method is to do next, or that it is done.
struct Step {
  std::string action = "done";  // done, exec, wait
  int code = 0;
  std::string text;
  hypervisor::Launch launch;
};

class Keeper : public std::enable_shared_from_this<Keeper> {
 public:
  Keeper(Executor executor, hypervisor::Hypervisor& driver, Channel& channel, std::string fmri);

  void configure(const repository::Levels& running);
  void deliver(boost::json::object message);  // method, launched, died, adopted, ask
  void abandon();
  void look_soon();  // the safety net found it missing
  const std::string& uuid() const { return uuid_; }
  bool watched() const { return watching_; }
  // vm/kicker_freq: how often the safety net has to have looked at it.
  Instant period() const { return config_ ? Instant(config_->kicker_freq) : kNever; }
  static Task<> run(std::shared_ptr<Keeper> self);
  void stop();

 private:
  Task<> handle(boost::json::object message);
  Task<> method(const boost::json::object& message);
  Task<> answer(const boost::json::object& question);
  Task<> hinted();

  Task<Result<>> identify(Instant deadline);
  Task<Step> start_vm(const boost::json::object& call, Instant deadline);
  Task<Step> launch(const boost::json::object& call, Instant deadline);
  Task<Step> follow_launch(Instant deadline);
  Task<Step> adopt(Instant deadline);
  Task<std::optional<std::string>> taken_into_contract(pid_t pid);
  Task<Step> stop_vm(std::optional<Instant> deadline);
  Task<bool> reached(vm::VmState wanted, Instant deadline);
  Task<vm::Observation> settled_look(Instant deadline);
  Task<std::optional<boost::json::object>> reply(const char* kind, Instant deadline);

  void send_step(const boost::json::object& call, const Step& step);
  void log(const std::string& text);
  void watch();
  static Task<> watcher(std::shared_ptr<Keeper> self);

  Executor executor_;
  hypervisor::Hypervisor& driver_;
  Channel& channel_;
  std::string fmri_;
  std::optional<vm::VmConfig> config_;
  std::string config_error_;
  std::string uuid_;
  std::string name_;
  Queue<boost::json::object> inbox_;  // method, ask, hint
  Queue<boost::json::object>
      replies_;             // launched, died, adopted: of interest only while something waits for them
  int64_t launching_ = -1;  // the call whose method was told to execute the VM; -1: none
  bool abandoned_ = false;
  bool watching_ = false;
  bool stopped_ = false;
  bool expected_ = true;  // what it does now was asked for: nothing to report
};

}  // namespace vmkeep::guard
