#include "tools/config_plan.h"

#include <gtest/gtest.h>

#include "fmri/fmri.h"
#include "tools/config_flags.h"

namespace vmkeep::tools {
namespace {

constexpr char kOne[] = "bd419973-420b-435b-a7ba-2a590a615572";
constexpr char kTwo[] = "bd419973-0000-435b-a7ba-2a590a615573";

OwnedVm vm(const std::string& name, const std::string& uuid = kOne) {
  return {uuid, name, true, ""};
}

TEST(InstanceName, IsMadeOfTheVmsName) {
  const struct {
    const char* vm;
    const char* instance;
  } table[] = {
      {"web", "web"},
      {"Web Server", "Web-Server"},
      {"my \"best\" VM", "my-best-VM"},
      {"it's; $(rm -rf /)", "it-s-rm-rf"},
      {"B\xc3\xbcro \xc3\x9cnter 1", "Buro-Unter-1"},
      {"\xd0\xb2\xd0\xb5\xd0\xb1", "vm-bd419973"},
      {"\xd0\xb2 web", "web"},
      {"2008", "vm-2008"},
      {"_x", "vm-_x"},
      {"--", "vm-bd419973"},
      {"", "vm-bd419973"},
      {"a.b,c:d/e", "a-b-c-d-e"},
      {"tab\there\nnow", "tab-here-now"},
  };
  for (const auto& row : table) {
    const std::string name = instance_name(vm(row.vm), {});
    EXPECT_EQ(name, row.instance);
    EXPECT_TRUE(fmri::valid_name(name)) << name;
  }
  EXPECT_LE(instance_name(vm(std::string(500, 'x')), {}).size(), 64U);
}

TEST(InstanceName, TwoOfOneNameAreToldApart) {
  EXPECT_EQ(instance_name(vm("web"), {"web"}), "web-bd419973");
  EXPECT_EQ(instance_name(vm("web", kTwo), {"web", "web-bd419973"}), "web-bd419973-0000");
  EXPECT_EQ(
      instance_name(vm("web"), {"web", "web-bd419973", "web-bd419973-420b", std::string("web-") + kOne}), "");
}

TEST(PickVm, ByNameOrUuid) {
  const std::vector<OwnedVm> vms{vm("web"), vm("my web", kTwo)};
  EXPECT_EQ(pick_vm(vms, "web")->uuid, kOne);
  EXPECT_EQ(pick_vm(vms, kTwo)->name, "my web");
  EXPECT_EQ(pick_vm(vms, "{BD419973-0000-435B-A7BA-2A590A615573}")->name, "my web");
  const auto missing = pick_vm(vms, "WE");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_NE(missing.error().message.find("my web"), std::string::npos);
}

TEST(PickVm, OneNameOfTwoVmsIsNoAnswer) {
  const auto both = pick_vm({vm("web"), vm("web", kTwo)}, "web");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().kind, ErrorKind::invalid);
  EXPECT_NE(both.error().message.find(kOne), std::string::npos);
  EXPECT_NE(both.error().message.find(kTwo), std::string::npos);
}

TEST(PickVm, InaccessibleOnesHaveNoNameButAUuid) {
  const std::vector<OwnedVm> vms{{kOne, "<inaccessible>", false, ""}};
  EXPECT_FALSE(pick_vm(vms, "<inaccessible>"));
  EXPECT_TRUE(pick_vm(vms, kOne));
}

TEST(Registration, WritesTheInstanceWithGeneralLast) {
  Registration registration;
  registration.vm = vm("Web \"1\"");
  registration.instance = "web";
  registration.profile = Profile::dualboot;
  registration.user = "ann";
  registration.group = "staff";
  registration.environment = {"A=b", "C=d"};
  const auto plan = plan_registration(registration);
  ASSERT_EQ(plan.changes.size(), 4U);
  EXPECT_EQ(std::get<repository::AddInstance>(plan.changes[0]).instance, "web");
  const auto& group = std::get<repository::PutGroup>(plan.changes[1]).group;
  EXPECT_EQ(group.name, "vm");
  EXPECT_EQ(group.value("uuid"), kOne);
  EXPECT_EQ(group.value("name"), "Web \"1\"");
  EXPECT_EQ(group.value("is_dualboot"), "true");
  const auto& context = std::get<repository::PutGroup>(plan.changes[2]).group;
  EXPECT_EQ(context.value("user"), "ann");
  EXPECT_EQ(context.value("group"), "staff");
  EXPECT_EQ(context.value("working_directory"), "/var/tmp");
  EXPECT_EQ(context.find("environment")->values, registration.environment);
  const auto& general = std::get<repository::PutGroup>(plan.changes[3]).group;
  EXPECT_EQ(general.name, "general");
  EXPECT_EQ(general.value("enabled"), "false");
}

TEST(Registration, HeadlessLeavesEverythingToTheService) {
  Registration registration;
  registration.vm = vm("web");
  registration.instance = "web";
  registration.enable = true;
  const auto plan = plan_registration(registration);
  const std::vector<std::pair<std::string, std::string>> set{
      {"vm/uuid", kOne}, {"vm/name", "web"}, {"general/enabled", "true"}};
  EXPECT_EQ(plan.set, set);
}

TEST(ConfigFlags, StandAnywhereAndAreChecked) {
  const auto parsed = parse_config_arguments({"a", "--owner", "ann", "--as=b", "--", "--all"},
                                             {{"--owner", true}, {"--as", true}, {"--all"}});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->operands, (Arguments{"a", "--all"}));
  EXPECT_EQ(parsed->value("--owner"), "ann");
  EXPECT_EQ(parsed->value("--as"), "b");
  EXPECT_FALSE(parsed->has("--all"));
  for (const Arguments& bad :
       {Arguments{"--nothing"}, Arguments{"--owner"}, Arguments{"--owner="}, Arguments{"--all=1"}}) {
    EXPECT_FALSE(parse_config_arguments(bad, {{"--owner", true}, {"--all"}}));
  }
}

TEST(ShellWord, IsOneWord) {
  EXPECT_EQ(shell_word("vbox:web-1"), "vbox:web-1");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace vmkeep::tools
