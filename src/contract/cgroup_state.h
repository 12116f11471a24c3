// What the cgroup backend knows of its contracts, and the coroutines that follow them: one inotify descriptor
// on the cgroup.events of all, the Reaper's orphans, and the pidfds of what could not be moved into a cgroup.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "contract/contract.h"
#include "contract/pid_watcher.h"

namespace vmkeep::contract {

struct CgroupContract {
  std::string folder;
  int watch = -1;           // of inotify, on cgroup.events
  bool occupied = false;    // something was put into it since it last emptied
  bool released = false;    // nobody asks for it any more; it goes when it empties
  std::set<pid_t> outside;  // adopted where they are, because they could not be moved

  bool empty() const;
};

// Outlives the Contracts as long as a coroutine of it has not noticed that they are gone.
struct CgroupState {
  using Self = std::shared_ptr<CgroupState>;

  Executor executor;
  Reaper* reaper;
  std::string root;       // folder
  std::string root_path;  // as /proc/PID/cgroup tells it
  std::map<ContractId, CgroupContract> contracts;
  std::map<int, ContractId> watches;
  // Which contract our children live in: there may be thousands, and whenever a contract empties all of them
  // are gone through.  Of those that we spawned it is known, of an orphan its cgroup says it once.  The end
  // of an orphan is told to us; that of the others is noticed when they are gone through next.
  std::unordered_map<pid_t, ContractId> homes;
  Fd inotify;
  std::unique_ptr<Readiness> readiness;
  PidWatcher watcher;
  Queue<ContractEvent> events;
  bool stopped = false;

  CgroupState(const Executor& e, Reaper& r) : executor(e), reaper(&r), watcher(e), events(e) {}

  CgroupContract* find(ContractId id);
  Result<> watch(ContractId id, CgroupContract& contract);
  void drop(ContractId id);  // its watches and its folder

  // Starts the coroutines, which end once stop() was called.
  static Result<> follow(const Self& self);
  void stop();

 private:
  void take_orphan(const Orphan& orphan);
  std::optional<pid_t> dying_child(const std::set<ContractId>& of);
  std::optional<ContractId> home_of(pid_t child);
  std::vector<ContractId> read_inotify();
  static Task<> drain_orphans(Self self);
  static Task<> settle(Self self, std::set<ContractId> ids);
  static Task<> judge(Self self, std::vector<ContractId> ids);
  static Task<> follow_orphans(Self self);
  static Task<> follow_cgroups(Self self);
  static Task<> follow_outside(Self self);
};

}  // namespace vmkeep::contract
