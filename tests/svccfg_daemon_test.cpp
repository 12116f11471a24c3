// svccfg against a running vmkeepd: what edits, snapshots and manifests mean for a service that runs.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "simulated_host.h"

namespace vmkeep::tests {
namespace {

std::string document(const std::string& type, const std::string& inside) {
  return "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
         "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n<service_bundle type='" +
         type + "' name='lab'>\n<service name='site/lab' type='service' version='1'>\n" + inside +
         "</service></service_bundle>\n";
}

// A service that sleeps, and says at its start what its property is.
std::string lab(const std::string& script, const std::string& word) {
  return document(
      "manifest",
      "<exec_method type='method' name='start' exec='" + script +
          " %{lab/word}' timeout_seconds='60'/>\n<exec_method type='method' name='stop' "
          "exec=':kill' timeout_seconds='60'/>\n<exec_method type='method' name='refresh' exec='echo "
          "refreshed %{lab/word}' timeout_seconds='60'/>\n<property_group name='lab' "
          "type='application'><propval name='word' type='astring' value='" +
          word + "'/></property_group>\n<instance name='default' enabled='true'/>\n");
}

class Lab : public ::testing::Test {
 protected:
  void SetUp() override {
    write("lab.sh", "#!/bin/sh\necho word $1\nsleep 600 &\n");
    fs::permissions(host_.work + "/lab.sh", fs::perms(0755));
    host_.start_daemon({"--authorizations", host_.work + "/authorizations"});
    import("one");
    ASSERT_TRUE(host_.until("site/lab", "online")) << log();
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(host_.work + "/" + name) << text;
  }
  Said svccfg(const std::string& arguments) { return host_.run("svccfg " + arguments + " 2>&1"); }
  void import(const std::string& word) {
    write("lab.xml", lab(host_.work + "/lab.sh", word));
    const Said said = svccfg("import " + host_.work + "/lab.xml");
    ASSERT_EQ(said.code, 0) << said.out;
  }
  std::string log() const { return file_text(host_.work + "/log/site-lab:default.log"); }
  std::string running() { return host_.run("svcprop -p lab/word site/lab:default").out; }

