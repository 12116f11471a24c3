// The commands, as somebody who runs the program sees them: everything that it prints, and how it ends.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <filesystem>

#include "tools/svccfg/session_test_support.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {
namespace {

TEST_F(Svccfg, ListAndSelect) {
  expect({
      {{"list"}, "", 0, "net\nsite/vm\n", ""},
      {{"list", "n*"}, "", 0, "net\n", ""},
      {{"-s", "site/vm", "list"}, "", 0, ":properties\nvm1\nvm2\n", ""},
      {{"-s", "vm1", "list"}, "", 0, ":properties\n", ""},
      {{"-s", "site/vm", "list", "vm?"}, "", 0, "vm1\nvm2\n", ""},
      {{"-s", "nothing", "list"},
       "",
       1,
       "",
       "svccfg: Pattern 'nothing' doesn't match any instances or services\n"},
      {{"-s", "*vm?", "list"},
       "",
       1,
       "",
       "svccfg: Pattern '*vm?' matches multiple instances or "
       "services:\n\tsvc:/site/vm:vm1\n\tsvc:/site/vm:vm2\n"},
      {{},
       "select site/vm\nselect vm2\nlist\nunselect\nlist\nunselect\nlist",
       0,
       ":properties\n:properties\nvm1\nvm2\nnet\nsite/vm\n",
       ""},
      {{}, "unselect\n", 1, "", "svccfg (<stdin>, line 1): Cannot unselect at scope level.\n"},
      {{}, "\n# a comment\nlistpg\nlist\n", 1, "", "svccfg (<stdin>, line 3): An entity is not selected.\n"},
  });
}

TEST_F(Svccfg, HowCommandsFail) {
  expect({
      {{"frobnicate"}, "", 1, "", "svccfg: Unknown command \"frobnicate\".\n"},
      {{"= x"}, "", 1, "", "svccfg: Syntax error.\n"},
      {{"select"}, "", 1, "", "Usage: select {name | fmri | pattern}\n\nSelects a service or an instance.\n"},
      {{"-x"},
       "",
       2,
       "",
       "Usage: svccfg [-v] [-s FMRI] [-f file]\n       svccfg [-v] [-s FMRI] command [arguments]\n"},
      {{"-s"},
       "",
       2,
       "",
       "Usage: svccfg [-v] [-s FMRI] [-f file]\n       svccfg [-v] [-s FMRI] command [arguments]\n"},
      {{}, "list\nsetprop a/b = ( 1\n2\n", 1, "net\nsite/vm\n", "svccfg (<stdin>, line 4): Syntax error.\n"},
      {{}, "end\nnonsense\n", 0, "", ""},
  });
}

TEST_F(Svccfg, CommandsFromAFile) {
  const std::string file =
      write_file("commands", "select vm1\nsetprop vm/words = (\n  \"x\"\n  \"y\" )\nnonsense\nlist\n");
  const Ran ran = run({"-f", file});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "svccfg (" + file + ", line 5): Unknown command \"nonsense\".\n");
  EXPECT_EQ(run({"-s", "vm1", "listprop", "vm/words"}).out, "vm/words  astring  \"x\" \"y\"\n");
  const std::string link = world_.folder.file("link");
  std::filesystem::create_symlink(write_file("short", "list\n"), link);
  expect({{{"-f", link}, "", 0, "net\nsite/vm\n", ""}});
}

