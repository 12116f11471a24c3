// svccfg against a running vmkeepd: what edits, snapshots and manifests mean for a service that runs.
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
    host_.start_daemon();
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

}  // namespace
}  // namespace vmkeep::tests
