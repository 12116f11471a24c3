#include "contract/contract.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <set>

#include "contract/hierarchy.h"
#include "contract/proc.h"
#include "contract/test_support.h"

namespace vmkeep::contract {
namespace {

using Backend = ContractsOptions::Backend;

class ContractsTest : public testing::TestWithParam<Backend>, protected Bench {
 protected:
  void SetUp() override { open_contracts(GetParam()); }
  void TearDown() override { close_contracts(); }
};

INSTANTIATE_TEST_SUITE_P(Backends, ContractsTest, testing::ValuesIn(backends_here()),
                         [](const auto& info) { return info.param == Backend::cgroup ? "cgroup" : "pids"; });

TEST_P(ContractsTest, EmptiesWhenItsOnlyProcessEnds) {
  ASSERT_TRUE(contracts->create(1));
  const pid_t pid = spawn(1, "exit 3");
  const auto status = exited(pid);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code(), 3);
  EXPECT_EQ(next(), "1 emptied");
  EXPECT_TRUE(contracts->empty(1));
  EXPECT_EQ(anything_more(), "");
}

TEST_P(ContractsTest, AProcessLeftBehindIsAMemberAndItsEndIsToldBeforeTheEmptiness) {
  ASSERT_TRUE(contracts->create(1));
  exited(spawn(1, "sleep 1000 & exit 0"));
  EXPECT_FALSE(contracts->empty(1));
  const auto members = wait_for_members(1, {"sleep"});
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].arguments, "sleep 1000");
  EXPECT_NEAR(static_cast<double>(members[0].start_time), static_cast<double>(::time(nullptr)), 30);
  ::kill(members[0].pid, SIGKILL);
  EXPECT_EQ(next(), "1 member died on signal KILL (9)");
  EXPECT_EQ(next(), "1 emptied");
  EXPECT_EQ(anything_more(), "");
}

TEST_P(ContractsTest, ADaemonThatForksTwiceIntoASessionOfItsOwnStaysAMember) {
  ASSERT_TRUE(contracts->create(1));
  exited(spawn(1, "(setsid sh -c 'sleep 1000 & exit 0' &) ; exit 0"));
  const auto members = wait_for_members(1, {"sleep"});
  ASSERT_EQ(members.size(), 1U);
  EXPECT_FALSE(contracts->empty(1));
  ::kill(members[0].pid, SIGTERM);
  // The ends of the processes between may be told too, in the order in which they came.
  std::string before;
  std::string last;
  for (int i = 0; i < 10 && last != "1 emptied"; ++i) {
    before = last;
    last = next();
  }
  EXPECT_EQ(last, "1 emptied");
  EXPECT_EQ(before, "1 member died on signal TERM (15)");
}

TEST_P(ContractsTest, EmptiesOnceForEachTimeThatItIsFilled) {
  ASSERT_TRUE(contracts->create(1));
  for (int round = 0; round < 3; ++round) {
    exited(spawn(1, "exit 0"));
    EXPECT_EQ(next(), "1 emptied");
  }
  EXPECT_EQ(anything_more(), "");
}

TEST_P(ContractsTest, WhatWasNeverFilledDoesNotEmpty) {
  ASSERT_TRUE(contracts->create(1));
  ASSERT_TRUE(contracts->create(2));
  EXPECT_TRUE(contracts->empty(1));
  exited(spawn(2, "exit 0"));
  EXPECT_EQ(next(), "2 emptied");
  SpawnSpec spec;
  spec.argv = {"/nonexistent/program"};
  EXPECT_FALSE(contracts->spawn(1, std::move(spec)));
  EXPECT_EQ(anything_more(), "");
}

TEST_P(ContractsTest, SignalsReachEveryMember) {
  ASSERT_TRUE(contracts->create(1));
  const pid_t method = spawn(1, "sleep 1000 & sleep 1000 & wait");
  wait_for_members(1, {"sh", "sleep", "sleep"});
  ASSERT_TRUE(contracts->signal(1, SIGTERM));
  const auto status = exited(method);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal(), SIGTERM);
  EXPECT_EQ(drain_until_emptied(1), "");
  EXPECT_TRUE(contracts->members(1).empty());
}

