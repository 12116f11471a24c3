// Calls of VBoxManage: one at a time per VM, each with a deadline, what it printed kept.
//
// showvminfo takes a shared lock on its VM, so that two calls for one VM get into each other's way (facts 1).
// Each VM therefore has a lane, and a call with a VM waits for its turn there; calls without (the lists) lock
// nothing and do not wait.  One call in 300 hangs for 10 s at its exit (facts 3): no call gets less than
// kLeast, whatever its caller's deadline is.
//
// Questions come in small numbers: VBoxSVC answers all VMs of an owner one after the other in the end, and
// dozens of clients at once only make each of them late, on two processors until its deadline; and
// VBoxSVC 7.2.22 has been seen to answer nobody any more for a minute, its main thread in its own pool of
// workers, while many asked (three times in some dozen runs of twenty VMs on two busy processors).  One that
// takes its time, as of a VM that hangs, stands in nobody's way. What acts on a VM never waits for others.
//
// Output goes to memory files, not to pipes: a VBoxSVC that a call leaves behind keeps them open without
// harm, and what the call printed is whole the moment it has exited.  Only where somebody follows the
// progress, which VBoxManage prints on stderr, that is a pipe: no memory file tells that it was written to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/command.h"
#include "base/loop.h"
#include "base/reaper.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor::virtualbox {

class Calls {
 public:
  static constexpr Instant kLeast{12'000};
  static constexpr int kAtOnce = 4;  // questions under way that began less than kBrief ago
  static constexpr Instant kBrief{2'000};
  enum class Rank { question, action };

  // `cgroup`: the folder of the cgroup in which calls are born; empty: ours.
  Calls(Executor executor, Reaper& reaper, std::vector<std::string> environment, std::string cgroup,
        Instant least = kLeast, Instant brief = kBrief);

  // Runs argv.  `uuid` empty: in no lane.  Errors: ErrorKind::timeout (also when abandoned), or why it could
  // not be started.
  // `progress` is called while it runs, for every further percent.
  Task<Result<CommandResult>> run(std::string uuid, std::vector<std::string> argv, Instant deadline,
                                  Percent progress = {}, Rank rank = Rank::action);

  // Waits before a further try.  False if the VM was abandoned meanwhile.
  Task<bool> pause(std::string uuid, Instant until);

  // Kills the call that is under way for this VM, and ends the pauses of its tries.
  void abandon(const std::string& uuid);

 private:
  struct Lane;
  struct Follower;
  struct Crowd;
  class Place;
  std::shared_ptr<Lane> lane(const std::string& uuid);
  Result<int> cgroup();

  Executor executor_;
  Reaper& reaper_;
  std::vector<std::string> environment_;
  std::string cgroup_path_;
  Fd cgroup_;
  Instant least_;
  Instant brief_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;
  std::shared_ptr<Crowd> crowd_;
};

}  // namespace vmkeep::hypervisor::virtualbox
