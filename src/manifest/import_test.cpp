// Imports into a real store.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "manifest/export.h"
#include "manifest/manifest.h"
#include "repository/store.h"
#include "repository/store_test_support.h"

namespace vmkeep::manifest {
namespace {

using repository::ChangeSet;
using repository::DeleteGroup;
using repository::PutGroup;
using repository::TakeSnapshot;
using repository::testing::dump;
using repository::testing::name;
using repository::testing::set;

std::string bundle_text(const std::string& services) {
  return "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
         "<service_bundle type='manifest' name='t'>" +
         services + "</service_bundle>";
}

// A service with one instance and two properties, one at each level.
std::string vm_service(const std::string& stop, const std::string& freq, const std::string& more = "") {
  return fmt::format(
      "<service name='site/vm' type='service' version='1'>"
      "<exec_method type='method' name='start' exec='/bin/start %i' timeout_seconds='60'/>"
      "<property_group name='vm' type='application'><propval name='freq' type='integer' "
      "value='{}'/></property_group>"
      "<instance name='one' enabled='false'><property_group name='vm' type='application'>"
      "<propval name='stop' type='astring' value='{}'/></property_group></instance>{}</service>",
      freq, stop, more);
}

class Import : public ::testing::Test {
 protected:
  Bundle bundle(const std::string& services) {
    Bundle result;
    for (const Problem& problem : parse("/m.xml", bundle_text(services), result))
      ADD_FAILURE() << problem.str();
    return result;
  }
  ChangeSet plan(const std::string& services) {
    warnings_.clear();
    auto result = plan_import(*store_, bundle(services), warnings_);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : ChangeSet{};
  }
  void import(const std::string& services) { commit(plan(services)); }
  void commit(const ChangeSet& changes) {
    const auto done = store_->commit(changes);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string error(const std::string& services) {
    const auto result = plan_import(*store_, bundle(services), warnings_);
    return result ? "no error" : result.error().message;
  }
  std::string value(const std::string& entity, const std::string& group, const std::string& property) {
    return std::string(store_->read(name(entity)).value().value(group, property).value_or("-"));
  }
  std::string snapshot_value(const std::string& instance, const std::string& snapshot,
                             const std::string& group, const std::string& property) {
    return std::string(
        store_->read_snapshot(name(instance), snapshot).value().value(group, property).value_or("-"));
  }
  repository::Groups own(const std::string& entity) { return store_->read(name(entity)).value().own; }

  repository::testing::TemporaryFolder folder_;
  repository::testing::Store store_ = repository::testing::open_or_die(folder_.options());
  std::vector<std::string> warnings_;
};

TEST_F(Import, NewThings) {
  import(vm_service("savestate", "50"));
  EXPECT_TRUE(warnings_.empty());
  EXPECT_EQ(value("svc:/site/vm:one", "vm", "stop"), "savestate");
  EXPECT_EQ(value("svc:/site/vm:one", "vm", "freq"), "50");
  EXPECT_EQ(value("svc:/site/vm:one", "start", "exec"), "/bin/start %i");
  EXPECT_EQ(value("svc:/site/vm:one", "general", "enabled"), "false");
  EXPECT_EQ(value("svc:/site/vm", "manifestfiles", "m_xml"), "/m.xml");
  EXPECT_EQ(store_->snapshots(name("svc:/site/vm:one")).value(),
            (std::vector<std::string>{"initial", "last-import"}));
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "initial", "vm", "freq"), "50");
}

TEST_F(Import, GeneralIsTheLastGroupAndSnapshotsComeAfterIt) {
  const ChangeSet changes = plan(vm_service("savestate", "50"));
  size_t general = 0;
  size_t last_group = 0;
  size_t first_snapshot = changes.size();
  for (size_t i = 0; i < changes.size(); ++i) {
    if (const auto* put = std::get_if<PutGroup>(&changes[i])) {
      if (put->entity.is_instance()) last_group = i;
      if (put->group.name == "general") general = i;
    }
    if (std::holds_alternative<TakeSnapshot>(changes[i])) first_snapshot = std::min(first_snapshot, i);
  }
  EXPECT_EQ(general, last_group);
  EXPECT_LT(general, first_snapshot);
}

TEST_F(Import, TheSameAgainChangesNothing) {
  import(vm_service("savestate", "50"));
  EXPECT_TRUE(plan(vm_service("savestate", "50")).empty());
}

TEST_F(Import, WhatWasCustomisedSurvivesEveryFurtherImport) {
  import(vm_service("savestate", "50"));
  commit({set("svc:/site/vm:one", "vm", "stop", "poweroff"), set("svc:/site/vm", "vm", "freq", "9"),
          set("svc:/site/vm:one", "mine", "note", "hello")});
  EXPECT_TRUE(plan(vm_service("savestate", "50")).empty());
  // The start method moves, what the administrator changed stays, again and again.
  const std::string added = "<stability value='Stable'/>";
  for (int i = 0; i < 3; ++i) {
    import(vm_service("savestate", "50", added));
    EXPECT_TRUE(warnings_.empty());
    EXPECT_EQ(value("svc:/site/vm:one", "vm", "stop"), "poweroff");
    EXPECT_EQ(value("svc:/site/vm", "vm", "freq"), "9");
    EXPECT_EQ(value("svc:/site/vm:one", "mine", "note"), "hello");
    EXPECT_EQ(value("svc:/site/vm", "general", "entity_stability"), "Stable");
  }
  // The snapshot has what the manifest said, and nothing of what the administrator did.
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "last-import", "vm", "stop"), "savestate");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "last-import", "vm", "freq"), "50");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "last-import", "mine", "note"), "-");
}

