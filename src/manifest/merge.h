// The three-way merge of an upgrade (3.4): what the manifest said last time (old), what it says now (next),
// and what the repository has (current).  Pure.
//
// Per property: unchanged in the manifest: current stays, whatever it is.  Not customised (current equals
// old): next is taken.  Both changed, differently: a conflict; current stays and a warning says so, unless
// the manifest has override="true".  What the manifest never knew is the administrator's own and stays.
// Without an old (a thing made by hand) only what is missing is added.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "repository/types.h"

namespace vmkeep::manifest {

using Content = std::map<std::string, repository::PropertyGroup>;  // the groups of one entity, by name

bool same(const repository::PropertyGroup& a, const repository::PropertyGroup& b);  // but for the generation
bool same(const Content& a, const Content& b);

struct MergeInput {
  std::string entity;            // for warnings
  const Content* old = nullptr;  // null: no last-import
  const Content& next;
  const Content& current;
  const std::set<std::string>& overrides;  // "pg/prop"
  const std::set<std::string>& removed;    // groups with delete="true"
};

// `notes`: what is taken over, for who wants to know; null: nobody.
Content merge(const MergeInput& input, std::vector<std::string>& warnings,
              std::vector<std::string>* notes = nullptr);

}  // namespace vmkeep::manifest
