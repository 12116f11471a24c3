// The shipped manifest against the table of properties, and old configurations against the shipped manifest:
// both through a real store, as svccfg imports them and as the guard reads them.
#include <gtest/gtest.h>

#include "manifest/export.h"
#include "manifest/manifest.h"
#include "repository/store.h"
#include "repository/store_test_support.h"
#include "restarter/config.h"
#include "vm/config.h"

namespace vmkeep {
namespace {

using repository::testing::name;
using repository::testing::open_or_die;
using repository::testing::TemporaryFolder;

constexpr char kShipped[] = VMKEEP_SOURCE_DIR "/share/manifest/site/xvm/vbox.xml";
constexpr char kOldHost[] = VMKEEP_SOURCE_DIR "/tests/testdata/old_host.xml";
constexpr char kService[] = "svc:/site/xvm/vbox";

class Manifests : public ::testing::Test {
 protected:
  Manifests() : store_(open_or_die(folder_.options())) {}

  // One instance, in the form in which the ancestor's users wrote theirs.
  static std::string bundle(const std::string& instance) {
    return "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
           "<service_bundle type='manifest' name='mine'><service name='site/xvm/vbox' type='service' "
           "version='1'>" +
           instance + "</service></service_bundle>";
  }

  void import(const manifest::Bundle& bundle) {
    std::vector<std::string> warnings;
    auto changes = manifest::plan_import(*store_, bundle, warnings);
    ASSERT_TRUE(changes) << changes.error().message;
    for (const auto& warning : warnings) ADD_FAILURE() << warning;
    auto done = store_->commit(*changes);
    ASSERT_TRUE(done) << done.error().message;
  }
  void import_file(const char* file) {
    manifest::Bundle bundle;
    for (const auto& problem : manifest::parse_file(file, bundle)) ADD_FAILURE() << problem.str();
    import(bundle);
  }
  void import_text(const std::string& text) {
    manifest::Bundle bundle;
    for (const auto& problem : manifest::parse("mine.xml", text, bundle)) ADD_FAILURE() << problem.str();
    import(bundle);
  }

  repository::Levels levels(const std::string& fmri) {
    auto read = store_->read(name(fmri));
    EXPECT_TRUE(read) << read.error().message;
    return read ? *read : repository::Levels{};
  }
  vm::ConfigReading config(const std::string& instance) {
    const std::string fmri = std::string(kService) + ":" + instance;
    auto reading = vm::read_config(levels(fmri), instance);
    for (const auto& problem : reading.problems) ADD_FAILURE() << instance << ": " << problem.message;
    for (const auto& unknown : reading.unknown) ADD_FAILURE() << instance << ": vm/" << unknown << "?";
    return reading;
  }