TEST_F(Import, AnUpgradeTakesWhatNobodyCustomised) {
  import(vm_service("savestate", "50"));
  commit({set("svc:/site/vm:one", "vm", "stop", "poweroff")});
  import(vm_service("acpipowerbutton", "20"));
  EXPECT_EQ(warnings_,
            std::vector<std::string>{
                "Conflict upgrading svc:/site/vm:one (property \"vm/stop\" has been customized)."});
  EXPECT_EQ(value("svc:/site/vm:one", "vm", "stop"), "poweroff");
  EXPECT_EQ(value("svc:/site/vm:one", "vm", "freq"), "20");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "previous", "vm", "freq"), "50");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "last-import", "vm", "stop"), "acpipowerbutton");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "initial", "vm", "freq"), "50");
  // Told once.
  EXPECT_TRUE(plan(vm_service("acpipowerbutton", "20")).empty());
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Import, EnabledAndRestarterOfWhatExistsAreNeverTouched) {
  import(vm_service("savestate", "50"));
  commit({repository::SetProperty{name("svc:/site/vm:one"), "general", "framework", true, "enabled",
                                  repository::Property{repository::ValueType::boolean, {"true"}}}});
  import(vm_service("acpipowerbutton", "50"));
  EXPECT_EQ(value("svc:/site/vm:one", "general", "enabled"), "true");
  import(
      "<service name='site/vm' type='service' version='1'><instance name='one' enabled='false'>"
      "<restarter><service_fmri value='svc:/other:default'/></restarter></instance></service>");
  EXPECT_EQ(value("svc:/site/vm:one", "general", "enabled"), "true");
  EXPECT_EQ(value("svc:/site/vm:one", "general", "restarter"), "-");
}

TEST_F(Import, AnInstanceMadeByHandIsConfiguredAndKeepsWhatItHas) {
  commit({repository::AddService{"site/vm"}, repository::AddInstance{"site/vm", "one"},
          PutGroup{name("svc:/site/vm:one"),
                   {"vm", "application", true, 0, {{"stop", {repository::ValueType::astring, {"poweroff"}}}}},
                   0}});
  import(vm_service("savestate", "50"));
  EXPECT_EQ(warnings_,
            std::vector<std::string>{
                "Conflict upgrading svc:/site/vm:one (property \"vm/stop\" has been customized)."});
  EXPECT_EQ(value("svc:/site/vm:one", "vm", "stop"), "poweroff");
  EXPECT_EQ(value("svc:/site/vm:one", "general", "enabled"), "false");
  EXPECT_EQ(snapshot_value("svc:/site/vm:one", "last-import", "vm", "stop"), "savestate");
}

TEST_F(Import, AnotherInstanceOfAServiceThatExists) {
  import(vm_service("savestate", "50"));
  commit({set("svc:/site/vm", "vm", "freq", "9")});
  import(vm_service("savestate", "50", "<stability value='Stable'/>")
             .replace(vm_service("", "50").find("<instance"), 0, "<instance name='two' enabled='true'/>"));
  EXPECT_EQ(value("svc:/site/vm:two", "general", "enabled"), "true");
  EXPECT_EQ(value("svc:/site/vm:two", "vm", "freq"), "9");
  EXPECT_EQ(snapshot_value("svc:/site/vm:two", "last-import", "vm", "freq"), "50");
}

