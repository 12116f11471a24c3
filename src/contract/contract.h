// Contracts: which processes belong to an instance (or to one run of a method), when the last one is gone,
// and how each ended.
//
// A contract is a cgroup where we may make one, and a set of pids elsewhere (a user's own daemon on a host
// that delegates nothing), or both for a process that was adopted.  The root of our cgroups is our own cgroup
// plus vmkeep-<hash of the run folder>, so that two daemons never meet; the daemon itself moves into a leaf
// of it.  Where systemd keeps the daemon as a service, the root is below a scope instead (host/scope.h): what
// systemd does to the service does nothing to the processes of contracts.
//
// Ids grow and are never reused within a boot; the caller keeps the counter (volatile store).
//
// Which deaths are told where:
// - A child that spawn() returned is announced to the Reaper (expect) by spawn(): the caller waits for it
// with
//   Reaper::exited().  It never shows up as MemberEnded, but it is a member, and the contract empties after
//   it.
// - A member that was orphaned becomes our child, because open() makes this process a subreaper: MemberEnded
// with its
//   status.  Contracts takes every orphan out of Reaper::orphans(); nobody else may pop that queue.
// - The end of other members (children of members, adopted processes) is nobody's to tell; their Emptied
// comes.
//
// Emptied comes once for each time that the last member goes, and again after a later spawn() or adopt().  A
// contract that nothing was ever put into does not empty.  Zombies are no members.
//
// Without cgroups a member is found by what it descends from: its session, its parents, and VMKEEP_CONTRACT
// in the environment that it was born with.  A process that double-forks out of its session with an
// environment of its own, between two looks, escapes.  There is a look whenever a member ends and whenever
// somebody asks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/loop.h"
#include "base/reaper.h"
#include "base/result.h"
#include "base/spawn.h"
#include "contract/limits.h"

namespace vmkeep::contract {

using ContractId = uint64_t;

struct Emptied {
  ContractId id = 0;
};
struct MemberEnded {
  ContractId id = 0;
  pid_t pid = -1;
  ExitStatus status;
};  // an orphan that we reaped
using ContractEvent =
    std::variant<MemberEnded, Emptied>;  // a member's end comes before the emptiness it causes

struct Member {
  pid_t pid = -1;
  std::string command;     // /proc/PID/comm
  std::string arguments;   // /proc/PID/cmdline, blanks for NULs
  int64_t start_time = 0;  // wall clock, seconds
};

struct ContractsOptions {
  std::string run_folder;
  enum class Backend { automatic, cgroup, pids } backend = Backend::automatic;
  // Whether the calling process moves into <root>/daemon, until the end: a cgroup with processes of its own
  // cannot hand controllers down.  Tests that must stay where they are say no.
  bool move_self = true;
  // A cgroup that was delegated to us, as /proc/PID/cgroup tells it ("/vmkeep.slice/vmkeep-vms.scope"): then
  // our cgroups are below it instead of below our own, and the caller stays where it is whatever move_self
  // says.
  std::string delegated;
};

class Contracts {
 public:
  static Result<std::unique_ptr<Contracts>> open(Executor executor, Reaper& reaper, ContractsOptions options);
  virtual ~Contracts() = default;

  virtual bool uses_cgroups() const = 0;
  virtual std::string root() const = 0;  // folder of our cgroups; empty without
  virtual std::vector<std::string> missing_controllers()
      const = 0;  // of memory, cpu, io, pids: not delegated here

  virtual Result<> create(ContractId id) = 0;
  // What its processes may take; answers with what is not in force (limits.h).
  virtual std::vector<std::string> limit(ContractId id, const Limits& limits) = 0;
  // Finds a contract of an earlier daemon again.  `pids` as members() told it, for contracts without a
  // cgroup: pairs of pid and start time (a process that started more than two seconds off is another one).
  // ErrorKind::not_found if nothing is left of it.
  virtual Result<> reopen(ContractId id, const std::vector<std::pair<pid_t, int64_t>>& pids) = 0;
  // Once everything of an earlier daemon was reopened: what is still there it had let go, and so have we; it
  // is listed, takes signals, and goes when it empties.  Nothing without cgroups.
  virtual void reopen_abandoned() {}
  virtual Result<Child> spawn(ContractId id, SpawnSpec spec) = 0;  // the caller waits for it with the Reaper
  // Moves a process that runs already into the contract; where that is not allowed it is watched where it is.
  // What it forked before stays where that is.
  virtual Result<> adopt(ContractId id, pid_t pid) = 0;
  virtual std::vector<Member> members(ContractId id) = 0;
  virtual bool empty(ContractId id) = 0;
  // Those that were made or reopened here, and the released ones that still have somebody in them.
  virtual std::vector<ContractId> ids() const = 0;
  // SIGKILL: cgroup.kill, until nobody is left.  A released contract takes signals too.
  virtual Result<> signal(ContractId id, int signal) = 0;
  virtual void release(ContractId id) = 0;  // forget it; the cgroup goes when it is empty
  virtual Queue<ContractEvent>& events() = 0;

  // A folder for an owner's guard and VBoxSVC, given to that uid: <root>/owner-<name>, with the leaf `guard`.
  // The owner may make more leaves beside it and clone children into them.  Errors: ErrorKind::unsupported
  // without cgroups.
  virtual Result<std::string> owner_folder(const std::string& name, uid_t uid, gid_t gid) = 0;
};

}  // namespace vmkeep::contract