TEST_F(Svccfg, Properties) {
  expect({
      {{"-s", "vm1", "listpg"},
       "",
       0,
       "general    framework\nrestarter  framework\tNONPERSISTENT\nvm         application\n",
       ""},
      {{"-s", "vm1", "listprop"},
       "",
       0,
       "general          framework\n"
       "general/enabled  boolean  true\n"
       "restarter        framework\tNONPERSISTENT\n"
       "restarter/state  astring  online\n"
       "vm               application\n"
       "vm/stop_method   astring  savestate\n"
       "vm/words         astring  \"a\" \"b c\"\n",
       ""},
      {{"-s", "site/vm", "listprop", "vm/*"}, "", 0, "vm/freq  count    50\n", ""},
      {{"-s", "vm1", "addpg", "mine", "application"}, "", 0, "", ""},
      {{"-s", "vm1", "addpg", "mine", "application"}, "", 1, "", "svccfg: Property group already exists.\n"},
      {{"-s", "vm1", "addpg", "other", "application", "x"},
       "",
       1,
       "",
       "svccfg: Invalid property group flag x.\n"},
      {{"-s", "vm1", "addpg", "9", "application"}, "", 1, "", "svccfg: Name, type, or flags are invalid.\n"},
      {{"-s", "vm1", "addpg", "gone", "framework", "P"}, "", 0, "", ""},
      {{"-s", "vm1", "listpg", "[gm]*"},
       "",
       0,
       "general  framework\ngone     framework\tNONPERSISTENT\nmine     application\n",
       ""},
      {{"-s", "vm1", "delpg", "mine"}, "", 0, "", ""},
      {{"-s", "vm1", "delpg", "mine"}, "", 1, "", "svccfg: No such property group.\n"},
      {{"-s", "vm1", "delprop", "vm/words"}, "", 0, "", ""},
      {{"-s", "vm1", "delprop", "vm/words"}, "", 1, "", "svccfg: No such property vm/words.\n"},
      {{"-s", "vm1", "delprop", "gone"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "[gv]*"},
       "",
       0,
       "general          framework\ngeneral/enabled  boolean  true\nvm               application\n"
       "vm/stop_method   astring  savestate\n",
       ""},
  });
}

TEST_F(Svccfg, SetpropAsItIsTyped) {
  struct Set {
    std::vector<std::string> words;
    std::string shown;  // by listprop; or what is said
  };
  const Set table[] = {
      {{"vm/stop_method", "=", "astring:", "acpipowerbutton"}, "vm/stop_method  astring  acpipowerbutton\n"},
      {{"vm/stop_method=poweroff"}, "vm/stop_method  astring  poweroff\n"},
      {{"vm/stop_method=astring: savestate"}, "vm/stop_method  astring  savestate\n"},
      {{"vm/stop_method", "=", "\"two words\""}, "vm/stop_method  astring  \"two words\"\n"},
      {{"vm/stop_method", "=", "\"\""}, "vm/stop_method  astring  \"\"\n"},
      {{"vm/stop_method", "=", "two words"},
       "svccfg: Type \"two\" must end with a colon; a value with blanks must be quoted with '\"'.\n"},
      {{"vm/words", "=", "(\"q\\\"\" \"b\\\\\")"}, "vm/words  astring  \"q\\\"\" \"b\\\\\"\n"},
      {{"vm/words", "=", "(a b)"},
       "svccfg: Multiple string values or string values with spaces must be quoted with '\"'.\n"},
      {{"vm/words", "=", "()"}, "vm/words  astring \n"},
      {{"vm/freq", "=", "0060"}, "vm/freq  count    60\n"},
      {{"vm/freq", "=", "x"}, "svccfg: Invalid \"count\" value \"x\".\n"},
      {{"vm/numbers", "=", "integer:", "(1 -2)"}, "vm/numbers  integer  1 -2\n"},
      {{"vm/new", "=", "1"}, "svccfg: Type required for new properties.\n"},
      {{"vm/new", "=", "number:", "1"}, "svccfg: Unknown type \"number\".\n"},
      {{"vm/new", "=", "count:", "1"}, "vm/new  count    1\n"},
      {{"new", "=", "1"}, "svccfg: Property names must contain a `/'.\n"},
      {{"no/such", "=", "count:", "1"}, "svccfg: No such property group.\n"},
      {{"vm/bad!name", "=", "count:", "1"}, "svccfg: Invalid property name \"bad!name\".\n"},
      {{"vm/new", "=", "1", "2", "3"}, "svccfg: Syntax error.\n"},
      {{"vm/new", "=", "count:", "(1"}, "svccfg: Syntax error.\n"},
  };
  for (const Set& row : table) {
    std::vector<std::string> arguments = {"-s", "vm:vm1", "setprop"};
    std::string what;
    for (const std::string& word : row.words) {
      arguments.push_back(word);
      what += word + " ";
    }
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.out, "") << what;
    if (row.shown.starts_with("svccfg: ")) {
      EXPECT_EQ(ran.err, row.shown) << what;
      EXPECT_EQ(ran.code, 1) << what;
      continue;
    }
    EXPECT_EQ(ran.err, "") << what;
    EXPECT_EQ(ran.code, 0) << what;
    EXPECT_EQ(run({"-s", "vm:vm1", "listprop", row.shown.substr(0, row.shown.find(' '))}).out, row.shown)
        << what;
  }
}

