// A hypervisor without guests, for trying vmkeep out and for testing it: real processes that can be killed
// and stopped, states in a folder, and a script of delays and faults (store.h).
//
// Taken from the owner's environment: VMKEEP_SIMULATED_HOME, the folder (else HOME/.vmkeep-simulated);
// VMKEEP_LIBEXEC, where vmkeep-simulated-vm is (else beside the program that runs); VMKEEP_FRONT_END, a
// program to be the user's window instead of it.
//
// A VM's process is known by what it leaves in the folder, not by a scan of the process table: a thousand
// VMs are as dear as one, a thousand times.
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
#include "hypervisor/vm_log.h"
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
  std::optional<std::string> name_of(const std::string& uuid) override;
  Task<Result<std::vector<std::string>>> running(Instant deadline) override;
  Task<Result<bool>> is_running(std::string uuid, Instant deadline) override;
  Result<Launch> launch(const VmRef& vm) override;
  Task<Result<>> control(std::string uuid, vm::StopAction action, Instant deadline,
                         Percent progress = {}) override;
  Task<Result<>> resume(std::string uuid, Instant deadline) override;
  Task<Result<>> pause(std::string uuid, Instant deadline) override;
  Task<Result<VmDetails>> describe(std::string uuid, Instant deadline) override;
  Task<Result<>> screenshot(std::string uuid, std::string path, Instant deadline) override;
  Task<Result<>> take_snapshot(std::string uuid, std::string name, std::string description, Instant deadline,
                               Percent progress = {}) override;
  Task<Result<std::optional<std::string>>> guest_property(std::string uuid, std::string name,
                                                          Instant deadline) override;
  Task<Result<uint64_t>> moved_bytes(std::string uuid, Instant deadline) override;
  std::optional<Heartbeat> heartbeat(const std::string& uuid) override;
  Result<std::vector<std::string>> log_tail(const std::string& uuid, size_t lines) override;
  Result<Launch> front_end(const VmRef& vm) override;
  std::optional<VmProcess> process(const std::string& uuid) override;
  Task<bool> hint(std::string uuid, Instant deadline) override;
  void abandon(const std::string& uuid) override;

 private:
  struct Call;
  // What there is of a VM, and what the script says about it.
  struct Subject {
    StoredVm vm;  // without a name if there is none
    Script script;
    std::optional<Error> trouble;  // why `vm` could not be read
  };

  bool is_listed_as_up(const StoredVm& vm) const;
  Task<bool> delay(std::string uuid, Instant until);
  // A call that gets its answer: the subject.  Nothing has been done to it yet.
  Task<Result<Subject>> ask(std::string uuid, std::string delay_key, Instant deadline);
  Task<bool> hint_of_turn(std::string uuid, Instant turns);
  Task<Result<>> hang(std::string uuid, Instant deadline);
  Task<Result<bool>> comes_true(const Subject& subject, const char* key, int64_t left);
  Task<Result<>> act(std::string uuid, std::string word, Instant deadline, Percent progress);
  Task<Result<>> confirmed(std::string uuid, vm::StopAction action, Instant deadline, Percent progress);
  Task<Result<>> say(std::string uuid, std::string word, Instant deadline, Percent progress);
  Task<Result<>> emergency_stop(std::string uuid, Instant deadline);
  Task<Result<>> snapshot_of_halted(Subject subject, Instant deadline);
  std::optional<VmProcess> check(std::optional<pid_t> pid, const std::string& uuid) const;

  Executor executor_;
  Store store_;
  std::string program_;
  std::string front_end_;
  std::string owner_home_;
  ProcessTable table_;
  Watch watch_;
  std::map<std::string, VmLog> logs_;
  std::map<std::string, std::string> names_;  // by UUID, as last told
  std::list<Call*> calls_;                    // under way
};

}  // namespace vmkeep::hypervisor::simulated