TEST_F(Import, AManifestOfInstancesOnlyLeavesTheServiceAsItIs) {
  const auto bare = [](const std::string& stop) {
    return "<service name='site/vm' type='service' version='1'><instance name='two' enabled='true'>"
           "<property_group name='vm' type='application'><propval name='stop' type='astring' value='" +
           stop + "'/></property_group></instance></service>";
  };
  import(vm_service("savestate", "50"));
  commit({set("svc:/site/vm", "vm", "freq", "9")});
  for (const char* stop : {"poweroff", "reset"}) {
    import(bare(stop));
    EXPECT_TRUE(warnings_.empty());
    EXPECT_EQ(value("svc:/site/vm:two", "vm", "stop"), stop);
    EXPECT_EQ(value("svc:/site/vm:two", "vm", "freq"), "9");
    EXPECT_EQ(value("svc:/site/vm", "start", "exec"), "/bin/start %i");
  }
  // What the service's own manifest said last is still known.
  EXPECT_EQ(snapshot_value("svc:/site/vm:two", "last-import", "vm", "freq"), "50");
  import(vm_service("savestate", "60"));
  EXPECT_EQ(value("svc:/site/vm", "vm", "freq"), "9");
}

std::string dependent_service(const std::string& target, const std::string& attributes = "") {
  return "<service name='site/late' type='service' version='1'>"
         "<dependent name='late' grouping='optional_all' restart_on='none' " +
         attributes + "><service_fmri value='" + target +
         "'/></dependent><instance name='default' enabled='true'/></service>";
}

TEST_F(Import, ADependentGoesToItsTarget) {
  import(vm_service("savestate", "50") + dependent_service("svc:/site/vm:one"));
  EXPECT_EQ(value("svc:/site/vm:one", "late", "entities"), "svc:/site/late");
  EXPECT_EQ(value("svc:/site/vm:one", "late", "external"), "true");
  EXPECT_EQ(value("svc:/site/late", "dependents", "late"), "svc:/site/vm:one");
  EXPECT_TRUE(plan(vm_service("savestate", "50") + dependent_service("svc:/site/vm:one")).empty());
  // The target's own manifest leaves it alone, also when it changes.
  import(vm_service("poweroff", "51"));
  EXPECT_EQ(value("svc:/site/vm:one", "late", "entities"), "svc:/site/late");
  // Another target: the old one loses it.
  import(dependent_service("svc:/site/vm"));
  EXPECT_FALSE(own("svc:/site/vm:one").contains("late"));
  EXPECT_EQ(value("svc:/site/vm", "late", "entities"), "svc:/site/late");
  import(dependent_service("svc:/site/vm", "delete='true'"));
  EXPECT_FALSE(own("svc:/site/vm").contains("late"));
  EXPECT_FALSE(own("svc:/site/late").contains("dependents"));
}

TEST_F(Import, ATargetThatIsNotThereIsCreatedEmpty) {
  import(dependent_service("svc:/site/vm:one"));
  EXPECT_EQ(own("svc:/site/vm:one").size(), 1U);
  EXPECT_TRUE(own("svc:/site/vm").empty());
  import(vm_service("savestate", "50"));
  EXPECT_TRUE(warnings_.empty());
  EXPECT_EQ(value("svc:/site/vm:one", "late", "entities"), "svc:/site/late");
  EXPECT_EQ(value("svc:/site/vm:one", "general", "enabled"), "false");
}

TEST_F(Import, ADependentMayNotReplaceSomebodyElsesGroup) {
  import(
      "<service name='site/vm' type='service' version='1'><instance name='one' enabled='true'>"
      "<property_group name='late' type='application'/></instance></service>");
  const std::string before = dump(*store_);
  EXPECT_EQ(error(dependent_service("svc:/site/vm:one")),
            "Could not create \"late\" dependency in svc:/site/vm:one (already exists).");
  EXPECT_EQ(dump(*store_), before);
}

TEST_F(Import, WhatSomebodyElseChangesMeanwhileIsNotLost) {
  import(vm_service("savestate", "50"));
  const ChangeSet changes = plan(vm_service("poweroff", "50"));
  commit({set("svc:/site/vm:one", "vm", "stop", "acpipowerbutton")});
  const auto late = store_->commit(changes);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::stale);
}

TEST_F(Import, ProfilesAreNoManifests) {
  Bundle profile;
  ASSERT_TRUE(parse("p.xml",
                    "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
                    "<service_bundle type='profile' name='p'/>",
                    profile)
                  .empty());
  const auto result = plan_import(*store_, profile, warnings_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "document is not a manifest.");
}

