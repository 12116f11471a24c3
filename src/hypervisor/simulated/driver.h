// A hypervisor without guests, for trying vmkeep out and for testing it: real processes that can be killed
// and stopped, states in a folder, and a script of delays and faults (store.h).
//
// Taken from the owner's environment: VMKEEP_SIMULATED_HOME, the folder (else HOME/.vmkeep-simulated);
// VMKEEP_LIBEXEC, where vmkeep-simulated-vm is (else beside the program that runs).
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "hypervisor/hypervisor.h"
#include "hypervisor/process_table.h"
#include "hypervisor/simulated/store.h"
#include "hypervisor/watch.h"

namespace vmkeep::hypervisor::simulated {

class Driver : public Hypervisor {
 public:
  Driver(Executor executor, DriverOptions options);
  ~Driver() override;

  std::string name() const override { return "simulated"; }
  Task<Result<>> prepare(Instant deadline) override;
  Task<Result<std::vector<VmRef>>> list(Instant deadline) override;
  Task<Result<VmRef>> find(std::string name_or_uuid, Instant deadline) override;
  Task<Result<vm::Observation>> look(std::string uuid, Instant deadline) override;
  Task<Result<std::vector<std::string>>> running(Instant deadline) override;
  Result<Launch> launch(const VmRef& vm) override;
  Task<Result<>> control(std::string uuid, vm::StopAction action, Instant deadline,
                         Percent progress = {}) override;
  Task<Result<>> resume(std::string uuid, Instant deadline) override;
  std::optional<VmProcess> process(const std::string& uuid) override;
  Task<bool> hint(std::string uuid, Instant deadline) override;
  void abandon(const std::string& uuid) override;

 private:
  struct Call;
  Task<bool> delay(std::string uuid, Instant until);
  Task<Result<>> answer(std::string uuid, Instant deadline);
  Task<Result<>> say(std::string uuid, std::string word, Instant deadline);
  Task<Result<>> hang(std::string uuid, Instant deadline);
  Task<Result<>> emergency_stop(std::string uuid, Instant deadline);

  Executor executor_;
  Store store_;
  std::string program_;
  ProcessTable table_;
  Watch watch_;
  std::list<Call*> calls_;  // under way
};

}  // namespace vmkeep::hypervisor::simulated
