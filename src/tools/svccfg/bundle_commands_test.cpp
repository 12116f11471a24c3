// Commands on whole bundles: what they print, what becomes of the repository, how they end.
#include "tools/svccfg/session_test_support.h"

namespace vmkeep::svccfg {
namespace {

using repository::testing::dump;

std::string service(const std::string& stop, const std::string& more = "") {
  return "<service name='site/lab' type='service' version='1'>\n"
         "<instance name='a' enabled='false'>\n"
         "<property_group name='vm' type='application'><propval name='stop' type='astring' value='" +
         stop + "'/>" + more + "</property_group>\n</instance>\n</service>\n";
}

// The same with a template that wants stop to be one of two words.
std::string described(const std::string& stop) {
  std::string text = service(stop);
  text.insert(
      text.rfind("</service>"),
      "<template><common_name><loctext xml:lang='C'>lab</loctext></common_name>"
      "<pg_pattern name='vm' type='application'><prop_pattern name='stop' type='astring' required='true'>"
      "<common_name><loctext xml:lang='C'>how it ends</loctext></common_name>"
      "<description><loctext xml:lang='C'>What the stop method does.</loctext></description>"
      "<visibility value='readwrite'/><cardinality min='1' max='1'/>"
      "<constraints><value name='save'><description><loctext xml:lang='C'>Keeps its memory.</loctext>"
      "</description></value><value name='off'/></constraints></prop_pattern>"
      "</pg_pattern></template>");
  return text;
}

constexpr char kIllegal[] =
    "Property has illegal value: FMRI=\"svc:/site/lab:a\"; Property group=\"vm\"; Property name=\"stop\"; "
    "Template source=\"svc:/site/lab\"; pg_pattern name=\"vm\"; pg_pattern type=\"application\"; "
    "prop_pattern "
    "name=\"stop\"; prop_pattern type=\"astring\"; Illegal value=\"burn\"\n";

TEST_F(Svccfg, WhatBreaksATemplateIsToldAndImportedOrRefused) {
  const std::string good = write_file("good.xml", bundle("manifest", described("save")));
  const std::string bad = write_file("bad.xml", bundle("manifest", described("burn")));
  const std::string before = dump(*world_.store);
  const std::string progress = "svccfg: Import of " + bad +
                               " failed.  Progress:\n  Service \"site/lab\": not reached.\n"
                               "    Instance \"a\": not reached.\n";
  expect({{{"validate", good}, "", 0, "", ""},
          {{"validate", bad}, "", 1, "", std::string("svccfg: ") + kIllegal},
          {{"import", "-V", bad}, "", 1, "", std::string("svccfg: ") + kIllegal + progress}});
  EXPECT_EQ(dump(*world_.store), before);
  expect({{{"import", bad}, "", 0, "", std::string("svccfg: ") + kIllegal},
          {{"validate", "lab:a"}, "", 1, "", std::string("svccfg: ") + kIllegal},
          {{"-s", "lab:a", "validate"}, "", 1, "", std::string("svccfg: ") + kIllegal},
          {{"-s", "lab:a", "setprop", "vm/stop", "=", "off"}, "", 0, "", ""},
          {{"-s", "lab:a", "validate"}, "", 0, "", ""},
          {{"validate"}, "", 1, "", "svccfg: Instance not selected.\n"}});
}

TEST_F(Svccfg, SomebodyWhoTypesGetsTemplateProblemsAnItemALine) {
  const std::string bad = write_file("bad.xml", bundle("manifest", described("burn")));
  const Ran ran = run({}, "", typing({"import " + bad}));
  EXPECT_TRUE(
      ran.out.starts_with("Property has illegal value:\n\tFMRI=\"svc:/site/lab:a\"\n\tProperty "
                          "group=\"vm\"\n\tProperty name=\"stop\"\n"))
      << ran.out;
  EXPECT_EQ(run({"list"}).out, "net\nsite/vm\n");
}

TEST_F(Svccfg, ImportTellsWhatItDoes) {
  const std::string file = write_file("lab.xml", bundle("manifest", service("save")));
  EXPECT_EQ(run({"-v", "import", file}).out,
            "Taking \"last-import\" snapshot for svc:/site/lab:a.\n"
            "Taking \"initial\" snapshot for svc:/site/lab:a.\nSuccessful import.\n");
  write_file("lab.xml", bundle("manifest", service("off", "<propval name='n' type='count' value='1'/>")));
  EXPECT_EQ(run({"-v", "import", file}).out,
            "Taking \"previous\" snapshot for svc:/site/lab:a.\n"
            "svc:/site/lab:a: Adding property \"vm/n\".\n"
            "svc:/site/lab:a: Upgrading property \"vm/stop\".\n"
            "Taking \"last-import\" snapshot for svc:/site/lab:a.\nSuccessful import.\n");
  EXPECT_EQ(run({"-s", "lab:a", "setprop", "vm/n", "=", "7"}).code, 0);
  std::string on = service("off", "<propval name='n' type='count' value='2'/>");
  on.replace(on.find("enabled='false'"), 15, "enabled='true'");
  write_file("lab.xml", bundle("manifest", on));
  const Ran ran = run({"-v", "import", file});
  EXPECT_EQ(ran.out,
            "svc:/site/lab:a: Refusing to upgrade \"general/enabled\" (live property).\n"
            "Taking \"last-import\" snapshot for svc:/site/lab:a.\nSuccessful import.\n");
  EXPECT_EQ(ran.err, "svccfg: Conflict upgrading svc:/site/lab:a (property \"vm/n\" has been customized).\n");
}

TEST_F(Svccfg, WhoeverInstallsAPackageNamesIt) {
  const std::string file = write_file("lab.xml", bundle("manifest", described("save")));
  ASSERT_EQ(::setenv("PKGINST", "vmkeep-lab", 1), 0);
  EXPECT_EQ(run({"import", file}).code, 0);
  ::unsetenv("PKGINST");
  EXPECT_EQ(run({"-s", "site/lab", "listprop", "general/package"}).out,
            "general/package  astring  vmkeep-lab\n");
}

TEST_F(Svccfg, ImportShowsItsProgress) {
  write_file("a.xml", bundle("manifest", service("save")));
  write_file("b.xml", bundle("manifest", "<service name='site/other' type='service' version='1'/>"));
  EXPECT_EQ(run({"import", "-p", world_.folder.file("")}).out,
            "Loading smf(5) service descriptions: 1/2\b\b\b2/2\nLoaded 2 smf(5) service descriptions\n");
}

TEST_F(Svccfg, WhatWasImportedAsItIsIsPassedOverIfOneAsks) {
  const std::string file = write_file("lab.xml", bundle("manifest", service("save")));
  ASSERT_EQ(::setenv("SVCCFG_CHECKHASH", "1", 1), 0);
  EXPECT_TRUE(run({"-v", "import", file}).out.ends_with("Successful import.\n"));
  EXPECT_EQ(run({"-v", "import", file}).out, "No changes were necessary\n");
  EXPECT_EQ(run({"delhash", file}).code, 0);
  EXPECT_TRUE(run({"-v", "import", file}).out.ends_with("Successful import.\n"));
  write_file("lab.xml", bundle("manifest", service("off")));
  EXPECT_TRUE(run({"-v", "import", file}).out.ends_with("Successful import.\n"));
  // A profile is taken once.
  const std::string profile =
      write_file("p.xml", bundle("profile",
                                 "<service name='site/lab' type='service' version='1'><instance "
                                 "name='a' enabled='true'/></service>"));
  EXPECT_EQ(run({"-v", "apply", profile}).out, "Successfully applied: " + profile + "\n");
  EXPECT_EQ(run({"-v", "apply", profile}).out, "No changes were necessary\n");
  ::unsetenv("SVCCFG_CHECKHASH");
  EXPECT_TRUE(run({"-v", "import", file}).out.ends_with("Successful import.\n"));
}

TEST_F(Svccfg, ApplySetsWhatIsThereAndMakesNothing) {
  const std::string profile = write_file(
      "p.xml",
      bundle("profile",
             "<service name='site/none' type='service' version='1'/>\n"
             "<service name='site/vm' type='service' version='1'>\n"
             "<property_group name='vm'><propval name='freq' value='9'/></property_group>\n"
             "<instance name='vm1' enabled='false'><property_group name='vm' type='application'>"
             "<propval name='stop_method' value='poweroff'/><propval name='new' type='count' value='3'/>"
             "</property_group></instance>\n<instance name='vm9' enabled='true'/>\n"
             "<instance name='vm8' enabled='true'><property_group name='vm'><propval name='x' "
             "value='1'/></property_group></instance>\n"
             "<instance name='vm7' enabled='true'><property_group name='vm' type='application'>"
             "<propval name='x' type='count' value='1'/></property_group></instance></service>\n"));
  const Ran ran = run({"-v", "apply", profile});
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out,
            "Ignoring nonexistent service site/none.\nIgnoring nonexistant instance site/vm:vm9.\n"
            "Ignoreing partial instance site/vm:vm8.\nSuccessfully applied: " +
                profile + "\n");
  EXPECT_EQ(
      run({"-s", "vm1", "listprop", "vm/*"}).out,
      "vm/new          count    3\nvm/stop_method  astring  poweroff\nvm/words        astring  \"a\" \"b "
      "c\"\n");
  EXPECT_EQ(run({"-s", "vm1", "listprop", "general/enabled"}).out, "general/enabled  boolean  false\n");
  EXPECT_EQ(run({"-s", "site/vm", "listprop", "vm/freq"}).out, "vm/freq  count    9\n");
  EXPECT_EQ(run({"-s", "site/vm", "list", "vm?"}).out, "vm1\nvm2\nvm7\n");
  EXPECT_EQ(world_.refreshed,
            (std::vector<std::string>{"svc:/site/vm:vm1", "svc:/site/vm:vm2", "svc:/site/vm:vm7"}));
  world_.refreshed.clear();
  EXPECT_EQ(run({"apply", "-n", profile}).code, 0);
  EXPECT_TRUE(world_.refreshed.empty());
}

TEST_F(Svccfg, ProfilesThatCannotBeAppliedChangeNothing) {
  const std::string before = dump(*world_.store);
  const auto refused = [&](const std::string& inside, const std::string& why) {
    const std::string file = write_file(
        "p.xml",
        bundle("profile", "<service name='site/vm' type='service' version='1'>\n" + inside + "</service>\n"));
    const Ran ran = run({"apply", file});
    EXPECT_EQ(ran.code, 1);
    std::string expected = why;
    if (const size_t at = expected.find("FILE"); at != std::string::npos) expected.replace(at, 4, file);
    EXPECT_EQ(ran.err, "svccfg: " + expected + "\nsvccfg: WARNING: Failed to apply " + file + "\n");
    EXPECT_EQ(dump(*world_.store), before);
  };
  refused("<property_group name='vm'><propval name='freq' value='many'/></property_group>",
          "illegal value \"many\" for vm/freq (count)");
  refused("<property_group name='vm'><propval name='none' value='1'/></property_group>",
          "svc:/site/vm: property \"vm/none\" is new and needs a type");
  refused("<property_group name='none'><propval name='n' type='count' value='1'/></property_group>",
          "svc:/site/vm: property group \"none\" is new and needs a type");
  refused("<property_group name='vm' type='framework'/>",
          "svc:/site/vm: property group \"vm\" is of type \"application\", not \"framework\"");
  refused("<template><common_name><loctext xml:lang='C'>x</loctext></common_name></template>",
          "FILE:5: Template data for \"svc:/site/vm\" may not be modified in a profile.");
  const std::string manifest = write_file("m.xml", bundle("manifest", service("save")));
  EXPECT_EQ(run({"apply", manifest}).err,
            "svccfg: document is not a profile.\nsvccfg: WARNING: Failed to apply " + manifest + "\n");
}

TEST_F(Svccfg, ExtractSaysWhoIsEnabledAndApplyTakesIt) {
  const std::string file = world_.folder.file("extract.xml");
  const Ran ran = run({"extract"});
  EXPECT_EQ(ran.out,
            "<?xml version='1.0'?>\n"
            "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
            "<service_bundle type='profile' name='extract'>\n"
            "  <service name='site/vm' type='service' version='0'>\n"
            "    <instance name='vm1' enabled='true'/>\n  </service>\n</service_bundle>\n");
  EXPECT_EQ(run({"extract", ">", file}).code, 0);
  EXPECT_EQ(run({"-s", "vm1", "setprop", "general/enabled", "=", "false"}).code, 0);
  EXPECT_EQ(run({"apply", file}).code, 0);
  EXPECT_EQ(run({"-s", "vm1", "listprop", "general/enabled"}).out, "general/enabled  boolean  true\n");
}

TEST_F(Svccfg, AnArchiveBringsEverythingBack) {
  const std::string manifest = write_file("lab.xml", bundle("manifest", described("save")));
  const std::string archive = world_.folder.file("all.xml");
  ASSERT_EQ(run({"import", manifest}).code, 0);
  ASSERT_EQ(run({"archive", ">", archive}).code, 0);
  const std::string service_before = run({"-s", "site/vm", "listprop"}).out;
  const std::string instance_before = run({"-s", "vm1", "listprop", "[gv]*"}).out;
  EXPECT_EQ(run({"delete", "-f", "site/vm"}).code, 0);
  EXPECT_EQ(run({"-s", "lab:a", "setprop", "vm/stop", "=", "off"}).code, 0);
  expect({{{"restore", archive}, "", 0, "", ""},
          {{"-s", "site/vm", "listprop"}, "", 0, service_before, ""},
          {{"-s", "vm1", "listprop", "[gv]*"}, "", 0, instance_before, ""},
          {{"-s", "lab:a", "listprop", "vm/stop"}, "", 0, "vm/stop  astring  save\n", ""},
          {{"restore", manifest}, "", 1, "", "svccfg: document is not an archive.\n"}});
}

TEST_F(Svccfg, ValuesThatOnlySomeMayReadStayHereUnlessAskedFor) {
  EXPECT_EQ(
      run({},
          "select site/vm\naddpg secret application\nsetprop secret/read_authorization = astring: vm.see\n"
          "setprop secret/word = astring: hush\n")
          .code,
      0);
  const std::string without = run({"export", "site/vm"}).out;
  EXPECT_EQ(without.find("hush"), std::string::npos);
  EXPECT_NE(without.find("<propval name='read_authorization' type='astring' value='vm.see'/>"),
            std::string::npos);
  EXPECT_NE(without.find("<property name='word' type='astring'/>"), std::string::npos);
  EXPECT_NE(run({"export", "-a", "site/vm"}).out.find("value='hush'"), std::string::npos);
  EXPECT_EQ(run({"archive"}).out.find("hush"), std::string::npos);
  EXPECT_NE(run({"archive", "-a"}).out.find("hush"), std::string::npos);
}

TEST_F(Svccfg, WhatMeansNothingHereIsToldOnRequest) {
  std::string text = service("save");
  text.insert(text.find("<instance"),
              "<exec_method type='method' name='start' exec=':true' timeout_seconds='3'><method_context "
              "project='web' resource_pool=':default'/></exec_method>");
  const std::string file = write_file("lab.xml", bundle("manifest", text));
  EXPECT_EQ(run({"validate", file}).out, "");
  EXPECT_EQ(run({"validate", "-v", file}).out,
            "svc:/site/lab: start: project \"web\" means nothing on Linux; it is kept and ignored.\n");
}

TEST_F(Svccfg, CleanupDeletesServicesWhoseManifestsAreGone) {
  const std::string here = write_file("lab.xml", bundle("manifest", service("save")));
  ASSERT_EQ(run({"import", here}).code, 0);
  world_.running = {"svc:/site/lab:a"};
  EXPECT_EQ(run({"cleanup", "-a"}).code, 0);
  EXPECT_EQ(run({"list", "site/lab"}).out, "site/lab\n");
  std::filesystem::remove(here);
  // It was not delivered with the system.
  EXPECT_EQ(run({"cleanup"}).code, 0);
  EXPECT_EQ(run({"list", "site/lab"}).out, "site/lab\n");
  EXPECT_EQ(run({"-v", "cleanup", "-a"}).out, "Deleted svc:/site/lab.\n");
  EXPECT_EQ(world_.taken_down, std::vector<std::string>{"svc:/site/lab:a"});
  EXPECT_EQ(run({"list"}).out, "net\nsite/vm\n");
}

TEST_F(Svccfg, ForgettingAManifestDeletesWhatCameFromItAlone) {
  const std::string file = write_file("lab.xml", bundle("manifest", service("save")));
  const std::string other = write_file("other.xml", bundle("manifest", service("save")));
  ASSERT_EQ(run({"import", file}).code, 0);
  ASSERT_EQ(run({"import", other}).code, 0);
  EXPECT_EQ(run({"delhash", file}).code, 1);
  EXPECT_EQ(run({"delhash", "-d", file}).code, 0);
  EXPECT_EQ(run({"list", "site/lab"}).out, "site/lab\n");
  EXPECT_EQ(run({"delhash", "-d", other}).code, 0);
  EXPECT_EQ(run({"list"}).out, "net\nsite/vm\n");
}

}  // namespace
}  // namespace vmkeep::svccfg
