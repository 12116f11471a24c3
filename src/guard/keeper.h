// One VM, as its guard keeps it: an inbox, and a coroutine while there is something in it.
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
//   verb     what a person asks for: look, the table of that verb, step by step, progress on the way.  A
//            method that arrives meanwhile ends it: the service's word is stronger
//   inspect  a look, told in words; while something else goes on, what was seen last and what goes on
//   hint     the VM's log or process moved: one look, and a report if it is up no more as it was
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "guard/channel.h"
#include "guard/guest_watch.h"
#include "guard/replies.h"
#include "guard/zfs.h"
#include "hypervisor/hypervisor.h"
#include "repository/types.h"
#include "vm/policy.h"
#include "vm/ready.h"

namespace vmkeep::guard {

// What a method is to do next, or that it is done.
struct Step {
  std::string action = "done";  // done, exec, wait
  int code = 0;
  std::string text;
  hypervisor::Launch launch;
  // Once it is done: of start "born", "adopted", of a stop that only told the VM something "kept"; empty: the
  // VM is down.
  std::string up = {};
  bool again = false;  // of a launch: it may only have come too early
  bool died = false;   // of a launch: the VM's process ended before the VM ran
};

// How a verb ended.
struct Outcome {
  int code = 0;
  std::string text;
  bool outage = false;        // the VM is now as the operator wanted it, and the monitor has to know
  bool start = false;         // the VM is to be started next, by its instance's start method
  hypervisor::Launch launch;  // gui: what the client is to execute
};

// How bringing a VM down ended.
struct Descent {
  enum class End { nothing_to_do, down, still_up, failed } end = End::failed;
  int code = 0;
  std::string text;
};

// What tests have to wait for; the product's own values are the spec's.
struct Pace {
  Instant kill_spacing = std::chrono::seconds(3);   // between two signals (1.10)
  Instant window = std::chrono::milliseconds(500);  // between two looks for a user's window
  Instant silence = std::chrono::seconds(10);       // between two questions while the hypervisor is silent
};

class Keeper : public std::enable_shared_from_this<Keeper> {
 public:
  // `hooks` null: no checks of the guest are run.
  Keeper(Executor executor, hypervisor::Hypervisor& driver, Channel& channel, std::string fmri,
         Pace pace = {}, HookRunner* hooks = nullptr);

  void configure(repository::Levels running);
  void remember(const vm::History& history);
  void deliver(boost::json::object message);  // method, launched, died, adopted, ask, verb, inspect
  void abandon();
  void
  rest();  // its instance is not up any more: until something is asked nobody watches the VM or its guest
  void use_zfs(Zfs* zfs) { zfs_ = zfs; }  // which must outlive it; null: no snapshots are taken
  void look_soon();                       // the safety net found it missing
  const std::string& uuid() const { return uuid_; }
  bool watched() const { return watching_; }
  // vm/kicker_freq: how often the safety net has to have looked at it.
  Instant period() const { return config_ ? Instant(config_->kicker_freq) : kNever; }
  void stop();

 private:
  void put(boost::json::object message);
  static Task<> work(std::shared_ptr<Keeper> self);
  Task<> handle(boost::json::object message);
  Task<> method(const boost::json::object& message);
  Task<> answer(const boost::json::object& question);
  Task<> hinted();

  vm::Observation note(const Result<vm::Observation>& looked);
  void follow_name(const std::string& told);
  vm::ConfigReading read(const repository::Levels& levels) const;
  Task<Result<>> identify(Instant deadline);
  Task<Result<>> identify_for_start(Instant deadline);
  void tell_what_start_waits_for(const std::string& why);
  Task<Step> start_vm(const boost::json::object& call, Instant deadline);
  Task<Step> launch(const boost::json::object& call, Instant deadline);
  Task<Step> follow_launch(Instant deadline, std::optional<int> exit_if_locked);
  Task<Step> adopt(Instant deadline);
  Task<std::optional<std::string>> taken_into_contract(pid_t pid);
  Task<Step> save_then_launch(const boost::json::object& call, Instant deadline);
  Task<bool> service_went(pid_t before);
  Task<Step> never_came_up();
  // force (of the call): it is down by the deadline, or its process is ended.
  Task<Step> stop_vm(const boost::json::object& call, std::optional<Instant> deadline);
  vm::VmConfig with_asked_timeout(const boost::json::object& call) const;
  using Planner = std::function<vm::StopPlan(const vm::Observation&)>;
  Task<Descent> bring_down(Planner planner, Instant patience, hypervisor::Percent progress);
  Task<std::optional<Descent>> take_step(vm::StopStep step, Instant least, Instant patience,
                                         hypervisor::Percent progress, std::string& trouble);

