// What the tests of contracts share: a loop, a Reaper, Contracts on a run folder of the test's own, and the
// ways to ask them with a deadline.  Everything that a test started is killed when it ends.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.h"
#include "contract/hierarchy.h"

namespace vmkeep::contract {

// Cgroups need root, or a cgroup that was given to us, as under a systemd user manager.
inline std::vector<ContractsOptions::Backend> backends_here() {
  std::vector<ContractsOptions::Backend> backends{ContractsOptions::Backend::pids};
  const auto hierarchy = find_hierarchy("none");
  if (hierarchy && ::access((hierarchy->folder + "/cgroup.procs").c_str(), W_OK) == 0 &&
      ::access(hierarchy->folder.c_str(), W_OK) == 0)
    backends.push_back(ContractsOptions::Backend::cgroup);
  return backends;
}

class Bench {
 public:
  Bench() {
    std::string name = (std::filesystem::temp_directory_path() / "vmkeep-contract-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~Bench() { std::filesystem::remove_all(folder); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  ContractsOptions options(ContractsOptions::Backend backend) const {
    ContractsOptions options;
    options.run_folder = folder;
    options.backend = backend;
    options.move_self = false;
    return options;
  }

  void open_contracts(ContractsOptions::Backend backend) { open_contracts(options(backend)); }

  void open_contracts(const ContractsOptions& with) {
    if (!reaper) reaper = std::make_unique<Reaper>(loop.get_executor());
    auto opened = Contracts::open(loop.get_executor(), *reaper, with);
    ASSERT_TRUE(opened) << opened.error().message;
    contracts = std::move(*opened);
  }

  void close_contracts() {
    for (const pid_t pid : outside_) ::kill(pid, SIGKILL);
    if (!contracts) return;
    for (ContractId id = 1; id <= 300; ++id) {
      if (!contracts->empty(id)) (void)contracts->signal(id, SIGKILL);
    }
    wait_until([&] {
      for (ContractId id = 1; id <= 300; ++id) {
        if (!contracts->empty(id)) return false;
      }
      return true;
    });
    const std::string root = contracts->root();
    contracts.reset();
    settle();
    EXPECT_TRUE(root.empty() || !std::filesystem::exists(root)) << root << " is left";
  }

  // Runs the loop until the task is done; tasks have deadlines of their own.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    start(loop.get_executor(), keep(std::move(task), result));
    loop.restart();
    while (!result) loop.run_one();
    return std::move(*result);
  }

  bool wait_until(const std::function<bool()>& condition) {
    return run(until(condition, now() + Instant(10000)));
  }

  // A shell that runs the script as the contract's method.
  pid_t spawn(ContractId id, const std::string& script) {
    auto child = contracts->spawn(id, shell(script));
    EXPECT_TRUE(child) << child.error().message;
    return child ? child->pid : -1;
  }

  pid_t spawn_outside(const std::string& script) {
    const auto child = vmkeep::spawn(shell(script));
    EXPECT_TRUE(child) << child.error().message;
    if (!child) return -1;
    reaper->expect(child->pid);
    outside_.insert(child->pid);
    return child->pid;
  }

  std::optional<ExitStatus> exited(pid_t pid) {
    outside_.erase(pid);
    const auto status = run(reaper->exited(pid, now() + Instant(10000)));
    EXPECT_TRUE(status) << "process " << pid << " did not end";
    return status;
  }

  std::optional<ContractEvent> pop(Instant patience = Instant(10000)) {
    return run(contracts->events().pop(now() + patience));
  }

  static std::string text(const ContractEvent& event) {
    if (const auto* ended = std::get_if<MemberEnded>(&event))
      return std::to_string(ended->id) + " member " + ended->status.text();
    return std::to_string(std::get<Emptied>(event).id) + " emptied";
  }

  std::string next() {
    const auto event = pop();
    return event ? text(*event) : "nothing";
  }

  // That nothing comes can only be waited for a while: longer than the kernel holds a second notice back (10
  // ms).
  std::string anything_more() {
    const auto event = pop(Instant(150));
    return event ? text(*event) : "";
  }

  // Empty: it did.
  std::string drain_until_emptied(ContractId id) {
    for (;;) {
      const auto event = pop();
      if (!event) return "contract " + std::to_string(id) + " did not empty";
      const auto* emptied = std::get_if<Emptied>(&*event);
      if (emptied != nullptr && emptied->id == id) return "";
    }
  }

  std::vector<Member> wait_for_members(ContractId id, std::vector<std::string> commands) {
    std::vector<Member> members;
    std::sort(commands.begin(), commands.end());
    const bool reached = wait_until([&] {
      members = contracts->members(id);
      std::vector<std::string> found;
      for (const auto& member : members) found.push_back(member.command);
      std::sort(found.begin(), found.end());
      return found == commands;
    });
    EXPECT_TRUE(reached) << members.size() << " members"
                         << (members.empty() ? "" : ", first " + members[0].command);
    return members;
  }

  // Lets coroutines notice that what they wait for is gone.
  void settle() {
    for (int i = 0; i < 10; ++i) run(turn());
  }

  asio::io_context loop;
  std::unique_ptr<Reaper> reaper;
  std::unique_ptr<Contracts> contracts;
  std::string folder;

 private:
  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }

  static Task<bool> turn() {
    co_await yield_now();
    co_return true;
  }

  static Task<bool> until(std::function<bool()> condition, Instant deadline) {
    while (!condition()) {
      if (now() > deadline) co_return false;
      co_await sleep_until(now() + Instant(5));
    }
    co_return true;
  }

  SpawnSpec shell(const std::string& script) const {
    SpawnSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin", "FILE=" + folder + "/pid"};
    return spec;
  }

  std::set<pid_t> outside_;
};

}  // namespace vmkeep::contract
