// Contracts as they are shown and killed: ctstat, `vmkeep kill-contract`, and the shell library of methods,
// with the programs as they are and services of an ordinary user.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "simulated_host.h"

namespace vmkeep::tests {
namespace {

class Contracts : public testing::Test {
 protected:
  void SetUp() override {
    library = std::string(VMKEEP_BIN) + "/../dist/smf_include.sh";
    ASSERT_TRUE(fs::exists(library)) << library;
    fs::copy_file(library, host.work + "/smf_include.sh");
    fs::create_symlink("vmkeep", host.work + "/bin/ctstat");
    std::ofstream(host.work + "/method") << kMethod;
    fs::permissions(host.work + "/method", fs::perms(0755));
    fs::create_directory(host.work + "/said");
    fs::permissions(host.work + "/said", fs::perms(01777));
    host.start_daemon();
  }

  void TearDown() override {
    (void)host.run(
        "for id in $(ctstat | awk 'NR > 1 {print $1}'); do vmkeep kill-contract --wait --timeout 20 $id "
        "KILL; "
        "done");
  }

  // start: a daemon that ends on TERM, or not.  stop: what the instance's property says.
  static constexpr char kMethod[] = R"(#!/bin/sh
. "$LIBRARY/smf_include.sh"
case "$1" in
start)
    if [ "$3" = stubborn ]; then
        (trap '' TERM; exec sleep 100002) &
    else
        sleep 100001 &
    fi ;;
stop)
    shift
    smf_kill_contract "$@" 2>"$LIBRARY/said/errors"
    echo $? >"$LIBRARY/said/code"
    smf_kill_contract $(svcprop -p restarter/contract $SMF_FMRI) KILL 1 ;;
esac
exit $SMF_EXIT_OK
)";

  void import(const std::string& name, const std::string& start, const std::string& stop,
              const std::string& more = "") {
    std::ofstream(host.work + "/worker.xml")
        << "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
           "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
        << "<service_bundle type='manifest' name='worker'>\n<service name='site/" << name
        << "' type='service' version='1'>\n<method_context working_directory='/'><method_credential user='"
        << host.owner << "' group='" << host.group << "' /><method_environment><envvar name='PATH' value='"
        << host.work << "/bin:/usr/bin:/bin' /><envvar name='LIBRARY' value='" << host.work
        << "' /></method_environment></method_context>\n"
        << "<exec_method type='method' name='start' exec='" << host.work << "/method start " << start
        << "' timeout_seconds='60' />\n<exec_method type='method' name='stop' exec='" << host.work
        << "/method stop " << stop << "' timeout_seconds='60' />\n"
        << more << "<instance name='default' enabled='false' />\n"
        << "<stability value='Evolving' /></service></service_bundle>\n";
    expect("svccfg import " + host.work + "/worker.xml", 0);
  }

  std::string expect(const std::string& command, int code) const {
    const auto said = host.run(command + " 2>&1");
    EXPECT_EQ(said.code, code) << command << "\n" << said.out;
    return said.out;
  }
  std::string line(const std::string& command) const { return SimulatedHost::first_line(expect(command, 0)); }
  std::string contract(const std::string& instance) const {
    return line("svcprop -p restarter/contract " + instance);
  }
  // What smf_kill_contract said in the stop method, with its exit status.
  std::string said_by_method() const {
    return file_text(host.work + "/said/errors") + file_text(host.work + "/said/code");
  }

  SimulatedHost host;
  std::string library;
};

