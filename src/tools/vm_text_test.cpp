// What people read of a VM, which VM an operand means, and the other pure pieces of the verbs.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <csignal>

#include "tools/mounts.h"
#include "tools/progress.h"
#include "tools/vm_batch.h"
#include "tools/vm_target.h"
#include "tools/vm_view.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr double kLongAgo = 1247766575;  // Thu Jul 16 17:49:35 2009 UTC

VmView example() {
  VmView vm;
  vm.fmri = "svc:/site/xvm/vbox:vm1";
  vm.name = "My VM";
  vm.uuid = "u-1";
  vm.owner = "alice";
  vm.driver = "virtualbox";
  vm.word = "running";
  vm.pid = 710;
  vm.monitor = "watching";
  return vm;
}

control::InstanceMessage online() {
  control::InstanceMessage service;
  service.fmri = "svc:/site/xvm/vbox:vm1";
  service.state = "online";
  service.next_state = "none";
  service.state_time = kLongAgo;
  service.enabled = true;
  return service;
}

class VmText : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

TEST_F(VmText, StatusOfAHealthyVm) {
  const auto service = online();
  EXPECT_EQ(status_text(example(), &service),
            "svc:/site/xvm/vbox:vm1\n"
            "  State       running, process 710\n"
            "  Service     online since Thu Jul 16 17:49:35 2009\n"
            "  VM          \"My VM\" {u-1} of alice, virtualbox\n"
            "  Watched     yes: what happens to it is seen at once\n");
}

TEST_F(VmText, StatusTellsEverythingThatIsNotAsUsual) {
  VmView vm = example();
  vm.word = "saved";
  vm.pid = 0;
  vm.detail = "under way: save";
  vm.monitor = "suppressed";
  vm.outage = VmOutage{"save", "bob", kLongAgo, {}};
  vm.suppression = VmSuppression{"root", "backup", kLongAgo, kLongAgo + 60};
  vm.aborts = 2;
  vm.hook = VmHook{7, "counts as a failure", "no answer\nfrom port 80"};
  vm.heartbeat = "lost since 9 s";
  vm.next = "nothing";
  vm.transitions = {"1247766575 Enabled.", "two"};
  control::InstanceMessage service = online();
  service.state = "maintenance";
  service.reason = "method_failed";
  service.why = "It died.";
  service.enabled = false;
  EXPECT_EQ(status_text(vm, &service),
            "svc:/site/xvm/vbox:vm1\n"
            "  State       saved\n"
            "              under way: save\n"
            "  Service     maintenance (method_failed) since Thu Jul 16 17:49:35 2009, not enabled\n"
            "              It died.\n"
            "  VM          \"My VM\" {u-1} of alice, virtualbox\n"
            "  Watched     yes, but nothing is done by itself\n"
            "  Suppressed  by root until Thu Jul 16 17:50:35 2009: backup\n"
            "  Planned     save by bob, Thu Jul 16 17:49:35 2009\n"
            "  Aborts      2 in the window that counts\n"
            "  Heartbeat   lost since 9 s\n"
            "  Hook        exit code 7: counts as a failure\n"
            "              no answer\n"
            "              from port 80\n"
            "  Next        nothing\n"
            "  Last        Thu Jul 16 17:49:35 2009 Enabled.\n"
            "              two\n");
}

TEST_F(VmText, ALineOfTheTable) {
  VmView vm = example();
  vm.outage = VmOutage{"gui", "bob", kLongAgo, kLongAgo + 60};
  const auto service = online();
  EXPECT_EQ(status_header(), "VM              SERVICE       PID      FMRI\n");
  EXPECT_EQ(status_line(vm, &service),
            "running         online        710      svc:/site/xvm/vbox:vm1  (gui by bob)\n");
  EXPECT_EQ(status_line(vm, nullptr).substr(16, 2), "- ");
}

TEST_F(VmText, T03_no_answer_is_told_from_not_registered_and_inaccessible) {
  VmView vm = example();
  const std::pair<const char*, const char*> rows[] = {{"", "no answer from the hypervisor"},
                                                      {"missing", "not registered with the hypervisor"},
                                                      {"inaccessible", "inaccessible"},
                                                      {"gurumeditation", "stuck (guru meditation)"}};
  for (const auto& [word, words] : rows) {
    vm.word = word;
    EXPECT_EQ(state_words(vm), words);
  }
}