  SimulatedHost host_;
};

TEST_F(Lab, SnapshotsOfWhatRunsAndBackAgain) {
  EXPECT_TRUE(host_.within(60s, [&] {
    return svccfg("-s site/lab:default listsnap").out == "initial\nlast-import\nrunning\nstart\n";
  })) << svccfg("-s site/lab:default listsnap").out;
  EXPECT_EQ(svccfg("-s site/lab setprop lab/word = two").code, 0);
  EXPECT_EQ(running(), "one\n");
  EXPECT_EQ(svccfg("-s site/lab refresh").code, 0);
  EXPECT_EQ(running(), "two\n");
  EXPECT_TRUE(host_.within(60s, [&] { return log().find("refreshed two") != std::string::npos; })) << log();
  EXPECT_EQ(svccfg("-s site/lab:default revert start").code, 0);
  EXPECT_EQ(running(), "two\n");
  EXPECT_EQ(svccfg("-s site/lab:default refresh").code, 0);
  EXPECT_EQ(running(), "one\n");
  EXPECT_EQ(host_.state("site/lab"), "online");
}

TEST_F(Lab, AnUpgradeReachesWhatRunsAndKeepsWhatIsCustomized) {
  import("two");
  EXPECT_EQ(running(), "two\n");
  EXPECT_EQ(svccfg("-s site/lab setprop lab/word = mine").code, 0);
  write("lab.xml", lab(host_.work + "/lab.sh", "three"));
  EXPECT_EQ(svccfg("import " + host_.work + "/lab.xml").out,
            "svccfg: Conflict upgrading svc:/site/lab (property \"lab/word\" has been customized).\n");
  EXPECT_EQ(running(), "mine\n");
  EXPECT_EQ(svccfg("-s site/lab listcust").out, "lab/word  changed  astring  mine\n");
  EXPECT_EQ(svccfg("-s site/lab delcust").code, 0);
  EXPECT_EQ(svccfg("-s site/lab refresh").code, 0);
  EXPECT_EQ(running(), "three\n");
}

// However many there are, who asks for one is answered with one.
TEST_F(Lab, WhatIsAskedForComesAlone) {
  using boost::json::array;
  auto client = control::Client::connect(host_.work + "/run/control.sock");
  ASSERT_TRUE(client) << client.error().message;
  const auto names = [&](const char* method, const char* member, const array& patterns) {
    auto reply = client->call(method, {{"patterns", patterns}});
    EXPECT_TRUE(reply) << reply.error().message;
    const auto* list = reply ? reply->if_contains(member) : nullptr;
    return list == nullptr ? "nothing" : boost::json::serialize(*list);
  };
  const auto instances = [&](const array& patterns) {
    auto reply = client->call("Instances", {{"patterns", patterns}});
    std::string all;
    for (const auto& each : reply->at("instances").as_array()) {
      all += std::string(each.at("fmri").as_string()) + " ";
    }
    return all;
  };
  const std::string lab = "svc:/site/lab:default ";
  for (const char* name : {"svc:/site/lab:default", "site/lab", "lab:default", "lab", "*site/lab*"}) {
    EXPECT_EQ(instances({name}), lab) << name;
    EXPECT_EQ(names("Entries", "entries", {name}), R"([{"service":"site/lab","instances":["default"]}])")
        << name;
  }
  EXPECT_EQ(instances({"lab:default", "nobody", "svc:/site/lab:default"}), lab);
  EXPECT_EQ(instances({"svc:/site/lab:none"}), "");
  EXPECT_EQ(names("Entries", "entries", {"svc:/site/lab:none"}), "[]");
  EXPECT_GT(instances({"*"}).size(), lab.size());
  EXPECT_EQ(host_.run("svcs -H -o FMRI lab nobody 2>&1").out,
            "svcs: Pattern 'nobody' doesn't match any instances\nsvc:/site/lab:default\n");
}

// What svcprop -f prints, svcprop takes.
TEST_F(Lab, PropertiesHaveNamesOfTheirOwn) {
  const std::string whole = "svc:/site/lab:default/:properties/lab/word";
  EXPECT_EQ(host_.run("svcprop -f -p lab/word site/lab:default").out, whole + " astring one\n");
  for (const std::string& name : {whole, std::string("site/lab:default/:properties/lab/word"),
                                  std::string("svc:/site/lab/:properties/lab/word")}) {
    EXPECT_EQ(host_.run("svcprop " + name + " 2>&1").out, "one\n") << name;
  }
  EXPECT_EQ(host_.run("svcprop -t svc:/site/lab:default/:properties/lab 2>&1").out, "lab/word astring one\n");
  EXPECT_EQ(host_.run("svcprop svc:/site/lab:default/:properties/lab/none 2>&1").code, 1);
  const std::string nobody = "svc:/site/lab:none/:properties/lab/word";
  EXPECT_EQ(host_.run("svcprop " + nobody + " 2>&1").out,
            "svcprop: Pattern '" + nobody + "' doesn't match any entities\n");
}

TEST_F(Lab, AProfileStopsAndStartsIt) {
  const auto profile = [&](const char* enabled) {
    write("site.xml", document("profile", std::string("<property_group name='lab'><propval name='word' "
                                                      "value='profile'/></property_group><instance "
                                                      "name='default' enabled='") +
                                              enabled + "'/>\n"));
    EXPECT_EQ(svccfg("-v apply " + host_.work + "/site.xml").out,
              "Successfully applied: " + host_.work + "/site.xml\n");
  };
  profile("false");
  EXPECT_TRUE(host_.until("site/lab", "disabled")) << log();
  profile("true");
  EXPECT_TRUE(host_.until("site/lab", "online")) << log();
  EXPECT_EQ(running(), "profile\n");
}

TEST_F(Lab, CleanupTakesDownWhatItDeletes) {
  EXPECT_EQ(svccfg("delete site/lab").out,
            "svccfg: Instance svc:/site/lab:default may be running.  Use delete -f if it is not.\n");
  fs::remove(host_.work + "/lab.xml");
  EXPECT_EQ(svccfg("-v cleanup -a").out, "Deleted svc:/site/lab.\n");
  EXPECT_NE(log().find("Stopping because service disabled"), std::string::npos) << log();
  EXPECT_NE(host_.run("svcs site/lab 2>&1").code, 0);
}

// 2.7: what was taken and has to wait is on record, and so the next daemon does it.
TEST_F(Lab, ARestartThatWaitsForARefreshOutlivesTheDaemonThatTookIt) {
  write("refresh.sh", "#!/bin/sh\nwhile test ! -e " + host_.work + "/go; do sleep 1; done\n");
  fs::permissions(host_.work + "/refresh.sh", fs::perms(0755));
  EXPECT_EQ(svccfg("-s site/lab setprop refresh/exec = " + host_.work + "/refresh.sh").code, 0);
  EXPECT_EQ(host_.run("svcadm refresh site/lab").code, 0);
  ASSERT_TRUE(host_.within(60s, [&] { return host_.run("svcs -H -o NSTA site/lab").out == "ON\n"; }))
      << log();
  EXPECT_EQ(host_.run("svcadm restart site/lab").code, 0);
  EXPECT_EQ(host_.run("svcprop -q -p restarter_actions/restart site/lab:default").code, 0);
  EXPECT_EQ(log().find("service restarting"), std::string::npos) << "it does not wait";
  ::kill(host_.daemon, SIGKILL);
  ASSERT_TRUE(host_.daemon_ended(20s));
  host_.start_daemon();
  EXPECT_TRUE(host_.within(60s, [&] {
    const std::string text = log();
    const auto first = text.find("word one");
    return first != std::string::npos && text.find("word one", first + 1) != std::string::npos;
  })) << log();
  EXPECT_TRUE(host_.until("site/lab", "online")) << log();
  EXPECT_NE(log().find("Stopping because service restarting."), std::string::npos) << log();
  EXPECT_NE(host_.run("svcprop -q -p restarter_actions/restart site/lab:default").code, 0) << "it is done";
}

// 6.10: only what is missing by an absolute name is a mistake that no time mends.
TEST_F(Lab, AChildServiceWhoseProgramIsMissingIsTriedAgainUnlessItsNameIsAbsolute) {
  const auto child = [&](const std::string& program) {
    std::string text = lab(program, "one");
    text.insert(text.find("<property_group name='lab'"),
                "<property_group name='startd' type='framework'><propval name='duration' type='astring' "
                "value='child'/></property_group>");
    write("lab.xml", text);
    EXPECT_EQ(svccfg("import " + host_.work + "/lab.xml").out, "");
    EXPECT_EQ(host_.run("svcadm restart site/lab").code, 0);
  };
  child("nothing/here");
  EXPECT_TRUE(host_.within(60s, [&] { return log().find("throttling") != std::string::npos; })) << log();
  EXPECT_EQ(log().find("Missing start method"), std::string::npos) << log();
  child("/nothing/here");
  EXPECT_TRUE(host_.until("site/lab", "maintenance")) << log();
  EXPECT_NE(log().find("Missing start method (/nothing/here), changing state to maintenance."),
            std::string::npos)
      << log();
}

TEST_F(Lab, AMilestoneTakesDownWhatItDoesNotDependOn) {
  EXPECT_EQ(svccfg("-s milestone/multi-user-server:default addpg lab dependency").code, 0);
  for (const char* property : {"grouping = astring: require_all", "restart_on = astring: none",
                               "type = astring: service", "entities = fmri: svc:/site/lab:default"}) {
    EXPECT_EQ(svccfg("-s milestone/multi-user-server:default setprop lab/" + std::string(property)).code, 0);
  }
  EXPECT_EQ(host_.run("svcadm refresh milestone/multi-user-server").code, 0);
  const auto milestone = [&](const char* name) { return host_.run("svcadm milestone " + std::string(name)); };
  EXPECT_EQ(milestone("single-user").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "disabled")) << log();
  EXPECT_TRUE(host_.until("milestone/multi-user-server:default", "disabled"));
  EXPECT_EQ(host_.run("svcprop -p options_ovr/milestone system/svc/restarter").out,
            "svc:/milestone/single-user:default\n");
  EXPECT_EQ(host_.run("svcprop -c -p general/enabled site/lab:default").out, "true\n") << "as it was set";

