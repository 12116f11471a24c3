// The inside of the restarter: one record an instance, and the engine that works on them.  The state machine
// is explained in restarter.h.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "restarter/restarter.h"

namespace vmkeep::restarter {

inline constexpr int kFaultThreshold = 3;  // 6.8: failures in a row of one method of one transition
inline constexpr int kExitFatal = 95;
inline constexpr int kExitConfig = 96;
inline constexpr Instant kVerdictDeadline = std::chrono::seconds(15);
inline constexpr Instant kAskAgain = std::chrono::seconds(2);
inline constexpr int kSilentQuestions = 3;
inline constexpr Instant kThrottle = std::chrono::seconds(1);

// idle: no method runs.  emptying: the stop method is over and the contract is not yet empty.
enum class Phase { idle, starting, stopping, emptying, refreshing };

// Where a stop leads, and what it is for.
struct StopGoal {
  graph::State to = graph::State::offline;
  graph::Reason reason = graph::Reason::none;
  std::string why;
  std::string log;                                     // the line of the instance's log
  graph::StopCause cause = graph::StopCause::restart;  // what its dependents take it for
  bool reset = false;                                  // administrative: nobody's start history may suffer
  bool run_method = true;
};

// What few instances have at any time: an optional that takes room only where there is something in it.
template <class T>
class Rare {
 public:
  Rare& operator=(T value) {
    value_ = std::make_unique<T>(std::move(value));
    return *this;
  }
  Rare& operator=(std::nullopt_t) {
    value_.reset();
    return *this;
  }
  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() const { return *value_; }
  T* operator->() const { return value_.get(); }
  void reset() { value_.reset(); }

 private:
  std::unique_ptr<T> value_;
};

struct Running {
  MethodName name = MethodName::start;
  uint64_t run = 0;
  uint64_t timer = 0;
  std::optional<Instant> deadline;
  bool in_budget = false;  // it began knowing when it has to be over, and forces what it must
  bool timed_out = false;
  bool empty_in_time = false;  // the instance's contract was empty when the time ran out
  std::string said;            // why it failed, in its own words
};

struct Instance {
  std::string fmri;
  ConfigPtr config = ConfigPool::none();
  InstanceView view;
  bool configured = false;
  bool removed = false;
  Rare<Loaded> reborn;                        // deleted and imported again before the old one was stopped
  graph::Reason entry = graph::Reason::none;  // why it is uninitialized: the reason of what follows

  bool has_contract = false;
  bool contract_empty = true;
  bool empty_pending = false;  // it emptied while up, and nobody has acted on that yet

  Phase phase = Phase::idle;
  Running method;
  StopGoal goal;     // of stopping and emptying
  int failures = 0;  // of the current transition's method
  std::vector<Instant> starts;
  uint64_t child_run = 0;       // duration child: the start method that is the service
  uint64_t throttle_timer = 0;  // duration child: it failed too quickly; a VM: its restart is delayed

  // Marks: what has been asked for and is not done yet.
  struct Maintain {
    graph::Reason reason;
    std::string why;
    bool immediate;
  };
  Rare<Maintain> maintain;
  std::optional<bool> dependency_stop;  // the value: whether the start history is reset
  Rare<StopGoal> fault;
  Rare<StopGoal> verdict_stop;
  bool restart = false;
  bool refresh = false;
  bool degrade = false;
  bool cut_off =
      false;  // an earlier daemon ended in the middle of its method: what it had to wait with is lost
  std::optional<graph::Reason> leave_maintenance;  // clear_request or disable_request
  Requests recorded;                               // of these marks, what is on record
  bool own_disable = false;                        // we asked for the disable that will be reported to us

  // Ordered stops (5.3): who has to be down before this one may stop, and who waits for this one.
  std::set<std::string> awaits;
  std::set<std::string> awaited_by;

  bool wants_turn = false;  // settle() found that it could start
  bool by_hand = false;     // an administrator asked for the next start

  // VM instances.
  std::optional<vm::Cause> commanded;  // the next start was asked for by a verdict, or by a person
  Instant not_before{};                // of that start; throttle_timer waits for it
  uint64_t question = 0;               // open; 0: none
  uint64_t question_timer = 0;
  Instant question_deadline{};
  vm::Cause asked = vm::Cause::look;
  int silent = 0;
  bool reported = false;
  bool look = false;  // ask once, nothing is known to be wrong