TEST_F(Contracts, AreShownAsCtstatDoes) {
  import("worker", "", "%{restarter/contract} TERM 1");
  expect("svcadm enable -s worker", 0);
  const auto id = contract("worker");
  const auto pid = line("svcs -Hp worker | awk '/sleep/ {print $2}'");
  std::string padded = id;
  padded.resize(7, ' ');
  std::string holder = std::to_string(host.daemon);
  holder.resize(std::max<size_t>(7, holder.size()), ' ');
  EXPECT_EQ(expect("ctstat -v -i " + id, 0),
            "CTID    ZONEID  TYPE    STATE   HOLDER  EVENTS  QTIME   NTIME\n" + padded +
                " 0       process owned   " + holder +
                " 0       -       -       \n"
                "\tcookie:                0x20\n"
                "\tinformative event set: none\n"
                "\tcritical event set:    core signal hwerr empty\n"
                "\tfatal event set:       none\n"
                "\tparameter set:         inherit regent\n"
                "\tmember processes:      " +
                pid +
                " \n"
                "\tinherited contracts:   none\n"
                "\tservice fmri:          svc:/site/worker:default\n"
                "\tservice fmri ctid:     " +
                id +
                "\n"
                "\tcreator:               svc.startd\n"
                "\taux:                   start\n");
  EXPECT_EQ(expect("vmkeep contracts -i " + id, 0), expect("ctstat -a -t process -i " + id, 0));
  const auto document = boost::json::parse(expect("ctstat --json -i " + id, 0));
  EXPECT_EQ(document.at("contracts").at(0).at("members").at(0).as_int64(), std::stoll(pid));
  // Twice, with the time above each.
  const auto twice = expect("ctstat -T u -i " + id + " 1 2", 0);
  EXPECT_EQ(std::count(twice.begin(), twice.end(), '\n'), 6) << twice;
  EXPECT_EQ(expect("ctstat -t device", 0), "CTID    ZONEID  TYPE    STATE   HOLDER  EVENTS  QTIME   NTIME\n");
  EXPECT_NE(expect("ctstat -i 4711", 1).find("ctstat: there is no contract 4711\n"), std::string::npos);
  for (const char* wrong : {"-i x", "-i 0", "-t y", "-T x", "1 0", "1 2 3", "-Q", "-i"}) {
    EXPECT_NE(expect(std::string("ctstat ") + wrong, 2).find("Usage: ctstat "), std::string::npos) << wrong;
  }
}

// 2.6: of a service that is one process it is that process, for whichever daemon looks.
TEST_F(Contracts, TheStartMethodsPidIsOnRecord) {
  fs::create_symlink("/bin/sleep", host.work + "/sleeper");
  import("worker", "", "",
         "<property_group name='startd' type='framework'><propval name='duration' "
         "type='astring' value='child' /></property_group>");
  expect("svccfg -s site/worker setprop start/exec = '\"" + host.work + "/sleeper 100004\"'", 0);
  expect("svccfg -s site/worker setprop stop/exec = :kill", 0);
  expect("svccfg -s site/worker:default refresh", 0);
  expect("svcadm enable -s worker", 0);
  const auto pid = line("svcs -Hp worker | awk '/sleeper/ {print $2}'");
  EXPECT_EQ(line("svcprop -t -p restarter/start_pid worker"), "restarter/start_pid count " + pid);
  ::kill(host.daemon, SIGKILL);
  ASSERT_TRUE(host.daemon_ended(20s));
  host.start_daemon();
  EXPECT_EQ(line("svcprop -p restarter/start_pid worker"), pid);
}

TEST_F(Contracts, AMethodKillsItsOwn) {
  import("worker", "", "%{restarter/contract} TERM 1");
  expect("svcadm enable -s worker", 0);
  const auto id = contract("worker");
  expect("svcadm disable -s worker", 0);
  EXPECT_EQ(said_by_method(), "0\n");
  const auto log = file_text(host.work + "/log/site-worker:default.log");
  EXPECT_NE(log.find("/method stop " + id + " TERM 1\"). ]"), std::string::npos) << log;
  EXPECT_NE(log.find("Method \"stop\" exited with status 0. ]"), std::string::npos) << log;
  // Nobody has it any more, and to kill what is empty is no error.
  expect("ctstat -i " + id, 1);
  expect("vmkeep kill-contract --wait " + id + " TERM", 0);
}

TEST_F(Contracts, ATimeLimitEndsTheWait) {
  import("worker", "- stubborn", "%{restarter/contract} SIGTERM 1 1");
  expect("svcadm enable -s worker", 0);
  expect("svcadm disable -s worker", 0);
  EXPECT_EQ(said_by_method(), "2\n");
}

