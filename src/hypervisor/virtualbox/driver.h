// VirtualBox, through its own programs: VBoxHeadless starts, VBoxManage does everything else, by UUID.
//
// For callers:
//   - Never look() at a VM while its start is in flight: showvminfo takes a lock on the VM, and half of the
//   starts
//     fail on it (facts 1).  Follow a start with running() and process() instead, which lock nothing.
//   - The deadline given is the one for asking again and for waiting for one's turn.  A call that has begun
//   gets at
//     least 12 s, since one in 300 hangs for 10 s at its exit and is right all the same (facts 3).
//   - emergencystop gives up whatever call is under way for the VM, because it is for VMs on which calls
//   hang.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.h"
#include "hypervisor/process_table.h"
#include "hypervisor/virtualbox/calls.h"
#include "hypervisor/virtualbox/installation.h"
#include "hypervisor/virtualbox/parse.h"
#include "hypervisor/virtualbox/service.h"
#include "hypervisor/watch.h"

namespace vmkeep::hypervisor::virtualbox {

class Driver : public Hypervisor {
 public:
  Driver(const Executor& executor, Reaper& reaper, DriverOptions options);

  std::string name() const override { return "virtualbox"; }
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
  struct Seen {
    vm::Witness witness = vm::Witness::unsure;
    std::optional<VmProcess> process;
  };

  Result<Installation> installation();
  Task<Result<CommandResult>> ask(std::string uuid, std::vector<std::string> words, Instant deadline);
  Task<Result<>> act(std::string uuid, std::vector<std::string> words, Instant deadline);
  Task<Result<std::vector<VmRef>>> read_list(std::string which, Instant deadline);
  Task<Result<vm::Observation>> say(std::string uuid, Instant deadline);
  Seen see(const std::string& uuid) const;

  DriverOptions options_;
  std::optional<Installation> installation_;
  Calls calls_;
  Service service_;
  Watch watch_;
  ProcessTable table_;
  std::map<std::string, std::string> names_;  // by UUID, as last told: a person may start a VM by its name
};

}  // namespace vmkeep::hypervisor::virtualbox
