// The verbs from the socket to the VM: vmkeepd, its guard and the method as they are, on the simulated
// driver; and, where the lab is, on real VirtualBox (tests/verbs on top of this is what a person does by
// hand).
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/spawn.h"
#include "control/client.h"
#include "control/messages.h"
#include "private_daemon.h"

namespace vmkeep {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* kFmri = "svc:/site/xvm/vbox:vm1";
const std::string kBin = VMKEEP_BIN;

std::string text(const json::object& object, const char* member) {
  auto found = control::string_member(object, member);
  return found ? *found : std::string();
}

int code(const Result<json::object>& answer) {
  return answer ? static_cast<int>(control::int_member(*answer, "code", -1)) : -2;
}

repository::PropertyGroup group(const char* name, const char* type,
                                const std::map<std::string, std::vector<std::string>>& properties) {
  repository::PropertyGroup made;
  made.name = name;
  made.type = type;
  for (const auto& [property, values] : properties) {
    made.properties[property] = {repository::ValueType::astring, values};
  }
  return made;
}

// A vmkeepd of our own, with one VM of the simulated driver as an enabled instance.
class Verbs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "vmkeep-verbs.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    SpawnSpec create;
    create.argv = {kBin + "/vmkeep-simulated-vm", "--create", "vm1", "--home", folder_ + "/home"};
    fs::create_directory(folder_ + "/home");
    auto made = spawn(create);
    ASSERT_TRUE(made) << made.error().message;
    int status = 0;
    ::waitpid(made->pid, &status, 0);
    ASSERT_EQ(status, 0);
    start_daemon();
  }

  void TearDown() override {
    stop_daemon();
    EXPECT_TRUE(tests::end_all_of(folder_));
    fs::remove_all(folder_);
  }

  void start_daemon() {
    const auto launched = daemon_.launch(kBin + "/vmkeepd", folder_, {"--no-cgroups"}, folder_ + "/errors");
    ASSERT_TRUE(launched) << launched.error().message;
    ASSERT_TRUE(daemon_.ready()) << *read_file(folder_ + "/errors");
  }
  void stop_daemon() { daemon_.kill(); }

  // Processes of our own folder by their program's name.
  std::vector<pid_t> processes(const std::string& program) const {
    return tests::processes_of(folder_, program);
  }

  Result<json::object> call(const char* method, json::object parameters) {
    auto client = control::Client::connect(folder_ + "/run/control.sock");
    if (!client) return client.error();
    return client->call(method, parameters, now() + Instant(60s));
  }
  Result<json::object> verb(const char* name, json::object more = {}) {
    more["fmri"] = kFmri;
    more["verb"] = name;
    return call("Vm", std::move(more));
  }
  json::object status() {
    auto answer = call("VmStatus", {{"fmri", kFmri}});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->at("vm").as_object() : json::object{};
  }
  std::string state() {
    auto answer = call("Instances", {});
    if (!answer) return answer.error().message;
    for (const auto& one : answer->at("instances").as_array()) {
      if (one.at("fmri") == kFmri && one.at("next_state") == "none")
        return one.at("state").as_string().c_str();
    }
    return "";
  }
  void await(const std::string& what, const std::function<bool()>& holds) {
    ASSERT_TRUE(tests::await_changes(folder_ + "/run", {kFmri}, Instant(60s), holds))
        << what << "; " << state() << ", " << json::serialize(status());
  }
  void await_state(const std::string& wanted) {
    await("the instance should be " + wanted, [&] { return state() == wanted; });
  }
  void await_word(const std::string& wanted) {
    await("the VM should be " + wanted, [&] { return text(status(), "word") == wanted; });
  }
  size_t logged(const std::string& words) const {
    std::ifstream log(folder_ + "/log/site-xvm-vbox:vm1.log");
    size_t count = 0;
    for (std::string line; std::getline(log, line);) count += line.find(words) != std::string::npos;
    return count;
  }
  size_t launches() const { return logged("The VM is running."); }

  // What `vmkeep gui` was told to execute, as our own child.
  pid_t open_window(const json::object& handed) {
    SpawnSpec spec;
    const auto argv = control::strings_member(handed, "argv");
    if (argv) spec.argv = *argv;
    auto child = spawn(spec);
    EXPECT_TRUE(child) << child.error().message;
    return child ? child->pid : -1;
  }
  // To the VM itself, as its user would in the window.
  void say(const std::string& word) {
    SpawnSpec spec;
    spec.argv = {kBin + "/vmkeep-simulated-vm", "--say",  word,
                 text(status(), "uuid"),        "--home", folder_ + "/home"};
    auto child = spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    int status = -1;
    ::waitpid(child->pid, &status, 0);
    EXPECT_EQ(status, 0);
  }

  void import(const std::map<std::string, std::string>& vm = {}, bool enabled = true) {
    using namespace repository;
    const fmri::Fmri service{"site/xvm/vbox", {}, {}, {}};
    const fmri::Fmri instance{"site/xvm/vbox", "vm1", {}, {}};
    ChangeSet changes;
    changes.emplace_back(AddService{"site/xvm/vbox"});
    for (const char* method : {"start", "stop"}) {
      changes.emplace_back(
          PutGroup{service,
                   group(method, "method",
                         {{"exec", {kBin + "/vmkeep method " + method}}, {"timeout_seconds", {"60"}}}),
                   std::nullopt});
    }
    changes.emplace_back(PutGroup{
        service,
        group("method_context", "framework",
              {{"environment", {"VMKEEP_DRIVER=simulated", "VMKEEP_SIMULATED_HOME=" + folder_ + "/home"}}}),
        std::nullopt});
    std::map<std::string, std::vector<std::string>> properties{{"start_aborted_vm", {"true"}},
                                                               {"restart_aborted_vm", {"true"}}};
    for (const auto& [name, value] : vm) properties[name] = {value};
    changes.emplace_back(AddInstance{"site/xvm/vbox", "vm1"});
    changes.emplace_back(PutGroup{instance, group("vm", "application", properties), std::nullopt});
    PropertyGroup general = group("general", "framework", {{"enabled", {enabled ? "true" : "false"}}});
    general.properties["enabled"].type = ValueType::boolean;
    changes.emplace_back(PutGroup{instance, general, std::nullopt});
    auto done = call("Commit", {{"changes", control::to_json(changes)}});
    ASSERT_TRUE(done) << done.error().message;
  }

  std::string folder_;
  tests::PrivateDaemon daemon_;
};