TEST_F(Svccfg, AnInstanceGetsItsOwnGroupWhereOnlyTheServiceHasOne) {
  EXPECT_EQ(run({"-s", "vm2", "setprop", "vm/freq=9"}).code, 0);
  EXPECT_EQ(run({"-s", "vm2", "listprop"}).out, "vm       application\nvm/freq  count    9\n");
  EXPECT_EQ(run({"-s", "site/vm", "listprop", "vm/freq"}).out, "vm/freq  count    50\n");
}

TEST_F(Svccfg, ValuesAddedAndDeleted) {
  expect({
      {{"-s", "vm1", "addpropvalue", "vm/words", "last"}, "", 0, "", ""},
      {{"-s", "vm1", "addpropvalue", "vm/words", "astring:", "\"very last\""}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "vm/words"},
       "",
       0,
       "vm/words  astring  \"a\" \"b c\" \"last\" \"very last\"\n",
       ""},
      {{"-s", "vm1", "addpropvalue", "vm/words", "count:", "1"},
       "",
       1,
       "",
       "svccfg: Property vm/words is of type \"astring\", not \"count\".\n"},
      {{"-s", "vm1", "delpropvalue", "vm/words", "*last"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "vm/words"}, "", 0, "vm/words  astring  \"a\" \"b c\"\n", ""},
      {{"-s", "vm1", "delpropvalue", "vm/none", "x"}, "", 1, "", "svccfg: No such property vm/none.\n"},
      {{"-s", "vm1", "addpropvalue", "vm/count", "count:", "1"}, "", 0, "", ""},
      {{"-s", "vm1", "addpropvalue", "vm/count", "2"}, "", 0, "", ""},
      {{"-s", "vm1", "listprop", "vm/count"}, "", 0, "vm/count  count    1 2\n", ""},
  });
}

TEST_F(Svccfg, AddAndDelete) {
  world_.running = {"svc:/site/vm:vm1"};
  expect({
      {{"add", "site/new"}, "", 0, "", ""},
      {{"add", "bad name"},
       "",
       1,
       "",
       "Usage: add name\n\nAdds a service, or an instance to the selected service.\n"},
      {{"add", "9x"}, "", 1, "", "svccfg: Invalid service name \"9x\".\n"},
      {{"-s", "site/new", "add", "a"}, "", 0, "", ""},
      {{"-s", "site/new", "add", "a/b"}, "", 1, "", "svccfg: Invalid instance name \"a/b\".\n"},
      {{"-s", "site/new:a", "add", "b"}, "", 1, "", "svccfg: Cannot add entities to an instance.\n"},
      {{"delete", "site/new"}, "", 0, "", ""},
      {{"list"}, "", 0, "net\nsite/vm\n", ""},
      {{"delete", "vm1"},
       "",
       1,
       "",
       "svccfg: Instance svc:/site/vm:vm1 may be running.  Use delete -f if it is not.\n"},
      {{"delete", "site/vm"},
       "",
       1,
       "",
       "svccfg: Instance svc:/site/vm:vm1 may be running.  Use delete -f if it is not.\n"},
      {{"-s", "site/vm", "delete", "vm2"}, "", 0, "", ""},
      {{"-s", "site/vm", "list"}, "", 0, ":properties\nvm1\n", ""},
      {{"delete", "-f", "site/vm"}, "", 0, "", ""},
      {{"list"}, "", 0, "net\n", ""},
      {{},
       "select net\ndelete svc:/net\nlistpg\n",
       1,
       "",
       "svccfg (<stdin>, line 3): Current selection has been "
       "deleted.\n"},
  });
}

