// The configuration that a simulation runs: services and instances with their property groups, as the
// repository would give them.  It is put together from up to three sources, each over the one before: what a
// running vmkeepd has, manifests, and what the scenario itself says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "fmri/fmri.h"
#include "repository/repository.h"

namespace vmkeep::simulate {

// Where the pace of starts and saves is configured (daemon/plan_calls.h).
inline constexpr char kRestarterService[] = "system/svc/restarter";

using Groups = std::map<std::string, repository::PropertyGroup>;

struct InstanceSetup {
  Groups groups;
  bool enabled = true;
};

class Configuration {
 public:
  std::map<std::string, Groups> services;  // "site/xvm/vbox"
  std::map<fmri::Fmri, InstanceSetup> instances;

  // As the running snapshot of an instance.
  repository::Levels levels(const fmri::Fmri& instance) const;
  std::vector<fmri::Entry> entries() const;
  // The one instance that a word means, by the rules of svcs.
  Result<fmri::Fmri> find(const std::string& word) const;

  Groups& groups(const fmri::Fmri& entity);  // of a service or an instance, made if missing
  // "vm/stop_method", values: with the type that readers of that property expect.
  Result<> set(const fmri::Fmri& entity, const std::string& property, std::vector<std::string> values);

  // Methods for an instance that the scenario wrote down and that has none.
  void complete(const fmri::Fmri& instance);
  // Stand-ins for what is needed and not there; their names.  Each is online as soon as it may.
  std::vector<std::string> assume_missing(const std::vector<std::string>& absent);

  Result<> add_manifest(const std::string& file);
  // The instances that match one of the patterns, and everything they depend on; no patterns: all.
  Result<> add_running(repository::Repository& repository, const std::vector<std::string>& patterns);
};

// Whether its methods are those of a VM.
bool is_vm(const repository::Levels& levels);

}  // namespace vmkeep::simulate
