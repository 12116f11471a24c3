// What only cgroups can do.  Without root (or a cgroup of one's own) there is nothing to test here.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/proc.h"
#include "contract/test_support.h"

namespace vmkeep::contract {
namespace {

using Backend = ContractsOptions::Backend;

bool no_cgroups() {
  return backends_here().size() < 2;
}

#define NEEDS_CGROUPS() \
  if (no_cgroups()) GTEST_SKIP() << "no cgroup version 2 that this user may divide: run as root"

class CgroupTest : public testing::Test, protected Bench {
 protected:
  void TearDown() override { close_contracts(); }

  // Runs in a process of its own, because it moves or changes itself.  0: all went well, else the failing
  // step.
  static int in_child(const std::function<int()>& steps) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(steps());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
  }

  static std::string own_path(pid_t pid) {
    return cgroup_path(*read_file("/proc/" + std::to_string(pid) + "/cgroup")).value_or("none");
  }
};

TEST_F(CgroupTest, TheDaemonLivesInALeafAndGoesBackAtTheEnd) {
  NEEDS_CGROUPS();
  const std::string name = root_name(folder);
  EXPECT_EQ(in_child([&] {
              asio::io_context own;
              Reaper own_reaper(own.get_executor());
              const std::string before = own_path(::getpid());
              ContractsOptions with = options(Backend::cgroup);
              with.move_self = true;
              auto opened = Contracts::open(own.get_executor(), own_reaper, with);
              if (!opened) return 1;
              const std::string root = (*opened)->root();
              const std::string inside = own_path(::getpid());
              if (inside.find("/" + name + "/daemon") == std::string::npos) return 2;
              if (!populated(root + "/daemon")) return 3;
              // A daemon that is started again from in there has the same root.
              auto again = Contracts::open(own.get_executor(), own_reaper, with);
              if (!again || (*again)->root() != root || own_path(::getpid()) != inside) return 4;
              if (!(*again)->create(1)) return 5;
              again->reset();
              opened->reset();
              if (own_path(::getpid()) != before) return 6;
              return std::filesystem::exists(root) ? 7 : 0;
            }),
            0);
}

TEST_F(CgroupTest, ADelegatedCgroupIsDividedInsteadOfOurOwn) {
  NEEDS_CGROUPS();
  const auto own = find_hierarchy("none");
  ASSERT_TRUE(own);
  const std::string scope = "/vmkeep-test-" + std::to_string(::getpid()) + ".scope";
  ASSERT_EQ(::mkdir((own->folder + scope).c_str(), 0755), 0);
  const std::string before = own_path(::getpid());
  ContractsOptions with = options(Backend::cgroup);
  with.move_self = true;
  with.delegated = (own->path == "/" ? "" : own->path) + scope;
  open_contracts(with);
  EXPECT_EQ(contracts->root(), own->folder + scope + "/" + root_name(folder));
  EXPECT_EQ(own_path(::getpid()), before) << "whoever was delegated a cgroup stays out of it";
  ASSERT_TRUE(contracts->create(1));
  const pid_t pid = spawn(1, "sleep 1000");
  EXPECT_EQ(own_path(pid), with.delegated + "/" + root_name(folder) + "/contract-1");
  ASSERT_TRUE(contracts->signal(1, SIGKILL));
  exited(pid);
  EXPECT_EQ(drain_until_emptied(1), "");
  close_contracts();
  EXPECT_TRUE(remove_cgroup(own->folder + scope));

  with.delegated = "/no/such.scope";
  auto missing = Contracts::open(loop.get_executor(), *reaper, with);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

TEST_F(CgroupTest, MethodsAreBornInTheirContractAndDeeperCgroupsCount) {
  NEEDS_CGROUPS();
  open_contracts(Backend::automatic);
  ASSERT_TRUE(contracts->uses_cgroups());
  EXPECT_LE(contracts->missing_controllers().size(), 4U);
  ASSERT_TRUE(contracts->create(1));
  const pid_t pid = spawn(1, "sleep 1000 & exit 0");
  exited(pid);
  const auto members = wait_for_members(1, {"sleep"});
  ASSERT_EQ(members.size(), 1U);
  const std::string deeper = contracts->root() + "/contract-1/deeper";
  ASSERT_EQ(::mkdir(deeper.c_str(), 0755), 0);
  ASSERT_TRUE(write_existing(deeper + "/cgroup.procs", std::to_string(members[0].pid)));
  EXPECT_EQ(contracts->members(1).size(), 1U);
  EXPECT_FALSE(contracts->empty(1));
  ASSERT_TRUE(contracts->signal(1, SIGKILL));
  EXPECT_EQ(next(), "1 member died on signal KILL (9)");
  EXPECT_EQ(next(), "1 emptied");
  contracts->release(1);
  EXPECT_FALSE(std::filesystem::exists(contracts->root() + "/contract-1"));
}

TEST_F(CgroupTest, VmsSurviveTheDaemonAndTheirCgroupsStay) {
  NEEDS_CGROUPS();
  open_contracts(Backend::cgroup);
  ASSERT_TRUE(contracts->create(1));
  ASSERT_TRUE(contracts->create(2));
  exited(spawn(1, "sleep 1000 & exit 0"));
  const auto members = wait_for_members(1, {"sleep"});
  ASSERT_EQ(members.size(), 1U);
  const std::string root = contracts->root();
  contracts.reset();
  settle();
  EXPECT_TRUE(std::filesystem::exists(root + "/contract-1"));
  EXPECT_FALSE(std::filesystem::exists(root + "/contract-2"));
  EXPECT_TRUE(process_facts(members[0].pid)->alive());
  open_contracts(Backend::cgroup);
  EXPECT_EQ(contracts->reopen(2, {}).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(contracts->reopen(1, {}));
  EXPECT_EQ(contracts->members(1).size(), 1U);
}

TEST_F(CgroupTest, WhatAnEarlierDaemonLetGoIsFoundAndGoesWhenItEmpties) {
  NEEDS_CGROUPS();
  open_contracts(Backend::cgroup);
  for (const ContractId id : {1, 2, 3}) ASSERT_TRUE(contracts->create(id));
  for (const ContractId id : {1, 2}) spawn(id, "exec sleep 1000");
  const std::string root = contracts->root();
  contracts->release(1);
  std::filesystem::create_directory(root + "/contract-1/own");  // as a member may
  contracts.reset();
  settle();
  std::filesystem::create_directory(root + "/contract-4");  // nobody in it
  open_contracts(Backend::cgroup);
  ASSERT_TRUE(contracts->reopen(2, {}));
  contracts->reopen_abandoned();
  EXPECT_EQ(contracts->ids(), (std::vector<ContractId>{1, 2}));
  EXPECT_FALSE(std::filesystem::exists(root + "/contract-4"));
  EXPECT_FALSE(contracts->spawn(1, {}));
  EXPECT_EQ(contracts->members(1).size(), 1U);
  ASSERT_TRUE(contracts->signal(1, SIGTERM));
  EXPECT_TRUE(wait_until([&] { return !std::filesystem::exists(root + "/contract-1"); }));
  EXPECT_EQ(contracts->ids(), (std::vector<ContractId>{2}));
}

pid_t clone_into(const std::string& cgroup) {
  const int fd = ::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(fd);
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

TEST_F(CgroupTest, AnOwnerMayDivideItsFolderWithoutBeingRoot) {
  NEEDS_CGROUPS();
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  open_contracts(Backend::cgroup);
  constexpr uid_t kNobody = 65534;
  auto top = contracts->owner_folder("nobody-1", kNobody, kNobody);
  ASSERT_TRUE(top) << top.error().message;
  ASSERT_TRUE(contracts->owner_folder("nobody-1", kNobody, kNobody)) << "a second time must do";
  EXPECT_EQ(contracts->owner_folder("a/b", kNobody, kNobody).error().kind, ErrorKind::invalid);
  const std::string path = *top;
  EXPECT_EQ(in_child([&] {
              // As the daemon starts a guard: born in the leaf, then the owner.
              const pid_t guard = clone_into(path + "/guard");
              if (guard < 0) return 1;
              if (guard > 0) {
                int status = 0;
                ::waitpid(guard, &status, 0);
                return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
              }
              if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
                  ::setresuid(kNobody, kNobody, kNobody) != 0)
                ::_exit(10);
              for (const char* leaf : {"/vboxsvc", "/calls"}) {
                if (::mkdir((path + leaf).c_str(), 0755) != 0) ::_exit(11);
                const pid_t child = clone_into(path + leaf);
                if (child < 0) ::_exit(12);
                if (child == 0) ::_exit(own_path(::getpid()).find(leaf) == std::string::npos ? 1 : 0);
                int status = 0;
                if (::waitpid(child, &status, 0) != child || status != 0) ::_exit(13);
              }
              // And nothing beyond it.
              if (::mkdir((path + "/../contract-99").c_str(), 0755) == 0) ::_exit(14);
              const pid_t escaped = clone_into(path + "/..");
              if (escaped == 0) ::_exit(0);
              ::_exit(escaped > 0 ? 15 : 0);
            }),
            0);
}

TEST_F(CgroupTest, ItsOwnFolderIsFoundFromWithinACgroupNamespace) {
  NEEDS_CGROUPS();
  if (::geteuid() != 0) GTEST_SKIP() << "a cgroup namespace needs root";
  const auto outside = find_hierarchy("none");
  ASSERT_TRUE(outside);
  const std::string container = outside->folder + "/" + root_name(folder) + "-container";
  ASSERT_EQ(::mkdir(container.c_str(), 0755), 0);
  EXPECT_EQ(in_child([&] {
              if (!write_existing(container + "/cgroup.procs", std::to_string(::getpid()))) return 1;
              if (::unshare(CLONE_NEWCGROUP) != 0) return 2;
              // The mount is still the one from outside, which has no name for what is above us.
              const auto inside = find_hierarchy("none");
              if (!inside || inside->path != "/") return 3;
              return inside->folder == container ? 0 : 4;
            }),
            0);
  EXPECT_EQ(::rmdir(container.c_str()), 0);
}

TEST_F(CgroupTest, AChildOfAnInnerShellIsToldWithItsCore) {
  NEEDS_CGROUPS();
  open_contracts(Backend::cgroup);
  ASSERT_TRUE(contracts->create(3));
  exited(spawn(3, "(setsid sh -c 'kill -SEGV $$' &) ; exit 0"));
  std::string told;
  while (told != "3 emptied") {
    const auto event = pop();
    ASSERT_TRUE(event);
    told = text(*event);
    const auto* ended = std::get_if<MemberEnded>(&*event);
    if (ended != nullptr && ended->status.signal() == SIGSEGV) break;
  }
  EXPECT_NE(told, "3 emptied") << "the end by SEGV was not told before the emptiness";
}

// A frozen cgroup in place of a program on a filesystem that does not answer.
TEST_F(CgroupTest, WhoDoesNotComeToItsExecDelaysNobodyTwice) {
  NEEDS_CGROUPS();
  open_contracts(Backend::cgroup);
  for (const ContractId id : {1, 2}) ASSERT_TRUE(contracts->create(id));
  const std::string freezer = contracts->root() + "/contract-1/cgroup.freeze";
  ASSERT_TRUE(write_existing(freezer, "1"));
  const int patience = spawn_patience_ms();
  const pid_t silent = spawn(1, "exit 3");
  EXPECT_LT(spawn_patience_ms(), patience);
  const pid_t another = spawn(1, "exit 4");
  EXPECT_EQ(exited(spawn(2, "exit 5"))->code(), 5);
  EXPECT_LT(spawn_patience_ms(), patience);
  ASSERT_TRUE(write_existing(freezer, "0"));
  EXPECT_EQ(exited(silent)->code(), 3);
  EXPECT_EQ(exited(another)->code(), 4);
  EXPECT_EQ(spawn_patience_ms(), patience);
}

TEST_F(CgroupTest, AUserWithoutCgroupsGetsPidSets) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  ::chmod(folder.c_str(), 0755);
  EXPECT_EQ(in_child([&] {
              if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
                  ::setresuid(65534, 65534, 65534) != 0)
                return 1;
              asio::io_context own;
              Reaper own_reaper(own.get_executor());
              auto refused = Contracts::open(own.get_executor(), own_reaper, options(Backend::cgroup));
              if (refused) return 2;
              auto opened = Contracts::open(own.get_executor(), own_reaper, options(Backend::automatic));
              if (!opened || (*opened)->uses_cgroups() || !(*opened)->root().empty()) return 3;
              if ((*opened)->missing_controllers().size() != 4) return 4;
              return (*opened)->owner_folder("me", 1, 1) ? 5 : 0;
            }),
            0);
}

}  // namespace
}  // namespace vmkeep::contract
