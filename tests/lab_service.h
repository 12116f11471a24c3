// For tests only: a host with one more service, site/lab, that sleeps.
#pragma once

#include "simulated_host.h"

namespace vmkeep::tests {

inline std::string document(const std::string& type, const std::string& inside) {
  return "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
         "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n<service_bundle type='" +
         type + "' name='lab'>\n<service name='site/lab' type='service' version='1'>\n" + inside +
         "</service></service_bundle>\n";
}

// A service that sleeps, and says at its start what its property is.
inline std::string lab(const std::string& script, const std::string& word) {
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

}  // namespace vmkeep::tests
