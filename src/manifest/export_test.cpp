// What export writes, import brings in again.
#include "manifest/export.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "manifest/apply.h"
#include "manifest/manifest.h"
#include "manifest/revert.h"
#include "repository/store.h"
#include "repository/store_test_support.h"

namespace vmkeep::manifest {
namespace {

using repository::ChangeSet;
using repository::Property;
using repository::PropertyGroup;
using repository::PutGroup;
using repository::ValueType;
using repository::testing::dump;
using repository::testing::name;
using repository::testing::set;

class World {
 public:
  repository::Repository& store() { return *store_; }
  void commit(const ChangeSet& changes) {
    const auto done = store_->commit(changes);
    ASSERT_TRUE(done) << done.error().message;
  }
  Bundle parsed(const std::string& text) {
    Bundle bundle;
    for (const Problem& problem : parse("", text, bundle)) ADD_FAILURE() << problem.str() << "\n" << text;
    bundle.file = "";  // manifestfiles are not exported
    return bundle;
  }
  void import(const std::string& text) {
    std::vector<std::string> warnings;
    const auto changes = plan_import(*store_, parsed(text), warnings);
    ASSERT_TRUE(changes) << changes.error().message;
    commit(*changes);
  }

 private:
  repository::testing::TemporaryFolder folder_;
  repository::testing::Store store_ = repository::testing::open_or_die(folder_.options());
};

std::string manifest(const std::string& inside) {
  return "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
         "<service_bundle type='manifest' name='t'><service name='s' type='service' version='1'>" +
         inside + "</service></service_bundle>";
}

constexpr char kTemplate[] =
    "<instance name='i' enabled='true'/><template><common_name><loctext "
    "xml:lang='C'>x</loctext></common_name>"
    "<pg_pattern name='vm' type='application' target='instance' required='true'><common_name><loctext "
    "xml:lang='pt-BR'>y</loctext></common_name><description><loctext xml:lang='C'>z</loctext></description>"
    "<prop_pattern name='how' type='astring' required='true'><units><loctext xml:lang='C'>s</loctext></units>"
    "<visibility value='hidden'/><cardinality min='1'/><internal_separators> ,</internal_separators>"
    "<values><value name='a b'><common_name><loctext xml:lang='C'>ab</loctext></common_name></value></values>"
    "<constraints><value name='c'/><range min='1' max='2'/><include_values type='values'/></constraints>"
    "<choices><include_values type='values'/><include_values type='constraints'/></choices></prop_pattern>"
    "<prop_pattern name='bare'/></pg_pattern><pg_pattern/></template>";

TEST(Export, PatternsAndNotificationsComeOutAsElements) {
  World world;
  world.import(manifest(std::string("<notification_parameters><event value='to-offline'/><type name='smtp' "
                                    "active='false'><paramval name='to' value='ann'/><parameter "
                                    "name='cc'><value_node value='b'/><value_node value='c'/></parameter>"
                                    "</type></notification_parameters>") +
                        kTemplate));
  const std::string before = dump(world.store(), false);
  const auto text = export_service(world.store(), name("svc:/s"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->find("property_group"), std::string::npos) << *text;
  EXPECT_NE(text->find("<prop_pattern name='how' type='astring' required='true'>"), std::string::npos)
      << *text;
  world.commit({repository::DeleteEntity{name("svc:/s:i")}, repository::DeleteEntity{name("svc:/s")}});
  world.import(*text);
  EXPECT_EQ(dump(world.store(), false), before) << *text;
}

TEST(Export, APatternThatNoElementCanSayComesOutAsAGroup) {
  World world;
  world.import(manifest(kTemplate));
  world.commit({set("svc:/s", "tm_proppat_nt_vm_application_how", "mine", "1")});
  const auto text = export_service(world.store(), name("svc:/s"));
  ASSERT_TRUE(text) << text.error().message;
  const std::string before = dump(world.store().read(name("svc:/s")).value(), false);
  EXPECT_NE(text->find("<property_group name='tm_proppat_nt_vm_application_how'"), std::string::npos);
  world.commit({repository::DeleteEntity{name("svc:/s:i")}, repository::DeleteEntity{name("svc:/s")}});
  world.import(*text);
  EXPECT_EQ(dump(world.store().read(name("svc:/s")).value(), false), before);
}

// unsetenv may leave such a list; the element cannot say it.
TEST(Export, AMethodWithAnEmptyEnvironmentIsStillAMethod) {
  World world;
  world.import(
      manifest("<exec_method type='method' name='start' exec=':true' timeout_seconds='3'>"
               "<method_context working_directory='/tmp'><method_environment><envvar name='A' "
               "value='1'/></method_environment></method_context></exec_method>"));
  auto start = *world.store().read(name("svc:/s"))->own.at("start");
  start.properties["environment"].values.clear();
  world.commit({PutGroup{name("svc:/s"), start, std::nullopt}});
  const auto text = export_service(world.store(), name("svc:/s"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_NE(text->find("<exec_method name='start'"), std::string::npos) << *text;
  EXPECT_EQ(text->find("property_group"), std::string::npos) << *text;
  EXPECT_EQ(text->find("method_environment"), std::string::npos) << *text;
  const std::string before = dump(world.store().read(name("svc:/s")).value(), false);
  world.commit({repository::DeleteEntity{name("svc:/s")}});
  world.import(*text);
  EXPECT_EQ(dump(world.store().read(name("svc:/s")).value(), false), before);
}

// Names that elements and plain groups fight for, and others.
std::string some_name() {
  return *rc::gen::elementOf(std::vector<std::string>{"start",
                                                      "method_context",
                                                      "general",
                                                      "vm",
                                                      "tm_common_name",
                                                      "tm_pgpatnt_a_b",
                                                      "tm_proppat_nt_a_b_c",
                                                      "dependents",
                                                      "net",
                                                      "name",
                                                      "type",
                                                      "exec",
                                                      "timeout_seconds",
                                                      "user",
                                                      "use_profile",
                                                      "environment",
                                                      "required",
                                                      "target",
                                                      "entities",
                                                      "grouping",
                                                      "restart_on",
                                                      "smtp,active",
                                                      "smtp,to",
                                                      "C",
                                                      "pg_pattern",
                                                      "common_name_C"});
}

Property some_property() {
  const auto type = *rc::gen::elementOf(std::vector<ValueType>{
      ValueType::astring, ValueType::ustring, ValueType::count, ValueType::boolean, ValueType::fmri});
  Property property{type, {}};
  const auto count = *rc::gen::weightedElement<int>({{1, 0}, {8, 1}, {1, 2}});
  for (int i = 0; i < count; ++i) {
    std::string value = "7";
    if (type == ValueType::boolean) value = *rc::gen::elementOf(std::vector<std::string>{"true", "false"});
    if (type == ValueType::fmri)
      value = *rc::gen::elementOf(std::vector<std::string>{"svc:/a:b", "file:///x"});
    if (type == ValueType::astring || type == ValueType::ustring) {
      value = *rc::gen::elementOf(std::vector<std::string>{
          "", "a", "method", "require_all", "service", "none", "A=b", "SMF_X=1", "<&'\"", " two  words\n",
          "tab\t", "true", "this", "all", "application", "vm", "tm_pgpatnt_a_b", "\xc3\xa4", "http://x/"});
    }
    property.values.push_back(std::move(value));
  }
  return property;
}

PropertyGroup some_group() {
  PropertyGroup group;
  group.name = some_name();
  if (group.name == "dependents" || group.name.find(',') != std::string::npos) group.name = "vm";
  group.type = *rc::gen::elementOf(std::vector<std::string>{"application", "framework", "method",
                                                            "dependency", "template", "template_pg_pattern",
                                                            "template_prop_pattern", "notify_params"});
  const auto properties = *rc::gen::inRange(0, 6);
  for (int i = 0; i < properties; ++i) group.properties[some_name()] = some_property();
  return group;
}

TEST(Export, AnythingThatARepositoryCanHoldComesBack) {
  rc::check("export and import are each other's inverse", [] {
    World world;
    const fmri::Fmri service = name("svc:/s");
    const fmri::Fmri instance = name("svc:/s:i");
    ChangeSet changes{repository::AddService{"s"}, repository::AddInstance{"s", "i"}};
    for (const fmri::Fmri& entity : {service, instance}) {
      const auto groups = *rc::gen::inRange(0, 5);
      for (int i = 0; i < groups; ++i) changes.push_back(PutGroup{entity, some_group(), std::nullopt});
    }
    // An instance in a manifest is enabled or not, by the element's attribute.
    PropertyGroup general{"general", "framework", true, 0, {{"enabled", {ValueType::boolean, {"true"}}}}};
    changes.push_back(PutGroup{instance, general, std::nullopt});
    RC_PRE(world.store().commit(changes).has_value());
    const std::string before = dump(world.store(), false);
    const auto text = export_service(world.store(), service);
    RC_ASSERT(text.has_value());
    world.commit({repository::DeleteEntity{instance}, repository::DeleteEntity{service}});
    Bundle bundle;
    const auto problems = parse("", *text, bundle);
    if (!problems.empty()) RC_FAIL(problems.front().str() + "\n" + *text);
    bundle.file = "";
    std::vector<std::string> warnings;
    const auto plan = plan_import(world.store(), bundle, warnings);
    if (!plan) RC_FAIL(plan.error().message + "\n" + *text);
    world.commit(*plan);
    std::string after;
    for (const fmri::Fmri& entity : {service, instance}) {
      after += entity.str() + "\n" + dump(world.store().read(entity).value(), false);
    }
    if (after != before) RC_FAIL("before:\n" + before + "after:\n" + after + *text);
  });
}

TEST(Revert, BringsBackBothLevelsButForWhatIsLive) {
  World world;
  world.import(
      manifest("<property_group name='vm' type='application'><propval name='a' type='astring' value='1'/>"
               "</property_group><instance name='i' enabled='false'><property_group name='vm' "
               "type='application'><propval name='b' type='astring' value='1'/></property_group>"
               "</instance>"));
  world.commit({repository::TakeSnapshot{name("svc:/s:i"), "good"}, set("svc:/s", "vm", "a", "2"),
                set("svc:/s:i", "vm", "b", "2"), set("svc:/s:i", "new", "x", "1"),
                repository::SetProperty{name("svc:/s:i"), "general", "framework", true, "enabled",
                                        Property{ValueType::boolean, {"true"}}}});
  const std::string edited = dump(world.store().read(name("svc:/s:i")).value(), false);
  world.commit(plan_revert(world.store(), name("svc:/s:i"), "good").value());
  const auto levels = world.store().read(name("svc:/s:i")).value();
  EXPECT_EQ(levels.service.at("vm")->value("a"), "1");
  EXPECT_EQ(levels.own.at("vm")->value("b"), "1");
  EXPECT_FALSE(levels.own.contains("new"));
  EXPECT_EQ(levels.own.at("general")->value("enabled"), "true");
  // And there again.
  world.commit(plan_revert(world.store(), name("svc:/s:i"), "previous").value());
  EXPECT_EQ(dump(world.store().read(name("svc:/s:i")).value(), false), edited);
  EXPECT_EQ(plan_revert(world.store(), name("svc:/s:i"), "none").error().kind, ErrorKind::not_found);
}

TEST(Restore, GroupsBecomeWhatTheyWereAndOthersStay) {
  World world;
  world.import(
      manifest("<dependent name='d' grouping='optional_all' restart_on='none'><service_fmri "
               "value='svc:/t'/></dependent><property_group name='vm' type='application'><propval "
               "name='a' type='astring' value='1'/></property_group><instance name='i' enabled='true'/>"));
  const auto archive = export_archive(world.store());
  ASSERT_TRUE(archive) << archive.error().message;
  world.commit({set("svc:/s", "vm", "a", "2"), set("svc:/s", "vm", "b", "1"), set("svc:/s", "mine", "x", "1"),
                repository::DeleteEntity{name("svc:/t")}});
  const auto plan = plan_restore(world.store(), world.parsed(*archive));
  ASSERT_TRUE(plan) << plan.error().message;
  world.commit(plan->changes);
  const auto levels = world.store().read(name("svc:/s")).value();
  EXPECT_EQ(levels.own.at("vm")->value("a"), "1");
  EXPECT_EQ(levels.own.at("vm")->find("b"), nullptr);
  EXPECT_TRUE(levels.own.contains("mine"));
  EXPECT_EQ(world.store().read(name("svc:/t")).value().own.at("d")->value("entities"), "svc:/s");
  EXPECT_TRUE(plan_restore(world.store(), world.parsed(*archive))->changes.empty());
}

}  // namespace
}  // namespace vmkeep::manifest
