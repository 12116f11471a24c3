// Runs the methods that the restarter asks for, each in its contract and context, and tells how it ended.
#pragma once

#include "base/fd.h"
#include "base/spawn.h"
#include "daemon/core.h"

namespace vmkeep::daemon {

// Events are handled in turns of some milliseconds.  What a turn changed is written down once, at its end:
// one transaction before its methods begin, since nothing may live in a contract that is not on record as its
// instance's, and one after it.  A state that follows in the same turn from a method's beginning (a service
// of duration child is online at once) belongs to the second: whoever finds only the first must take it that
// the method had not begun.
class Methods {
 public:
  explicit Methods(Core& core) : core_(core) {}

  // Prepares it; it begins when the turn is settled.
  void run(const restarter::RunMethod& action);
  // So many are prepared that they should begin before others are: each holds its log open.
  bool full() const { return births_.size() >= kBirths; }
  // The end of a turn, or the moment when something is to be done to what was prepared in it.
  void settle();
  // Out of time: SIGKILL to the method's contract, or of a VM instance to the method's own process only.
  void kill(const restarter::KillMethod& action);

 private:
  static constexpr size_t kBirths = 32;
  struct Birth {
    std::string fmri;
    uint64_t run = 0;
    contract::ContractId contract = 0;
    restarter::MethodName method = restarter::MethodName::start;
    SpawnSpec spec;
    Fd log;
    repository::PropertyGroup before;  // its state up to here
  };
  void write_down();
  void begin(Birth birth);
  Result<> prepare(Record& record, const restarter::RunMethod& action, SpawnSpec& spec, int& exit_code);
  Result<contract::ContractId> make_contract(Record& record, restarter::MethodName method);
  void not_started(Record& record, const restarter::RunMethod& action, const std::string& why, int exit_code);
  static Task<> follow(Core& core, std::string fmri, uint64_t run, pid_t pid);
  Core& core_;
  std::vector<Birth> births_;
};

}  // namespace vmkeep::daemon
