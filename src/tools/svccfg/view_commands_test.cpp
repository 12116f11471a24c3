// Looking at entities: snapshots, what is customized, what templates say; and what can be typed next.
#include <algorithm>

#include "tools/svccfg/complete.h"
#include "tools/svccfg/session_test_support.h"

namespace vmkeep::svccfg {
namespace {

using repository::testing::dump;

std::string lab(const std::string& stop) {
  return bundle(
      "manifest",
      "<service name='site/lab' type='service' version='1'><property_group name='vm' type='application'>"
      "<propval name='n' type='count' value='1'/></property_group><instance name='a' enabled='false'>"
      "<property_group name='vm' type='application'><propval name='stop' type='astring' value='" +
          stop +
          "'/></property_group></instance><template><common_name><loctext xml:lang='C'>the lab</loctext>"
          "</common_name><description><loctext xml:lang='C'>Everything for tests.</loctext></description>"
          "<pg_pattern name='vm' type='application' required='true'><common_name><loctext "
          "xml:lang='C'>the VM</loctext></common_name><prop_pattern name='stop' type='astring'><common_name>"
          "<loctext xml:lang='C'>how it ends</loctext></common_name><description><loctext xml:lang='C'>What "
          "stops "
          "it.</loctext></description><visibility value='readonly'/><cardinality min='1' "
          "max='1'/><values><value "
          "name='save'><description><loctext xml:lang='C'>Keeps its "
          "memory.</loctext></description></value><value "
          "name='off'/></values><constraints><include_values type='values'/></constraints></prop_pattern>"
          "<prop_pattern name='n' type='count'><units><loctext "
          "xml:lang='C'>seconds</loctext></units><constraints>"
          "<range min='1' max='9'/></constraints></prop_pattern></pg_pattern></template></service>\n");
}

TEST_F(Svccfg, Snapshots) {
  const std::string file = write_file("lab.xml", lab("save"));
  ASSERT_EQ(run({"import", file}).code, 0);
  expect({
      {{"-s", "lab:a", "listsnap"}, "", 0, "initial\nlast-import\n", ""},
      {{"listsnap"}, "", 1, "", "svccfg: Instance not selected.\n"},
      {{"-s", "site/lab", "selectsnap", "initial"}, "", 1, "", "svccfg: Instance not selected.\n"},
      {{"-s", "lab:a", "selectsnap", "none"}, "", 1, "", "svccfg: No such snapshot \"none\".\n"},
      {{"-s", "lab:a", "revert"}, "", 1, "", "svccfg: No snapshot selected.\n"},
      {{"-s", "lab:a", "revert", "none"}, "", 1, "", "svccfg: No such snapshot \"none\".\n"},
      {{"-s", "lab:a", "setprop", "vm/stop", "=", "off"}, "", 0, "", ""},
      {{},
       "select lab:a\nselectsnap initial\nlistprop vm/stop\nselectsnap\nlistprop vm/stop\n",
       0,
       "vm/stop  astring  save\nvm/stop  astring  off\n",
       ""},
  });
  const std::string before = dump(*world_.store);
  for (const char* command : {"setprop vm/stop = save", "delprop vm", "addpg x application", "delpg vm",
                              "setenv -i A b", "delete -f vm1", "addpropvalue vm/stop x",
                              "delpropvalue vm/stop x", "delcust", "setnotify to-offline mailto:x"}) {
    EXPECT_EQ(run({}, "select lab:a\nselectsnap initial\n" + std::string(command) + "\n").err,
              "svccfg (<stdin>, line 3): Cannot modify snapshots.\n")
        << command;
  }
  for (const char* command : {"refresh", "editprop"}) {
    EXPECT_EQ(run({}, "select lab:a\nselectsnap initial\n" + std::string(command) + "\n").err,
              "svccfg (<stdin>, line 3): Invalid operation on a snapshot.\n")
        << command;
  }
  EXPECT_EQ(dump(*world_.store), before);
}

TEST_F(Svccfg, RevertGoesBackAndCanBeUndone) {
  ASSERT_EQ(run({"import", write_file("lab.xml", lab("save"))}).code, 0);
  ASSERT_EQ(
      run({}, "select lab:a\nsetprop vm/stop = off\nsetprop general/enabled = true\naddpg x application\n")
          .code,
      0);
  std::string prompts;
  auto lines = typing({"select lab:a", "selectsnap initial", "set -v", "revert", "listpg"});
  const Ran ran = run({}, "", [&](const std::string& prompt) {
    prompts += prompt + "\n";
    return lines(prompt);
  });
  EXPECT_EQ(ran.out,
            "Taking \"previous\" snapshot for svc:/site/lab:a.\ngeneral  framework\nvm       application\n");
  EXPECT_EQ(
      prompts,
      "svc:> \nsvc:/site/lab:a> \n[initial]svc:/site/lab:a> \n[initial]svc:/site/lab:a> \nsvc:/site/lab:a> "
      "\nsvc:/site/lab:a> \n");
  expect({{{"-s", "lab:a", "listprop", "vm/stop"}, "", 0, "vm/stop  astring  save\n", ""},
          {{"-s", "lab:a", "listprop", "general/enabled"}, "", 0, "general/enabled  boolean  true\n", ""},
          {{"-s", "lab:a", "revert", "previous"}, "", 0, "", ""},
          {{"-s", "lab:a", "listprop", "vm/stop"}, "", 0, "vm/stop  astring  off\n", ""}});
  EXPECT_TRUE(world_.refreshed.empty());
}

TEST_F(Svccfg, WhatIsCustomizedCanBeListedAndUndone) {
  ASSERT_EQ(run({"import", write_file("lab.xml", lab("save"))}).code, 0);
  expect({
      {{"-s", "lab:a", "listcust"}, "", 0, "", ""},
      {{"-s", "site/vm", "listcust"},
       "",
       1,
       "",
       "svccfg: svc:/site/vm was never imported: nobody knows what is customized.\n"},
      {{},
       "select lab:a\nsetprop vm/stop = off\nsetprop vm/new = count: 3\naddpg mine application\n"
       "setprop general/enabled = true\nlistcust\nlistcust vm/*\n",
       0,
       "mine     added    application\nvm/new   added    count    3\nvm/stop  changed  astring  off\n"
       "vm/new   added    count    3\nvm/stop  changed  astring  off\n",
       ""},
      {{"-s", "lab:a", "delcust", "vm/stop"}, "", 0, "", ""},
      {{"-s", "lab:a", "listcust"}, "", 0, "mine    added    application\nvm/new  added    count    3\n", ""},
      {{"-s", "lab:a", "delcust"}, "", 0, "", ""},
      {{"-s", "lab:a", "listprop"},
       "",
       0,
       "general          framework\ngeneral/enabled  boolean  true\nvm               application\nvm/stop    "
       "      "
       "astring  save\n",
       ""},
      {{"-s", "site/lab", "delprop", "vm"}, "", 0, "", ""},
      {{"-s", "site/lab", "listcust"}, "", 0, "vm  deleted  application\n", ""},
      {{"-s", "site/lab", "delcust"}, "", 0, "", ""},
      {{"-s", "site/lab", "listprop", "vm/n"}, "", 0, "vm/n  count    1\n", ""},
  });
}

TEST_F(Svccfg, DescribeTellsWhatTemplatesSay) {
  ASSERT_EQ(run({"import", write_file("lab.xml", lab("save"))}).code, 0);
  expect({
      {{"-s", "lab:a", "describe"},
       "",
       0,
       "svc:/site/lab:a\n    the lab\n"
       "general          framework\ngeneral/enabled  boolean  false\n"
       "vm               application\n    the VM\nvm/stop          astring  save\n    how it ends\n",
       ""},
      {{"-s", "lab:a", "describe", "vm/stop"}, "", 0, "vm/stop  astring  save\n    how it ends\n", ""},
      {{"-s", "lab:a", "describe", "-v", "vm/stop"},
       "",
       0,
       "vm/stop  astring  save\n    how it ends\n    What stops it.\n    required: false\n"
       "    visibility: readonly\n    minimum number of values: 1\n    maximum number of values: 1\n"
       "    value constraints:\n      save\n        Keeps its memory.\n      off\n",
       ""},
      {{"-s", "lab:a", "describe", "-t", "vm"},
       "",
       0,
       "vm       application\n    the VM\nvm/n     count\nvm/stop  astring\n    how it ends\n",
       ""},
      {{"-s", "site/lab", "describe", "-vt", "vm/n"},
       "",
       0,
       "vm/n  count\n    required: false\n    units: seconds\n    visibility: readwrite\n"
       "    value constraints:\n      1 to 9\n",
       ""},
      {{"-s", "lab:a", "describe", "none"}, "", 1, "", "svccfg: No such property group.\n"},
      {{"-s", "lab:a", "describe", "vm/none"}, "", 1, "", "svccfg: No such property vm/none.\n"},
      {{"describe"}, "", 1, "", "svccfg: An entity is not selected.\n"},
  });
}

struct Typed {
  const char* before;
  const char* word;
  std::vector<std::string> words;
  bool files;
};

TEST_F(Svccfg, WhatCanBeTypedNext) {
  std::ostringstream out;
  Session session(out, out, [this]() -> Result<std::unique_ptr<Backend>> {
    return std::unique_ptr<Backend>(std::make_unique<TestBackend>(world_));
  });
  const auto check = [&](const std::vector<Typed>& table) {
    for (const Typed& row : table) {
      const Completion found = complete(session, row.before, row.word);
      EXPECT_EQ(found.words, row.words) << row.before << row.word;
      EXPECT_EQ(found.files, row.files) << row.before << row.word;
    }
  };
  check({{"", "list", {"list", "listcust", "listnotify", "listpg", "listprop", "listsnap"}, false},
         {"help ", "unse", {"unselect", "unsetenv"}, false},
         {"select ", "site", {"site/vm", "site/vm:vm1", "site/vm:vm2"}, false},
         {"delete -f ", "svc:/site/vm:", {"svc:/site/vm:vm1", "svc:/site/vm:vm2"}, false},
         {"import ", "", {}, true},
         {"export net > ", "", {}, true},
         {"validate ", "svc:/n", {"svc:/net"}, true},
         {"listprop ", "", {}, false},
         {"nonsense ", "", {}, false},
         {"setprop a/b = (", "", {}, false}});
  session.select(name("svc:/site/vm"));
  check({{"select ", "vm", {"vm1", "vm2"}, false}, {"list ", "", {"vm1", "vm2"}, false}});
  session.select(name("svc:/site/vm:vm1"));
  world_.store->commit({repository::TakeSnapshot{name("svc:/site/vm:vm1"), "running"}}).value();
  check({{"listpg ", "", {"general", "restarter", "vm"}, false},
         {"setprop ", "vm", {"vm/freq", "vm/stop_method", "vm/words"}, false},
         {"delprop ", "vm", {"vm", "vm/freq", "vm/stop_method", "vm/words"}, false},
         {"setprop vm/x = ", "net_address_v", {"net_address_v4:", "net_address_v6:"}, false},
         {"selectsnap ", "r", {"running"}, false}});
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace vmkeep::svccfg