  TemporaryFolder folder_;
  repository::testing::Store store_;
};

TEST_F(Manifests, ShippedOneSetsWhatTheTableSays) {
  import_file(kShipped);
  const auto group = levels(kService).own.at("vm");
  for (const auto& row : vm::properties()) {
    const auto* found = group->find(row.name);
    ASSERT_EQ(found != nullptr, row.shipped != nullptr) << row.name;
    if (found == nullptr) continue;
    EXPECT_EQ(found->type, value_type(row.form)) << row.name;
    EXPECT_EQ(*vm::normalise(row, found->values), *vm::normalise(row, {row.shipped})) << row.name;
  }
  for (const auto& [property, value] : group->properties) EXPECT_NE(vm::find_property(property), nullptr);
}

TEST_F(Manifests, ShippedOneDescribesEveryProperty) {
  import_file(kShipped);
  const auto groups = levels(kService).own;
  for (const auto& row : vm::properties()) {
    const auto found = groups.find("tm_proppat_nt_vm_application_" + std::string(row.name));
    ASSERT_NE(found, groups.end()) << row.name;
    const auto& pattern = *found->second;
    EXPECT_EQ(pattern.type, "template_prop_pattern");
    EXPECT_EQ(pattern.value("type"), repository::to_string(value_type(row.form)));
    EXPECT_EQ(pattern.value("common_name_C"), row.title) << row.name;
    EXPECT_TRUE(pattern.value("description_C").value_or("").starts_with(row.text)) << row.name;
    if (row.form == vm::Form::integer) {
      EXPECT_EQ(pattern.value("constraint_range"), std::to_string(row.low) + "," + std::to_string(row.high));
    }
    if (row.form != vm::Form::word) continue;
    ASSERT_NE(pattern.find("value_name"), nullptr) << row.name;
    EXPECT_EQ(pattern.value("choices_include_values"), "values");
    for (const auto& word : pattern.find("value_name")->values)
      EXPECT_TRUE(vm::normalise(row, {word})) << word;
    if (row.any_case) continue;
    EXPECT_EQ(pattern.find("constraint_name")->values.size(), row.choices.size() + 1) << row.name;
  }
  EXPECT_TRUE(groups.contains("tm_pgpatnt_vm_application"));
}

TEST_F(Manifests, ShippedOneHasItsDependenciesAndADisabledInstanceToCopy) {
  import_file(kShipped);
  const auto instance = levels("svc:/site/xvm/vbox:VM_NAME");
  const auto running = restarter::read_config(instance, "svc:/site/xvm/vbox:VM_NAME");
  EXPECT_EQ(running.invalid_dependency, "");
  EXPECT_EQ(running.start.exec, "/usr/bin/vmkeep method %m");
  EXPECT_EQ(running.start.timeout, std::chrono::seconds(60));
  EXPECT_EQ(running.stop.timeout, std::chrono::seconds(120));
  EXPECT_EQ(running.dependencies.size(), 6U);
  EXPECT_EQ(restarter::read_enabled(instance), false);
  EXPECT_EQ(instance.own.at("method_context")->value("user"), "root");
  const auto reading = config("VM_NAME");
  EXPECT_TRUE(reading.config.start_aborted_vm);
  EXPECT_EQ(reading.config.stop_timeout, std::chrono::seconds(3600));
  // What it sets must be no more than what a copy may keep.
  for (const auto& setting : reading.settings) EXPECT_NE(setting.origin, vm::Origin::instance);
}

TEST_F(Manifests, TemplatesGoOutAndComeInAgain) {
  import_file(kShipped);
  const auto before = levels(kService).own;
  auto text = manifest::export_service(*store_, name(kService));
  ASSERT_TRUE(text) << text.error().message;
  const TemporaryFolder other;
  store_ = open_or_die(other.options());
  import_text(*text);
  const auto after = levels(kService).own;
  for (const auto& [group, content] : before) {
    if (group == "manifestfiles") continue;
    ASSERT_TRUE(after.contains(group)) << group;
    EXPECT_EQ(after.at(group)->type, content->type) << group;
    EXPECT_EQ(after.at(group)->properties, content->properties) << group;
  }
}

TEST_F(Manifests, InstanceOfTheKindThatUsersWroteWorksUnchanged) {
  import_file(kShipped);
  import_text(bundle(R"(<instance name='my-mail' enabled='true'>
      <method_context working_directory='/var/tmp'>
        <method_credential group='staff' user='ann'/>
      </method_context>
      <property_group name='vm' type='application'>
        <propval name='kicker_blockfile_enabled' type='boolean' value='true'/>
        <propval name='start_aborted_vm' type='boolean' value='true'/>
        <propval name='start_paused_vm' type='boolean' value='true'/>
        <propval name='stop_method' type='astring' value='savestate'/>
      </property_group>
    </instance>)"));
  const auto own = levels("svc:/site/xvm/vbox:my-mail");
  EXPECT_EQ(restarter::read_enabled(own), true);
  EXPECT_EQ(own.value("method_context", "user"), "ann");
  const auto reading = config("my-mail");
  EXPECT_EQ(reading.config.name, "my-mail");
  EXPECT_TRUE(reading.config.start_paused_vm);
  // A group of its own, and yet the service's other values count.
  EXPECT_EQ(reading.config.stop_timeout, std::chrono::seconds(3600));
  EXPECT_EQ(restarter::read_config(own, "svc:/site/xvm/vbox:my-mail").start.exec,
            "/usr/bin/vmkeep method %m");
}

TEST_F(Manifests, ConfigurationOfAnOldHostWorksUnchanged) {
  import_file(kOldHost);
  const auto mail = config("mailhost").config;
  EXPECT_EQ(mail.kicker_vmsvccheck_exitcode_doreboot, (std::vector<int>{7, 8}));
  EXPECT_EQ(mail.kicker_vmsvccheck_method_params, (std::vector<std::string>{"-H", "mailhost", "-p", "25"}));
  EXPECT_EQ(mail.stop_method, vm::StopMethod::savestate);
  EXPECT_EQ(mail.stop_timeout, std::chrono::seconds(600));
  EXPECT_EQ(mail.timezone, "Europe/Moscow");
  EXPECT_EQ(mail.restart_aborted_vm_failures_maxcount, 3);
  EXPECT_EQ(mail.startgui_fg_trap_signals.size(), 5U);
  EXPECT_EQ(mail.zfssnap_dslist_append, std::vector<std::string>{"tank/vm/mail"});
  const auto laptop = config("laptop").config;
  EXPECT_TRUE(laptop.is_interactive);
  EXPECT_EQ(laptop.stop_method, vm::StopMethod::poweroff_graceful);
  EXPECT_FALSE(laptop.start_aborted_vm);

  // The exec is the service's, although the instance has a group of that name: nothing masks it here.
  const auto running =
      restarter::read_config(levels("svc:/site/xvm/vbox:mailhost"), "svc:/site/xvm/vbox:mailhost");
  EXPECT_EQ(running.stop.exec, "/lib/svc/method/vbox.sh %m");
  // Written as an integer, as release 0.11 told people to: no limit, as it was there, and the log says why.
  EXPECT_FALSE(running.stop.timeout);
  EXPECT_EQ(running.stop.notes.size(), 1U);
  EXPECT_EQ(running.duration, restarter::Duration::transient);
  EXPECT_EQ(running.invalid_dependency, "");

  // It goes out as it came in.
  auto text = manifest::export_service(*store_, name(kService));
  ASSERT_TRUE(text) << text.error().message;
  const TemporaryFolder other;
  store_ = open_or_die(other.options());
  import_text(*text);
  EXPECT_EQ(config("mailhost").config.kicker_vmsvccheck_exitcode_doreboot, (std::vector<int>{7, 8}));
}

TEST_F(Manifests, ShippedOneOverAnOldHostKeepsWhatTheOldHostSet) {
  import_file(kOldHost);
  std::vector<std::string> warnings;
  manifest::Bundle bundle;
  ASSERT_TRUE(manifest::parse_file(kShipped, bundle).empty());
  auto changes = manifest::plan_import(*store_, bundle, warnings);
  ASSERT_TRUE(changes) << changes.error().message;
  ASSERT_TRUE(store_->commit(*changes));
  const auto mail = config("mailhost").config;
  EXPECT_EQ(mail.timezone, "Europe/Moscow");
  EXPECT_EQ(mail.stop_timeout, std::chrono::seconds(600));
  // And gets what it did not know.
  EXPECT_EQ(mail.takeover, vm::Takeover::adopt);
  EXPECT_EQ(levels(kService).value("vm", "takeover"), "adopt");
}

}  // namespace
}  // namespace vmkeep