  // What is imported or made now obeys it, too, unless the milestone needs it.
  const auto other = [&](const std::string& name, const std::string& dependent) {
    write(name + ".xml",
          "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
          "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n<service_bundle type='manifest' "
          "name='other'>\n<service name='site/" +
              name + "' type='service' version='1'><create_default_instance enabled='true'/>" + dependent +
              "<exec_method type='method' name='start' exec=':true' timeout_seconds='60'/><exec_method "
              "type='method' name='stop' exec=':true' timeout_seconds='60'/><property_group "
              "name='startd' type='framework'><propval name='duration' type='astring' "
              "value='transient'/></property_group></service></service_bundle>\n");
    EXPECT_EQ(svccfg("import " + host_.work + "/" + name + ".xml").out, "");
  };
  other("outside", "");
  other("inside",
        "<dependent name='inside' grouping='require_all' restart_on='none'><service_fmri "
        "value='svc:/milestone/single-user:default'/></dependent>");
  EXPECT_TRUE(host_.until("site/inside", "online")) << host_.run("svcs -xv site/inside").out;
  EXPECT_TRUE(host_.until("site/outside", "disabled")) << host_.run("svcs -xv site/outside").out;
  EXPECT_EQ(svccfg("-s site/outside add second").code, 0);
  EXPECT_EQ(svccfg("-s site/outside:second addpg general framework").code, 0);
  EXPECT_EQ(svccfg("-s site/outside:second setprop general/enabled = boolean: true").code, 0);
  EXPECT_TRUE(host_.until("site/outside:second", "disabled"));
  EXPECT_EQ(host_.run("svcs -H -o STATE site/outside site/inside").out, "disabled\ndisabled\nonline\n");
  EXPECT_EQ(milestone("svc:/milestone/multi-user-server:default").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "online")) << log();
  EXPECT_EQ(milestone("none").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "disabled")) << log();
  EXPECT_EQ(milestone("all").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "online")) << log();
  EXPECT_TRUE(host_.until("site/outside:second", "online"));

  const Said wrong = host_.run("svcadm milestone network 2>&1");
  EXPECT_EQ(wrong.out, "svcadm: \"network\" is not a valid major milestone.\n");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(host_.run("svcadm milestone 2>/dev/null").code, 2);

  // The boot's own: at once, and when the host comes up again.
  EXPECT_EQ(milestone("-d none").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "disabled")) << log();
  ::kill(host_.daemon, SIGTERM);
  ASSERT_TRUE(host_.daemon_ended(20s));
  host_.start_daemon({"--boot-id", "another"});
  EXPECT_EQ(host_.run("svcprop -p general_ovr/enabled site/lab:default").out, "false\n");
  EXPECT_TRUE(host_.until("site/lab:default", "disabled")) << log();
  EXPECT_EQ(milestone("-d all").code, 0);
  EXPECT_TRUE(host_.until("site/lab:default", "online")) << log();
}

