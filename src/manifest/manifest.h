// service_bundle XML (spec of the facility, section 3) to a description, a change-set, and back.
//
// Parsed by libxml2 with a DTD of our own in memory: entity expansion and network access are off, the document's
// own DTD is never loaded.  Whatever is wrong is reported with file, line and reason; nothing is half-applied.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "repository/change_set.h"
#include "repository/repository.h"
#include "repository/types.h"

namespace vmkeep::manifest {

struct Problem {
  std::string file;
  int line = 0;
  std::string reason;
  std::string str() const;  // "FILE:LINE: reason"
};

struct InstanceDescription {
  std::string name;
  bool enabled = false;
  std::map<std::string, repository::PropertyGroup> groups;
};

struct ServiceDescription {
  std::string name;
  std::string type;  // service, restarter, milestone
  std::string version;
  std::map<std::string, repository::PropertyGroup> groups;
  std::vector<InstanceDescription> instances;
};

struct Bundle {
  std::string type;  // manifest, profile, archive
  std::string name;
  std::string file;
  std::vector<ServiceDescription> services;
};

// All problems of the document at once, in line order; empty: `bundle` is good.
std::vector<Problem> parse(const std::string& file, const std::string& text, Bundle& bundle);
std::vector<Problem> parse_file(const std::string& file, Bundle& bundle);

// One import is one change-set (3.4): new things are created, with general last; of what exists, customised
// properties are kept (three-way against the last-import snapshot).  `warnings`: conflicts that were kept.
Result<repository::ChangeSet> plan_import(repository::Repository& repository, const Bundle& bundle,
                                          std::vector<std::string>& warnings);

}  // namespace vmkeep::manifest
