// Dependencies (spec of the facility, section 5): what is satisfied, unsatisfied (may become true by itself)
// and unsatisfiable (needs an administrator), who depends on whom, and where a cycle closes.
//
// The graph knows the published facts about each instance (Node) and the dependency groups of each; it
// decides nothing about methods or states.  Entities: instances, services (an OR over their instances),
// files, and host facts ("host:network"), which the host room answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/state.h"

namespace vmkeep::graph {

enum class Grouping { require_all, require_any, optional_all, exclude_all };
enum class RestartOn { none, error, restart, refresh };
std::string_view to_string(Grouping grouping);
std::string_view to_string(RestartOn restart_on);
std::optional<Grouping> grouping(std::string_view name);
std::optional<RestartOn> restart_on(std::string_view name);

enum class EntityKind { instance, service, file, host };

struct Entity {
  EntityKind kind = EntityKind::instance;
  std::string name;  // canonical FMRI; "/path" of a file; "network" of a host fact
  auto operator<=>(const Entity&) const = default;
};

struct Dependency {
  std::string name;  // of the property group
  Grouping grouping = Grouping::require_all;
  RestartOn restart_on = RestartOn::none;
  std::vector<Entity> entities;
  bool operator==(const Dependency&) const = default;
};
// Many instances have the same: whoever has them does not have them alone.
using DependenciesPtr = std::shared_ptr<const std::vector<Dependency>>;

enum class Satisfaction { unsatisfiable = -1, unsatisfied = 0, satisfied = 1 };

// What the rest of the world sees of an instance.
struct Node {
  bool configured = false;  // has an enabled property
  bool enabled = false;     // effective
  State state = State::uninitialized;
  bool to_disable = false;  // a disable is under way (5.3)
  bool to_offline = false;
};

// What happened to an instance, as its dependents see it (5.2).  Ordered: a group stops its dependents if
// event <= restart_on, with fault as "error" and restart as "restart".
enum class StopCause { fault, restart, refresh };

// Whether a group stops its running dependent for that (5.2); exclude_all never does, it waits for starts.
bool binds(const Dependency& dependency, StopCause cause);
// Whether a group stops its running dependent because a member of it came up.
bool binds_on_start(const Dependency& dependency);

// "svc:/site/db" of "svc:/site/db:one".
std::string service_of(std::string_view instance);

class Graph {
 public:
  Graph();
  ~Graph();

  void set_node(const std::string& instance, const Node& node);  // adds it if it is new
  const Node* node(const std::string& instance) const;
  void remove(const std::string& instance);
  std::vector<std::string> instances() const;  // in name order
  std::vector<std::string> instances_of(const std::string& service) const;

  // Replaces the dependencies of an instance.  If that would close a cycle (exclude_all edges do not count)
  // the new dependencies are not entered, and the path of the cycle comes back, beginning and ending with
  // `instance`.
  std::vector<std::string> share_dependencies(const std::string& instance, DependenciesPtr dependencies);
  std::vector<std::string> set_dependencies(const std::string& instance,
                                            std::vector<Dependency> dependencies);
  const std::vector<Dependency>& dependencies(const std::string& instance) const;

  void set_fact(const std::string& name, bool holds);
  void set_file(const std::string& path, bool present);
  std::vector<std::string> files() const;  // all files that somebody depends on

  // 5.1.  `could_ever` is the satisfiability mode.
  Satisfaction satisfaction(const std::string& instance, bool could_ever = false) const;
  Satisfaction satisfaction(const Dependency& dependency, bool could_ever = false) const;
  Satisfaction satisfaction(const Entity& entity, bool could_ever = false) const;

  // Instances with a dependency group that names this entity, or the service of this instance; in name order.
  // Good until the graph changes.
  struct Dependent {
    std::string_view instance;
    const Dependency* dependency;
  };
  std::vector<Dependent> dependents(const Entity& entity) const;
  std::vector<Dependent> dependents(const std::string& instance) const;

  // Which running dependents must stop because `instance` stopped that way (5.2).
  std::vector<std::string> stopped_by(const std::string& instance, StopCause cause) const;
  // Which running dependents must stop because `instance` came up (exclude_all; optional_all that binds on).
  std::vector<std::string> stopped_by_start(const std::string& instance) const;
  // 5.3: everything online that must go offline before `instance` may be disabled, leaves first, in the order
  // in which they may stop; without `instance` itself.
  std::vector<std::string> stop_order(const std::string& instance) const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace vmkeep::graph
