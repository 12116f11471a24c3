// Contracts without cgroups.  See contract.h for how a member is found and which one may escape.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <map>
#include <set>

#include "contract/backends.h"
#include "contract/hierarchy.h"
#include "contract/pid_watcher.h"
#include "contract/proc.h"

namespace vmkeep::contract {
namespace {

// In the environment of every method: the root's name and the contract's id.  Children inherit it.
constexpr const char* kMarker = "VMKEEP_CONTRACT";

using Snapshot = std::map<pid_t, ProcessFacts>;

struct Contract {
  std::map<pid_t, uint64_t> pids;  // with their start; the dead stay until they are reaped, for their reports
  std::set<pid_t> sessions;        // of the methods that were spawned here
  bool occupied = false;
  bool doomed = false;  // SIGKILL was asked for: whoever was missed is killed when found
};

struct State {
  Executor executor;
  Reaper* reaper;
  std::string name;
  std::map<ContractId, Contract> contracts;
  std::map<std::pair<pid_t, uint64_t>, ContractId> marked;  // what environments said; 0: nothing
  PidWatcher watcher;
  Queue<ContractEvent> events;
  bool stopped = false;

  State(const Executor& e, Reaper& r) : executor(e), reaper(&r), watcher(e), events(e) {}

  Contract* find(ContractId id) {
    const auto found = contracts.find(id);
    return found == contracts.end() ? nullptr : &found->second;
  }

  static bool lives(const Snapshot& snapshot, pid_t pid, uint64_t start) {
    const auto found = snapshot.find(pid);
    return found != snapshot.end() && found->second.start_ticks == start && found->second.alive();
  }

  static bool is_empty(const Contract& contract, const Snapshot& snapshot) {
    return std::none_of(contract.pids.begin(), contract.pids.end(),
                        [&](const auto& entry) { return lives(snapshot, entry.first, entry.second); });
  }

  ContractId mark_of(const ProcessFacts& process) {
    const auto key = std::pair(process.pid, process.start_ticks);
    const auto [found, added] = marked.emplace(key, 0);
    if (!added) return found->second;
    const auto value = environment_of(process.pid, kMarker);
    const std::string prefix = name + "-";
    if (!value || value->compare(0, prefix.size(), prefix) != 0) return 0;
    const char* end = value->data() + value->size();
    ContractId id = 0;
    const auto parsed = std::from_chars(value->data() + prefix.size(), end, id);
    if (parsed.ec == std::errc() && parsed.ptr == end) found->second = id;
    return found->second;
  }

  // Who is known already, by pid and by session: made once for each look.
  struct Index {
    std::map<pid_t, std::pair<uint64_t, ContractId>> pids;
    std::map<pid_t, ContractId> sessions;
    std::map<pid_t, ContractId> answers;
  };

  Index make_index() const {
    Index index;
    for (const auto& [id, contract] : contracts) {
      for (const auto& [pid, started] : contract.pids) index.pids[pid] = {started, id};
      for (const pid_t session : contract.sessions) index.sessions[session] = id;
    }
    return index;
  }

  static ContractId known_owner(const ProcessFacts& process, const Index& index) {
    const auto found = index.pids.find(process.pid);
    if (found != index.pids.end() && found->second.first == process.start_ticks) return found->second.second;
    const auto session = index.sessions.find(process.session);
    return session == index.sessions.end() ? 0 : session->second;
  }

  // Whose a process is: its own, else its parent's.  The parent of an orphan is us, and we are nobody's.
  ContractId owner(const ProcessFacts& process, const Snapshot& snapshot, Index& index) {
    std::vector<const ProcessFacts*> line;
    ContractId id = 0;
    for (const ProcessFacts* at = &process; at != nullptr && at->pid > 1 && at->pid != ::getpid();) {
      if (const auto answer = index.answers.find(at->pid); answer != index.answers.end()) {
        id = answer->second;
        break;
      }
      line.push_back(at);
      id = known_owner(*at, index);
      if (id == 0 && at->alive()) id = mark_of(*at);
      if (id != 0 || line.size() > snapshot.size()) break;
      const auto parent = snapshot.find(at->parent);
      at = parent == snapshot.end() ? nullptr : &parent->second;
    }
    for (const ProcessFacts* passed : line) index.answers[passed->pid] = id;
    return id;
  }

  // Looks at all processes, and takes in those that turn out to be members.
  Snapshot look() {
    Snapshot snapshot;
    for (const auto& process : all_processes()) snapshot.emplace(process.pid, process);
    if (contracts.empty()) return snapshot;
    for (auto at = marked.begin(); at != marked.end();)
      at = lives(snapshot, at->first.first, at->first.second) ? std::next(at) : marked.erase(at);
    Index index = make_index();
    for (const auto& [pid, process] : snapshot) {
      Contract* contract = process.alive() ? find(owner(process, snapshot, index)) : nullptr;
      if (contract != nullptr) add(*contract, process);
    }
    return snapshot;
  }

