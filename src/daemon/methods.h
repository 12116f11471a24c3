// Runs the methods that the restarter asks for, each in its contract and context, and tells how it ended.
#pragma once

#include "daemon/core.h"

namespace vmkeep::daemon {

class Methods {
 public:
  explicit Methods(Core& core) : core_(core) {}

  void run(const restarter::RunMethod& action);
  // Out of time: SIGKILL to the method's contract, or of a VM instance to the method's own process only.
  void kill(const restarter::KillMethod& action);

 private:
  Result<> prepare(Record& record, const restarter::RunMethod& action, SpawnSpec& spec, int& exit_code);
  Result<contract::ContractId> make_contract(Record& record, restarter::MethodName method);
  void not_started(Record& record, const restarter::RunMethod& action, const std::string& why, int exit_code);
  static Task<> follow(Core& core, std::string fmri, uint64_t run, pid_t pid);
  Core& core_;
};

}  // namespace vmkeep::daemon
