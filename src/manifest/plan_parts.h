// What import, apply and restore share: which groups are a manifest's to decide about, what the repository
// has, and the dependency groups that dependents put into other entities.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "manifest/manifest.h"
#include "manifest/merge.h"

namespace vmkeep::manifest {

inline constexpr char kLastImport[] = "last-import";

// Whether another entity's dependent put it here.
bool is_external(const repository::PropertyGroup& group);

// What a manifest decides about.  Not: what other services' dependents put here, which files the service came
// from, and what lives as long as the boot.
bool is_ours(const repository::PropertyGroup& group);
Content ours(const repository::Groups& groups);

// The group `dependents` of a description: which dependents it has, and where.
void add_dependents_group(const EntityDescription& description, Content& content);

// "Could not create "late" dependency in svc:/x (already exists)."
Error already_there(const std::string& group, const fmri::Fmri& entity);

// The names in the repository.
class Known {
 public:
  Known() = default;
  explicit Known(std::vector<fmri::Entry> entries) : entries_(std::move(entries)) {}
  const fmri::Entry* service(const std::string& name) const;
  bool contains(const fmri::Fmri& entity) const;

 private:
  std::vector<fmri::Entry> entries_;
};

// Changes for the targets of dependents.  `planned`: what the same change-set makes of an entity; null:
// nothing.
class DependentPlanner {
 public:
  using Planned = std::function<const Content*(const fmri::Fmri& entity)>;
  DependentPlanner(repository::Repository& repository, const Known& known, Planned planned,
                   repository::ChangeSet& changes)
      : repository_(repository), known_(known), planned_(std::move(planned)), changes_(changes) {}

  // What `self` put there goes, if it is still there.
  Result<> remove(const fmri::Fmri& self, const std::string& name, const std::string& target);
  // The manifest wins over what somebody changed in the group itself: it is its service's, not the target's.
  Result<> put(const Dependent& dependent);

 private:
  void create_target(const fmri::Fmri& target);

  repository::Repository& repository_;
  const Known& known_;
  Planned planned_;
  repository::ChangeSet& changes_;
  std::set<std::string> made_;
};

}  // namespace vmkeep::manifest