  void add(Contract& contract, const ProcessFacts& process) {
    const auto found = contract.pids.find(process.pid);
    if (found != contract.pids.end() && found->second == process.start_ticks) return;
    if (found != contract.pids.end()) watcher.forget(process.pid);  // somebody else had that pid
    if (!watcher.watch(process.pid)) return;                        // it has just ended
    contract.pids[process.pid] = process.start_ticks;
    contract.occupied = true;
    if (contract.doomed) (void)send_signal(process.pid, SIGKILL);
  }

  void take_orphan(const Orphan& orphan) {
    for (auto& [id, contract] : contracts) {
      if (contract.pids.erase(orphan.pid) == 0) continue;
      watcher.forget(orphan.pid);
      events.push(MemberEnded{id, orphan.pid, orphan.status});
      return;
    }
  }

  static Task<> drain_orphans(std::shared_ptr<State> self) {
    self->reaper->reap();
    while (!self->stopped && !self->reaper->orphans().empty()) {
      if (auto orphan = co_await self->reaper->orphans().pop()) self->take_orphan(*orphan);
    }
  }

  // Nobody can report these any more: they are gone, or were the caller's own children.
  static void prune(Contract& contract, const Snapshot& snapshot) {
    for (auto at = contract.pids.begin(); at != contract.pids.end();) {
      const auto found = snapshot.find(at->first);
      const bool there = found != snapshot.end() && found->second.start_ticks == at->second;
      const bool ours = there && found->second.parent == ::getpid();
      at = there && (found->second.alive() || ours) ? std::next(at) : contract.pids.erase(at);
    }
    for (auto at = contract.sessions.begin(); at != contract.sessions.end();) {
      const bool used = std::any_of(snapshot.begin(), snapshot.end(),
                                    [&](const auto& entry) { return entry.second.session == *at; });
      at = used ? std::next(at) : contract.sessions.erase(at);
    }
  }

  static Task<> judge(std::shared_ptr<State> self) {
    self->look();
    co_await drain_orphans(self);
    if (self->stopped) co_return;
    Snapshot snapshot = self->look();
    const auto& contracts = self->contracts;
    const bool some_empty = std::any_of(contracts.begin(), contracts.end(), [&](const auto& entry) {
      return entry.second.occupied && is_empty(entry.second, snapshot);
    });
    // Twice, because a process that forks while we read /proc can be missed once.
    if (some_empty) snapshot = self->look();
    // What ended during these looks tells it by its pidfd, and we come here again.
    for (auto& [id, contract] : self->contracts) {
      if (contract.occupied && is_empty(contract, snapshot) && !self->unreaped(contract, snapshot)) {
        contract.occupied = false;
        contract.doomed = false;
        self->events.push(Emptied{id});
      }
      prune(contract, snapshot);
    }
  }

  // A zombie child that was there at the last look, but not yet at the reaping before it.
  bool unreaped(const Contract& contract, const Snapshot& snapshot) {
    return std::any_of(contract.pids.begin(), contract.pids.end(), [&](const auto& entry) {
      const auto found = snapshot.find(entry.first);
      return found != snapshot.end() && found->second.start_ticks == entry.second &&
             found->second.parent == ::getpid();
    });
  }

  static Task<> follow_orphans(std::shared_ptr<State> self) {
    while (!self->stopped) {
      const auto orphan = co_await self->reaper->orphans().pop();
      if (self->stopped) co_return;
      if (!orphan || orphan->pid <= 0) continue;
      self->take_orphan(*orphan);
      co_await drain_orphans(self);
      co_await judge(self);  // its children are ours now, or soon without a trace
    }
  }

  static Task<> follow_pids(std::shared_ptr<State> self) {
    while (!self->stopped) {
      co_await self->watcher.ended();
      // A look at all of /proc is dear: one for all that have ended by now.
      while (!self->stopped && self->watcher.pending()) co_await self->watcher.ended();
      if (self->stopped) co_return;
      co_await judge(self);
    }
  }
};

class PidContracts final : public Contracts {
 public:
  PidContracts(const Executor& executor, Reaper& reaper, const ContractsOptions& options)
      : state_(std::make_shared<State>(executor, reaper)) {
    state_->name = root_name(options.run_folder);
    start(executor, State::follow_orphans(state_));
    start(executor, State::follow_pids(state_));
  }
  PidContracts(const PidContracts&) = delete;
  PidContracts& operator=(const PidContracts&) = delete;

  ~PidContracts() override {
    state_->stopped = true;
    state_->watcher.wake();
    state_->reaper->orphans().push(Orphan{});  // wakes the coroutine that waits there
  }

  bool uses_cgroups() const override { return false; }
  std::string root() const override { return {}; }
  std::vector<std::string> limit(ContractId, const Limits& limits) override {
    const bool any = limits.memory_low || limits.memory_high || limits.cpu_weight || limits.io_weight;
    if (!any) return {};
    return {
        "the limits of memory and the weights are not in force: processes are tracked without cgroups here"};
  }
  std::vector<std::string> missing_controllers() const override { return {"memory", "cpu", "io", "pids"}; }