  bool unsatisfiable = false;  // as its dependents saw it last
  bool queued = false;
  bool active = false;  // counted in Engine::active_

  bool delegated() const { return !config->delegated_to.empty(); }
  bool up() const { return graph::is_up(view.state); }
  bool busy() const { return phase != Phase::idle; }
  bool emptied() const { return !has_contract || contract_empty; }
  // Of duration child the end of the process is a second message, and the next start waits for both.
  bool gone() const { return emptied() && child_run == 0; }
};

struct Restarter::Data {
  graph::Graph graph;
  std::map<std::string, Instance> instances;
  std::unordered_map<std::string_view, Instance*> by_name;  // the same: who walks the graph asks for many
  ConfigPool configs;

  std::vector<Action> handle(const Event& event, Instant now);
  Instance* find(std::string_view fmri);
  // plan_items.cpp
  std::vector<PlanItem> start_items(const Measurements& measured) const;
  std::vector<PlanItem> stop_items(const Measurements& measured) const;
  const AdmissionConfig& pace_config() const { return pace_config_; }
  bool paces_starts() const { return admission_.waiting() + admission_.starting() != 0; }

 private:
  // restarter.cpp: events
  void on(const Loaded& event);
  void on(const Refreshed& event);
  void on(const Removed& event);
  void on(const EnabledChanged& event);
  void on(const Requested& event);
  void on(const MethodEnded& event);
  void on(const ContractEmptied& event);
  void on(const ProcessFaulted& event);
  void on(const TimerFired& event);
  void on(const Claimed& event);
  void on(const VerdictGiven& event);
  void on(const Reported& event);
  void on(const StartCommanded& event);
  void on(const FactChanged& event);
  void on(const FileChanged& event);
  void on(const MilestoneSet& event);
  void on(const PaceConfigured& event);
  void on(const PressureRead& event);
  void on(const ShutDown& event);
  void on(const StartUp& event);
  void recover(Instance& i, const Recovered& recovered);
  void resume(Instance& i, const Recovered& recovered);
  void hand_over(Instance& i, InstanceConfig config);
  void request_maintenance(Instance& i, graph::Reason reason, std::string why, bool immediate);

  // requests.cpp: what waits, and whom the milestone holds down
  void record_requests(Instance& i);
  void take_up(Instance& i, const Requests& waiting);
  void obey_milestone();

  // transitions.cpp: the queue, the states
  void touch(Instance& i);
  void work();
  void settle(Instance& i);
  void settle_uninitialized(Instance& i);
  void settle_down(Instance& i);
  void settle_up(Instance& i);
  void settle_maintenance(Instance& i);
  void refresh_or_ask(Instance& i);
  bool enter_dependencies(Instance& i, graph::Reason& reason, std::string& why);
  void set_state(Instance& i, graph::State state, graph::State next, graph::Reason reason,
                 std::string why = {});
  void publish_node(Instance& i);
  void to_maintenance(Instance& i, graph::Reason reason, std::string why = {});
  void notice_maintenance(const Instance& i, graph::Reason reason, const std::string& why);
  void leave(Instance& i, graph::State to, graph::Reason reason, std::string why, graph::StopCause cause,
             bool reset);
  void forget_marks(Instance& i);
  void bury(Instance& i);
  void count(Instance& i);

  // methods.cpp
  enum class Launched { running, done, failed };
  enum class Outcome { ok, no_daemon, fatal, misconfigured, timed_out, retry };
  Launched launch(Instance& i, MethodName name);
  Launched kill_method(Instance& i, MethodName name, const std::string& exec);
  void begin_start(Instance& i);
  void start_once(Instance& i);
  void started(Instance& i, const MethodEnd& end, bool daemonless);
  void start_failed(Instance& i, Outcome outcome, const MethodEnd& end);
  bool too_quick(Instance& i);
  void begin_stop(Instance& i, StopGoal goal);
  void stop_once(Instance& i);
  void stop_method_done(Instance& i);
  void stop_failed(Instance& i, graph::Reason reason, std::string why);
  void finish_stop(Instance& i);
  void begin_refresh(Instance& i);
  void refresh_once(Instance& i);
  void refreshed(Instance& i);
  void method_ended(Instance& i, const MethodEnd& end);
  void start_ended(Instance& i, Outcome outcome, const MethodEnd& end);
  void stop_ended(Instance& i, Outcome outcome, const MethodEnd& end);
  void refresh_ended(Instance& i, Outcome outcome);
  void child_ended(Instance& i, const MethodEnd& end);
  void method_timeout(Instance& i);
  void release(Instance& i, bool kill, bool late = false);
  void notice_transition(const Instance& i, std::string_view how);
  void notice_failure(const Instance& i, Outcome outcome);