TEST_F(VmText, WhoAnswersThatThereIsNoSuchVmIsNotSilent) {
  VmView vm = example();
  vm.monitor = "silent";
  const auto service = online();
  const auto watched = [&] {
    const std::string text = status_text(vm, &service);
    const size_t at = text.find("  Watched ");
    return text.substr(at, text.find('\n', at) - at);
  };
  const std::string no = "  Watched     no: the hypervisor of its owner answers, and ";
  vm.word = "missing";
  EXPECT_EQ(watched(), no + "knows no such VM");
  EXPECT_EQ(status_line(vm, &service).find("silent"), std::string::npos);
  vm.word = "inaccessible";
  EXPECT_EQ(watched(), no + "cannot read the VM's settings");
  EXPECT_EQ(status_line(vm, &service).find("silent"), std::string::npos);
  vm.word = "";
  EXPECT_EQ(watched(),
            "  Watched     no answer from its guard or from the hypervisor; vmkeepd goes on asking");
  EXPECT_NE(status_line(vm, &service).find("(silent)"), std::string::npos);
}

TEST_F(VmText, ExplainListsSentencesAndProperties) {
  VmView vm = example();
  vm.start = "it runs; it would be left alone";
  vm.stop = "it would be saved";
  vm.next = "nothing";
  vm.settings = {{"vm/stop_method", "astring", "savestate", "service", ""},
                 {"vm/timezone", "astring", "", "default", "the daemon's"}};
  EXPECT_EQ(explain_text(vm),
            "svc:/site/xvm/vbox:vm1 (VM \"My VM\")\n"
            "  start       it runs; it would be left alone\n"
            "  stop        it would be saved\n"
            "  next        nothing\n"
            "\n"
            "PROPERTY        VALUE      FROM\n"
            "vm/stop_method  savestate  service\n"
            "vm/timezone     \"\"         default  (the daemon's)\n");
}

TEST(VmView, ReadsWhatTheDaemonTells) {
  const json::object told{
      {"fmri", "svc:/a:b"},
      {"name", json::object{{"base64", "/w=="}}},
      {"word", "paused"},
      {"code", 1},
      {"outage", json::object{{"kind", "gui"}, {"by", "bob"}, {"since", 5}, {"until", 9.5}}},
      {"hook", nullptr},
      {"serial_ports", {json::object{{"number", 2}, {"mode", "server"}, {"path", "/p"}}}}};
  const auto vm = vm_from(told);
  ASSERT_TRUE(vm);
  EXPECT_EQ(vm->name, "\xff");
  EXPECT_EQ(vm->code, 1);
  ASSERT_TRUE(vm->outage && vm->outage->until);
  EXPECT_EQ(*vm->outage->until, 9.5);
  EXPECT_FALSE(vm->hook);
  EXPECT_EQ(vm->ports.at(0).path, "/p");
  EXPECT_FALSE(vm_from({{"fmri", "svc:/a:b"}}));
}

TEST(VmView, T94_a_console_needs_one_server_port) {
  VmView vm = example();
  EXPECT_NE(choose_port(vm, {}).error().message.find("--uartmode1"), std::string::npos);
  vm.ports = {{1, "file", "/log"}, {2, "server", "/two"}};
  EXPECT_EQ(choose_port(vm, {})->path, "/two");
  EXPECT_EQ(choose_port(vm, 2)->path, "/two");
  EXPECT_FALSE(choose_port(vm, 1));
  vm.ports[0].mode = "server";
  const auto both = choose_port(vm, {});
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().message.find("port 1: server, /log\n  port 2: server, /two"), std::string::npos);
  EXPECT_EQ(choose_port(vm, 1)->path, "/log");
}