  Result<> create(ContractId id) override {
    if (id == 0) return fail(ErrorKind::invalid, "a contract's id is a positive number");
    if (!state_->contracts.emplace(id, Contract{}).second)
      return fail(ErrorKind::exists, "contract " + std::to_string(id) + " exists already");
    return {};
  }

  Result<> reopen(ContractId id, const std::vector<std::pair<pid_t, int64_t>>& pids) override {
    if (state_->find(id) != nullptr) return {};
    auto& contract = state_->contracts[id];
    for (const auto& [pid, started] : pids) {
      const auto facts = process_facts(pid);
      if (!facts || !facts->alive() || std::abs(start_time(facts->start_ticks) - started) > 2) continue;
      state_->add(contract, *facts);
    }
    if (is_empty(contract)) {
      release(id);
      return fail(ErrorKind::not_found, "nothing is left of contract " + std::to_string(id));
    }
    return {};
  }

  Result<Child> spawn(ContractId id, SpawnSpec spec) override {
    auto contract = known(id);
    if (!contract) return contract.error();
    (*contract)->doomed = false;  // that was for those before
    spec.environment.push_back(std::string(kMarker) + "=" + state_->name + "-" + std::to_string(id));
    auto child = vmkeep::spawn(spec);
    if (!child) return child;
    state_->reaper->expect(child->pid);
    if (spec.new_session) (*contract)->sessions.insert(child->pid);
    // Nobody reaps before the loop runs again: its /proc entry is there, as a zombie's at least.
    const auto facts = process_facts(child->pid);
    if (!facts) return fail(ErrorKind::io, "cannot read /proc/" + std::to_string(child->pid) + "/stat");
    state_->add(**contract, *facts);
    return child;
  }

  Result<> adopt(ContractId id, pid_t pid) override {
    auto contract = known(id);
    if (!contract) return contract.error();
    const auto facts = process_facts(pid);
    if (!facts || !facts->alive())
      return fail(ErrorKind::not_found, "there is no process " + std::to_string(pid));
    (*contract)->doomed = false;
    state_->add(**contract, *facts);
    return {};
  }

  std::vector<Member> members(ContractId id) override {
    std::vector<Member> found;
    const Snapshot snapshot = state_->look();
    const Contract* contract = state_->find(id);
    if (contract == nullptr) return found;
    for (const auto& [pid, started] : contract->pids) {
      if (!State::lives(snapshot, pid, started)) continue;
      if (auto member = describe(pid)) found.push_back(std::move(*member));
    }
    return found;
  }

  bool empty(ContractId id) override {
    const Contract* contract = state_->find(id);
    if (contract == nullptr) return true;
    // One known member that lives spares the look at all processes.
    for (const auto& [pid, started] : contract->pids) {
      const auto facts = process_facts(pid);
      if (facts && facts->alive() && facts->start_ticks == started) return false;
    }
    return is_empty(*contract);
  }

  std::vector<ContractId> ids() const override {
    std::vector<ContractId> all;
    for (const auto& [id, contract] : state_->contracts) all.push_back(id);
    return all;
  }

  Result<> signal(ContractId id, int signal) override {
    auto contract = known(id);
    if (!contract) return contract.error();
    Result<> result;
    const Snapshot snapshot = state_->look();
    // A member that was forked while we looked is found when the others end, and doomed then.
    if (signal == SIGKILL) (*contract)->doomed = !State::is_empty(**contract, snapshot);
    for (const auto& [pid, started] : (*contract)->pids) {
      if (!State::lives(snapshot, pid, started)) continue;
      if (auto done = send_signal(pid, signal); !done) result = done;
    }
    return result;
  }

  void release(ContractId id) override {
    const Contract* contract = state_->find(id);
    if (contract == nullptr) return;
    for (const auto& [pid, started] : contract->pids) state_->watcher.forget(pid);
    state_->contracts.erase(id);
  }

  Queue<ContractEvent>& events() override { return state_->events; }

  Result<std::string> owner_folder(const std::string& name, uid_t, gid_t) override {
    return fail(ErrorKind::unsupported,
                "no cgroup for owner " + name + ": cgroups are not ours to divide here");
  }

 private:
  Result<Contract*> known(ContractId id) {
    Contract* contract = state_->find(id);
    if (contract == nullptr) return fail(ErrorKind::not_found, "there is no contract " + std::to_string(id));
    return contract;
  }

  bool is_empty(const Contract& contract) { return State::is_empty(contract, state_->look()); }

  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<Contracts> open_pids_backend(const Executor& executor, Reaper& reaper,
                                             const ContractsOptions& options) {
  return std::make_unique<PidContracts>(executor, reaper, options);
}

}  // namespace vmkeep::contract
