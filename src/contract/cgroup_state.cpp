#include "contract/cgroup_state.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "contract/hierarchy.h"
#include "contract/proc.h"

namespace vmkeep::contract {

bool CgroupContract::empty() const {
  return outside.empty() && !populated(folder);
}

CgroupContract* CgroupState::find(ContractId id) {
  const auto found = contracts.find(id);
  return found == contracts.end() ? nullptr : &found->second;
}

void CgroupState::take_orphan(const Orphan& orphan) {
  homes.erase(orphan.pid);
  const auto id = contract_of(orphan.cgroup, root_path);
  if (!id) return;
  const CgroupContract* contract = find(*id);
  if (contract != nullptr && !contract->released) events.push(MemberEnded{*id, orphan.pid, orphan.status});
}

Task<> CgroupState::drain_orphans(Self self) {
  self->reaper->reap();
  while (!self->stopped && !self->reaper->orphans().empty()) {
    if (auto orphan = co_await self->reaper->orphans().pop()) self->take_orphan(*orphan);
  }
}

std::optional<ContractId> CgroupState::home_of(pid_t child) {
  if (const auto known = homes.find(child); known != homes.end()) return known->second;
  const auto text = read_file("/proc/" + std::to_string(child) + "/cgroup", 65536);
  return text ? contract_of(*text, root_path) : std::nullopt;
}

// A process leaves its cgroup a moment before its parent can reap it.
std::optional<pid_t> CgroupState::dying_child(const std::set<ContractId>& of) {
  std::unordered_map<pid_t, ContractId> known;
  std::optional<pid_t> dying;
  for (const pid_t pid : own_children()) {
    const auto id = home_of(pid);
    if (id) known.emplace(pid, *id);
    if (id && !dying && of.count(*id) != 0) dying = pid;
  }
  homes = std::move(known);
  return dying;
}

// Returns once all that died in these contracts has been reaped and told.
Task<> CgroupState::settle(Self self, std::set<ContractId> ids) {
  const Instant deadline = now() + Instant(1000);
  while (!self->stopped) {
    co_await drain_orphans(self);
    for (auto id = ids.begin(); id != ids.end();) {
      const CgroupContract* contract = self->find(*id);
      id = contract == nullptr || !contract->empty() ? ids.erase(id) : std::next(id);
    }
    const auto pid = ids.empty() ? std::nullopt : self->dying_child(ids);
    if (!pid) co_return;
    auto fd = open_pidfd(*pid);
    if (!fd) continue;
    Readiness readiness(self->executor, fd->get());
    if (!co_await readiness.readable(deadline)) co_return;
  }
}

Task<> CgroupState::judge(Self self, std::vector<ContractId> ids) {
  std::set<ContractId> candidates;
  for (const ContractId id : ids) {
    CgroupContract* contract = self->find(id);
    if (contract == nullptr) continue;
    if (contract->empty()) {
      candidates.insert(id);
    } else {
      contract->occupied = true;
    }
  }
  if (candidates.empty()) co_return;
  co_await settle(self, candidates);
  if (self->stopped) co_return;
  for (const ContractId id : candidates) {
    CgroupContract* contract = self->find(id);
    if (contract == nullptr || !contract->empty()) continue;
    if (contract->released) {
      self->drop(id);
    } else if (contract->occupied) {
      contract->occupied = false;
      self->events.push(Emptied{id});
    }
  }
}

Task<> CgroupState::follow_orphans(Self self) {
  while (!self->stopped) {
    const auto orphan = co_await self->reaper->orphans().pop();
    if (orphan && !self->stopped) self->take_orphan(*orphan);
  }
}

Task<> CgroupState::follow_cgroups(Self self) {
  for (;;) {  // plainly written: GCC 12 miscompiles a co_await inside of && in a loop's condition
    const bool ready = co_await self->readiness->readable();
    if (!ready || self->stopped) co_return;
    std::vector<ContractId> changed = self->read_inotify();
    co_await judge(self, std::move(changed));
  }
}

Task<> CgroupState::follow_outside(Self self) {
  while (!self->stopped) {
    const pid_t pid = co_await self->watcher.ended();
    std::vector<ContractId> touched;
    for (auto& [id, contract] : self->contracts) {
      if (contract.outside.erase(pid) != 0) touched.push_back(id);
    }
    if (self->stopped) co_return;
    co_await judge(self, std::move(touched));
  }
}

std::vector<ContractId> CgroupState::read_inotify() {
  std::set<ContractId> changed;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = ::read(inotify.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [id, contract] : contracts) changed.insert(id);
      }
      const auto found = watches.find(event.wd);
      if (found == watches.end()) continue;
      if ((event.mask & IN_MODIFY) != 0) changed.insert(found->second);
    }
  }
  return {changed.begin(), changed.end()};
}

Result<> CgroupState::watch(ContractId id, CgroupContract& contract) {
  const std::string file = contract.folder + "/cgroup.events";
  contract.watch = ::inotify_add_watch(inotify.get(), file.c_str(), IN_MODIFY);
  if (contract.watch < 0) return errno_error("cannot watch " + file);
  watches[contract.watch] = id;
  return {};
}

void CgroupState::drop(ContractId id) {
  const auto found = contracts.find(id);
  if (found == contracts.end()) return;
  for (const pid_t pid : found->second.outside) watcher.forget(pid);
  watches.erase(found->second.watch);
  ::inotify_rm_watch(inotify.get(), found->second.watch);
  remove_cgroup(found->second.folder);
  contracts.erase(found);
}

Result<> CgroupState::follow(const Self& self) {
  Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return errno_error("cannot watch cgroups");
  self->inotify = std::move(inotify);
  self->readiness = std::make_unique<Readiness>(self->executor, self->inotify.get());
  start(self->executor, follow_cgroups(self));
  start(self->executor, follow_orphans(self));
  start(self->executor, follow_outside(self));
  return {};
}

void CgroupState::stop() {
  stopped = true;
  watcher.wake();
  if (!readiness) return;
  readiness->cancel();
  // Wakes the coroutine that waits there, so that it does not take an orphan that a successor should have.
  reaper->orphans().push(Orphan{});
}

}  // namespace vmkeep::contract