TEST(VmView, SignalsOfTheWindow) {
  VmView vm = example();
  EXPECT_EQ(window_signals(vm), (std::vector<int>{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT}));
  vm.settings = {{"vm/startgui_fg_trap_signals", "astring", "SIGUSR1 TERM NONSENSE", "instance", ""}};
  EXPECT_EQ(window_signals(vm), (std::vector<int>{SIGUSR1, SIGTERM}));
}

TEST(VmTarget, WhatAnOperandMeans) {
  const std::vector<fmri::Entry> entries{
      {"milestone/network", {"default"}}, {"other/vbox", {"vm3"}}, {"site/xvm/vbox", {"vm1", "vm2", "vm3"}}};
  const std::vector<NamedVm> named{{"svc:/site/xvm/vbox:vm1", "Web Server", "AAAA-1"},
                                   {"svc:/site/xvm/vbox:vm2", "vm1", "bbbb-2"},
                                   {"svc:/site/xvm/vbox:vm3", "vm3", "cccc-3"}};
  const std::string base = "svc:/site/xvm/vbox:";
  const auto one = [&](const std::string& operand) {
    const Resolved resolved = resolve_vm(operand, entries, named);
    if (resolved.resolution != Resolution::found)
      return resolved.message.empty() ? "nothing" : resolved.message;
    std::string all;
    for (const std::string& name : resolved.fmris) all += (all.empty() ? "" : " ") + name;
    return all;
  };
  EXPECT_EQ(one(base + "vm1"), base + "vm1");
  EXPECT_EQ(one("vm2"), base + "vm2");
  EXPECT_EQ(one("xvm/vbox:vm3"), base + "vm3");
  EXPECT_EQ(one("Web Server"), base + "vm1");
  EXPECT_EQ(one("{aaaa-1}"), base + "vm1");
  EXPECT_EQ(one("BBBB-2"), base + "vm2");
  EXPECT_EQ(one("*xvm/vbox:vm[12]"), base + "vm1 " + base + "vm2");
  EXPECT_EQ(one("nobody"), "nothing");
  // One instance is called so, and the VM of another.
  EXPECT_EQ(one("vm1"), "\"vm1\" may be any of these; say which:\n  " + base + "vm1\n  " + base + "vm2");
  EXPECT_EQ(one("vbox:vm3"),
            "\"vbox:vm3\" may be any of these; say which:\n  svc:/other/vbox:vm3\n  " + base + "vm3");
}

TEST(Mounts, TheInnermostFileSystem) {
  const std::string mountinfo =
      "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:40 / /data\\040one rw,noatime shared:2 master:3 - zfs tank/vms rw\n"
      "31 22 0:41 / /data rw - nfs4 host:/x rw\n"
      "broken line\n";
  EXPECT_EQ(mount_of(mountinfo, "/data one/vm/disk.vdi").source, "tank/vms");
  EXPECT_EQ(mount_of(mountinfo, "/data/x").type, "nfs4");
  EXPECT_EQ(mount_of(mountinfo, "/database").point, "/");
  EXPECT_EQ(mount_of("", "/x").type, "");
}

TEST(ProgressLine, IsCutToTheTerminal) {
  EXPECT_EQ(progress_line({{"vm1", {"saving", 40}}, {"vm2", {"", -1}}}, Instant(12'300), 80),
            "vm1 saving 40 %, vm2 (12 s)");
  const std::string cut = progress_line({{"a-very-long-name-indeed", {"restoring", 7}}}, Instant(2000), 30);
  EXPECT_LT(cut.size(), 30U);
  EXPECT_TRUE(cut.ends_with("... (2 s)"));
  // What was measured stands in for a percent that nobody knows.
  const std::optional<Instant> usual(Instant(7'400));
  EXPECT_EQ(progress_line({{"vm1", {"start", -1}}}, Instant(3'100), 80, usual),
            "vm1 start (3 s of about 8 s)");
  EXPECT_EQ(progress_line({{"vm1", {"start", -1}}}, Instant(9'100), 80, usual),
            "vm1 start (9 s, usually 8 s)");
  EXPECT_EQ(progress_line({{"vm1", {"restoring", 20}}}, Instant(3'100), 80, usual),
            "vm1 restoring 20 % (3 s)");
}

}  // namespace
}  // namespace vmkeep::tools