TEST_F(Verbs, T60_T61_what_an_operator_saves_stays_saved_while_monitoring_goes_on) {
  import();
  await_state("online");
  EXPECT_EQ(code(verb("save")), 0);
  await_word("saved");
  await("the monitor should know whose doing it is",
        [&] { return text(status(), "next").find("saved, by ") != std::string::npos; });
  EXPECT_EQ(state(), "online");
  EXPECT_EQ(text(status(), "monitor"), "watching");
  EXPECT_EQ(code(verb("save")), 0);
  EXPECT_EQ(launches(), 1U);
  EXPECT_EQ(code(verb("start")), 0);
  EXPECT_EQ(text(status(), "word"), "running");
  EXPECT_FALSE(status().contains("outage"));
}

TEST_F(Verbs, T58_reboot_is_one_launch_in_the_service) {
  import();
  await_state("online");
  EXPECT_EQ(code(verb("reboot")), 0);
  EXPECT_EQ(text(status(), "word"), "running");
  EXPECT_EQ(state(), "online");
  EXPECT_EQ(launches(), 2U);
  EXPECT_EQ(control::int_member(status(), "aborts", -1), 0);
}

TEST_F(Verbs, T37_start_of_a_disabled_instance_enables_it_for_now) {
  import({{ "start_halted_vm", "false" }}, false);
  await_state("disabled");
  EXPECT_EQ(code(verb("start")), 0);
  EXPECT_EQ(launches(), 0U);
  EXPECT_EQ(code(verb("start", {{"force", true}})), 0);
  EXPECT_EQ(text(status(), "word"), "running");
  EXPECT_EQ(code(verb("stop")), 0);
  EXPECT_EQ(state(), "disabled");
  EXPECT_EQ(text(status(), "word"), "saved");
}

TEST_F(Verbs, T43_two_starts_at_once_are_one) {
  import({}, false);
  await_state("disabled");
  int codes[2] = {-1, -1};
  std::thread other([&] { codes[1] = code(verb("start")); });
  codes[0] = code(verb("start"));
  other.join();
  EXPECT_EQ(codes[0], 0);
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(launches(), 1U);
}