// A manifest with one of everything, as it comes out of export.
constexpr char kEverything[] =
    "<service name='site/all' type='service' version='0'><create_default_instance "
    "enabled='true'/><single_instance/>"
    "<restarter><service_fmri value='svc:/system/r:default'/></restarter>"
    "<dependency name='net' grouping='require_any' restart_on='error' type='service'>"
    "<service_fmri value='svc:/net:a'/><service_fmri value='svc:/net:b'/></dependency>"
    "<dependency name='up' grouping='require_all' restart_on='none' type='host'>"
    "<service_fmri value='host:network'/></dependency>"
    "<dependent name='all' grouping='optional_all' restart_on='none'><service_fmri "
    "value='svc:/later'/></dependent>"
    "<method_context working_directory='/tmp'><method_credential user='ann' group='vm'/><method_environment>"
    "<envvar name='A' value='it&apos;s &lt;x&gt; &amp; &quot;y&quot;'/></method_environment></method_context>"
    "<exec_method type='method' name='start' exec='/bin/x %i &amp;&amp; echo' timeout_seconds='-1'>"
    "<method_context project='p'><method_profile name='VM'/></method_context>"
    "<propval name='extra' type='count' value='3'/></exec_method>"
    "<notification_parameters><event value='to-offline'/><type name='smtp'><paramval name='to' "
    "value='ann'/></type>"
    "</notification_parameters>"
    "<property_group name='vm' type='application'><stability value='Stable'/>"
    "<propval name='text' type='astring' value='line&#10;line&#9;tab'/><propval name='empty' type='astring' "
    "value=''/>"
    "<property name='list' type='integer'><integer_list><value_node value='3'/><value_node "
    "value='1'/></integer_list>"
    "</property><property name='none' type='astring'/></property_group>"
    "<instance name='vm1' enabled='false'><property_group name='vm' type='application'>"
    "<propval name='stop' type='astring' value='poweroff'/></property_group>"
    "<template><common_name><loctext xml:lang='C'>One VM</loctext></common_name></template></instance>"
    "<stability value='Evolving'/>"
    "<template><common_name><loctext xml:lang='C'>All of it</loctext></common_name>"
    "<description><loctext xml:lang='C'>Everything</loctext></description>"
    "<documentation><manpage title='vm' section='1m' manpath='/x'/><doc_link name='d' "
    "uri='http://d/'/></documentation>"
    "<pg_pattern name='vm'><prop_pattern name='text' type='astring'/></pg_pattern></template></service>";

TEST_F(Import, ExportBringsTheSameInAgain) {
  Bundle first = bundle(kEverything);
  first.file = "";  // manifestfiles are not exported
  commit(plan_import(*store_, first, warnings_).value());
  const auto text = export_service(*store_, name("svc:/site/all"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->find('"'), std::string::npos);
  const std::string before = dump(*store_, false);

  repository::testing::TemporaryFolder folder;
  const auto copy = repository::testing::open_or_die(folder.options());
  Bundle second;
  for (const Problem& problem : parse("exported.xml", *text, second)) ADD_FAILURE() << problem.str() << *text;
  const auto changes = plan_import(*copy, second, warnings_);
  ASSERT_TRUE(changes) << changes.error().message;
  const auto done = copy->commit(*changes);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(dump(*copy, false), before);
}

TEST_F(Import, ExportIsWrittenAsTheFacilityDoes) {
  import(
      "<service name='site/small' type='service' version='3'><create_default_instance enabled='false'/>"
      "<exec_method type='method' name='start' exec=':true' timeout_seconds='0'/></service>");
  EXPECT_EQ(export_service(*store_, name("svc:/site/small")).value(),
            "<?xml version='1.0'?>\n"
            "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
            "<service_bundle type='manifest' name='export'>\n"
            "  <service name='site/small' type='service' version='0'>\n"
            "    <create_default_instance enabled='false'/>\n"
            "    <exec_method name='start' type='method' exec=':true' timeout_seconds='0'/>\n"
            "  </service>\n"
            "</service_bundle>\n");
}

TEST_F(Import, ExportSaysWhatItCannotWrite) {
  import(vm_service("savestate", "50"));
  commit({set("svc:/site/vm:one", "vm", "stop", "bell\a")});
  const auto text = export_service(*store_, name("svc:/site/vm"));
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().message.starts_with("svc:/site/vm:one/:properties/vm/stop has a value"))
      << text.error().message;
}

}  // namespace
}  // namespace vmkeep::manifest
