// service_bundle XML (spec of the facility, section 3) to a description, a change-set, and back.
//
// Parsed by libxml2 with a DTD of our own in memory: entity expansion and network access are off, the
// document's own DTD is never loaded.  Whatever is wrong is reported with file, line and reason; nothing is
// half-applied.
//
// What a newcomer should know:
//  - An element becomes a property group (3.3): exec_method a "method" group of its name, dependency a
//  "dependency"
//    group, method_context the group `method_context` or properties of the method's group, a template several
//    tm_*.
//  - A dependent turns a dependency round: the group goes to the other entity, marked external=true, and the
//  group
//    `dependents` here remembers it.  A target that does not exist yet is created empty, so that nothing is
//    lost when its own manifest comes later: a service without instances, or an instance without
//    general/enabled, which no restarter is told about.
//  - A dependency may be of type "host" (ours): its service_fmri is "host:network" and the like.
//  - The whole of an import is one change-set.  The snapshot last-import holds what the manifest said, not
//  what came
//    of it: that is why a change-set first writes the manifest's content, takes the snapshot, and then puts
//    back what the administrator had changed.  Nobody sees the state in between, because it is one
//    transaction.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "repository/change_set.h"
#include "repository/repository.h"
#include "repository/types.h"

namespace vmkeep::manifest {

struct Problem {
  std::string file;
  int line = 0;  // 0: the file as a whole
  std::string reason;
  std::string str() const;  // "FILE:LINE: reason"
};

// A <dependent>: the dependency group that the target gets.
struct Dependent {
  std::string name;
  fmri::Fmri target;
  repository::PropertyGroup group;  // external=true, entities=the entity that declares it
  bool remove = false;              // delete="true"
  bool replace = false;             // override="true": even if the administrator removed it
};

struct EntityDescription {
  std::string name;
  std::map<std::string, repository::PropertyGroup> groups;
  std::vector<Dependent> dependents;
  std::set<std::string> overrides;  // "pg/prop" with override="true": they win over customised values
  std::set<std::string> removed;    // groups with delete="true"
  // A profile may leave types out: groups have then none, and "pg/prop" is here, with unchecked values.
  std::set<std::string> untyped;
};

struct InstanceDescription : EntityDescription {
  bool enabled = false;
};

struct ServiceDescription : EntityDescription {
  std::string type;  // service, restarter, milestone
  std::string version;
  std::vector<InstanceDescription> instances;
};

struct Bundle {
  std::string type;  // manifest, profile, archive
  std::string name;
  std::string file;
  std::vector<ServiceDescription> services;
};

struct ParseOptions {
  bool validate = true;  // false: not against the DTD (SVCCFG_NOVALIDATE)
  std::string dtd;       // a file instead of our own DTD (SVCCFG_DTD); empty: ours
};

// All problems of the document at once, in line order; empty: `bundle` is good.
std::vector<Problem> parse(const std::string& file, const std::string& text, Bundle& bundle,
                           const ParseOptions& options = {});
std::vector<Problem> parse_file(const std::string& file, Bundle& bundle, const ParseOptions& options = {});

// One import is one change-set (3.4): new things are created, with general last; of what exists, customised
// properties are kept (three-way against the last-import snapshot).  `warnings`: conflicts that were kept.
// general/enabled and general/restarter of what exists are never touched.  Nothing to do: an empty
// change-set. ErrorKind::invalid if the bundle is no manifest; exists if a dependent's group would replace
// somebody else's.
// `notes`: what is taken over and which snapshots are taken, for who wants to know.
Result<repository::ChangeSet> plan_import(repository::Repository& repository, const Bundle& bundle,
                                          std::vector<std::string>& warnings,
                                          std::vector<std::string>* notes = nullptr);

}  // namespace vmkeep::manifest
