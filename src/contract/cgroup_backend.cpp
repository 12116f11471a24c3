#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "contract/backends.h"
#include "contract/cgroup_state.h"
#include "contract/hierarchy.h"
#include "contract/proc.h"

namespace vmkeep::contract {
namespace {

constexpr std::array<const char*, 4> kControllers{"memory", "cpu", "io", "pids"};

std::vector<std::string> words_of(const std::string& file) {
  std::vector<std::string> words;
  const auto text = read_file(file);
  if (!text) return words;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find_first_of(" \n", at), text->size());
    if (end > at) words.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Result<> make_cgroup(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return errno_error("cannot make the cgroup " + folder);
  return {};
}

class CgroupContracts final : public Contracts {
 public:
  CgroupContracts(const Executor& executor, Reaper& reaper)
      : state_(std::make_shared<CgroupState>(executor, reaper)) {}
  CgroupContracts(const CgroupContracts&) = delete;
  CgroupContracts& operator=(const CgroupContracts&) = delete;

  ~CgroupContracts() override {
    state_->stop();
    if (!state_->root.empty()) clean_up();
  }

  Result<> set_up(const ContractsOptions& options) {
    const std::string name = root_name(options.run_folder);
    delegated_ = !options.delegated.empty();
    auto hierarchy = delegated_ ? find_delegated(options.delegated) : find_hierarchy(name);
    if (!hierarchy) return hierarchy.error();
    base_ = hierarchy->folder;
    const std::string root = base_ + "/" + name;
    if (auto made = make_cgroup(root); !made) return made;
    state_->root = root;
    state_->root_path = (hierarchy->path == "/" ? "" : hierarchy->path) + "/" + name;
    if (options.move_self && !delegated_) {
      if (auto made = make_cgroup(root + "/daemon"); !made) return made;
      if (auto moved = move_to(root + "/daemon"); !moved) return moved;
      moved_ = true;
    }
    hand_down_controllers();
    return CgroupState::follow(state_);
  }

  bool uses_cgroups() const override { return true; }
  std::string root() const override { return state_->root; }

  std::vector<std::string> missing_controllers() const override {
    const auto have = words_of(state_->root + "/cgroup.subtree_control");
    std::vector<std::string> missing;
    for (const char* controller : kControllers) {
      if (std::find(have.begin(), have.end(), controller) == have.end()) missing.emplace_back(controller);
    }
    return missing;
  }

  Result<> create(ContractId id) override {
    CgroupContract contract;
    contract.folder = folder(id);
    if (state_->find(id) != nullptr || populated(contract.folder))
      return fail(ErrorKind::exists, "contract " + std::to_string(id) + " exists already");
    if (auto made = make_cgroup(contract.folder); !made) return made;
    if (auto watched = state_->watch(id, contract); !watched) return watched;
    state_->contracts.emplace(id, std::move(contract));
    return {};
  }

  std::vector<std::string> limit(ContractId id, const Limits& limits) override {
    auto contract = known(id);
    if (!contract) return {contract.error().message};
    return write_limits((*contract)->folder, limits);
  }

  Result<> reopen(ContractId id, const std::vector<std::pair<pid_t, int64_t>>& pids) override {
    if (state_->find(id) != nullptr) return {};
    const auto nothing_left = [&] {
      remove_cgroup(folder(id));
      return fail(ErrorKind::not_found, "nothing is left of contract " + std::to_string(id));
    };
    CgroupContract contract;
    contract.folder = folder(id);
    const auto inside = processes_in(contract.folder);
    for (const auto& [pid, started] : pids) {
      const bool here = std::find(inside.begin(), inside.end(), pid) != inside.end();
      if (!here && is_process(pid, started) && state_->watcher.watch(pid)) contract.outside.insert(pid);
    }
    if (contract.empty()) return nothing_left();
    if (auto made = make_cgroup(contract.folder); !made) return made;
    if (auto watched = state_->watch(id, contract); !watched) return watched;
    if (contract.empty()) {  // it emptied while we looked, before the watch
      state_->watches.erase(contract.watch);
      return nothing_left();
    }
    contract.occupied = true;
    state_->contracts.emplace(id, std::move(contract));
    return {};
  }

