// Editing by other ways than setprop: the environment of methods, the editor, notification parameters; and
// lines that make no sense.
#include <sys/stat.h>

#include "tools/svccfg/commands.h"
#include "tools/svccfg/session_test_support.h"

namespace vmkeep::svccfg {
namespace {

using repository::testing::dump;

TEST_F(Svccfg, TheEnvironmentOfMethods) {
  const std::string start = "select site/vm\naddpg start method\nsetprop start/exec = astring: \":true\"\n";
  expect({
      {{"-s", "vm1", "setenv", "A", "1"},
       "",
       1,
       "",
       "svccfg: Couldn't find start method; please specify a method with '-m'.\n"},
      {{}, start, 0, "", ""},
      {{"-s", "site/vm", "setenv", "A", "1"}, "", 0, "", ""},
      {{"-s", "site/vm", "setenv", "B", "\"x y\""}, "", 0, "", ""},
      {{"-s", "site/vm", "listprop", "start/environment"},
       "",
       0,
       "start/environment  astring  \"A=1\" \"B=x y\"\n",
       ""},
      // An instance gets its own, which begins with the service's.
      {{"-s", "vm1", "setenv", "A", "2"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "start"}, "", 0, "start  method\n", ""},
      {{"-s", "vm1", "listprop", "start/*"}, "", 0, "start/environment  astring  \"B=x y\" \"A=2\"\n", ""},
      {{"-s", "site/vm", "unsetenv", "A"}, "", 0, "", ""},
      {{"-s", "site/vm", "listprop", "start/environment"},
       "",
       0,
       "start/environment  astring  \"B=x y\"\n",
       ""},
      {{"-s", "vm1", "setenv", "-i", "C", "1"}, "", 0, "", ""},
      {{"-s", "vm1", "setenv", "-s", "D", "1"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "method_context*"},
       "",
       0,
       "method_context              framework\nmethod_context/environment  astring  C=1\n",
       ""},
      {{"-s", "site/vm", "listprop", "method_context/*"},
       "",
       0,
       "method_context/environment  astring  D=1\n",
       ""},
      {{"-s", "vm1", "unsetenv", "-m", "start", "NONE"}, "", 0, "", ""},
      {{"-s", "vm1", "setenv", "-m", "stop", "A", "1"},
       "",
       1,
       "",
       "svccfg: Couldn't find method \"stop\".\n"},
      {{"-s", "site/vm", "setenv", "-i", "A", "1"}, "", 1, "", "svccfg: Instance not selected.\n"},
      {{"setenv", "A", "1"}, "", 1, "", "svccfg: An entity is not selected.\n"},
      {{"-s", "vm1", "setenv", "\"A=B\"", "1"}, "", 1, "", "svccfg: Invalid environment variable \"A=B\".\n"},
      {{"-s", "vm1", "setenv", "SMF_FMRI", "1"},
       "",
       1,
       "",
       "svccfg: Invalid environment variable \"SMF_FMRI\"; \"SMF_\" prefix is reserved.\n"},
  });
  // A list without values is there only where it hides the service's.
  expect({
      {{"-s", "vm1", "unsetenv", "A"}, "", 0, "", ""},
      {{"-s", "vm1", "unsetenv", "B"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "start/*"}, "", 0, "start/environment  astring \n", ""},
      {{"-s", "vm1", "unsetenv", "-i", "C"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "method_context/*"}, "", 0, "method_context/environment  astring \n", ""},
      {{"-s", "site/vm", "unsetenv", "-s", "D"}, "", 0, "", ""},
      {{"-s", "site/vm", "listpg"}, "", 0, "start  method\nvm     application\n", ""},
      {{"-s", "site/vm", "unsetenv", "B"}, "", 0, "", ""},
      {{"-s", "site/vm", "listprop", "start/environment"}, "", 0, "", ""},
  });
  EXPECT_TRUE(run({"-s", "vm1", "setenv", "-i", "-s", "A", "1"}).err.starts_with("Usage: setenv "));
  EXPECT_TRUE(run({"-s", "vm1", "setenv", "A"}).err.starts_with("Usage: setenv "));
}

class Editor : public Svccfg {
 protected:
  // An editor that is this script, with the file as $1.
  void use(const std::string& script) {
    const std::string file = write_file("editor", "#!/bin/sh\n" + script + "\n");
    ASSERT_EQ(::chmod(file.c_str(), 0755), 0);
    ASSERT_EQ(::setenv("EDITOR", (file + " --wait").c_str(), 1), 0);
  }
  void TearDown() override { ::unsetenv("EDITOR"); }
};

TEST_F(Editor, OffersEverythingAsCommentsAndExecutesWhatIsNone) {
  const std::string seen = world_.folder.file("seen");
  use("cp \"$2\" " + seen);
  expect({{{"-s", "vm1", "editprop"}, "", 0, "", ""}});
  std::ifstream in(seen);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}),
            "# Take the \"#\" off a command, and change it, to have it executed.\n\n"
            "select svc:/site/vm:vm1\n\n"
            "# Property group \"general\"\n# delpg general\n# addpg general framework\n"
            "# setprop general/enabled = boolean: true\n\n"
            "# Property group \"vm\"\n# delpg vm\n# addpg vm application\n"
            "# setprop vm/stop_method = astring: savestate\n"
            "# setprop vm/words = astring: ( \"a\" \"b c\" )\n");
  use("sed -i -e 's/^# \\(setprop vm.words\\)/\\1/' -e 's/b c/new \\\\\\\\/' \"$2\"");
  expect({{{"-s", "vm1", "editprop"}, "", 0, "", ""},
          {{"-s", "vm1", "listprop", "vm/words"}, "", 0, "vm/words  astring  \"a\" \"new \\\\\"\n", ""}});
}