// What waits is told by the daemon, and what was told is what it printed.
TEST_F(Lab, ChangesAreToldAsTheyCome) {
  const std::string watched = host_.work + "/watched";
  const std::string waited = host_.work + "/waited";
  host_.run("svcs --watch -Ho state,inst site/lab >" + watched + " 2>&1 </dev/null &");
  host_.run("svcprop -w -p lab site/lab:default >" + waited + " 2>&1 </dev/null &");
  ASSERT_TRUE(host_.within(60s, [&] { return file_text(watched) == "online         default\n"; }))
      << file_text(watched);
  // The change may come before anybody waits for it; another one does not.
  int word = 0;
  ASSERT_TRUE(host_.within(60s, [&] {
    svccfg("-s site/lab setprop lab/word = w" + std::to_string(++word));
    return !file_text(waited).empty();
  }));
  EXPECT_EQ(file_text(waited).rfind("lab/word astring w", 0), 0U) << file_text(waited);
  EXPECT_EQ(host_.run("svcadm disable -s -c 'for the audit' site/lab 2>&1").out, "");
  EXPECT_NE(host_.run("svcs -l site/lab").out.find("\ncomment      for the audit\n"), std::string::npos);
  EXPECT_EQ(host_.run("svcadm enable -s site/lab 2>&1").out, "");
  EXPECT_EQ(host_.run("svcs -l site/lab").out.find("comment"), std::string::npos);
  svccfg("delete -f site/lab");
  EXPECT_TRUE(host_.within(60s, [&] {
    const std::string told = file_text(watched);
    return told.find("disabled       default\n") != std::string::npos &&
           told.ends_with("removed        default\n");
  })) << file_text(watched);
}

