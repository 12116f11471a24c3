// Whole programs on the simulated driver: what a VM takes of its host, whose it is, and everything coming up
// and going down together.
#include <sched.h>
#include <sys/resource.h>

#include "control/messages.h"
#include "simulated_host.h"

namespace vmkeep::tests {
namespace {

std::string status_field(int pid, const std::string& field) {
  std::istringstream lines(file_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(field + ":")) return line.substr(line.find_first_not_of(" \t", field.size() + 1));
  }
  return "";
}

std::vector<std::string> nul_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != '\0') {
      word += c;
      continue;
    }
    words.push_back(word);
    word.clear();
  }
  return words;
}

std::string timezone_of(int pid) {
  for (const auto& word : nul_words(file_text("/proc/" + std::to_string(pid) + "/environ"))) {
    if (word.starts_with("TZ=")) return word.substr(3);
  }
  return "-";
}

TEST(Owners, T95_nice_is_the_vms_and_nobody_elses) {
  SimulatedHost host;
  host.start_daemon();
  host.import({{"nice", "", {{"nice", "7"}}, ""}, {"plain", "", {}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:nice vbox:plain 2>&1").code, 0) << host.log("nice");
  const int nice = host.pid("nice");
  const int plain = host.pid("plain");
  ASSERT_GT(nice, 0);
  ASSERT_GT(plain, 0);
  const int own = ::getpriority(PRIO_PROCESS, 0);
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(nice) + "/task")) {
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(task.path().filename()))), 7);
  }
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(plain)), own);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(host.daemon)), own);

  // Text is a configuration error, told where it is made.
  const auto set =
      host.run("svccfg -s vbox:nice setprop vm/nice = astring: slow 2>&1; svcadm refresh vbox:nice 2>&1");
  EXPECT_NE(set.out.find("nice"), std::string::npos) << set.out;
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(host.pid("nice"))), 7) << "what runs goes on";
}