TEST_P(ContractsTest, KillReachesThoseThatIgnoreEverythingElseAndThoseThatFork) {
  ASSERT_TRUE(contracts->create(1));
  const pid_t method =
      spawn(1, "trap '' TERM HUP INT; echo > \"$FILE\"; while :; do /bin/sleep 0.01 & wait; done");
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(folder + "/pid"); }));
  ASSERT_TRUE(contracts->signal(1, SIGTERM));
  EXPECT_FALSE(contracts->empty(1));
  ASSERT_TRUE(contracts->signal(1, SIGKILL));
  const auto status = exited(method);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal(), SIGKILL);
  EXPECT_EQ(drain_until_emptied(1), "");
}

TEST_P(ContractsTest, WhatAnAdoptedProcessForksIsAMemberToo) {
  ASSERT_TRUE(contracts->create(1));
  const pid_t stranger =
      spawn_outside("while [ ! -e \"$FILE\" ]; do sleep 0.01; done; /bin/sleep 1000 & wait");
  ASSERT_TRUE(contracts->adopt(1, stranger));
  EXPECT_FALSE(contracts->empty(1));
  ASSERT_EQ(contracts->adopt(1, 0x7ffffff0).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(replace_file(folder + "/pid", "go"));
  const auto long_sleep = [](const Member& member) { return member.arguments == "/bin/sleep 1000"; };
  pid_t forked = -1;
  ASSERT_TRUE(wait_until([&] {
    for (const auto& member : contracts->members(1)) {
      if (long_sleep(member)) forked = member.pid;
    }
    return forked > 0;
  }));
  ::kill(stranger, SIGKILL);
  exited(stranger);
  EXPECT_FALSE(contracts->empty(1));
  ::kill(forked, SIGKILL);
  EXPECT_EQ(drain_until_emptied(1), "");
  exited(spawn(1, "exit 0"));
  EXPECT_EQ(next(), "1 emptied");
}

TEST_P(ContractsTest, ReleasedContractsSayNothingMore) {
  ASSERT_TRUE(contracts->create(1));
  const pid_t pid = spawn(1, "sleep 1000 & wait");
  wait_for_members(1, {"sh", "sleep"});
  const auto members = contracts->members(1);
  contracts->release(1);
  EXPECT_FALSE(contracts->spawn(1, {}));
  for (const auto& member : members) ::kill(member.pid, SIGKILL);
  exited(pid);
  EXPECT_EQ(anything_more(), "");
  EXPECT_TRUE(wait_until([&] { return !std::filesystem::exists(contracts->root() + "/contract-1"); }));
}

TEST_P(ContractsTest, AReleasedContractIsListedAndSignalledAsLongAsSomebodyIsInIt) {
  using Ids = std::vector<ContractId>;
  ASSERT_TRUE(contracts->create(1));
  ASSERT_TRUE(contracts->create(2));
  EXPECT_EQ(contracts->ids(), (Ids{1, 2}));
  const pid_t pid = spawn(2, "exec sleep 1000");
  wait_for_members(2, {"sleep"});
  contracts->release(1);
  contracts->release(2);
  if (!contracts->uses_cgroups()) {  // nobody knows any more who belongs to it
    EXPECT_EQ(contracts->ids(), Ids{});
    ::kill(pid, SIGKILL);
  } else {
    EXPECT_EQ(contracts->ids(), Ids{2});
    ASSERT_TRUE(contracts->signal(2, SIGTERM));
  }
  exited(pid);
  EXPECT_TRUE(wait_until([&] { return contracts->ids().empty(); }));
}

TEST_P(ContractsTest, UnknownContractsAndSecondOnesAreRefused) {
  EXPECT_EQ(contracts->spawn(9, {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(contracts->adopt(9, 1).error().kind, ErrorKind::not_found);
  EXPECT_EQ(contracts->signal(9, SIGTERM).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(contracts->members(9).empty());
  EXPECT_TRUE(contracts->empty(9));
  contracts->release(9);
  ASSERT_TRUE(contracts->create(9));
  EXPECT_EQ(contracts->create(9).error().kind, ErrorKind::exists);
}

TEST_P(ContractsTest, TwoHundredAtOnceEachEmptiesOnceAndAfterItsOwnMember) {
  constexpr ContractId kCount = 200;
  std::map<ContractId, pid_t> methods;
  for (ContractId id = 1; id <= kCount; ++id) {
    ASSERT_TRUE(contracts->create(id));
    methods[id] = spawn(id, "sleep 1000 & exit 0");
  }
  for (const auto& [id, pid] : methods) ASSERT_TRUE(exited(pid));
  for (ContractId id = 1; id <= kCount; ++id) ASSERT_FALSE(contracts->empty(id));
  for (ContractId id = 1; id <= kCount; ++id) ASSERT_TRUE(contracts->signal(id, SIGKILL));
  std::set<ContractId> ended;
  std::set<ContractId> emptied;
  while (emptied.size() < kCount) {
    const auto event = pop();
    ASSERT_TRUE(event) << emptied.size() << " emptied, " << ended.size() << " ended";
    if (const auto* end = std::get_if<MemberEnded>(&*event)) {
      EXPECT_TRUE(ended.insert(end->id).second);
      EXPECT_EQ(end->status.signal(), SIGKILL);
    } else {
      const ContractId id = std::get<Emptied>(*event).id;
      EXPECT_TRUE(emptied.insert(id).second) << id << " emptied twice";
      EXPECT_EQ(ended.count(id), 1U) << id << " emptied before its member ended";
    }
  }
}

TEST_P(ContractsTest, AnotherDaemonFindsWhatTheKilledOneLeft) {
  close_contracts();
  // The first daemon: a process of its own, which ends without a word.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t daemon = ::fork();
  ASSERT_GE(daemon, 0);
  if (daemon == 0) {
    asio::io_context loop;
    Reaper first_reaper(loop.get_executor());
    auto first = Contracts::open(loop.get_executor(), first_reaper, options(GetParam()));
    if (!first || !(*first)->create(7)) ::_exit(1);
    SpawnSpec spec;
    spec.argv = {"/bin/sh", "-c", "exec sleep 1000"};
    spec.environment = {"PATH=/usr/bin:/bin"};
    const auto child = (*first)->spawn(7, std::move(spec));
    if (!child) ::_exit(2);
    const auto member = describe(child->pid);
    const std::pair<pid_t, int64_t> told{child->pid, member ? member->start_time : 0};
    [[maybe_unused]] const ssize_t n = ::write(ends[1], &told, sizeof told);
    ::kill(::getpid(), SIGKILL);
  }
  std::pair<pid_t, int64_t> told;
  ASSERT_EQ(::read(ends[0], &told, sizeof told), static_cast<ssize_t>(sizeof told));
  ::close(ends[0]);
  ::close(ends[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);

  open_contracts(GetParam());
  EXPECT_EQ(contracts->reopen(8, {{told.first, told.second - 100}}).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(contracts->reopen(7, {told}));
  const auto members = contracts->members(7);
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].pid, told.first);
  EXPECT_EQ(members[0].start_time, told.second);
  ASSERT_TRUE(contracts->signal(7, SIGKILL));
  EXPECT_EQ(next(), "7 member died on signal KILL (9)");  // this process is the subreaper of both daemons
  EXPECT_EQ(next(), "7 emptied");
  EXPECT_EQ(contracts->reopen(6, {}).error().kind, ErrorKind::not_found);
}

TEST_P(ContractsTest, AProcessThatIsNoChildOfOursIsAdoptedAndItsEndSeen) {
  // A middleman keeps it, so that it never becomes our orphan.
  const pid_t middleman = spawn_outside("sleep 1000 & echo $! > \"$FILE\"; wait; exec sleep 1000");
  const auto file = folder + "/pid";
  ASSERT_TRUE(
      wait_until([&] { return std::filesystem::exists(file) && std::filesystem::file_size(file) > 0; }));
  const pid_t grandchild = std::stoi(*read_file(file));
  ASSERT_TRUE(contracts->create(1));
  ASSERT_TRUE(contracts->adopt(1, grandchild));
  ::kill(grandchild, SIGKILL);
  EXPECT_EQ(next(), "1 emptied");
  ::kill(middleman, SIGKILL);
  exited(middleman);
}

}  // namespace
}  // namespace vmkeep::contract