TEST_F(Contracts, WithoutWaitNobodyWaits) {
  import("worker", "- stubborn", "%{restarter/contract} TERM");
  expect("svcadm enable -s worker", 0);
  expect("svcadm disable -s worker", 0);
  EXPECT_EQ(said_by_method(), "0\n");
}

TEST_F(Contracts, WhatIsNoContractAndWhatIsNoSignal) {
  expect("vmkeep kill-contract x TERM", 3);
  expect("vmkeep kill-contract 0 TERM", 3);
  expect("vmkeep kill-contract 999999 TERM", 3);
  expect("vmkeep kill-contract 1 NOSUCH", 2);
  expect("vmkeep kill-contract 1", 2);
  expect("vmkeep kill-contract --timeout x 1 TERM", 2);
  const std::string source = ". " + library + "; ";
  EXPECT_EQ(SimulatedHost::first_line(expect(source + "smf_kill_contract abc TERM 2>&1 >&- | tail -n 1", 0)),
            "Error, invalid contract \"abc\"");
  EXPECT_EQ(expect(source + "smf_kill_contract abc TERM 2>/dev/null; echo $?", 0), "1\n");
  import("worker", "", "%{restarter/contract} NOSUCH");
  expect("svcadm enable -s worker", 0);
  const auto id = contract("worker");
  expect("svcadm disable -s worker", 0);
  EXPECT_NE(said_by_method().find("Error, could not kill contract \"" + id + "\"\n1\n"), std::string::npos)
      << said_by_method();
}

TEST_F(Contracts, OfOthersAreNotReached) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has other users";
  import("victim", "", "%{restarter/contract} KILL 1");
  expect("svcadm enable -s victim", 0);
  const auto id = contract("victim");
  // The same user, but no method of that instance; and by hand.
  import("worker", "", id + " KILL");
  expect("svcadm enable -s worker", 0);
  expect("svcadm disable -s worker", 0);
  EXPECT_NE(said_by_method().find("contract " + id + ": Permission denied.\n"), std::string::npos)
      << said_by_method();
  expect("setpriv --reuid " + host.owner + " --clear-groups vmkeep kill-contract " + id + " TERM", 1);
  EXPECT_EQ(host.state("site/victim:default"), "online");
  EXPECT_EQ(contract("victim"), id);
  // Root may.
  expect("svcadm disable -s victim", 0);
}

TEST_F(Contracts, WhatATransientServiceLeftIsAnOrphan) {
  import("worker", "", "%{restarter/contract}",
         "<property_group name='startd' type='framework'><propval name='duration' type='astring' "
         "value='transient' /></property_group>");
  expect("svcadm enable -s worker", 0);
  const auto document = boost::json::parse(expect("ctstat --json", 0));
  const auto& list = document.at("contracts").as_array();
  if (list.empty()) return;  // tracked by pids: what is let go is known no more
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].at("state").as_string(), "orphan");
  EXPECT_EQ(list[0].at("fmri").as_string(), "svc:/site/worker:default");
  EXPECT_FALSE(list[0].as_object().contains("holder"));
  const auto id = std::to_string(list[0].at("id").as_int64());
  // A new daemon finds it, and no longer knows whose it was.
  ::kill(host.daemon, SIGKILL);
  ASSERT_TRUE(host.daemon_ended(20s));
  host.start_daemon();
  const auto found = expect("ctstat -v -i " + id, 0);
  EXPECT_NE(found.find(" process orphan  -       0 "), std::string::npos) << found;
  EXPECT_NE(found.find("\tservice fmri:          unknown\n"), std::string::npos) << found;
  expect("vmkeep kill-contract --wait --timeout 30 " + id + " TERM", 0);
  expect("ctstat -i " + id, 1);
  EXPECT_EQ(host.state("site/worker:default"), "online");
  // It has no contract, which is no reason not to run its stop method.
  expect("svcadm disable -s worker", 0);
  EXPECT_NE(file_text(host.work + "/log/site-worker:default.log").find("/method stop \"). ]"),
            std::string::npos);
}

