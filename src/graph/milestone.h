// svcadm milestone (spec of the facility, 5.6): which instances a milestone leaves alone, and what is to be
// done to the temporary enabled flag of each.  Pure.
//
//   all          every temporary flag is lifted: what is enabled comes up
//   none         whatever is enabled is temporarily disabled, but for the master restarter
//   a milestone  the same to whatever it does not depend on, over any number of steps; what it depends on,
//                and itself, loses its temporary flag
//
// It depends on the members of its groups and on theirs, but for those that are excluded; of what is optional
// only on what is enabled for good.  A service stands for all its instances.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace vmkeep::graph {

inline constexpr char kMasterRestarter[] = "svc:/system/svc/restarter:default";

// The FMRI of a major milestone (single-user, multi-user, multi-user-server) of its whole name or the end of
// it; "all" and "none" as they are; nothing for what is none of these.
std::optional<std::string> major_milestone(std::string_view name);

// The enabled flags of an instance (2.8).
struct Flags {
  bool enabled = false;
  std::optional<bool> temporary;
  bool effective() const { return temporary.value_or(enabled); }
};

// What the milestone depends on, and itself.  Instances that the graph does not know may be among them.
// `enabled` tells which of what is optional count.
std::set<std::string> closure(const Graph& graph, const std::string& milestone,
                              const std::function<bool(const std::string&)>& enabled);
std::set<std::string> closure(const Graph& graph, const std::string& milestone,
                              const std::map<std::string, Flags>& flags);

struct MilestoneChange {
  std::vector<std::string> disable;  // get the temporary flag false
  std::vector<std::string> lift;     // lose their temporary flag
};

// `milestone` as major_milestone() tells it; `flags` of all that are configured.
MilestoneChange reach(const Graph& graph, const std::string& milestone,
                      const std::map<std::string, Flags>& flags);

}  // namespace vmkeep::graph
