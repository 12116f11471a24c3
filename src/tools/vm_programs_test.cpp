// The verbs as whole programs, in both spellings, against the fake daemon: what is asked of it, what is
// printed, how they end.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <sstream>

#include "tools/fake_vms.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using Printed = FakeDaemon::Printed;

FakeWorld example() {
  FakeWorld fake;
  const std::pair<const char*, int> states[] = {
      {"running", 0},         {"starting", 0},       {"restoring", 0},  {"paused", 1},
      {"saving", 2},          {"saved", 3},          {"poweroff", 10},  {"aborted", 20},
      {"missing", 125},       {"inaccessible", 125}, {"stopping", 126}, {"gurumeditation", 126},
      {"aborted-saved", 126}, {"invented", 126}};
  for (const auto& [word, code] : states) add_vm(fake, word, word, code);
  add_vm(fake, "silent", "", 125);
  add_vm(fake, "hooked", "running", 0);
  fake.statuses[kService + "hooked"]["hook"] =
      json::object{{"code", 7}, {"meaning", "a failure"}, {"output", "no web"}};
  add_vm(fake, "forbidden", "running", 0);
  add_vm(fake, "second", "running", 0);
  fake.world.instances.push_back(fake.world.instances.back());
  fake.world.instances.back().fmri = "svc:/other/xvm:second";
  fake.verbs["check " + kService + "hooked"] = {{{"done", true}, {"code", 7}, {"text", "The hook says 7."}}};
  fake.verbs["check " + kService + "running"] = {
      {{"done", true}, {"code", 0}, {"text", "There is no hook."}}};
  fake.verbs["save " + kService + "forbidden"] = {{{"error", true}}};
  fake.verbs["save " + kService + "running"] = {{{"percent", 10}, {"text", "saving"}},
                                                {{"percent", 90}},
                                                {{"done", true}, {"code", 0}, {"text", "The VM is saved."}}};
  fake.verbs["poweroff " + kService + "running"] = {
      {{"done", true}, {"code", 95}, {"text", "Both were refused."}}};
  fake.verbs["reset " + kService + "running"] = {{{"done", true}, {"code", 1}, {"text", "refused"}}};
  fake.vms = {{"1234-a", "Lonely VM", true, ""}, {"1234-b", "My Saved VM", true, kService + "saved"}};
  return fake;
}

class VmPrograms : public ::testing::Test {
 protected:
  VmPrograms() : daemon_(example()) {}
  void SetUp() override { ASSERT_TRUE(daemon_.started()); }

