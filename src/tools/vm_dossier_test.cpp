// `vmkeep log --dossier`: what was kept of a VM that came to harm.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tools/fake_vms.h"

namespace vmkeep::tools {
namespace {

namespace fs = std::filesystem;

class Dossiers : public ::testing::Test {
 protected:
  Dossiers() {
    std::string name = testing::TempDir() + "vmkeep-dossiers-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    FakeWorld fake;
    for (const char* vm : {"ill", "well"}) {
      add_vm(fake, vm, "running", 0);
      fake.world.instances.back().log = (folder_ / ("site-xvm-vbox:" + std::string(vm) + ".log")).string();
    }
    add("20261121T101500.000Z", "the VM is aborted; restarting it");
    add("20261122T031500.123Z", "the VM is aborted (2nd time in 1200 s); restarting it");
    daemon_ = std::make_unique<FakeDaemon>(fake);
  }
  ~Dossiers() override { fs::remove_all(folder_); }

  void add(const std::string& time, const std::string& decided) const {
    const fs::path dossier = folder_ / "dossiers" / "site-xvm-vbox:ill" / time;
    fs::create_directories(dossier);
    std::ofstream(dossier / "summary.txt") << "svc:/site/xvm/vbox:ill\nTime: " << time
                                           << "\nDecided: " << decided << "\nEnd: died on signal KILL (9)\n";
    std::ofstream log(dossier / "vm.log");
    for (int i = 1; i <= 30; ++i) log << "line " << i << " of " << time << "\n";
    std::ofstream(dossier / "screenshot.png") << "picture";
  }

  FakeDaemon::Printed log(std::vector<std::string> words) const {
    words.insert(words.begin(), "log");
    return daemon_->run("vmkeep", words);
  }

  fs::path folder_;
  std::unique_ptr<FakeDaemon> daemon_;
};

TEST_F(Dossiers, TheLastOneIsPrinted) {
  const auto printed = log({"--dossier", "-n", "2", "ill"});
  EXPECT_EQ(printed.code, 0) << printed.err;
  const std::string folder = (folder_ / "dossiers" / "site-xvm-vbox:ill" / "20261122T031500.123Z").string();
  EXPECT_EQ(printed.out, "Crash dossier " + folder +
                             "\n"
                             "svc:/site/xvm/vbox:ill\nTime: 20261122T031500.123Z\n"
                             "Decided: the VM is aborted (2nd time in 1200 s); restarting it\n"
                             "End: died on signal KILL (9)\n"
                             "Screen: " +
                             folder +
                             "/screenshot.png\n"
                             "\nvm.log, its last lines:\n"
                             "line 29 of 20261122T031500.123Z\nline 30 of 20261122T031500.123Z\n");
}

TEST_F(Dossiers, AllOfThemAreListedWithTheirReason) {
  const auto printed = log({"--dossiers", "ill"});
  EXPECT_EQ(printed.code, 0) << printed.err;
  const std::string folder = (folder_ / "dossiers" / "site-xvm-vbox:ill").string();
  EXPECT_EQ(printed.out,
            folder + "/20261121T101500.000Z  the VM is aborted; restarting it\n" + folder +
                "/20261122T031500.123Z  the VM is aborted (2nd time in 1200 s); restarting it\n");
}

TEST_F(Dossiers, TheListAsJson) {
  const fs::path folder = folder_ / "dossiers" / "site-xvm-vbox:ill";
  std::ofstream(folder / "20261121T101500.000Z" / "summary.txt") << "svc:/site/xvm/vbox:ill\n";
  const auto printed = log({"--dossiers", "--json", "ill"});
  EXPECT_EQ(printed.code, 0) << printed.err;
  EXPECT_EQ(printed.out, R"({"schema":"vmkeep/dossiers/1","fmri":"svc:/site/xvm/vbox:ill","dossiers":[)"
                         R"({"path":")" +
                             folder.string() + R"(/20261121T101500.000Z","decided":null},{"path":")" +
                             folder.string() +
                             R"(/20261122T031500.123Z",)"
                             R"("decided":"the VM is aborted (2nd time in 1200 s); restarting it"}]})"
                             "\n");
}

TEST_F(Dossiers, AVmThatIsWellHasNone) {
  const auto one = log({"--dossier", "well"});
  EXPECT_EQ(one.code, 1);
  EXPECT_EQ(one.err, "vmkeep: svc:/site/xvm/vbox:well has no crash dossier\n");
  const auto all = log({"--dossiers", "well"});
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(all.out, "");
  EXPECT_EQ(log({"--dossiers", "--json", "well"}).out,
            R"({"schema":"vmkeep/dossiers/1","fmri":"svc:/site/xvm/vbox:well","dossiers":[]})"
            "\n");
}

TEST_F(Dossiers, AFolderThatIsClosedIsTold) {
  if (::geteuid() == 0) return;  // nothing is closed to root
  const fs::path closed = folder_ / "dossiers" / "site-xvm-vbox:ill";
  ::chmod(closed.c_str(), 0);
  const auto printed = log({"--dossier", "ill"});
  ::chmod(closed.c_str(), 0755);
  EXPECT_EQ(printed.code, 1);
  EXPECT_NE(printed.err.find("Permission denied; it is for root and the group of the VM's owner"),
            std::string::npos)
      << printed.err;
}

}  // namespace
}  // namespace vmkeep::tools