// What is not on record when the daemon is lost is not running either: none comes twice, none is forgotten.
TEST_F(Contracts, EachIsStartedOnceHoweverOftenTheDaemonIsLostMeanwhile) {
  constexpr size_t kAll = 24;
  fs::create_symlink("/bin/sleep", host.work + "/sleeper");
  std::ofstream file(host.work + "/many.xml");
  file << "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
          "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
       << "<service_bundle type='manifest' name='many'><service name='site/many' type='service' version='1'>"
       << "<exec_method type='method' name='start' exec='" << host.work
       << "/sleeper 100003' timeout_seconds='60' /><exec_method type='method' name='stop' exec=':kill' "
          "timeout_seconds='60' /><property_group name='startd' type='framework'><propval name='duration' "
          "type='astring' value='child' /></property_group>";
  for (size_t i = 0; i < kAll; ++i) file << "<instance name='i" << i << "' enabled='true' />";
  file << "<stability value='Evolving' /></service></service_bundle>\n";
  file.close();
  // The import may be answered by nobody any more: what it committed is there.
  std::thread importing([this] { (void)host.run("svccfg import " + host.work + "/many.xml 2>&1"); });
  const auto running = [this] { return processes_of(host.work, "/sleeper").size(); };
  for (const size_t enough : {1U, 8U, 16U}) {
    ASSERT_TRUE(SimulatedHost::within(30s, [&] { return running() >= enough; }));
    ::kill(host.daemon, SIGKILL);
    if (importing.joinable()) importing.join();
    ASSERT_TRUE(host.daemon_ended(20s));
    host.start_daemon();
  }
  const std::string all = "svcs -H -o STATE,CTID,FMRI site/many";
  ASSERT_TRUE(SimulatedHost::within(60s,
                                    [&] {
                                      return expect(all + " | grep -c '^online ' || true", 0) ==
                                                 std::to_string(kAll) + "\n" &&
                                             running() == kAll;
                                    }))
      << expect(all, 0) << running();
  // Each in the contract that its instance has.
  expect("test \"$(" + all + " | awk '{print $2}' | sort -un | wc -l)\" = " + std::to_string(kAll), 0);
  expect("for id in $(" + all +
             " | awk '{print $2}'); do ctstat -v -i $id | grep -q 'member processes: *[0-9]* $' "
             "|| exit 1; done",
         0);
}

TEST_F(Contracts, TheLibrarySaysHowThingsAre) {
  const std::string source = ". " + library + "; ";
  expect(source + "smf_present", 0);
  expect(source + "VMKEEP_RUN=/nonexistent; smf_present", 1);
  EXPECT_EQ(expect(source + "echo $SMF_EXIT_OK $SMF_EXIT_NODAEMON $SMF_EXIT_ERR_FATAL $SMF_EXIT_ERR_CONFIG "
                            "$SMF_EXIT_MON_DEGRADE $SMF_EXIT_MON_OFFLINE $SMF_EXIT_ERR_NOSMF "
                            "$SMF_EXIT_ERR_PERM",
                   0),
            "0 94 95 96 97 98 99 100\n");
  EXPECT_EQ(expect("export SMF_FMRI=a SMF_METHOD=b SMF_RESTARTER=c SMF_ZONENAME=d; " + source +
                       "smf_clear_env; env | grep -c ^SMF_",
                   1),
            "0\n");
  EXPECT_EQ(expect(source + "smf_zonename; smf_is_globalzone && ! smf_is_nonglobalzone && smf_configure_ip "
                            "&& ! smf_dont_configure_ip && ! smf_dont_configure_vt && "
                            "! smf_is_system_labeled && smf_netstrategy && echo $_INIT_NET_STRATEGY",
                   0),
            "global\nnone\n");
  const std::string console = host.work + "/said/console";
  EXPECT_EQ(expect(source + "export SMF_MSGLOG_REDIRECT=" + console +
                       "; echo one | smf_console; "
                       "echo two | smf_console",
                   0),
            "one\ntwo\n");
  EXPECT_EQ(file_text(console), "one\ntwo\n");
  EXPECT_EQ(expect(source + "SMF_MSGLOG_REDIRECT=/nonexistent/x; echo one | smf_console", 0), "one\n");
}

}  // namespace
}  // namespace vmkeep::tests
