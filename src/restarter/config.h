// What the restarter knows of an instance's configuration: the method, startd and dependency property groups
// of its running snapshot, composed (spec of the facility, sections 2.2, 5 and 6).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"
#include "repository/types.h"

namespace vmkeep::restarter {

enum class Duration { contract, transient, child };

struct MethodConfig {
  bool present = false;                         // the property group is there
  std::optional<std::string> exec;              // absent: "Method property '...' is not present"
  std::optional<std::chrono::seconds> timeout;  // absent: infinite
  std::vector<std::string> notes;               // to be logged when it runs: a bad timeout and the like
  bool operator==(const MethodConfig&) const = default;
};

struct InstanceConfig {
  Duration duration = Duration::contract;
  bool ignore_core = false;
  bool ignore_signal = false;
  bool ignore_empty = false;  // restart_on of the start method (6.3): an emptied contract is no fault
  bool timeout_retry = true;
  size_t critical_failure_count = 5;  // both given, or the defaults (6.11)
  std::chrono::seconds critical_failure_period{600};
  MethodConfig start, stop, refresh;
  bool starts_vm = false;  // by its methods and groups; whether it is a VM instance its method says
  bool saves = false;      // its stop writes the VM's memory to disk
  std::vector<graph::Dependency> dependencies;
  // general/restarter (5.7).  Not empty: it names another restarter, which is canonical, or what is no FMRI
  // of an instance at all.
  std::string delegated_to;
  std::string invalid_restarter;
  // Why the instance must go to maintenance with invalid_dependency; empty: all is well.
  std::string invalid_dependency;
  bool operator==(const InstanceConfig&) const = default;
};

// Instances of one service mostly have the same configuration: it is kept once for all of them.
using ConfigPtr = std::shared_ptr<const InstanceConfig>;
class ConfigPool {
 public:
  static const ConfigPtr& none();  // as of an instance that nothing is known of
  ConfigPtr share(const InstanceConfig& config);

 private:
  std::unordered_multimap<size_t, std::weak_ptr<const InstanceConfig>> known_;
  size_t sweep_at_ = 64;
};

// Reads it from the running view.  Never fails: what is wrong is recorded in the result, as the spec wants.
InstanceConfig read_config(const repository::Levels& running, const std::string& fmri);

// Who restarts it; general/restarter is live (2.5): it is read from the current view.
void read_restarter(const repository::Levels& current, InstanceConfig& config);
inline constexpr char kMasterRestarter[] = "svc:/system/svc/restarter:default";

// The effective enabled flag (2.8): the override, else the permanent one, else nothing: not configured.
std::optional<bool> read_enabled(const repository::Levels& current);

}  // namespace vmkeep::restarter