TEST_F(Lab, AServiceAsksForMaintenanceAndAnAdministratorForADump) {
  const std::string before = host_.run("svcprop -p restarter/contract site/lab:default").out;
  EXPECT_EQ(host_.run("svcadm restart -d -s -T 60 site/lab:default 2>&1").out, "");
  EXPECT_NE(host_.run("svcprop -p restarter/contract site/lab:default").out, before);
  EXPECT_NE(log().find("ABRT"), std::string::npos) << log();
  const std::string asking = "svc:/milestone/network:default";
  EXPECT_EQ(host_.run("SMF_FMRI=" + asking + " svcadm mark maintenance site/lab </dev/null 2>&1").out, "");
  ASSERT_TRUE(host_.until("site/lab", "maintenance")) << log();
  EXPECT_NE(host_.run("svcs -x site/lab").out.find("Maintenance requested by \"" + asking + "\".\n"),
            std::string::npos);
  EXPECT_EQ(host_.run("svcprop -p restarter/auxiliary_fmri site/lab:default").out, asking + "\n");
  EXPECT_EQ(host_.run("svcadm clear -s -T 60 site/lab 2>&1").out, "");
  EXPECT_EQ(host_.state("site/lab"), "online");
}

TEST_F(Lab, SvcpropReadsAFileWithoutTheDaemon) {
  const std::string file = "SVCCFG_REPOSITORY=" + host_.work + "/other.db ";
  write("lab.xml", lab("/bin/other", "elsewhere"));
  ASSERT_EQ(host_.run(file + "svccfg import " + host_.work + "/lab.xml 2>&1").out, "");
  EXPECT_EQ(host_.run(file + "svcprop -p lab/word site/lab:default").out, "elsewhere\n");
  EXPECT_EQ(running(), "one\n");
  EXPECT_EQ(host_.run(file + "svcprop -w -p lab site/lab:default 2>&1").out,
            "svcprop: nobody changes a repository file while it is read; -w needs vmkeepd\n");
  EXPECT_EQ(host_.run("SVCCFG_REPOSITORY=/nonexistent/x.db svcprop site/lab 2>&1").code, 1);
}

// ---- who may do what: real users against a real vmkeepd, so only as root

class Delegation : public Lab {
 protected:
  void SetUp() override {
    write("authorizations", "61001 solaris.smf.manage.lab site.lab.read\n%61100 solaris.smf.value.lab\n");
    Lab::SetUp();
    host_.import({{"vm1", "", {}, ""}});
    std::ofstream(host_.work + "/delegate")
        << "select site/lab:default\nsetprop general/action_authorization = astring: solaris.smf.manage.lab\n"
           "setprop general/value_authorization = astring: solaris.smf.value.lab\n"
           "addpg secret application\nsetprop secret/word = astring: xyzzy\n"
           "setprop secret/read_authorization = astring: site.lab.read\n"
           "select site/xvm/vbox:vm1\nsetprop general/action_authorization = astring: "
           "solaris.smf.manage.lab\n";
    ASSERT_EQ(svccfg("-f " + host_.work + "/delegate").code, 0);
    ASSERT_EQ(host_.run("svcadm refresh site/lab vbox:vm1").code, 0);
  }

  // root, the VMs' owner, one with authorizations, one with a group that has some, and one with nothing.
  Said as(const std::string& who, const std::string& command) {
    static const std::map<std::string, std::string> kUsers{
        {"operator", "--reuid 61001 --regid 61001 --clear-groups"},
        {"member", "--reuid 61002 --regid 61002 --groups 61100"},
        {"stranger", "--reuid 61003 --regid 61003 --clear-groups"},
        {"owner", "--reuid " + host_.owner + " --regid " + host_.group + " --clear-groups"}};
    const auto user = kUsers.find(who);
    return host_.run((user == kUsers.end() ? "" : "setpriv " + user->second + " ") + command + " 2>&1");
  }
  std::string everything() { return host_.run("svcprop -c site/lab:default vbox:vm1").out; }
};

constexpr const char* kLabEnable = "svcadm enable site/lab";
constexpr const char* kLabTemporary = "svcadm enable -t site/lab";
constexpr const char* kLabRefresh = "svcadm refresh site/lab";
constexpr const char* kLabWord = "svccfg -s site/lab:default setprop general/enabled = true";
constexpr const char* kLabMore = "svccfg -s site/lab:default addpg more application";
constexpr const char* kLabSecret = "svcprop -p secret/word site/lab:default";
constexpr const char* kVmRefresh = "svcadm refresh vbox:vm1";
constexpr const char* kVmHold = "vmkeep release vm1";
constexpr const char* kNew = "svccfg add site/new";