TEST_F(Verbs, T61_T81_a_guard_killed_in_the_middle_leaves_nothing_behind) {
  import();
  await_state("online");
  std::ofstream(folder_ + "/home/script.json") << R"({"delays": {"savestate": 1500}})";
  std::thread saving([&] { verb("save"); });
  // A question that comes just before the save would be answered after it: ask once the log tells of it.
  await("the save should be under way", [&] { return logged("saving it") == 1; });
  EXPECT_NE(text(status(), "detail").find("save, asked for"), std::string::npos);
  const auto guards = processes("vmkeep-guard");
  ASSERT_EQ(guards.size(), 1U);
  ::kill(guards[0], SIGKILL);
  saving.join();
  await_word("saved");
  await_state("online");
  EXPECT_EQ(launches(), 1U);
  EXPECT_EQ(code(verb("start")), 0);
  ::kill(static_cast<pid_t>(control::int_member(status(), "pid", 0)), SIGKILL);
  await("the VM should be restarted after an abort", [&] { return launches() == 3; });
}

TEST_F(Verbs, T66_T81_the_window_of_aborts_outlives_the_daemon) {
  import({{"restart_aborted_vm_failures_maxcount", "2"},
          { "restart_aborted_vm_failures_timeframe",
            "1200" }});
  await_state("online");
  for (size_t abort = 1; abort <= 2; ++abort) {
    const auto vms = processes("--startvm");
    ASSERT_EQ(vms.size(), 1U);
    ::kill(vms[0], SIGKILL);
    await("the VM should be restarted", [&] { return launches() == abort + 1 && state() == "online"; });
    stop_daemon();
    const auto pid = processes("--startvm");
    start_daemon();
    await_state("online");
    EXPECT_EQ(processes("--startvm"), pid);  // and it was not touched
    EXPECT_EQ(control::int_member(status(), "aborts", -1), static_cast<int64_t>(abort));
  }
  ::kill(processes("--startvm").at(0), SIGKILL);
  await_state("maintenance");
}

TEST_F(Verbs, T78_a_suppression_is_shown_and_ends_by_itself) {
  import();
  await_state("online");
  EXPECT_EQ(code(verb("suppress", {{"seconds", 3}, {"text", "disk is being moved"}})), 0);
  EXPECT_EQ(text(status(), "monitor"), "suppressed");
  EXPECT_EQ(text(status().at("suppression").as_object(), "why"), "disk is being moved");
  ::kill(static_cast<pid_t>(control::int_member(status(), "pid", 0)), SIGKILL);
  await_word("aborted");
  EXPECT_EQ(launches(), 1U);
  await("the VM should be restarted once the lease is over", [&] { return launches() == 2; });
  EXPECT_FALSE(status().contains("suppression"));
}

TEST_F(Verbs, T90_the_lease_of_a_window_is_renewed_and_keeps_the_vm_from_everybody) {
  import();
  await_state("online");
  EXPECT_NE(code(verb("gui_renew")), 0);
  const auto window = verb("gui", {{"seconds", 100}});
  ASSERT_EQ(code(window), 0);
  EXPECT_FALSE(window->at("argv").as_array().empty());
  const auto until = [this] { return status().at("outage").at("until").to_number<double>(); };
  const double before = until();
  EXPECT_EQ(code(verb("gui_renew", {{"seconds", 1000}})), 0);
  EXPECT_GT(until(), before + 500);
  EXPECT_EQ(text(status(), "word"), "saved");
  EXPECT_EQ(launches(), 1U);
  EXPECT_EQ(code(verb("gui_end")), 0);
  await("the VM should run without a window again", [&] { return launches() == 2; });
  await_state("online");
  // A window that came and went before anybody looked: whoever opened it says so.
  ASSERT_EQ(code(verb("gui", {{"seconds", 1000}})), 0);
  EXPECT_EQ(code(verb("gui_closed")), 0);
  await("the VM should run without a window again", [&] { return launches() == 3; });
  await("the window should be over", [&] { return !status().contains("outage"); });
  EXPECT_EQ(code(verb("gui_closed")), 0);
}

