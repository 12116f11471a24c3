// The restarter: (state, event, now) -> (state, actions).  Pure: no clock, no descriptor, no I/O.
//
// It owns the graph and one record an instance.  An event changes records and queues actions; nothing recurses: a
// transition marks what follows from it, and the marks are worked off from a queue before handle() returns.
//
// (The author of restarter.cpp replaces this paragraph by the state machine in prose: see the spec, 4 to 6.)
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

  const graph::Graph& graph() const;
  const InstanceView* view(const std::string& fmri) const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace vmkeep::restarter
