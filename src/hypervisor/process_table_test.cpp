#include "hypervisor/process_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace vmkeep::hypervisor {
namespace {

using namespace std::string_literals;

constexpr const char* kUuid = "3a9de152-87fe-49ad-b928-531c084a93af";
const std::vector<std::string_view> kPrograms{"VBoxHeadless", "VirtualBoxVM"};

std::string stat_line(const std::string& comm, char state, int parent, const std::string& start) {
  return "31769 (" + comm + ") " + state + " " + std::to_string(parent) +
         " 31464 23206 0 -1 4194560 6167 0 0 0 19 5 0 0 20 0 16 0 " + start + " 1019469824 11199 0 0\n";
}

TEST(ParseStat, ReadsARealLine) {
  const auto stat = parse_stat(stat_line("VBoxHeadless", 'S', 31767, "228261"));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "VBoxHeadless");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 31767);
  EXPECT_EQ(stat->start_time, "228261");
}

TEST(ParseStat, TheNameMayHoldAnything) {
  const auto stat = parse_stat(stat_line("a) R 1 (\nb", 'S', 7, "42"));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "a) R 1 (\nb");
  EXPECT_EQ(stat->parent, 7);
}

TEST(ParseStat, RefusesWhatIsNone) {
  for (const char* text :
       {"", "1 (a) S", "1 a S 2", "1 )a( S 2 3", "1 (a) SS 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"}) {
    EXPECT_FALSE(parse_stat(text)) << text;
  }
  EXPECT_FALSE(parse_stat(stat_line("a", 'S', 1, "soon")));
}

TEST(ParseCmdline, SplitsAtNul) {
  EXPECT_EQ(parse_cmdline("a\0b c\0\0d\0"s), (std::vector<std::string>{"a", "b c", "", "d"}));
  EXPECT_TRUE(parse_cmdline("").empty());
}

TEST(ParseUid, TakesTheRealOne) {
  EXPECT_EQ(parse_uid("Name:\tx\nPid:\t1\nUid:\t1000\t0\t0\t0\nGid:\t5\n"), 1000U);
  EXPECT_FALSE(parse_uid("Name:\tx\n"));
}

TEST(HidesProcesses, ReadsTheOptionsOfProc) {
  const auto line = [](const char* where, const char* options) {
    return "24 31 0:22 / "s + where + " rw,nosuid shared:5 - proc proc " + options + "\n";
  };
  EXPECT_FALSE(hides_processes(line("/proc", "rw")));
  EXPECT_FALSE(hides_processes(line("/proc", "rw,hidepid=0")));
  EXPECT_FALSE(hides_processes(line("/proc", "rw,hidepid=off")));
  EXPECT_TRUE(hides_processes(line("/proc", "rw,hidepid=2")));
  EXPECT_TRUE(hides_processes(line("/proc", "rw,gid=4,hidepid=invisible")));
  EXPECT_FALSE(hides_processes(line("/chroot/proc", "rw,hidepid=2")));
  EXPECT_FALSE(hides_processes(line("/proc", "rw,hidepid=2") + line("/proc", "rw")));
}

TEST(StartedVm, ComparesWordsNotText) {
  struct {
    std::vector<std::string> argv;
    std::optional<std::string> vm;
  } const rows[] = {
      {{"/usr/lib/virtualbox/VBoxHeadless", "--comment", "a", "--startvm", kUuid, "--vrde", "config"}, kUuid},
      {{"VirtualBoxVM", "--startvm", "{3A9DE152-87FE-49AD-B928-531C084A93AF}"}, kUuid},
      {{"VBoxHeadless", "-s", "my vm"}, "my vm"},
      {{"VBoxHeadless", "--startvm="s + kUuid}, kUuid},
      {{"VBoxHeadless", "--comment", "--startvm", "--startvm", "b"}, "b"},
      {{"VBoxHeadless", "--comment", "--startvm "s + kUuid}, std::nullopt},
      {{"VBoxHeadless", "--startvm"}, std::nullopt},
      {{"/bin/sh", "-c", "VBoxHeadless --startvm x", "--startvm", kUuid}, std::nullopt},
      {{"VBoxManage", "--startvm", kUuid}, std::nullopt},
      {{}, std::nullopt},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(started_vm(row.argv, kPrograms), row.vm) << (row.argv.empty() ? "" : row.argv.back());
  }
}

// A folder that looks like /proc.
class FakeProc : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vmkeep-proc-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    write("self/mountinfo", "24 31 0:22 / " + root_ + " rw - proc proc rw\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  void process(int pid, uid_t uid, char state, const std::string& start,
               const std::vector<std::string>& argv) {
    const std::string at = std::to_string(pid) + "/";
    write(at + "status", "Name:\tx\nUid:\t" + std::to_string(uid) + "\t0\t0\t0\n");
    write(at + "stat", stat_line("x", state, 1, start));
    std::string cmdline;
    for (const auto& word : argv) cmdline += word + '\0';
    write(at + "cmdline", cmdline);
  }

  std::string root_;
};

TEST_F(FakeProc, FindsTheProcessesOfOneOwnerOldestFirst) {
  const uid_t me = ::getuid();
  process(10, me, 'S', "900", {"VBoxHeadless", "--startvm", "new"});
  process(11, me, 'S', "100", {"/x/VBoxHeadless", "--startvm", "old"});
  process(12, me + 1, 'S', "100", {"VBoxHeadless", "--startvm", "foreign"});
  process(13, me, 'Z', "100", {"VBoxHeadless", "--startvm", "zombie"});
  process(14, me, 'S', "100", {"bash", "VBoxHeadless", "--startvm", "none"});
  write("15/status", "garbage");
  write("notapid/status", "Uid:\t0\n");
  const Scan scan = ProcessTable(root_).scan(me, kPrograms);
  EXPECT_TRUE(scan.complete);
  ASSERT_EQ(scan.processes.size(), 2U);
  EXPECT_EQ(scan.processes[0].pid, 11);
  EXPECT_EQ(scan.processes[1].pid, 10);
  EXPECT_EQ(scan.processes[1].start_time, "900");
}

TEST_F(FakeProc, AFolderThatCannotBeReadProvesNothing) {
  EXPECT_FALSE(ProcessTable(root_ + "/nowhere").scan(::getuid(), kPrograms).complete);
}

TEST_F(FakeProc, AProcessThatIsGoneIsNone) {
  EXPECT_FALSE(ProcessTable(root_).read(99));
  EXPECT_FALSE(ProcessTable(root_).uid(99));
}

TEST(RealProc, SeesThisTest) {
  const ProcessTable table;
  const auto self = table.read(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(table.uid(::getpid()), ::getuid());
  const std::string name(program_name(self->argv[0]));
  bool found = false;
  for (const Process& process : table.scan(::getuid(), {name}).processes)
    found = found || process.pid == ::getpid();
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace vmkeep::hypervisor
