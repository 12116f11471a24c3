// svccfg against a running vmkeepd: what edits, snapshots and manifests mean for a service that runs.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "lab_service.h"

namespace vmkeep::tests {
namespace {

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

}  // namespace
}  // namespace vmkeep::tests