TEST_F(Verbs, T93_saved_in_its_window_the_vm_runs_headless_again_within_a_cycle) {
  import({{ "kicker_freq", "50" }});
  await_state("online");
  const auto handed = verb("gui", {{"seconds", 100}});
  ASSERT_EQ(code(handed), 0);
  const auto window = open_window(*handed);
  await("the window should be seen",
        [&] { return json::serialize(status()).find("the VM runs in a window of") != std::string::npos; });
  EXPECT_EQ(text(status(), "word"), "running");
  EXPECT_EQ(launches(), 1U);
  const Instant saved = now();
  say("savestate");
  await("the VM should run headless again",
        [&] { return launches() == 2 && text(status(), "word") == "running"; });
  EXPECT_LT(now() - saved, Instant(50s));
  await_state("online");
  EXPECT_FALSE(status().contains("outage"));
  EXPECT_EQ(processes("--front-end").size(), 0U);
  ::waitpid(window, nullptr, 0);
}

TEST_F(Verbs, T93_at_the_end_of_its_lease_a_window_gives_the_vm_back) {
  import();
  await_state("online");
  const auto handed = verb("gui", {{"seconds", 3}});
  ASSERT_EQ(code(handed), 0);
  const auto window = open_window(*handed);
  // Nobody renews the lease: the VM is saved in its window, which ends with that, and starts where it
  // belongs.
  await("the VM should run headless again",
        [&] { return launches() == 2 && text(status(), "word") == "running"; });
  await_state("online");
  EXPECT_FALSE(status().contains("outage"));
  EXPECT_EQ(processes("--front-end").size(), 0U);
  ::waitpid(window, nullptr, 0);
}

TEST_F(Verbs, T14_status_tells_everything_to_machines) {
  import();
  await_state("online");
  const auto vm = status();
  for (const char* member : {"fmri", "name", "uuid", "owner", "driver", "word", "detail", "monitor", "next",
                             "start", "stop", "settings_file"}) {
    EXPECT_TRUE(vm.contains(member) && vm.at(member).is_string()) << member;
  }
  EXPECT_EQ(text(vm, "word"), "running");
  EXPECT_EQ(control::int_member(vm, "code", -1), 0);
  EXPECT_FALSE(vm.at("transitions").as_array().empty());
  EXPECT_FALSE(vm.at("settings").as_array().empty());
}

TEST_F(Verbs, AListNamesTheInstanceOfEachVm) {
  import({}, false);
  auto list = call("VmList", {{"driver", "simulated"},
                              {"environment", json::array{"VMKEEP_SIMULATED_HOME=" + folder_ + "/home"}}});
  ASSERT_TRUE(list) << list.error().message;
  const auto& vms = list->at("vms").as_array();
  ASSERT_EQ(vms.size(), 1U);
  EXPECT_EQ(text(vms[0].as_object(), "name"), "vm1");
  EXPECT_EQ(text(vms[0].as_object(), "instance"), kFmri);
}

// A second way to the same registry makes no other VM of it; another user's copy is another VM.
TEST_F(Verbs, AUuidIsTheVmOfItsUserInWhateverRegistry) {
  const auto listed = [this](const std::string& user) {
    json::object question{{"driver", "simulated"},
                          {"environment", json::array{"VMKEEP_SIMULATED_HOME=" + folder_ + "/home",
                                                      "VBOX_USER_HOME=/elsewhere"}}};
    if (!user.empty()) question["user"] = user;
    auto list = call("VmList", std::move(question));
    EXPECT_TRUE(list) << list.error().message;
    const bool one = list && list->at("vms").as_array().size() == 1;
    EXPECT_TRUE(one);
    return one ? list->at("vms").at(0).as_object() : json::object();
  };
  std::string uuid = text(listed(""), "uuid");
  for (char& c : uuid) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  import({{ "uuid", "{" + uuid + "}" }}, false);
  EXPECT_EQ(text(listed(""), "instance"), kFmri);
  if (::geteuid() != 0) return;  // one's own VMs only
  fs::permissions(folder_, fs::perms(0755));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/home")) {
    if (!entry.is_socket()) fs::permissions(entry.path(), fs::perms(0777));
  }
  fs::permissions(folder_ + "/home", fs::perms(0777));
  EXPECT_EQ(text(listed("nobody"), "instance"), "");
}

TEST_F(Verbs, WhatIsNoVmIsRefused) {
  import();
  EXPECT_FALSE(call("Vm", {{"fmri", "svc:/milestone/network:default"}, {"verb", "save"}}));
  EXPECT_FALSE(verb("explode"));
  EXPECT_FALSE(call("VmStatus", {{"fmri", "svc:/site/xvm/vbox:nobody"}}));
}

}  // namespace
}  // namespace vmkeep