  void reopen_abandoned() override {
    const std::string prefix = state_->root + "/contract-";
    for (const auto& folder : folders_below(state_->root)) {
      if (!folder.starts_with(prefix)) continue;
      ContractId id = 0;
      const char* end = folder.data() + folder.size();
      const auto [stop, error] = std::from_chars(folder.data() + prefix.size(), end, id);
      const bool ours = error == std::errc() && stop == end;  // not below one
      if (!ours || state_->find(id) != nullptr) continue;
      CgroupContract contract;
      contract.folder = folder;
      contract.released = contract.occupied = true;
      if (!contract.empty() && state_->watch(id, contract)) state_->contracts.emplace(id, contract);
      if (contract.empty()) forget_empty(id, folder);
    }
  }

  Result<Child> spawn(ContractId id, SpawnSpec spec) override {
    auto contract = known(id);
    if (!contract) return contract.error();
    auto cgroup = open_file((*contract)->folder, O_RDONLY | O_DIRECTORY);
    if (!cgroup) return cgroup.error();
    spec.cgroup = cgroup->get();
    auto child = vmkeep::spawn(spec);
    if (!child) return child;
    state_->reaper->expect(child->pid);
    state_->homes[child->pid] = id;
    (*contract)->occupied = true;
    return child;
  }

  Result<> adopt(ContractId id, pid_t pid) override {
    auto contract = known(id);
    if (!contract) return contract.error();
    const auto facts = process_facts(pid);
    if (!facts || !facts->alive())
      return fail(ErrorKind::not_found, "there is no process " + std::to_string(pid));
    auto moved = write_existing((*contract)->folder + "/cgroup.procs", std::to_string(pid));
    state_->homes.erase(pid);
    if (!moved && moved.error().kind == ErrorKind::permission) {
      if (auto watched = state_->watcher.watch(pid); !watched) return watched;
      (*contract)->outside.insert(pid);
    } else if (!moved) {
      return in("cannot adopt process " + std::to_string(pid), moved.error());
    } else if (!populated((*contract)->folder) && !(*contract)->occupied) {
      // The kernel takes a process that is just ending and moves nothing: no emptiness would ever be told.
      return fail(ErrorKind::not_found, "process " + std::to_string(pid) + " has ended");
    }
    (*contract)->occupied = true;
    return {};
  }

  std::vector<Member> members(ContractId id) override {
    std::vector<Member> found;
    for (const pid_t pid : pids(id)) {
      if (auto member = describe(pid)) found.push_back(std::move(*member));
    }
    return found;
  }

  bool empty(ContractId id) override {
    const CgroupContract* contract = state_->find(id);
    return contract == nullptr || contract->empty();
  }

  std::vector<ContractId> ids() const override {
    std::vector<ContractId> all;
    for (const auto& [id, contract] : state_->contracts) {
      if (!contract.released || !contract.empty()) all.push_back(id);
    }
    return all;
  }

  Result<> signal(ContractId id, int signal) override {
    const CgroupContract* contract = state_->find(id);
    if (contract == nullptr) return fail(ErrorKind::not_found, "there is no contract " + std::to_string(id));
    if (signal == SIGKILL) return kill(id, *contract);
    Result<> result;
    for (const pid_t pid : pids(id)) {
      if (auto sent = send_signal(pid, signal); !sent) result = sent;
    }
    return result;
  }

  void release(ContractId id) override {
    CgroupContract* contract = state_->find(id);
    if (contract == nullptr) return;
    contract->released = true;
    for (const pid_t pid : contract->outside) state_->watcher.forget(pid);
    contract->outside.clear();
    if (contract->empty()) state_->drop(id);
  }

  Queue<ContractEvent>& events() override { return state_->events; }