// Caller, verb and target.  What is refused names an authorization that would do.
TEST_F(Delegation, EveryCallerVerbAndTarget) {
  ASSERT_EQ(::geteuid(), 0U) << "run as root: other users are needed";
  const struct {
    const char* who;
    const char* command;
    const char* missing;  // null: allowed
  } kTable[] = {
      {"stranger", kLabEnable, "solaris.smf.value.lab"},
      {"stranger", kLabTemporary, "solaris.smf.manage.lab"},
      {"stranger", kLabRefresh, "solaris.smf.manage or solaris.smf.manage.lab"},
      {"stranger", kLabWord, "solaris.smf.modify.framework"},
      {"stranger", kLabMore, "solaris.smf.modify.application"},
      {"stranger", kLabSecret, "Permission denied."},
      {"stranger", kVmHold, "owner"},
      {"stranger", kNew, "solaris.smf.modify"},
      {"stranger", "vmkeep shutdown", "solaris.smf.manage"},
      {"operator", kLabEnable, "solaris.smf.value.lab"},
      {"operator", kLabMore, "solaris.smf.modify.application"},
      {"operator", kNew, "solaris.smf.modify"},
      {"member", kLabTemporary, "solaris.smf.manage.lab"},
      {"member", kLabRefresh, "solaris.smf.manage.lab"},
      {"member", kLabSecret, "Permission denied."},
      {"member", kVmRefresh, "solaris.smf.manage.lab"},
      {"owner", kLabTemporary, "solaris.smf.manage.lab"},
      {"owner", kVmRefresh, "solaris.smf.manage.lab"},
      {"operator", kLabTemporary, nullptr},
      {"operator", kLabRefresh, nullptr},
      {"operator", kLabSecret, nullptr},
      {"operator", kVmRefresh, nullptr},
      {"operator", kVmHold, nullptr},
      {"owner", kVmHold, nullptr},
      {"root", kLabSecret, nullptr},
      {"root", kLabEnable, nullptr},
      {"member", kLabWord, nullptr},
      {"member", kLabEnable, nullptr},
  };
  const std::string before = everything();
  bool refusing = true;
  for (const auto& row : kTable) {
    if (row.missing == nullptr && refusing) {
      EXPECT_EQ(everything(), before) << "what is refused changes nothing";
      refusing = false;
    }
    const Said said = as(row.who, row.command);
    EXPECT_EQ(said.code, row.missing == nullptr ? 0 : 1) << row.who << ": " << row.command << "\n"
                                                         << said.out;
    if (row.missing == nullptr) continue;
    EXPECT_NE(said.out.find("Permission denied"), std::string::npos) << row.who << ": " << row.command;
    EXPECT_NE(said.out.find(row.missing), std::string::npos) << row.who << ": " << said.out;
  }
  EXPECT_EQ(as("operator", kLabSecret).out, "xyzzy\n");
}

TEST_F(Delegation, TheFileCountsAsItIsNowAndOnlyIfNobodyElseMayWriteIt) {
  ASSERT_EQ(::geteuid(), 0U) << "run as root: other users are needed";
  const std::string file = host_.work + "/authorizations";
  const auto allowed = [&] { return as("stranger", kLabRefresh).code == 0; };
  EXPECT_FALSE(allowed());
  write("authorizations", "61003 solaris.smf.*\n");
  EXPECT_TRUE(allowed());
  fs::permissions(file, fs::perms(0664));
  EXPECT_FALSE(allowed());
  const auto daemon_log = file_text(host_.work + "/log/vmkeepd.log");
  EXPECT_NE(daemon_log.find("the file is ignored: others may write to " + file), std::string::npos)
      << daemon_log;
  fs::permissions(file, fs::perms(0644));
  EXPECT_TRUE(allowed());
  fs::rename(file, file + ".real");
  fs::create_symlink(file + ".real", file);
  EXPECT_FALSE(allowed()) << "through a link";
  fs::remove(file);
  fs::rename(file + ".real", file);
  ASSERT_EQ(::chown(file.c_str(), 61003, 61003), 0);
  EXPECT_FALSE(allowed()) << "his own";
  fs::remove(file);
  EXPECT_FALSE(allowed()) << "none";
}

}  // namespace
}  // namespace vmkeep::tests