  Printed vmkeep(const std::vector<std::string>& arguments) const { return daemon_.run("vmkeep", arguments); }
  Printed script(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> all{"vbox.sh"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return daemon_.run("vmkeep", all, environment);
  }
  // How often the daemon was asked something that begins so.
  size_t asked(const std::string& what) const {
    const auto calls = daemon_.calls();
    return static_cast<size_t>(std::count_if(
        calls.begin(), calls.end(), [&what](const std::string& call) { return call.starts_with(what); }));
  }
  json::object last() const {
    const auto calls = daemon_.calls();
    if (calls.empty()) return {};
    return json::parse(calls.back().substr(calls.back().find(' '))).as_object();
  }
  FakeDaemon daemon_;
};

TEST_F(VmPrograms, T01_status_does_nothing_to_the_vm) {
  EXPECT_EQ(script({"-vm", "running", "status"}).code, 0);
  EXPECT_EQ(vmkeep({"status", "running"}).code, 0);
  EXPECT_EQ(asked("VmStatus "), 2U);
  EXPECT_EQ(daemon_.calls().size(), 2U);
}

TEST_F(VmPrograms, T02_the_exit_code_tells_the_state) {
  const std::pair<const char*, int> rows[] = {{"starting", 0}, {"restoring", 0}, {"paused", 1},
                                              {"saving", 2},   {"saved", 3},     {"poweroff", 10},
                                              {"aborted", 20}};
  for (const auto& [word, code] : rows) {
    for (const char* verb : {"status", "getstate", "state"}) {
      EXPECT_EQ(script({"-vm", word, verb}).code, code) << word;
    }
    EXPECT_EQ(vmkeep({"status", word}).code, code) << word;
  }
  EXPECT_EQ(vmkeep({"status", "saved", "poweroff", "running"}).code, 10);
}

TEST_F(VmPrograms, T03_no_answer_and_not_registered) {
  const std::pair<const char*, const char*> rows[] = {
      {"silent", "no answer"}, {"missing", "not registered"}, {"inaccessible", "inaccessible"}};
  for (const auto& [name, words] : rows) {
    const Printed printed = script({"-vm", name, "status"});
    EXPECT_EQ(printed.code, 125) << name;
    EXPECT_NE(printed.out.find(words), std::string::npos) << printed.out;
  }
}

TEST_F(VmPrograms, T04_any_other_state_is_126_and_told_to_the_letter) {
  for (const char* word : {"stopping", "gurumeditation", "aborted-saved", "invented"}) {
    EXPECT_EQ(script({"-vm", word, "getstate"}).code, 126);
    const Printed printed = vmkeep({"status", "--json", word});
    EXPECT_EQ(printed.code, 126);
    EXPECT_EQ(json::parse(printed.out).at("vms").at(0).at("word").as_string(), word);
  }
}

TEST_F(VmPrograms, T05_without_a_vm_nothing_is_asked) {
  for (const char* verb : {"status", "start", "poweroff", "startgui", "sercon"}) {
    EXPECT_EQ(script({verb}).code, 96) << verb;
  }
  EXPECT_EQ(script({}).code, 96);
  const Printed help = script({"help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("svc:/site/xvm/vbox:running  online"), std::string::npos);
  EXPECT_TRUE(daemon_.calls().empty());
}

TEST_F(VmPrograms, T06_unknown_and_ambiguous_names_are_96) {
  const Printed unknown = script({"-s", "nobody", "status"});
  EXPECT_EQ(unknown.code, 96);
  EXPECT_EQ(unknown.err, "vbox.sh: \"nobody\" is no instance and no VM; see `svcs -a`\n");
  const Printed ambiguous = script({"-s", "second", "poweroff"});
  EXPECT_EQ(ambiguous.code, 96);
  EXPECT_EQ(ambiguous.err,
            "vbox.sh: \"second\" may be any of these; say which:\n"
            "  svc:/other/xvm:second\n"
            "  svc:/site/xvm/vbox:second\n");
  EXPECT_EQ(asked("Vm "), 0U);
  EXPECT_EQ(vmkeep({"poweroff", "second"}).code, 1);
  EXPECT_EQ(vmkeep({"status", "second"}).code, 96);
  EXPECT_EQ(vmkeep({"stop", "nobody", "second", "no one"}).err,
            "vmkeep: \"nobody\" is no instance and no VM; see `svcs -a`\n"
            "vmkeep: \"second\" may be any of these; say which:\n"
            "  svc:/other/xvm:second\n"
            "  svc:/site/xvm/vbox:second\n"
            "vmkeep: \"no one\" is no instance and no VM; see `svcs -a`\n");
  // One wrong name, and nothing is done to the others.
  EXPECT_EQ(vmkeep({"poweroff", "saved", "nobody"}).code, 1);
  EXPECT_EQ(asked("Vm "), 0U);
}

TEST_F(VmPrograms, T07_abbreviations_become_the_canonical_name) {
  const Printed printed = script({"-s", "xvm/vbox:saved", "save"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out,
            "INFO: xvm/vbox:saved is svc:/site/xvm/vbox:saved\nsvc:/site/xvm/vbox:saved: save done\n");
  EXPECT_EQ(last().at("fmri").as_string(), kService + "saved");
}

TEST_F(VmPrograms, T08_the_environment_wins_and_a_conflict_is_told) {
  const Printed printed = script({"-vm", "paused", "status"}, {"SMF_FMRI=" + kService + "saved"});
  EXPECT_EQ(printed.code, 3);
  EXPECT_NE(printed.err.find("vbox.sh: WARN: -vm names \"svc:/site/xvm/vbox:paused\""), std::string::npos);
}

TEST_F(VmPrograms, T09_errors_come_before_any_action) {
  EXPECT_EQ(script({"-vm", "running", "poweroff", "--now"}).code, 96);
  EXPECT_EQ(script({"-vm", "running", "poweroff", "-t", "5"}).code, 96);
  EXPECT_EQ(script({"status", "-vm", "running"}).code, 96);
  EXPECT_EQ(vmkeep({"poweroff", "running", "--now"}).code, 2);
  EXPECT_EQ(vmkeep({"status", "running", "--now"}).code, 96);
  EXPECT_TRUE(daemon_.calls().empty());
}

TEST_F(VmPrograms, T10_ifruns_and_kill_reach_the_daemon_in_any_order) {
  for (const auto& words : {std::vector<std::string>{"-vm", "saved", "reboot", "ifruns", "-k"},
                            {"-vm", "saved", "reboot", "-k", "ifruns"}}) {
    EXPECT_EQ(script(words).code, 0);
    EXPECT_TRUE(last().at("kill").as_bool() && last().at("if_running").as_bool());
  }
  EXPECT_EQ(script({"-vm", "saved", "poweroff-graceful", "-k"}).code, 0);
  EXPECT_EQ(last().at("verb").as_string(), "poweroff");
  EXPECT_TRUE(last().at("kill").as_bool());
}

TEST_F(VmPrograms, T11_a_bad_timeout_is_an_error) {
  for (const char* bad : {"abc", "0", "-5"}) {
    EXPECT_EQ(script({"-t", bad, "-vm", "saved", "stop"}).code, 96);
    EXPECT_EQ(vmkeep({"stop", "-t", bad, "saved"}).code, 2);
  }
  EXPECT_TRUE(daemon_.calls().empty());
  EXPECT_EQ(script({"-t", "90", "-vm", "saved", "stop"}).code, 0);
  EXPECT_EQ(last().at("timeout").as_int64(), 90);
}

TEST_F(VmPrograms, T12_the_hooks_own_code) {
  EXPECT_EQ(script({"-vm", "hooked", "vmsvccheck"}).code, 7);
  EXPECT_EQ(script({"-vm", "running", "hook"}).code, 0);
  const Printed printed = vmkeep({"check", "hooked"});
  EXPECT_EQ(printed.code, 7);
  EXPECT_EQ(printed.out, "svc:/site/xvm/vbox:hooked: The hook says 7.\n");
  EXPECT_EQ(printed.err, "");
}

TEST_F(VmPrograms, T13_the_hook_is_shown_and_changes_no_code) {
  const Printed printed = script({"-vm", "hooked", "status"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find("Hook        exit code 7: a failure\n              no web\n"),
            std::string::npos);
  EXPECT_EQ(vmkeep({"status", "--no-hook", "hooked"}).out.find("Hook"), std::string::npos);
}

TEST_F(VmPrograms, WhoMayNotRunTheHookIsToldTheStatusWithoutIt) {
  FakeWorld fake;
  for (const char* name : {"hooked", "plain", "hidden"}) {
    add_vm(fake, name, "running", 0);
    fake.statuses[kService + name]["closed"] = true;
  }
  const auto program = [&fake](const std::string& name, const std::string& value) {
    fake.statuses[kService + name]["settings"] =
        json::array{json::object{{"name", "vm/kicker_vmsvccheck_method"}, {"value", value}}};
  };
  program("hooked", "/usr/bin/check");
  program("plain", "");
  const FakeDaemon daemon(fake);
  ASSERT_TRUE(daemon.started());
  for (const char* name : {"hooked", "hidden"}) {
    const Printed printed = daemon.run("vmkeep", {"status", name});
    EXPECT_EQ(printed.code, 0) << printed.err;
    EXPECT_NE(printed.out.find("  State       running\n"), std::string::npos) << printed.out;
    EXPECT_NE(printed.out.find("  Hook        not run: Permission denied: you may not\n"), std::string::npos)
        << printed.out;
  }
  const Printed plain = daemon.run("vmkeep", {"status", "plain"});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.out.find("Hook"), std::string::npos) << plain.out;
  const json::value all = json::parse(daemon.run("vmkeep", {"status", "--json", "hooked", "plain"}).out);
  EXPECT_EQ(all.at("vms").at(0).at("hook_not_run").as_string(), "Permission denied: you may not");
  EXPECT_TRUE(all.at("vms").at(1).at("hook_not_run").is_null());
}

TEST_F(VmPrograms, T14_status_as_json) {
  const Printed printed = vmkeep({"status", "--json", "running", "silent"});
  EXPECT_EQ(printed.code, 125);
  const json::value all = json::parse(printed.out);
  EXPECT_EQ(all.at("version").as_int64(), 1);
  EXPECT_EQ(all.at("code").as_int64(), 125);
  const json::value& vm = all.at("vms").at(0);
  EXPECT_EQ(vm.at("word").as_string(), "running");
  EXPECT_EQ(vm.at("service").at("state").as_string(), "online");
  EXPECT_EQ(vm.at("monitor").as_string(), "watching");
  EXPECT_EQ(vm.at("next").as_string(), "rest");
  EXPECT_EQ(vm.at("transitions").at(0).as_string(), "went online");
}

TEST_F(VmPrograms, StatusOfAllIsATable) {
  const Printed printed = vmkeep({"status"});
  EXPECT_EQ(printed.code, 126);
  EXPECT_TRUE(printed.out.starts_with("VM              SERVICE       PID      FMRI\n"));
  EXPECT_NE(printed.out.find("paused          online        -        svc:/site/xvm/vbox:paused\n"),
            std::string::npos);
}

TEST_F(VmPrograms, SeveralVmsAtOnce) {
  const Printed printed = vmkeep({"save", "running", "forbidden", "saved"});
  EXPECT_EQ(printed.code, 1);
  EXPECT_EQ(printed.out, kService + "running: The VM is saved.\n" + kService + "saved: save done\n");
  EXPECT_EQ(printed.err, "vmkeep: " + kService + "forbidden: Permission denied: you may not\n");
  const Printed document = vmkeep({"save", "running", "forbidden", "--json"});
  EXPECT_EQ(document.code, 1);
  const json::value all = json::parse(document.out);
  EXPECT_EQ(all.at("command").as_string(), "save");
  EXPECT_EQ(all.at("vms").at(1).at("code").as_int64(), 1);
}

TEST_F(VmPrograms, T56_poweroff_has_its_own_code_in_the_old_spelling) {
  EXPECT_EQ(script({"-vm", "running", "poweroff"}).code, 95);
  EXPECT_EQ(script({"-vm", "poweroff", "poweroff"}).code, 0);
  EXPECT_EQ(vmkeep({"poweroff", "running"}).code, 1);
}

TEST_F(VmPrograms, T60_reset_ends_as_the_hypervisor_said_and_save_as_the_script_did) {
  EXPECT_EQ(script({"-vm", "running", "reset"}).code, 1);
  EXPECT_EQ(script({"-vm", "forbidden", "save"}).code, 95);
  EXPECT_EQ(script({"-vm", "running", "save"}).code, 0);
}

TEST_F(VmPrograms, OldVerbsReachTheDaemon) {
  EXPECT_EQ(script({"-vm", "saved", "start-force"}).code, 0);
  EXPECT_TRUE(last().at("force").as_bool());
  EXPECT_EQ(script({"-vm", "saved", "zfssnap", "before", "it"}).code, 0);
  EXPECT_EQ(last().at("verb").as_string(), "zfssnap");
  EXPECT_EQ(last().at("text").as_string(), "before it");
  EXPECT_EQ(script({"-vm", "saved", "dirlist"}).code, 0);
  EXPECT_EQ(script({"help", "-vm", "saved", "status"}).code, 3);
}

TEST_F(VmPrograms, TheMethodUnderItsOldName) {
  // Only vmkeepd sets SMF_METHOD; the fake one knows no scenario of that name.
  const Printed printed = script({"start"}, {"SMF_FMRI=svc:/site/vm:done", "SMF_METHOD=start"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, "There was nothing to do.\n");
}

TEST_F(VmPrograms, VmsByTheirOwnNames) {
  EXPECT_EQ(vmkeep({"status", "My Saved VM"}).code, 3);
  EXPECT_EQ(vmkeep({"status", "1234-B"}).code, 3);
  const Printed lonely = vmkeep({"save", "Lonely VM"});
  EXPECT_EQ(lonely.code, 1);
  EXPECT_EQ(lonely.err,
            "vmkeep: the VM \"Lonely VM\" belongs to no instance; `vmkeep add 1234-a` makes one for it\n");
}

TEST_F(VmPrograms, SuppressScreenshotSnapshot) {
  EXPECT_EQ(vmkeep({"suppress", "--for", "2h", "-m", "backup", "saved"}).code, 0);
  EXPECT_EQ(last().at("seconds").as_int64(), 7200);
  EXPECT_EQ(last().at("text").as_string(), "backup");
  EXPECT_EQ(vmkeep({"screenshot", "saved"}).code, 0);
  EXPECT_TRUE(last().at("path").as_string().ends_with("/saved.png"));
  EXPECT_EQ(vmkeep({"screenshot", "-o", "/tmp/x.png", "saved"}).code, 0);
  EXPECT_EQ(last().at("path").as_string(), "/tmp/x.png");
  EXPECT_EQ(vmkeep({"snapshot", "saved"}).code, 0);
  EXPECT_EQ(last().at("name").as_string(), "manual-snapshot");
  EXPECT_EQ(vmkeep({"snapshot", "--zfs", "saved"}).code, 0);
  EXPECT_EQ(last().at("verb").as_string(), "zfssnap");
  EXPECT_FALSE(last().contains("text"));
  EXPECT_EQ(vmkeep({"snapshot", "-n", "before", "saved", "--zfs"}).code, 0);
  EXPECT_EQ(last().at("text").as_string(), "before");
}

TEST_F(VmPrograms, HelpOfOneCommandAndAWordThatIsNone) {
  // Each command that help lists tells more of itself, in both spellings.
  const Printed all = vmkeep({"help"});
  EXPECT_EQ(all.code, 0);
  std::istringstream lines(all.out);
  int listed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ") || line.starts_with("   ")) continue;
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    if (name == "help" || name == "simulate") continue;  // which is another program's
    ++listed;
    const Printed one = vmkeep({"help", name});
    EXPECT_EQ(one.code, 0) << name << one.err;
    EXPECT_TRUE(one.out.starts_with("Usage: vmkeep " + name)) << one.out;
    EXPECT_EQ(vmkeep({name, "--help"}).out, one.out);
  }
  EXPECT_GT(listed, 25);
  const Printed wrong = vmkeep({"stauts", "running"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "vmkeep: no command \"stauts\"; did you mean status?  `vmkeep help` lists them all\n");
  EXPECT_EQ(vmkeep({"help", "frobnicate"}).err,
            "vmkeep: no command \"frobnicate\"  `vmkeep help` lists them all\n");
  EXPECT_TRUE(daemon_.calls().empty());
}

TEST_F(VmPrograms, APlanIsOfStartOrStop) {
  EXPECT_TRUE(
      vmkeep({"plan", "sideways"}).err.starts_with("vmkeep: a plan of what? start, or stop\nUsage: "));
  EXPECT_EQ(vmkeep({"plan"}).code, 2);
  EXPECT_EQ(vmkeep({"shutdown", "now"}).code, 2);
}

TEST(VmWithoutDaemon, StatusIsNoAnswer) {
  std::string folder = "/tmp/no-daemon-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(run_tool(folder, "vmkeep", {"status", "vm1"}, {}).code, 125);
  EXPECT_EQ(run_tool(folder, "vmkeep", {"save", "vm1"}, {}).code, 1);
  EXPECT_EQ(run_tool(folder, "vmkeep", {"vbox.sh", "-vm", "vm1", "status"}, {}).code, 125);
  EXPECT_EQ(run_tool(folder, "vmkeep", {"vbox.sh", "-vm", "vm1", "save"}, {}).code, 95);
  for (const char* name : {"/out", "/err"}) ::unlink((folder + name).c_str());
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace vmkeep::tools