  Result<std::string> owner_folder(const std::string& name, uid_t uid, gid_t gid) override {
    if (name.empty() || name.find('/') != std::string::npos)
      return fail(ErrorKind::invalid, "\"" + name + "\" cannot be the name of an owner's cgroup");
    const std::string top = state_->root + "/owner-" + name;
    for (const auto& folder : {top, top + "/guard"}) {
      if (auto made = make_cgroup(folder); !made) return made.error();
      // cgroup.procs of the top allows moves between the leaves; limits stay with us.
      for (const char* file : {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"}) {
        const std::string path = folder + file;
        if (::lchown(path.c_str(), uid, gid) != 0)
          return errno_error("cannot give " + path + " to user " + std::to_string(uid));
      }
    }
    return top;
  }

 private:
  std::string folder(ContractId id) const { return state_->root + "/contract-" + std::to_string(id); }

  static bool is_process(pid_t pid, int64_t started) {
    const auto member = describe(pid);
    return member && std::abs(member->start_time - started) <= 2;
  }

  // It may have emptied before it was watched.
  void forget_empty(ContractId id, const std::string& folder) {
    state_->drop(id);
    remove_cgroup(folder);
  }

  Result<CgroupContract*> known(ContractId id) {
    CgroupContract* contract = state_->find(id);
    if (contract == nullptr || contract->released)
      return fail(ErrorKind::not_found, "there is no contract " + std::to_string(id));
    return contract;
  }

  std::vector<pid_t> pids(ContractId id) {
    const CgroupContract* contract = state_->find(id);
    if (contract == nullptr) return {};
    auto found = processes_in(contract->folder);
    found.insert(found.end(), contract->outside.begin(), contract->outside.end());
    return found;
  }

  Result<> kill(ContractId id, const CgroupContract& contract) {
    auto killed = write_existing(contract.folder + "/cgroup.kill", "1");
    const bool too_old = !killed && killed.error().kind == ErrorKind::not_found;
    if (!killed && !too_old) return killed;
    Result<> result;
    // Before Linux 5.14: round after round, because a member may fork while we look.
    constexpr int kRounds = 50;
    for (int round = 0; too_old && round < kRounds && populated(contract.folder); ++round) {
      for (const pid_t pid : pids(id)) {
        if (auto sent = send_signal(pid, SIGKILL); !sent) result = sent;
      }
    }
    for (const pid_t pid : contract.outside) {
      if (auto sent = send_signal(pid, SIGKILL); !sent) result = sent;
    }
    return result;
  }

  static Result<> move_to(const std::string& folder) {
    auto moved = write_existing(folder + "/cgroup.procs", std::to_string(::getpid()));
    if (!moved) return in("cannot move into the cgroup " + folder, moved.error());
    return {};
  }

  // What our own cgroup was given goes down to the contracts; what it was not given is reported, not an
  // error.
  void hand_down_controllers() {
    const auto given = words_of(base_ + "/cgroup.controllers");
    const auto on = words_of(base_ + "/cgroup.subtree_control");
    const bool ours = (moved_ || delegated_) && words_of(base_ + "/cgroup.procs").empty();
    for (const char* controller : kControllers) {
      if (std::find(given.begin(), given.end(), controller) == given.end()) continue;
      const bool missing = std::find(on.begin(), on.end(), controller) == on.end();
      const std::string request = std::string("+") + controller;
      if (missing && ours && write_existing(base_ + "/cgroup.subtree_control", request))
        handed_down_.emplace_back(controller);
      (void)write_existing(state_->root + "/cgroup.subtree_control", request);
    }
  }

  // VMs survive the daemon: what has processes stays for the next daemon.
  void clean_up() {
    for (const auto& folder : folders_below(state_->root)) {
      if (folder != state_->root + "/daemon") ::rmdir(folder.c_str());
    }
    const auto left = folders_below(state_->root);
    const bool nothing_left = left.empty() || (left.size() == 1 && left.front() == state_->root + "/daemon");
    if (!nothing_left) return;
    if (moved_) {
      for (const char* controller : kControllers)
        (void)write_existing(state_->root + "/cgroup.subtree_control", std::string("-") + controller);
      for (const auto& controller : handed_down_)
        (void)write_existing(base_ + "/cgroup.subtree_control", "-" + controller);
      (void)move_to(base_);
    }
    remove_cgroup(state_->root);
  }

  std::shared_ptr<CgroupState> state_;
  std::string base_;
  std::vector<std::string> handed_down_;
  bool moved_ = false;
  bool delegated_ = false;
};

}  // namespace

Result<std::unique_ptr<Contracts>> open_cgroup_backend(const Executor& executor, Reaper& reaper,
                                                       const ContractsOptions& options) {
  auto contracts = std::make_unique<CgroupContracts>(executor, reaper);
  if (auto ready = contracts->set_up(options); !ready)
    return in("cannot keep contracts in cgroups", ready.error());
  return std::unique_ptr<Contracts>(std::move(contracts));
}

}  // namespace vmkeep::contract