  // keeper_verbs.cpp
  Task<> verb(const boost::json::object& call);
  Task<Outcome> perform(const boost::json::object& call);
  Task<Outcome> take_down(vm::TakeDown how, const boost::json::object& call);
  Task<> follow_on(Outcome& result);
  Task<Outcome> kill_process(Outcome before);
  Task<Outcome> start_wanted(const boost::json::object& call);
  Task<Outcome> stop_now(const boost::json::object& call);
  Task<Outcome> reset_vm();
  Task<Outcome> pause_vm(bool pause);
  Task<Outcome> take_snapshot(const boost::json::object& call);
  Task<Outcome> open_window(const boost::json::object& call);
  Task<vm::Observation> plain_look();
  hypervisor::Percent progress_of(const boost::json::object& call);
  bool window_comes() const;
  bool in_window() const;
  Task<vm::Observation> look_aside(Instant deadline);
  void await_window();
  void interrupt();
  static Task<> window_watcher(std::shared_ptr<Keeper> self);
  // keeper_snapshots.cpp
  Task<SnapshotOutcome> zfs_snapshot(vm::SnapshotOccasion occasion, Instant deadline);
  Task<SnapshotOutcome> zfs_snapshot(vm::SnapshotOccasion occasion, std::string tag, Instant deadline);
  Task<Outcome> zfs_by_hand(const boost::json::object& call);
  Task<Outcome> with_snapshot(Outcome ended, vm::TakeDown how, std::string method);
  // keeper_inspect.cpp
  Task<> inspect(const boost::json::object& call);
  void inspect_busy(const boost::json::object& call);
  void send_vm(const boost::json::object& call, const vm::Observation& observed,
               const std::optional<hypervisor::VmDetails>& details);
  // keeper_guest.cpp
  Task<Step> become_ready(const boost::json::object& call, Step step, Instant deadline, bool launched);
  Task<bool> guest_ready(vm::ReadyBy by, Instant until);
  static Task<> check_now(std::shared_ptr<Keeper> self, boost::json::object call);
  static Task<> check_then_inspect(std::shared_ptr<Keeper> self, boost::json::object call);
  std::optional<boost::json::object> hook_of(const boost::json::object& call) const;
  Task<boost::json::object> dossier_of(vm::Observation observed, vm::Verdict verdict);

  bool cut_short() const { return in_verb_ ? interrupted_ : abandoned_; }
  Task<bool> reached(vm::VmState wanted, Instant deadline);
  Task<vm::Observation> settled_look(Instant deadline);
  Task<std::optional<boost::json::object>> reply(const char* kind, Instant deadline);

  void send_step(const boost::json::object& call, const Step& step);
  void log(const std::string& text);
  void ask_again_later();
  static Task<> reminder(std::shared_ptr<Keeper> self);
  void watch(bool started = false);
  void unwatch();
  static Task<> watcher(std::shared_ptr<Keeper> self, uint64_t number);

  Executor executor_;
  hypervisor::Hypervisor& driver_;
  Channel& channel_;
  Zfs* zfs_ = nullptr;
  std::string fmri_;
  Pace pace_;
  repository::Levels levels_;  // what config_ was read from
  GuestWatch::Config config_;  // null: there never was a good one
  std::string config_error_;
  std::string uuid_;
  std::string name_;
  std::list<boost::json::object> inbox_;  // method, ask, hint
  bool working_ = false;                  // something from the inbox is being done, and will be taken on from
  Replies replies_;         // launched, died, adopted: of interest only while something waits for them
  int64_t launching_ = -1;  // the call whose method was told to execute the VM; -1: none
  int waiting_acts_ = 0;    // methods and verbs in the inbox
  bool resting_ = false;
  bool abandoned_ = false;
  bool in_verb_ = false;
  bool interrupted_ = false;                    // a method wants the VM: the verb that goes on ends
  bool awaiting_window_ = false;                // a user's front end is expected
  std::string doing_;                           // what goes on; empty: nothing
  vm::VmState towards_ = vm::VmState::unknown;  // the state that the VM passes through meanwhile
  vm::Observation seen_ = vm::no_answer("nobody has looked yet");  // last
  std::string waits_for_;             // what keeps a start from going on, as told last
  std::string fell_;                  // of its history
  std::optional<vm::Outage> outage_;  // the same
  bool watching_ = false;
  uint64_t watch_ = 0;              // grows with each watch that begins or ends
  hypervisor::VmProcess guest_of_;  // the process whose guest is listened to
  bool asking_again_ = false;
  bool stopped_ = false;
  std::shared_ptr<GuestWatch> guest_;
  graph::Reason dossier_told_ = graph::Reason::none;  // of the last crash dossier
  bool stop_after_start_ = false;  // the guest was not ready in time, and that is a failure
  bool expected_ = true;           // what it does now was asked for: nothing to report
};

}  // namespace vmkeep::guard