TEST_F(Svccfg, Refresh) {
  EXPECT_EQ(run({"-s", "vm2", "refresh"}).code, 0);
  EXPECT_EQ(world_.refreshed, std::vector<std::string>{"svc:/site/vm:vm2"});
  world_.refreshed.clear();
  EXPECT_EQ(run({"-s", "site/vm", "refresh"}).code, 0);
  EXPECT_EQ(world_.refreshed, (std::vector<std::string>{"svc:/site/vm:vm1", "svc:/site/vm:vm2"}));
  EXPECT_EQ(run({"refresh"}).err, "svccfg: An entity is not selected.\n");
}

TEST_F(Svccfg, Interactive) {
  std::vector<std::string> lines = {
      "nonsense\n", "select site/vm\n",    "select vm1\n", "setprop vm/words = (\n",
      "\"x\" )\n",  "listprop vm/words\n", "list x y\n"};
  std::string prompts;
  size_t at = 0;
  const Ran ran = run({}, "", [&](const std::string& prompt) -> std::optional<std::string> {
    prompts += prompt + "\n";
    if (at == lines.size()) return std::nullopt;
    return lines[at++];
  });
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(prompts,
            "svc:> \nsvc:> \nsvc:/site/vm> \nsvc:/site/vm:vm1> \n> \nsvc:/site/vm:vm1> \nsvc:/site/vm:vm1> \n"
            "svc:/site/vm:vm1> \n");
  EXPECT_EQ(ran.out,
            "Unknown command \"nonsense\".\n(vm/words is in effect after refresh)\nvm/words  astring  x\n"
            "Usage: list [--json] [glob]\n\nLists the services, or the instances of the selected service.\n");
}

TEST_F(Svccfg, HelpNamesEveryCommand) {
  const std::string all = run({"help"}).out;
  for (const char* command : {"validate", "import", "list", "setprop", "refresh", "end"}) {
    EXPECT_NE(all.find(" " + std::string(command)), std::string::npos) << command;
  }
  EXPECT_EQ(run({"help", "unselect"}).out,
            "Usage: unselect\n\nSelects what the selected entity belongs to.\n");
  EXPECT_EQ(run({"help", "nonsense"}).err, "svccfg: Unknown command \"nonsense\".\n");
}

constexpr char kManifest[] =
    "<?xml version='1.0'?>\n"
    "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
    "<service_bundle type='manifest' name='lab'>\n"
    "<service name='site/lab' type='service' version='1'>\n"
    "<dependent name='lab' grouping='optional_all' restart_on='none'><service_fmri "
    "value='svc:/site/vm'/></dependent>\n"
    "<instance name='a' enabled='false'>\n"
    "<property_group name='vm' type='application'><propval name='n' type='count' "
    "value='1'/></property_group>\n"
    "</instance></service></service_bundle>\n";

TEST_F(Svccfg, Manifests) {
  const std::string file = write_file("lab.xml", kManifest);
  EXPECT_EQ(run({"validate", file}).code, 0);
  EXPECT_EQ(run({"inventory", file}).out, "svc:/site/lab:a\nsvc:/site/lab\n");
  const Ran first = run({"import", file});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out + first.err, "");
  // Those that the dependent touched are refreshed; what is new, the daemon adopts by itself.
  EXPECT_EQ(world_.refreshed, (std::vector<std::string>{"svc:/site/vm:vm1", "svc:/site/vm:vm2"}));
  EXPECT_EQ(run({"-s", "lab:a", "listprop", "vm/n"}).out, "vm/n  count    1\n");
  world_.refreshed.clear();
  EXPECT_EQ(run({"-v", "import", file}).out, "Successful import.\n");
  EXPECT_EQ(world_.refreshed.size(), 3U);
  world_.refreshed.clear();
  EXPECT_EQ(run({"import", "-n", file}).code, 0);
  EXPECT_TRUE(world_.refreshed.empty());
  EXPECT_EQ(run({"-s", "site/vm", "listpg"}).out, "lab  dependency\nvm   application\n");
  EXPECT_EQ(run({"delete", "site/lab"}).code, 0);
  EXPECT_EQ(run({"-s", "site/vm", "listpg"}).out, "vm  application\n");
}

