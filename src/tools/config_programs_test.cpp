// vmkeep add, remove, properties, check-config, dump-config as whole programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tools/fake_daemon.h"
#include "vm/properties.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using control::InstanceMessage;
using Printed = FakeDaemon::Printed;
using Values = std::map<std::string, std::vector<std::string>>;

constexpr char kWeb[] = "11111111-420b-435b-a7ba-2a590a615572";
constexpr char kTwinA[] = "22222222-420b-435b-a7ba-2a590a615572";
constexpr char kTwinB[] = "33333333-420b-435b-a7ba-2a590a615572";
constexpr char kKept[] = "44444444-420b-435b-a7ba-2a590a615572";
constexpr char kOdd[] = "55555555-420b-435b-a7ba-2a590a615572";

repository::GroupPtr group(const Values& values) {
  auto made = std::make_shared<repository::PropertyGroup>();
  made->name = "vm";
  made->type = "application";
  for (const auto& [name, list] : values) made->properties[name] = {repository::ValueType::astring, list};
  return made;
}

InstanceMessage instance(const std::string& name, const std::string& state) {
  InstanceMessage message;
  message.fmri = "svc:/site/xvm/vbox:" + name;
  message.state = state;
  message.next_state = "none";
  message.reason = "none";
  message.configured = true;
  message.restarter = "svc:/system/svc/restarter:default";
  return message;
}

FakeWorld example() {
  FakeWorld fake;
  const auto add = [&fake](const std::string& name, const std::string& state, const Values& own) {
    fake.world.instances.push_back(instance(name, state));
    auto& levels = fake.levels[fake.world.instances.back().fmri];
    levels.own["vm"] = group(own);
    levels.service["vm"] = group({{"stop_timeout", {"3600"}}, {"is_interactive", {"true"}}});
    fake.running[fake.world.instances.back().fmri] = levels;
  };
  add("kept", "online", {{"uuid", {kKept}}});
  add("bad", "disabled",
      {{"stop_method", {"bogus"}}, {"stop_timeout", {"abc"}}, {"start_wait_policy", {"maybe"}}});
  add("reset", "disabled", {{"start_halted_vm", {""}}, {"nice", {"7"}}, {"stop_metod", {"poweroff"}}});
  fake.world.instances.push_back(instance("x", "online"));
  fake.world.instances.back().fmri = "svc:/site/other:default";
  fake.levels["svc:/site/other:default"] = {};
  auto context = std::make_shared<repository::PropertyGroup>();
  context->name = "method_context";
  context->type = "framework";
  context->properties["environment"] = {repository::ValueType::astring, {"PATH=/bin", "HOME=/old"}};
  fake.levels["svc:/site/xvm/vbox"].own["method_context"] = context;
  fake.vms = {{kWeb, "Web Server", true, ""},
              {kTwinA, "twin", true, ""},
              {kTwinB, "twin", true, ""},
              {kKept, "kept", true, "svc:/site/xvm/vbox:kept"},
              {kOdd, "it's \"B\xc3\xbcro\" $(reboot)", true, ""}};
  return fake;
}

class Config : public ::testing::Test {
 protected:
  Config() : daemon_(example()) {}
  void SetUp() override { ASSERT_TRUE(daemon_.started()); }

