// The daemon's side of the scope (host/scope.h): finds or makes it, and sees to it that vmkeep-hold stays in
// it.
#pragma once

#include <string>

#include "daemon/core.h"

namespace vmkeep::daemon {

class Scope {
 public:
  explicit Scope(Core& core) : core_(core) {}

  // Returns the scope's cgroup, as contract::ContractsOptions::delegated wants it; empty where there is no
  // systemd.
  Result<std::string> open();

  // Puts another holder into the scope when the last one ended, for ever.
  Task<> keep();

 private:
  Result<Child> spawn_holder(int cgroup);
  Result<> settle(const std::string& cgroup, Child holder);

  Core& core_;
  std::string leaf_;  // folder of the holder's cgroup; empty: there is nothing to keep
  Fd holder_;         // pidfd
};

}  // namespace vmkeep::daemon
