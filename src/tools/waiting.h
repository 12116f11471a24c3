// svcadm -s and -r: what an instance that was enabled or disabled still waits for, and what else must be
// enabled so that it can run (spec of the facility, 7.2).  Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tools/world.h"

namespace vmkeep::tools {

inline constexpr int kOtherwise = 3;   // an instance went to maintenance, or somebody else changed it
inline constexpr int kImpossible = 4;  // unsatisfied dependencies, or no restarter

struct Wait {
  bool over = false;
  int status = 0;
  std::string message;  // what went wrong; empty: the instance is where it should be
};

// What the instance was told to do.
enum class Goal { enabled, disabled, restarted, cleared };

// `since`: the time of the state that the instance had before it was told.  A maintenance that is no younger
// is the one that a disable or a clear leads out of, and a state that is no younger is no restart.
Wait judge(const World& world, const graph::Graph& graph, const std::string& fmri, Goal goal, double since);

// Whether judge() asks what else there is: then one instance alone does not tell whether it will get there.
bool hangs_on_others(const control::InstanceMessage& instance);

// What `fmri` requires, over any number of steps: instances to enable first, in an order in which they can
// start. Errors: the message that svcadm prints.
Result<std::vector<std::string>> requirements(const World& world, const std::string& fmri);

}  // namespace vmkeep::tools