TEST(Owners, T96_the_time_zone_is_exactly_what_is_written) {
  SimulatedHost host;
  host.start_daemon();
  host.import({{"zone", "", {{"timezone", "Europe/Moscow"}}, ""}, {"plain", "", {}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:zone vbox:plain 2>&1").code, 0) << host.log("zone");
  EXPECT_EQ(timezone_of(host.pid("zone")), "Europe/Moscow");
  const char* own = std::getenv("TZ");
  EXPECT_EQ(timezone_of(host.pid("plain")), own == nullptr ? "-" : own);
}

TEST(Owners, The_vm_runs_on_its_cpus_only) {
  cpu_set_t here;
  ASSERT_EQ(::sched_getaffinity(0, sizeof here, &here), 0);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &here)) last = cpu;
  }
  SimulatedHost host;
  host.start_daemon();
  host.import({{"pinned", "", {{"cpu_set", std::to_string(last) + ",1023"}, {"cpu_weight", "200"}}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:pinned 2>&1").code, 0) << host.log("pinned");
  EXPECT_EQ(status_field(host.pid("pinned"), "Cpus_allowed_list"), std::to_string(last));
  EXPECT_NE(host.log("pinned").find("vmkeepd has no CPU 1023"), std::string::npos) << host.log("pinned");
}

TEST(Owners, T97_a_name_is_one_argument_and_the_process_is_its_owners) {
  SimulatedHost host;
  host.start_daemon();
  const std::string name = "a b 'c' \"d\" $(touch " + host.work + "/home/owned) `id` ; *";
  host.import({{"odd", name, {}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:odd 2>&1").code, 0) << host.log("odd");
  const int pid = host.pid("odd");
  ASSERT_GT(pid, 0);
  EXPECT_FALSE(fs::exists(host.work + "/home/owned")) << "no shell saw the name";
  const auto uid = SimulatedHost::first_line(host.run("id -u " + host.owner).out);
  const auto gid = SimulatedHost::first_line(host.run("getent group " + host.group + " | cut -d: -f3").out);
  const std::string tab = "\t";
  EXPECT_EQ(status_field(pid, "Uid"), uid + tab + uid + tab + uid + tab + uid);
  EXPECT_EQ(status_field(pid, "Gid"), gid + tab + gid + tab + gid + tab + gid);
  std::map<std::string, std::string> environment;
  for (const auto& word : nul_words(file_text("/proc/" + std::to_string(pid) + "/environ"))) {
    environment[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  EXPECT_EQ(environment["HOME"],
            SimulatedHost::first_line(host.run("getent passwd " + host.owner + " | cut -d: -f6").out));
  // The guard, which makes every call to the hypervisor, is the owner's too.
  const auto guard =
      SimulatedHost::first_line(host.run("pgrep -P " + std::to_string(host.daemon) + " -f vmkeep-guard").out);
  ASSERT_FALSE(guard.empty());
  EXPECT_EQ(status_field(std::stoi(guard), "Uid"), uid + tab + uid + tab + uid + tab + uid);
}

// A stop method that only resets leaves the VM running, in a contract that is not the instance's any more.
TEST(Owners, AVmThatRunsOnWithoutItsInstanceIsTold) {
  SimulatedHost host;
  host.start_daemon();
  host.import({{"stays", "", {{"stop_method", "reset"}}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:stays 2>&1").code, 0) << host.log("stays");
  const int pid = host.pid("stays");
  ASSERT_GT(pid, 0);
  EXPECT_EQ(host.run("svcs -x vbox:stays").out.find("runs on"), std::string::npos);
  ASSERT_EQ(host.run("svcadm disable -s vbox:stays 2>&1").code, 0) << host.log("stays");
  ASSERT_EQ(host.pid("stays"), pid);
  const auto told = "It runs on (process " + std::to_string(pid) + "), and nobody watches it.";
  const auto said = host.run("svcs -x vbox:stays 2>&1").out;
  EXPECT_NE(said.find(told), std::string::npos) << said;
}

// ---- everything at once

std::vector<VmSpec> many(int count) {
  std::vector<VmSpec> vms;
  for (int i = 1; i <= count; ++i) vms.push_back({"vm" + std::to_string(i), "", {}, ""});
  return vms;
}

void enable_all(const SimulatedHost& host, int count) {
  std::string names;
  for (int i = 1; i <= count; ++i) names += " vbox:vm" + std::to_string(i);
  const auto enabled = host.run("svcadm enable -s" + names + " 2>&1");
  ASSERT_EQ(enabled.code, 0) << enabled.out;
}

TEST(Plans, T62_sigterm_while_everything_goes_down_does_not_cut_it_short) {
  SimulatedHost host;
  host.start_daemon();
  auto vms = many(6);
  vms[1].after = "vm1";
  host.script(R"({"delays": {"savestate": 700}})");
  host.import(vms);
  ASSERT_EQ(host.run("svccfg -s system/svc/restarter addpg pace framework && "
                     "svccfg -s system/svc/restarter setprop pace/save_width = count: 2 2>&1")
                .code,
            0);
  // What was never measured is null in JSON, as is a budget that nobody gave.
  const auto unknown = host.run("vmkeep plan start --json 2>&1").out;
  EXPECT_NE(unknown.find(R"("takes":null)"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find(R"("budget":null)"), std::string::npos) << unknown;
  enable_all(host, 6);
  const auto plan = host.run("vmkeep plan stop 2>&1");
  EXPECT_EQ(plan.code, 0);
  EXPECT_NE(plan.out.find("save"), std::string::npos) << plan.out;
  ASSERT_EQ(host.run("vmkeep shutdown >" + host.work + "/shutdown.txt 2>&1 & true").code, 0);
  ASSERT_TRUE(SimulatedHost::within(20s, [&] {
    return file_text(host.work + "/log/vmkeepd.log").find("shutdown requested") != std::string::npos;
  }));
  ::kill(host.daemon, SIGTERM);
  ASSERT_TRUE(host.daemon_ended(60s));
  int saved = 0;
  for (const auto& vm : vms) {
    const auto state = host.run(host.work + "/bin/vmkeep-simulated-vm --state " + vm.instance + " --home " +
                                host.work + "/home")
                           .out;
    if (state.starts_with("saved")) ++saved;
  }
  EXPECT_EQ(saved, 6) << file_text(host.work + "/log/vmkeepd.log");
}

TEST(Plans, Sigterm_alone_leaves_every_vm_running) {
  SimulatedHost host;
  host.start_daemon();
  host.import(many(2));
  enable_all(host, 2);
  const int before = host.pid("vm1");
  ::kill(host.daemon, SIGTERM);
  ASSERT_TRUE(host.daemon_ended(20s));
  EXPECT_EQ(host.pid("vm1"), before);
  host.start_daemon();
  EXPECT_TRUE(host.until("vm1", "online"));
  EXPECT_EQ(host.pid("vm1"), before);
}

TEST(Plans, T62_a_budget_is_kept_and_what_does_not_fit_is_forced_or_reported) {
  SimulatedHost host;
  host.start_daemon();
  auto vms = many(3);
  vms[2].after = "vm2";  // vm3 goes down before vm2
  host.script(R"({"delays": {"savestate": 100}, "vms": {"vm2": {"delays": {"savestate": 60000}}}})");
  host.import(vms);
  enable_all(host, 3);
  const auto began = std::chrono::steady_clock::now();
  const auto shutdown = host.run("vmkeep shutdown --budget 12 2>&1");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 14s) << shutdown.out;
  EXPECT_EQ(host.pid("vm1"), 0);
  EXPECT_EQ(host.pid("vm2"), 0) << shutdown.out << host.log("vm2");
  EXPECT_EQ(host.pid("vm3"), 0);
  EXPECT_EQ(shutdown.code, 0) << shutdown.out << host.log("vm2");
  EXPECT_LT(shutdown.out.find("vbox:vm3 is"), shutdown.out.find("vbox:vm2 is")) << shutdown.out;
  EXPECT_NE(host.log("vm2").find("it is forced"), std::string::npos) << host.log("vm2");
}

TEST(Plans, T62_a_stop_that_runs_already_is_followed_by_one_that_forces) {
  SimulatedHost host;
  host.start_daemon();
  host.script(R"({"vms": {"vm1": {"deaf": true}}})");
  host.import({{"vm1", "", {{"stop_method", "acpipowerbutton"}}, ""}});
  enable_all(host, 1);
  ASSERT_EQ(host.run("svcadm disable -t vbox:vm1 2>&1").code, 0);
  ASSERT_TRUE(SimulatedHost::within(
      20s, [&] { return host.log("vm1").find("acpipowerbutton") != std::string::npos; }));
  const auto shutdown = host.run("vmkeep shutdown --budget 8 2>&1");
  EXPECT_EQ(shutdown.code, 0) << shutdown.out << host.log("vm1");
  EXPECT_EQ(host.pid("vm1"), 0) << host.log("vm1");
}

TEST(Plans, T47_a_stop_takes_as_long_as_it_was_given) {
  SimulatedHost host;
  host.start_daemon();
  host.script(R"({"vms": {"vm1": {"deaf": true}}})");
  host.import({{"vm1", "", {{"stop_method", "poweroff-graceful"}}, ""}});
  enable_all(host, 1);
  // The method itself would wait for the guest for most of its minute.
  const auto stopped = host.run("timeout 20 vmkeep stop -t 1 vbox:vm1 2>&1");
  EXPECT_EQ(stopped.code, 0) << stopped.out << host.log("vm1");
  EXPECT_EQ(host.pid("vm1"), 0);
}

// Of these instances: how many go down or are down, and how many nobody has touched.
std::pair<size_t, size_t> on_their_way(const boost::json::object& answer, const std::string& service) {
  const auto text = [](const boost::json::object& instance, const char* member) {
    return std::string(instance.at(member).as_string());
  };
  std::pair<size_t, size_t> counts;
  for (const auto& value : answer.at("instances").as_array()) {
    const auto& instance = value.as_object();
    if (text(instance, "fmri").find(service) == std::string::npos) continue;
    const bool untouched = text(instance, "state") == "online" && text(instance, "next_state") == "none";
    ++(untouched ? counts.second : counts.first);
  }
  return counts;
}

// The stop methods of all are one decision, and begin a few dozen at a time.
TEST(Plans, WhileAShutdownBeginsHundredsOfMethodsOthersAreAnswered) {
  constexpr size_t kAll = 400;
  SimulatedHost host;
  std::ofstream file(host.work + "/many.xml");
  file << "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
          "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
       << "<service_bundle type='manifest' name='many'><service name='site/many' type='service' version='1'>"
       << "<exec_method type='method' name='start' exec=':true' timeout_seconds='60' />"
       << "<exec_method type='method' name='stop' exec='/bin/true' timeout_seconds='60' />"
       << "<property_group name='startd' type='framework'><propval name='duration' type='astring' "
          "value='transient' /></property_group>";
  for (size_t i = 0; i < kAll; ++i) file << "<instance name='i" << i << "' enabled='true' />";
  file << "<stability value='Evolving' /></service></service_bundle>\n";
  file.close();
  host.start_daemon();
  ASSERT_EQ(host.run("svccfg import " + host.work + "/many.xml 2>&1").out, "");
  auto observer = control::Client::connect(host.work + "/run/control.sock");
  auto operator_ = control::Client::connect(host.work + "/run/control.sock");
  ASSERT_TRUE(observer && operator_);
  const auto look = [&observer] {
    const auto answer =
        observer->call("Instances", {{"patterns", boost::json::array{"site/many"}}}, now() + Instant(30'000));
    return answer ? on_their_way(*answer, "site/many") : std::pair<size_t, size_t>();
  };
  ASSERT_TRUE(SimulatedHost::within(60s, [&] { return look().second == kAll; }));
  ASSERT_TRUE(operator_->call_more("Shutdown", {}));
  bool amidst = false;
  const Instant deadline = now() + Instant(60'000);
  for (auto counts = look(); counts.second != 0 && now() < deadline; counts = look()) {
    amidst = amidst || counts.first != 0;
  }
  EXPECT_TRUE(amidst) << "nobody was answered before all had begun";
  EXPECT_EQ(look().first, kAll);
}

TEST(Plans, T44_a_boot_keeps_to_its_width_and_says_who_waits) {
  SimulatedHost host;
  host.start_daemon();
  auto vms = many(12);
  vms[11].after = "vm1";
  host.script(R"({"delays": {"launch": 300}})");
  host.import(vms);
  ASSERT_EQ(host.run("svccfg -s system/svc/restarter addpg pace framework && "
                     "svccfg -s system/svc/restarter setprop pace/start_width = count: 2 && "
                     "svccfg -s system/svc/restarter setprop pace/start_stagger = count: 400 2>&1")
                .code,
            0);
  std::string names;
  for (int i = 1; i <= 12; ++i) names += " vbox:vm" + std::to_string(i);
  ASSERT_EQ(host.run("svcadm enable" + names).code, 0);
  bool told = false;
  size_t most = 0;
  ASSERT_TRUE(SimulatedHost::within(60s, [&] {
    const auto listing = host.run("svcs -H -o STATE,NSTATE vbox").out;
    size_t starting = 0;
    for (auto at = listing.find("offline        online"); at != std::string::npos;
         at = listing.find("offline        online", at + 1))
      ++starting;
    most = std::max(most, starting);
    if (!told) told = host.run("svcs -x vbox:vm11").out.find("Waits for its turn") != std::string::npos;
    return listing.find("offline") == std::string::npos;
  }));
  EXPECT_LE(most, 4u) << "the width, doubled at most on a host without pressure";
  EXPECT_TRUE(told);
  const auto plan = host.run("vmkeep plan start");
  EXPECT_EQ(plan.code, 0);
  EXPECT_EQ(plan.out.find("?: not measured"), std::string::npos) << "each start was measured\n" << plan.out;
}

// On a terminal, which `script` is.
TEST(Progress, ARestoreIsToldInPercent) {
  SimulatedHost host;
  host.start_daemon();
  host.import({{"a", "", {}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:a 2>&1 && vmkeep save vbox:a 2>&1").code, 0) << host.log("a");
  host.script(R"({"delays": {"restore": 3000}})");
  const auto said = host.run("script -qec 'vmkeep start vbox:a' /dev/null </dev/null 2>&1");
  EXPECT_EQ(said.code, 0) << said.out;
  EXPECT_NE(said.out.find("a restoring "), std::string::npos) << said.out;
  EXPECT_NE(said.out.find(" % ("), std::string::npos) << said.out;
  // What is redirected stays what it is.
  EXPECT_EQ(host.run("vmkeep save vbox:a 2>&1").out.find('\r'), std::string::npos);
}

TEST(Progress, T61_a_save_that_takes_longer_than_it_was_given_stays_the_operators) {
  SimulatedHost host;
  host.start_daemon();
  host.script(R"({"delays": {"savestate": 14000}})");  // a call gets twelve seconds in any case
  host.import({{"a", "", {}, ""}});
  ASSERT_EQ(host.run("svcadm enable -s vbox:a 2>&1").code, 0) << host.log("a");
  const auto said = host.run("vmkeep save -t 1 vbox:a 2>&1");
  EXPECT_NE(said.code, 0) << said.out;
  EXPECT_NE(said.out.find("it goes on"), std::string::npos) << said.out;
  ASSERT_TRUE(SimulatedHost::within(20s, [&] { return host.pid("a") == 0; }));
  const auto settled = [&] {
    return host.run("svcs -H -o STATE,NSTA vbox:a").out.find(" -") != std::string::npos;
  };
  ASSERT_TRUE(SimulatedHost::within(20s, settled));
  EXPECT_NE(host.run("vmkeep status vbox:a 2>&1").out.find("saved"), std::string::npos);
  EXPECT_EQ(host.state("a"), "online") << host.log("a");
}

}  // namespace
}  // namespace vmkeep::tests