TEST_F(Editor, WhatGoesWrongIsToldWithItsLine) {
  const std::string before = dump(*world_.store);
  use("echo nonsense >> \"$2\"");
  expect({{{"-s", "vm1", "editprop"},
           "",
           1,
           "",
           "svccfg (editprop, line 15): Unknown command \"nonsense\".\n"}});
  use("echo delpg vm >> \"$2\"; exit 3");
  EXPECT_EQ(run({"-s", "vm1", "editprop"}).code, 1);
  ASSERT_EQ(::setenv("EDITOR", "/nonexistent", 1), 0);
  EXPECT_EQ(run({"-s", "vm1", "editprop"}).code, 1);
  EXPECT_EQ(dump(*world_.store), before);
}

TEST_F(Svccfg, NotificationParameters) {
  expect({
      {{"-s", "vm1", "setnotify", "to-offline,from-online", "mailto:ann@x", "snmp:inactive"}, "", 0, "", ""},
      {{"-s", "vm1", "listnotify", "to-offline"},
       "",
       0,
       "    Event: to-offline (source: svc:/site/vm:vm1)\n"
       "        Notification Type: smtp\n            Active: true\n            to: ann@x\n"
       "        Notification Type: snmp\n            Active: false\n",
       ""},
      {{"-s", "vm1", "delnotify", "to-offline"}, "", 0, "", ""},
      {{"-s", "vm1", "listnotify", "to-offline"}, "", 0, "", ""},
      {{"-s", "vm1", "delnotify", "to-offline"},
       "",
       1,
       "",
       "svccfg: No notification parameters for \"to-offline\".\n"},
      {{"-s", "vm1", "setnotify", "x", "nonsense"},
       "",
       1,
       "",
       "svccfg: Invalid notification parameter \"nonsense\".\n"},
      {{"listnotify", "-g"}, "", 0, "", ""},
      {{"setnotify", "-g", "to-maintenance", "snmp:active"}, "", 0, "", ""},
      {{"listnotify", "-g"},
       "",
       0,
       "    Event: to-maintenance (source: svc:/system/svc/global:default)\n"
       "        Notification Type: snmp\n            Active: true\n",
       ""},
      {{"delnotify", "-g", "to-maintenance"}, "", 0, "", ""},
      {{"listnotify"}, "", 1, "", "svccfg: An entity is not selected.\n"},
  });
}

TEST_F(Svccfg, ATemplateGivesTheTypeOfANewProperty) {
  const std::string file = write_file(
      "lab.xml",
      bundle("manifest",
             "<service name='site/lab' type='service' version='1'><property_group name='vm' "
             "type='application'/><instance name='a' enabled='false'/><template><common_name><loctext "
             "xml:lang='C'>x</loctext></common_name><pg_pattern name='vm' type='application'><prop_pattern "
             "name='n' type='count'/><prop_pattern name='any'/></pg_pattern></template></service>"));
  expect({{{"import", file}, "", 0, "", ""},
          {{"-s", "lab:a", "setprop", "vm/n", "=", "010"}, "", 0, "", ""},
          {{"-s", "lab:a", "listprop", "vm/n"}, "", 0, "vm/n  count    10\n", ""},
          {{"-s", "lab:a", "setprop", "vm/any", "=", "1"},
           "",
           1,
           "",
           "svccfg: Type required for new properties.\n"}});
}

TEST_F(Svccfg, ChildrenThatAreNotThere) {
  expect({{{"-s", "site/vm", "delete", "vm9"}, "", 1, "", "svccfg: No such child.\n"},
          {{"-s", "vm1", "delete", "vm9"}, "", 1, "", "svccfg: No children.\n"},
          {{"select", "lrc:/etc/rc2_d/S47pppd"},
           "",
           1,
           "",
           "svccfg: Operation not supported for legacy service 'lrc:/etc/rc2_d/S47pppd'\n"}});
}

TEST_F(Svccfg, CommandsFromADash) {
  expect({{{"-f", "-"},
           "list n*\nnonsense\n",
           1,
           "net\n",
           "svccfg (<stdin>, line 2): Unknown command \"nonsense\".\n"}});
}

// Whatever stands behind a command: it says something, ends with 1, and nothing changes.
TEST_F(Svccfg, OperandsOfAnyLengthChangeNothing) {
  const std::string before = dump(*world_.store);
  const std::string huge(1U << 14U, 'x');
  for (const Command& command : commands()) {
    const std::string verb(command.name);
    for (const std::string& operand :
         {huge, huge + " " + huge, "\"" + huge + "\"", std::string("= = ="), std::string(") ("),
          std::string("> > >"), std::string("-\x01\xff \"\\\""), std::string("a b c d e f g h i")}) {
      const Ran ran = run({}, "select vm1\n" + verb + " " + operand + "\n");
      const bool only_reads = verb.starts_with("list") && verb != "listcust" && verb != "listsnap" &&
                              operand.find(' ') == std::string::npos;
      EXPECT_EQ(ran.code, only_reads && operand.find_first_of("=()>") == std::string::npos ? 0 : 1)
          << verb << " " << operand.substr(0, 50);
      EXPECT_EQ(ran.code == 0, ran.err.empty()) << verb << " " << operand.substr(0, 50);
    }
  }
  EXPECT_TRUE(run({"select", huge}).err.ends_with("' is too long, ignoring\n"));
  EXPECT_EQ(dump(*world_.store), before);
}

}  // namespace
}  // namespace vmkeep::svccfg
