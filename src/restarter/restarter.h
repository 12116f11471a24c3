// The restarter: (state, event, now) -> (state, actions).  Pure: no clock, no descriptor, no I/O.  Sections
// are those of the spec of the facility.
//
// It owns the graph and one record an instance.  An event changes records and sets marks ("somebody wants it
// down", "its contract emptied", "a dependency of it stopped"); whoever got a mark stands in a queue, and the
// queue is worked off before handle() returns.  Nothing recurses, and what an instance does next is decided
// in one place (settle() in transitions.cpp), from its marks and only while none of its methods runs.  That
// is why no two methods of one instance ever overlap (10.2): what is asked meanwhile waits as a mark.
//
//   uninitialized --enabled--> offline --all dependencies satisfied--> [start] --> online <--> degraded
//        |                      |   ^                                    |           |
//        '--not enabled--> disabled  '-----------------[stop]<-----------+-----------'
//   any --invalid dependency, cycle, failure, request--> maintenance --clear, disable--> uninitialized
//
// While [start] or [stop] runs the state is the old one and next_state the target; refresh has its own state
// as target.  The phases of an instance: idle, starting, stopping, emptying (the stop method is over, the
// contract not yet empty; it has what the method left of its time, 6.9), refreshing.
//
// What is asked of an instance that is up is answered in this order: maintenance; a disable, a removal, the
// end of everything, or room for one of these below it; a verdict; restart; a critical event; an emptied
// contract; a dependency that stopped; refresh; mark degraded.
//
// Order (5.3).  A disable waits until the running dependents that it would stop are down; they are asked to
// stop the same way, so leaves go first and independent ones in parallel.  They stay enabled.  ShutDown does
// that to everything, along all edges but exclude_all, and starts nothing any more, until StartUp.
//
// Failures (6.8).  Three in a row of one method of one transition: maintenance.  95, 96, 99, 100 and what
// could not be started: at once.  A stop method that runs out of time is killed together with the contract,
// and only a contract that was empty by then makes it a stop (6.9).  A failed start's contract is killed, not
// leaked.  A start that somebody wants down by then, or that has lost its dependencies, is not tried again.
//
// Start rate (6.11).  A ring of the last N starts, retries included; administrative acts clear it, also for
// the dependents that they stop.
//
// VM instances (claimed by our method) know no rule of SMF about processes, and nobody kills their contract:
//   - When the contract empties while up, the state shows next_state offline and a question goes to the
//   guard.
//     The guard's own reports, and the first look after a restart of the daemon, ask without touching the
//     state. One question is open at a time; what happens meanwhile is asked after a leave_online.
//   - The answer is carried out as an ordinary transition; a VM that is known to be gone gets no stop method.
//   The
//     start that follows a verdict restart is commanded and does not count in the ring.
//   - ask_again is no answer yet: it is asked again 2 s later, and the 15 s that an answer may take run on.
//   When
//     they are over: degraded, another guard, the same question; the third time in a row: maintenance.
//   - An administrator's word makes an open question void.
//   - In maintenance a VM may run on, and after a stop that only resets it (MethodEnd::kept); then it keeps
//   its
//     contract until it ends or the next start adopts it.
//
//   - A restart may be delayed (a verdict's back-off): the instance is offline meanwhile.  A person's word
//     (StartCommanded) begins the start at once, and of an instance that is up restarts it.
//
// Requests (requests.cpp).  A mark that somebody asked for and that has to wait is on record (RecordRequests)
// before whoever asked is answered, and a new daemon sets it again (Recovered::waiting).  Milestones (5.6):
// MilestoneSet tells which is in force; what is created outside of it is disabled temporarily, as long as the
// milestone does not need it.
//
// Pace (admission.h).  A VM instance whose dependencies are satisfied queues for its turn, visible as offline
// with the reason waits_turn; the turns are given after the queue of marks is worked off.  While everything
// goes down at most save_width VMs are saved at once, those with the longest way ahead first.  A shutdown
// with a budget gives each instance a latest finish (plan.h): a stop method has to be over by then, one that
// still waits for a place goes without, and at the end of the budget ShutDownDone says what is left.
//
// The daemon owes: exactly one MethodEnded for each RunMethod (after KillMethod as well); ContractEmptied
// once for a contract that a start made, never for a released one; TimerFired not before its time.  Loaded
// events of one batch carry `more`, except the last.  After DisableTemporarily the EnabledChanged{false} that
// the repository reports is expected and swallowed.  Recovered::has_contract is false for an instance that
// never had one; one that vanished is there and empty.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "restarter/events.h"

namespace vmkeep::restarter {

// What svcs and the daemon may ask about an instance.
struct InstanceView {
  graph::State state = graph::State::uninitialized;
  graph::State next_state = graph::State::none;
  graph::Reason reason = graph::Reason::none;
  std::string why;
  bool enabled = false;
  bool vm_instance = false;
  uint64_t method_run = 0;  // the method that is running now; 0: none
};

class Restarter {
 public:
  Restarter();
  ~Restarter();

  // The actions in the order in which they must be carried out.
  std::vector<Action> handle(const Event& event, Instant now);

  // The configuration as it is kept, once for all instances that have the same.
  ConfigPtr share(const InstanceConfig& config);

  const graph::Graph& graph() const;
  const InstanceView* view(const std::string& fmri) const;

  // What a boot with everything that is enabled now, and a shutdown now, would look like.
  Plan start_plan(const Measurements& measured) const;
  Plan stop_plan(const Measurements& measured, std::optional<Instant> budget) const;
  // Somebody starts or waits for his turn: the host's pressure is of interest.
  bool paces_starts() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace vmkeep::restarter