  Printed vmkeep(const std::vector<std::string>& arguments) const { return daemon_.run("vmkeep", arguments); }
  std::string property(const std::string& instance, const std::string& name) const {
    return daemon_.run("svcprop", {"-C", "-p", name, "svc:/site/xvm/vbox:" + instance}).out;
  }
  // The one document that a program printed.
  static json::value document(const Printed& run, const std::string& schema) {
    boost::system::error_code error;
    auto read = json::parse(run.out, error);
    if (error || !read.is_object() || read.as_object().empty()) {
      ADD_FAILURE() << "no document: " << run.out << run.err;
      return json::object{};
    }
    EXPECT_EQ(read.as_object().begin()->key(), "schema");
    EXPECT_EQ(read.at("schema").as_string(), "vmkeep/" + schema + "/1");
    return read;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  FakeDaemon daemon_;
};

TEST_F(Config, AddWritesTheInstanceAndSaysSo) {
  const auto run = vmkeep({"add", "Web Server"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(has(run.out, "svc:/site/xvm/vbox:Web-Server keeps the VM \"Web Server\"")) << run.out;
  EXPECT_TRUE(has(run.out, std::string("vm/uuid = ") + kWeb)) << run.out;
  EXPECT_TRUE(has(run.out, "Next: svcadm enable vbox:Web-Server")) << run.out;
  EXPECT_EQ(property("Web-Server", "vm/uuid"), std::string(kWeb) + "\n");
  EXPECT_EQ(property("Web-Server", "vm/name"), "Web\\ Server\n");
  EXPECT_EQ(property("Web-Server", "general/enabled"), "false\n");
}

TEST_F(Config, AddTakesProfileNameAndEnable) {
  const auto run = vmkeep({"add", "--profile=interactive", "--as", "desk", kWeb, "--enable"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(property("desk", "vm/is_interactive"), "true\n");
  EXPECT_EQ(property("desk", "general/enabled"), "true\n");
}

TEST_F(Config, AddTellsTwinsApartAndTakesAnyName) {
  const auto vague = vmkeep({"add", "twin"});
  EXPECT_EQ(vague.code, 1);
  EXPECT_TRUE(has(vague.err, kTwinA) && has(vague.err, kTwinB)) << vague.err;
  EXPECT_EQ(vmkeep({"add", kTwinA, kTwinB}).code, 0);
  EXPECT_EQ(property("twin", "vm/uuid"), std::string(kTwinA) + "\n");
  EXPECT_EQ(property("twin-33333333", "vm/uuid"), std::string(kTwinB) + "\n");
  const auto odd = vmkeep({"add", "it's \"B\xc3\xbcro\" $(reboot)"});
  EXPECT_EQ(odd.code, 0) << odd.err;
  EXPECT_EQ(property("it-s-Buro-reboot", "vm/uuid"), std::string(kOdd) + "\n");
}

TEST_F(Config, AddRefusesBeforeItActs) {
  EXPECT_EQ(vmkeep({"add"}).code, 2);
  EXPECT_EQ(vmkeep({"add", "--as", "a b", kWeb}).code, 2);
  EXPECT_EQ(vmkeep({"add", "--profile", "fast", kWeb}).code, 2);
  EXPECT_EQ(vmkeep({"add", "--as", "a", kWeb, kTwinA}).code, 2);
  EXPECT_TRUE(has(vmkeep({"add", "kept"}).err, "is svc:/site/xvm/vbox:kept already"));
  EXPECT_TRUE(has(vmkeep({"add", "--owner", "no-such-user", kWeb}).err, "no user"));
  // One wrong name, and nothing is added.
  EXPECT_EQ(vmkeep({"add", kWeb, "nothing"}).code, 1);
  const auto twice = vmkeep({"add", kWeb, "Web Server"});
  EXPECT_EQ(twice.code, 1);
  EXPECT_TRUE(has(twice.err, "is named twice")) << twice.err;
  EXPECT_EQ(property("Web-Server", "vm/uuid"), "");
  const auto denied = vmkeep({"add", "--as", "forbidden", kWeb});
  EXPECT_EQ(denied.code, 1);
  EXPECT_TRUE(has(denied.err, "Permission denied: you may not")) << denied.err;
}

TEST_F(Config, AddAllListsAndWithYesAdds) {
  const auto offer = vmkeep({"add", "--all"});
  EXPECT_EQ(offer.code, 0);
  EXPECT_TRUE(has(offer.out, std::string("vmkeep add ") + kTwinB + "  # \"twin\"")) << offer.out;
  EXPECT_FALSE(has(offer.out, kKept));
  // What found them is part of the command that adds them.
  const auto elsewhere = vmkeep({"add", "--all", "--env", "VBOX_USER_HOME=/home/my vms"});
  EXPECT_TRUE(has(elsewhere.out, "vmkeep add --env 'VBOX_USER_HOME=/home/my vms' " + std::string(kTwinB)))
      << elsewhere.out;
  const auto wishes = vmkeep({"add", "--all", "--profile", "dualboot", "--enable", "--manifest", "/a b.xml"});
  EXPECT_TRUE(has(wishes.out, "vmkeep add --profile dualboot --enable --manifest '/a b.xml' " +
                                  std::string(kTwinB) + "  # \"twin\"\n"))
      << wishes.out;
  EXPECT_EQ(property("twin", "vm/uuid"), "");
  const auto dry = vmkeep({"add", "--all", "--dry-run"});
  EXPECT_TRUE(has(dry.out, "svc:/site/xvm/vbox:twin-33333333 would keep")) << dry.out;
  EXPECT_EQ(property("twin", "vm/uuid"), "");
  const auto offered = document(vmkeep({"add", "--all", "--json"}), "registrations");
  ASSERT_EQ(offered.at("vms").as_array().size(), 4U);
  EXPECT_TRUE(offered.at("vms").at(0).at("fmri").is_null());
  const auto all = document(vmkeep({"add", "--all", "--yes", "--json"}), "registrations");
  ASSERT_EQ(all.at("vms").as_array().size(), 4U);
  EXPECT_EQ(all.at("vms").at(0).at("fmri").as_string(), "svc:/site/xvm/vbox:Web-Server");
  EXPECT_EQ(all.at("vms").at(0).at("set").at(0).at("name").as_string(), "vm/uuid");
  EXPECT_EQ(all.at("vms").at(0).at("set").at(0).at("value").as_string(), kWeb);
  EXPECT_EQ(property("twin-33333333", "vm/uuid"), std::string(kTwinB) + "\n");
}

TEST_F(Config, AddTakesAVariableOfTheServicesOnce) {
  const auto run = vmkeep({"add", "--env", "HOME=/new", "--env", "VBOX_USER_HOME=/vms", kWeb});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_FALSE(has(run.out, "HOME=/old")) << run.out;
  EXPECT_EQ(property("Web-Server", "method_context/environment"),
            "PATH=/bin HOME=/new VBOX_USER_HOME=/vms\n");
}

TEST_F(Config, AddSaysHowTheServiceGetsThere) {
  FakeWorld empty;
  empty.world.instances.push_back(instance("x", "online"));
  empty.world.instances.back().fmri = "svc:/site/other:default";
  const FakeDaemon without(empty);
  const auto run = without.run("vmkeep", {"add", "--manifest", "/nowhere.xml", "web"});
  EXPECT_EQ(run.code, 1);
  EXPECT_TRUE(has(run.err, "svccfg import FILE")) << run.err;
}

TEST_F(Config, RemoveRefusesWhatIsOnline) {
  const auto online = vmkeep({"remove", "kept"});
  EXPECT_EQ(online.code, 1);
  EXPECT_TRUE(has(online.err, "is online") && has(online.err, "--force")) << online.err;
  EXPECT_TRUE(has(vmkeep({"remove", "--force", "kept"}).out, "its VM is being stopped"));
  EXPECT_EQ(property("kept", "vm/uuid"), "");
  EXPECT_TRUE(has(vmkeep({"remove", "reset"}).out, "svc:/site/xvm/vbox:reset is removed"));
  EXPECT_TRUE(has(vmkeep({"remove", "other"}).err, "is no VM"));
  EXPECT_EQ(vmkeep({"remove", "bad", "nothing"}).code, 1);
  EXPECT_EQ(property("bad", "vm/stop_method"), "bogus\n");
  EXPECT_EQ(vmkeep({"remove"}).code, 2);
}

TEST_F(Config, T23_check_config_names_instance_and_property_of_every_error) {
  const auto run = vmkeep({"check-config"});
  EXPECT_EQ(run.code, 96);
  for (const char* part : {"svc:/site/xvm/vbox:bad: vm/stop_method is \"bogus\"; it must be savestate,",
                           "svc:/site/xvm/vbox:bad: vm/stop_timeout is \"abc\"",
                           "svc:/site/xvm/vbox:bad: vm/start_wait_policy is \"maybe\"",
                           "vm/stop_metod is no property of vmkeep's; did you mean vm/stop_method?"}) {
    EXPECT_TRUE(has(run.err, part)) << run.err;
  }
  EXPECT_EQ(run.out, "3 VMs looked at, 1 with errors.\n");
  EXPECT_EQ(vmkeep({"check-config", "kept", "reset"}).code, 0);
  const auto as_json = vmkeep({"check-config", "--json", "bad"});
  EXPECT_EQ(as_json.code, 96);
  EXPECT_EQ(document(as_json, "config-check").at("instances").at(0).at("problems").as_array().size(), 3U);
  EXPECT_TRUE(has(vmkeep({"check-config", "other"}).err, "is no VM"));
}

TEST_F(Config, CheckFindsTwoInstancesOfOneVm) {
  EXPECT_EQ(vmkeep({"add", "--as", "one", kWeb}).code, 0);
  EXPECT_EQ(vmkeep({"add", "--as", "two", kWeb}).code, 0);  // the pretender does not know what it did
  const auto run = vmkeep({"check-config", "one", "two"});
  EXPECT_EQ(run.code, 96);
  EXPECT_TRUE(has(run.err, "one: vm/uuid is also that of svc:/site/xvm/vbox:two")) << run.err;
}

TEST_F(Config, T19_dump_config_shows_origins_and_what_is_reset) {
  const auto run = vmkeep({"dump-config", "reset"});
  EXPECT_EQ(run.code, 0) << run.err;
  const auto line = [&run](const std::string& name) {
    const size_t at = run.out.find("  vm/" + name + " ");
    return at == std::string::npos ? "" : run.out.substr(at, run.out.find('\n', at) - at);
  };
  EXPECT_TRUE(line("start_halted_vm").ends_with("instance (reset by an empty value, which is not true)"));
  EXPECT_TRUE(has(line("nice"), " 7 ") && line("nice").ends_with("instance"));
  EXPECT_TRUE(has(line("stop_timeout"), " 3600 ") && line("stop_timeout").ends_with("service"));
  EXPECT_TRUE(has(line("kicker_freq"), " 50 ") && line("kicker_freq").ends_with("default"));
  EXPECT_TRUE(has(line("is_interactive"), "default (the service's \"true\" does not count"));
  const auto as_json = document(vmkeep({"dump-config", "--json", "reset"}), "config");
  const auto& settings = as_json.at("instances").at(0).at("settings").as_array();
  ASSERT_EQ(settings.size(), vm::properties().size());
  const auto nice = std::find_if(settings.begin(), settings.end(),
                                 [](const auto& each) { return each.at("name").as_string() == "vm/nice"; });
  ASSERT_NE(nice, settings.end());
  EXPECT_EQ(json::serialize(*nice),
            R"({"name":"vm/nice","type":"integer","values":["7"],"origin":"instance","note":null})");
  EXPECT_EQ(vmkeep({"dump-config", "bad"}).code, 96);
  EXPECT_EQ(vmkeep({"dump-config"}).code, 2);
}

TEST_F(Config, PropertiesAreToldInFull) {
  const auto nice = vmkeep({"properties", "vm/nice"});
  EXPECT_EQ(nice.code, 0);
  EXPECT_TRUE(has(nice.out, "integer, -20 to 19; instance, else service; default as vmkeepd")) << nice.out;
  const auto all = document(vmkeep({"properties", "--json"}), "vm-properties");
  EXPECT_EQ(all.at("properties").as_array().size(), vm::properties().size());
  const auto glob = document(vmkeep({"properties", "--json", "zfssnap_*"}), "vm-properties");
  EXPECT_EQ(glob.at("properties").as_array().size(), 4U);
  const auto wrong = vmkeep({"properties", "timzone"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_TRUE(has(wrong.err, "did you mean vm/timezone?")) << wrong.err;
}

}  // namespace
}  // namespace vmkeep::tools
