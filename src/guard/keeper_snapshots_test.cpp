// When a keeper takes ZFS snapshots, and what becomes of it that they fail; the zfs program is a stand-in.
#include "guard/keeper_fixture.h"
#include "hypervisor/test_loop.h"

namespace vmkeep::guard {
namespace {

class KeeperZfsTest : public KeeperTest {
 protected:
  void SetUp() override {
    KeeperTest::SetUp();
    folder_.write("mounts", "41 40 0:41 / " + folder_.path() + " rw - zfs tank/vms rw\n");
    folder_.program("zfs", "#!/bin/sh\necho \"$2\" >>" + folder_.file("calls") + "\ntest ! -e " +
                               folder_.file("broken") + " || { echo 'pool is full' >&2; exit 1; }\n");
    folder_.write("disk.vdi", "");
    driver_.details = hypervisor::VmDetails{};
    driver_.details->disks = {folder_.file("disk.vdi")};
    keeper_->use_zfs(&zfs_);
  }

  // The tags of what was taken, without dataset, prefix, name and time.
  std::vector<std::string> tags() const {
    std::vector<std::string> result;
    std::istringstream lines(folder_.read("calls"));
    const std::string begin = "tank/vms@vboxsvc-auto-snap:vm1:";
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(line.substr(0, begin.size()), begin);
      const size_t time = line.find(":20");
      result.push_back(line.substr(begin.size(), time - begin.size()));
    }
    return result;
  }
  void configured(bool flag) { configure({{"zfssnap_flag", flag ? "true" : "false"}}); }

  hypervisor::TestFolder folder_;
  Reaper reaper_{executor_};
  Zfs zfs_{reaper_, {"PATH=" + folder_.path()}, folder_.file("mounts")};
};

using Tags = std::vector<std::string>;

TEST_F(KeeperZfsTest, T98_start_and_stop_take_theirs) {
  configured(true);
  method("start");
  EXPECT_EQ(text_of(expect("step"), "action"), "exec");
  driver_.become(vm::VmState::running, 4711);
  tell("launched");
  EXPECT_EQ(code_of(expect("step")), 0);
  method("stop");
  EXPECT_EQ(code_of(expect("step")), 0);
  EXPECT_EQ(tags(), (Tags{"prestart:poweroff", "poststop-savestate-0:saved"}));
}

TEST_F(KeeperZfsTest, T98_verbs_take_theirs) {
  configured(true);
  for (const char* word : {"save", "poweroff", "reboot"}) {
    driver_.become(vm::VmState::running, 4711);
    verb(word);
    EXPECT_EQ(code_of(expect("outcome")), 0) << word;
  }
  driver_.become(vm::VmState::running, 4711);
  verb("gui");
  EXPECT_EQ(code_of(expect("outcome")), 0);
  EXPECT_EQ(tags(), (Tags{"manual-vmsave:saved", "poweroff-poststop-poweroff-graceful-0:poweroff",
                          "reboot-poststop-poweroff-graceful-0:poweroff", "prestartGUI:saved"}));
}

TEST_F(KeeperZfsTest, T98_a_paused_vm_is_resumed_behind_its_snapshot) {
  configure({{"zfssnap_flag", "true"}, {"start_paused_vm", "true"}});
  driver_.become(vm::VmState::paused, 4711);
  method("start");
  expect("adopt");
  EXPECT_EQ(tags(), Tags{"preresume:paused"});
}

TEST_F(KeeperZfsTest, T98_without_the_flag_zfs_is_never_called_but_by_hand) {
  configured(false);
  driver_.become(vm::VmState::running, 4711);
  verb("save");
  EXPECT_EQ(code_of(expect("outcome")), 0);
  method("stop");
  EXPECT_EQ(code_of(expect("step")), 0);
  EXPECT_EQ(tags(), Tags{});
  verb("zfssnap", {{"text", "before the upgrade"}});
  EXPECT_EQ(code_of(expect("outcome")), 0);
  EXPECT_EQ(tags(), Tags{"before_the_upgrade:saved"});
}

TEST_F(KeeperZfsTest, T99_a_failure_makes_the_verb_fail_and_not_the_method) {
  configured(true);
  folder_.write("broken", "");
  driver_.become(vm::VmState::running, 4711);
  verb("save");
  const auto saved = expect("outcome");
  EXPECT_EQ(code_of(saved), 95);
  EXPECT_TRUE(control::bool_member(saved, "outage", false));
  EXPECT_NE(text_of(saved, "text").find("pool is full"), std::string::npos);
  verb("zfssnap");
  EXPECT_EQ(code_of(expect("outcome")), 95);
  driver_.become(vm::VmState::running, 4711);
  method("stop");
  EXPECT_EQ(code_of(expect("step")), 0);
}

}  // namespace
}  // namespace vmkeep::guard