TEST_F(Svccfg, BadManifestsChangeNothing) {
  std::string text = kManifest;
  text.replace(text.find("value='1'"), 9, "value='x'");
  const std::string file = write_file("bad.xml", text);
  const std::string before = repository::testing::dump(*world_.store);
  const std::string problem = "svccfg: " + file + ":7: illegal value \"x\" for n (count)\n";
  expect({
      {{"validate", file}, "", 1, "", problem},
      {{"import", file}, "", 1, "", problem},
      {{"import", "/nonexistent"},
       "",
       1,
       "",
       "svccfg: Unable to stat file /nonexistent.  No such file or directory\n"},
      {{"import", "/dev/null"}, "", 1, "", "svccfg: /dev/null is not a directory or regular file\n"},
  });
  EXPECT_EQ(repository::testing::dump(*world_.store), before);
}

TEST_F(Svccfg, AFolderOfManifests) {
  write_file("b.xml", "garbage");
  write_file("a.xml", kManifest);
  write_file("c.txt", "no bundle");
  const Ran ran = run({"import", world_.folder.file("")});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "Loaded 1 smf(5) service descriptions\n");
  EXPECT_NE(ran.err.find("1 smf(5) service descriptions failed to load\n"), std::string::npos) << ran.err;
  EXPECT_EQ(run({"list"}).out, "net\nsite/lab\nsite/vm\n");
}

TEST_F(Svccfg, ExportToAFile) {
  const std::string file = world_.folder.file("out.xml");
  EXPECT_EQ(run({"export", "site/vm", ">", file}).code, 0);
  const Ran shown = run({"export", "vm1"});
  EXPECT_EQ(shown.err, "svccfg: Only services may be exported; ignoring instance portion of argument.\n");
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), shown.out);
  EXPECT_EQ(run({"validate", file}).code, 0);
  expect({{{"export", "nosuch"}, "", 1, "", "svccfg: Pattern 'nosuch' doesn't match any services\n"}});
}

// As a shell's: what is there stays what it is.
TEST_F(Svccfg, ARedirectionReplacesNoLinkAndNoDevice) {
  const std::string device = world_.folder.file("device");
  const std::string link = world_.folder.file("link");
  std::filesystem::create_symlink("/dev/null", device);
  std::filesystem::create_symlink(write_file("target", "old"), link);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"export", "site/vm"}, {"archive"}, {"extract"}}) {
    for (const std::string& file : {device, link}) {
      std::vector<std::string> words = command;
      words.insert(words.end(), {">", file});
      EXPECT_EQ(run(words).err, "");
      EXPECT_TRUE(std::filesystem::is_symlink(file));
    }
    std::ifstream in(world_.folder.file("target"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), run(command).out);
  }
  const std::string missing = world_.folder.file("none/x");
  expect({{{"archive", ">", missing},
           "",
           1,
           "",
           "svccfg: cannot open " + missing + ": No such file or directory\n"}});
}

TEST_F(Svccfg, AFileInsteadOfADaemon) {
  const std::string file = world_.folder.file("own.db");
  const Ran ran = run({}, "repository " + file +
                              "\nadd site/x\nselect site/x\nadd i\nselect i\naddpg g application\n"
                              "setprop g/p = count: 1\nrefresh\nlistprop\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, "g    application\ng/p  count    1\n");
  EXPECT_TRUE(world_.refreshed.empty());
  const auto opened = open_file_repository(file);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->repository().snapshots(name("svc:/site/x:i")).value(),
            std::vector<std::string>{"running"});
}

TEST_F(Svccfg, WhatListpropPrintsSetpropTakes) {
  rc::check("values survive listprop and setprop", [this] {
    const auto character = rc::gen::map(rc::gen::inRange(1, 256), [](int c) { return static_cast<char>(c); });
    const auto values = *rc::gen::resize(
        8, rc::gen::suchThat(
               rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(character)),
               [](const std::vector<std::string>& each) { return each.size() != 1; }));
    const repository::Property property{ValueType::astring, values};
    const std::string command = "select vm1\nsetprop vm/words = astring: (" + print_values(property) + ")\n";
    const Ran ran = run({}, command);
    RC_ASSERT(ran.err.empty());
    const auto levels = world_.store->read(name("svc:/site/vm:vm1")).value();
    RC_ASSERT(*levels.find("vm", "words") == property);
  });
}

}  // namespace
}  // namespace vmkeep::svccfg
