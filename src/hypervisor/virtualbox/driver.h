// VirtualBox, through its own programs: VBoxHeadless starts, VBoxManage does everything else, by UUID.
//
// For callers:
//   - Never look() at a VM while its start is in flight: showvminfo takes a lock on the VM, and half of the
//   starts
//     fail on it (facts 1).  Follow a start with running() and process() instead, which lock nothing.
//   - The deadline given is the one for asking again and for waiting for one's turn.  A call that has begun
//   gets at
//     least 12 s, since one in 300 hangs for 10 s at its exit and is right all the same (facts 3).
//   - VBoxManage's status is not believed alone: with an error among its words 0 is a failure (facts 10), and
//   a
//     failure without a known reason is none if a look finds the VM where it was sent.
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
#include "hypervisor/vm_log.h"
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
  bool contested(const std::string& uuid) override;
  pid_t service() const override { return service_.pid(); }
  Task<bool> hint(std::string uuid, Instant deadline) override;
  void abandon(const std::string& uuid) override;

 private:
  struct Seen {
    vm::Witness witness = vm::Witness::unsure;
    std::optional<VmProcess> process;
  };

  Result<Installation> installation();
  Task<Result<CommandResult>> ask(std::string uuid, std::vector<std::string> words, Instant deadline,
                                  Percent progress = {}, Calls::Rank rank = Calls::Rank::question);
  // An answer that counts: status 0, no error among its words, not cut off.
  Task<Result<std::string>> answer(std::string uuid, std::vector<std::string> words, Instant deadline,
                                   Percent progress = {}, Calls::Rank rank = Calls::Rank::question);
  Task<Result<>> act(std::string uuid, std::vector<std::string> words, Instant deadline,
                     Percent progress = {});
  Error reason_in_log(const std::string& uuid, Error error);
  Task<bool> got_there(std::string uuid, vm::VmState wanted, Instant deadline);
  Task<Result<>> write_down(std::string uuid);
  void note_log(const std::string& uuid, std::string path);
  void watch_log(const std::string& uuid);
  bool belongs(const Process& process, const std::string& uuid) const;
  Task<Result<std::vector<VmRef>>> read_list(std::string which, Instant deadline);
  // One call for all who want the same list at once.  Whoever asks while one is under way gets the next: what
  // began before the question may be of before what the caller did.
  using VmList = std::shared_ptr<const std::vector<VmRef>>;
  struct Listing {
    explicit Listing(const Executor& executor) : over(executor) {}
    uint64_t begun = 0, ended = 0;  // numbers of calls; the last of those that ended counts
    Instant since{};                // of the last that began
    Result<VmList> last = VmList();
    Signal over;
  };
  Task<Result<VmList>> shared_list(std::string which, Instant deadline);
  Task<Result<vm::Observation>> say(std::string uuid, Instant deadline);
  Task<Result<vm::Observation>> say_once(std::string uuid, Instant deadline);
  Task<> let_it_end(std::string uuid, Instant deadline);
  Seen see(const std::string& uuid);
  void note_running(const std::string& uuid, bool runs);
  bool is_as_noted(const std::string& uuid);

  Executor executor_;
  DriverOptions options_;
  std::optional<Installation> installation_;
  std::map<std::string, std::shared_ptr<Listing>> listings_;  // by what VBoxManage calls them
  Calls calls_;
  Service service_;
  Watch watch_;
  ProcessTable table_;
  std::map<std::string, VmProcess> known_;       // by UUID, as last seen
  std::map<std::string, VmLog> logs_;            // by UUID, where a look has told
  std::map<std::string, Instant> asked_;         // by UUID, when whether it runs was asked since its launch
  std::map<std::string, std::string> settings_;  // by UUID, the file with its settings
  // By UUID, those that were up when they were looked at last: what version of that file there was then.
  std::map<std::string, std::string> while_up_;
  // By UUID, those that ran when it was asked last: in which process; and whether a hint told that the
  // guest's heartbeat is lost.
  struct Running {
    VmProcess process;
    std::optional<bool> lost;
  };
  std::map<std::string, Running> running_;
  std::map<std::string, std::string> names_;  // by UUID, as last told: a person may start a VM by its name
};

}  // namespace vmkeep::hypervisor::virtualbox
