// Files that somebody depends on (spec of the facility, 5.1): whether each is there, and when that changes.
//
// The restarter has to know a file before it evaluates whoever depends on it: an instance that excludes a
// file would be started on top of it otherwise.  So expect() comes before the event that brings the
// dependency.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "host/paths.h"

namespace vmkeep::daemon {

class Files {
 public:
  explicit Files(Core& core) : core_(core) {}

  Result<> open();
  // An instance is loaded or refreshed: what is to be told of the files that nobody depended on before.
  std::vector<restarter::FileChanged> expect(const restarter::Event& event);
  void forget(const std::string& fmri);
  // Before something is evaluated: files that cannot be watched are looked at.
  void look();
  // Pushes FileChanged for whatever comes and goes.
  Task<> follow();

 private:
  void tell_trouble();
  Core& core_;
  std::unique_ptr<host::PathWatch> watch_;
  std::map<std::string, std::set<std::string>> wanted_;  // by instance; only those that want any
  std::map<std::string, size_t> users_;                  // of a path
};

}  // namespace vmkeep::daemon