  // verdicts.cpp
  void ask(Instance& i, vm::Cause cause);
  void put_question(Instance& i);
  void drop_question(Instance& i);
  void silent_question(Instance& i);
  void stay(Instance& i, const vm::Verdict& verdict);
  void give_up(Instance& i, graph::Reason reason, const std::string& why);

  // dependents.cpp
  void changed(Instance& i);
  void changed(const graph::Entity& entity);
  void reconsider(const std::vector<graph::Graph::Dependent>& dependents);
  void came_up(const std::vector<graph::Graph::Dependent>& dependents);
  void stop_dependents(const std::vector<graph::Graph::Dependent>& dependents, graph::StopCause cause,
                       bool reset);
  bool lost_ground(const Instance& i) const;
  bool wants_order(const Instance& i) const;
  void ordered_stop(Instance& i);
  void cancel_order(Instance& i);
  void went_down(Instance& i);
  StopGoal order_goal(const Instance& i) const;

  // turns.cpp
  void want_start(Instance& i);
  void left_queue(Instance& i);
  bool give_turns();
  bool give_start_turns();
  bool give_save_turns();
  void want_ordered_stop(Instance& i);
  bool needs_save_turn(const Instance& i) const;
  bool waits_for_save(const Instance* i) const;
  std::optional<Instant> finish_limit(const Instance& i) const;
  std::optional<Instant> forced_at(const Instance& i) const;
  void limit_running_method(Instance& i);
  bool is_forced_next(const Instance& i) const;
  void tell_end_of_shutdown();
  void arm_own(uint64_t& timer, Instant& armed_for, std::optional<Instant> at);
  bool own_timer_fired(uint64_t timer);

  void log(const Instance& i, std::string text) { actions_.push_back(Log{i.fmri, std::move(text)}); }
  uint64_t arm(const Instance& i, Instant at);
  void cancel(const Instance& i, uint64_t& timer);

  Instant now_{};
  std::vector<Action> actions_;
  std::deque<Instance*> queue_;
  std::vector<Loaded> reborn_;
  std::map<std::string, bool> facts_;
  std::string milestone_;             // empty: nobody is held down
  std::vector<std::string> created_;  // since obey_milestone() looked last
  std::set<std::string> held_;        // those it disabled, as long as nobody else says anything of them
  bool edges_changed_ = false;        // since then, so that some of these may have become needed
  bool loading_ = false;
  bool shutting_down_ = false;
  bool shut_down_told_ = false;
  AdmissionConfig pace_config_;
  Admission admission_;
  std::vector<std::string> untold_;  // entered the queue just now
  // The end of everything: who waits for a place to be saved, who has one, and how late each may end.
  std::set<std::pair<Instant, std::string>> save_queue_;
  std::set<std::pair<Instant, std::string>> forced_queue_;  // of the same, by when they cannot wait any more
  std::set<std::string> saving_;
  std::map<std::string, StopWindow> windows_;
  Instant shutdown_began_{};
  uint64_t turn_timer_ = 0, save_timer_ = 0, end_timer_ = 0;
  Instant turn_at_{}, save_at_{}, end_at_{};
  size_t active_ = 0;  // instances that are up or have a method running
  uint64_t runs_ = 0;
  uint64_t timers_ = 0;
  uint64_t questions_ = 0;
};

// "service disabled" of 6.10 in its sentence.
inline std::string stopping_because(const std::string& cause) {
  return "Stopping because " + cause + ".";
}

}  // namespace vmkeep::restarter
