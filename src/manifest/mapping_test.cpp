// What becomes of the elements (3.3).
#include <gtest/gtest.h>

#include "fmri/fmri.h"
#include "manifest/manifest.h"

namespace vmkeep::manifest {
namespace {

std::string dump(const repository::PropertyGroup& group) {
  std::string text = group.name + " " + group.type + "\n";
  for (const auto& [name, property] : group.properties) {
    text += "  " + name + " " + std::string(repository::to_string(property.type));
    for (const std::string& value : property.values) text += " [" + value + "]";
    text += "\n";
  }
  return text;
}

std::string dump(const EntityDescription& entity) {
  std::string text;
  for (const auto& [name, group] : entity.groups) text += dump(group);
  for (const Dependent& each : entity.dependents) {
    text += "on " + each.target.str() + (each.remove ? " remove" : "") + (each.replace ? " replace" : "") +
            ": " + dump(each.group);
  }
  for (const std::string& name : entity.overrides) text += "override " + name + "\n";
  for (const std::string& name : entity.removed) text += "remove " + name + "\n";
  return text;
}

// The one service of a manifest with these children of <service>.
ServiceDescription service_of(const std::string& inside) {
  Bundle bundle;
  const auto problems =
      parse("f.xml",
            "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
            "<service_bundle type='manifest' name='t'><service name='site/vm' type='service' version='7'>" +
                inside + "</service></service_bundle>",
            bundle);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.str();
  EXPECT_EQ(bundle.services.size(), 1U);
  return bundle.services.empty() ? ServiceDescription{} : bundle.services.front();
}

struct Row {
  const char* inside;
  const char* groups;
};

TEST(Mapping, ElementsOfAService) {
  const Row table[] = {
      {"", ""},
      {"<single_instance/>", "general framework\n  single_instance boolean [true]\n"},
      {"<restarter><service_fmri value='system/other:default'/></restarter><stability value='Evolving'/>",
       "general framework\n  entity_stability astring [Evolving]\n  restarter fmri "
       "[svc:/system/other:default]\n"},
      {"<property_group name='general' type='framework'><propval name='action_authorization' type='astring' "
       "value='vm.admin'/></property_group><stability value='Stable'/>",
       "general framework\n  action_authorization astring [vm.admin]\n  entity_stability astring [Stable]\n"},
      {"<dependency name='fs' grouping='require_all' restart_on='error' type='service'>"
       "<service_fmri value='system/filesystem/local'/><service_fmri value='svc:/a:b'/></dependency>",
       "fs dependency\n  entities fmri [svc:/system/filesystem/local] [svc:/a:b]\n  grouping astring "
       "[require_all]\n"
       "  restart_on astring [error]\n  type astring [service]\n"},
      {"<dependency name='up' grouping='require_all' restart_on='none' type='host'>"
       "<service_fmri value='host:network'/></dependency>",
       "up dependency\n  entities fmri [host:network]\n  grouping astring [require_all]\n"
       "  restart_on astring [none]\n  type astring [host]\n"},
      {"<dependent name='vms' grouping='optional_all' restart_on='none' override='true'>"
       "<service_fmri value='svc:/milestone/multi-user:default'/></dependent>",
       "on svc:/milestone/multi-user:default replace: vms dependency\n  entities fmri [svc:/site/vm]\n"
       "  external boolean [true]\n  grouping astring [optional_all]\n  restart_on astring [none]\n"
       "  type astring [service]\n"},
      {"<exec_method type='method' name='stop' exec=':kill -TERM' timeout_seconds='060'><propval name='note' "
       "type='astring' value='x'/></exec_method>",
       "stop method\n  exec astring [:kill -TERM]\n  note astring [x]\n  timeout_seconds count [60]\n"
       "  type astring [method]\n"},
      {"<exec_method type='method' name='stop' exec='x' timeout_seconds='-1'/>",
       "stop method\n  exec astring [x]\n  timeout_seconds count [18446744073709551615]\n  type astring "
       "[method]\n"},
      {"<method_context working_directory='/var/tmp'><method_credential user='ann' group='vm' "
       "supp_groups=':default'/>"
       "<method_environment><envvar name='A' value='1'/><envvar name='B' value='x=y'/></method_environment>"
       "</method_context>",
       "method_context framework\n  environment astring [A=1] [B=x=y]\n  group astring [vm]\n"
       "  supp_groups astring [:default]\n  use_profile boolean [false]\n  user astring [ann]\n"
       "  working_directory astring [/var/tmp]\n"},
      {"<exec_method type='method' name='start' exec='x' timeout_seconds='0'><method_context>"
       "<method_profile name='VM'/></method_context></exec_method>",
       "start method\n  exec astring [x]\n  profile astring [VM]\n  timeout_seconds count [0]\n  type "
       "astring [method]\n"
       "  use_profile boolean [true]\n"},
      {"<property_group name='vm' type='application'><stability value='Unstable'/>"
       "<propval name='n' type='integer' value='-07' override='true'/>"
       "<property name='l' type='astring'><astring_list><value_node value='b'/><value_node "
       "value='a'/></astring_list>"
       "</property><property name='none' type='count'/></property_group>",
       "vm application\n  l astring [b] [a]\n  n integer [-7]\n  none count\n  stability astring [Unstable]\n"
       "override vm/n\n"},
      {"<exec_method type='method' name='start' exec='x' timeout_seconds='0' delete='true'/>"
       "<property_group name='old' type='application' delete='true'/>",
       "remove old\nremove start\n"},
      {"<notification_parameters><event value='to-maintenance'/><type name='smtp' active='false'>"
       "<paramval name='to' value='root'/></type></notification_parameters>",
       "to-maintenance notify_params\n  smtp,active boolean [false]\n  smtp,to astring [root]\n"},
  };
  for (const Row& row : table) EXPECT_EQ(dump(service_of(row.inside)), row.groups) << row.inside;
}

TEST(Mapping, Templates) {
  const Row table[] = {
      {"<template><common_name><loctext xml:lang='C'>\n   The  VM\n service </loctext>"
       "<loctext xml:lang='pt-BR'>M\xc3\xa1quina</loctext></common_name>"
       "<documentation><manpage title='Virtual Box!' section='1'/><doc_link name='home' uri='http://x/'/>"
       "</documentation></template>",
       "tm_common_name template\n  C ustring [The VM service]\n  pt_BR ustring [M\xc3\xa1quina]\n"
       "tm_doc_home template\n  name astring [home]\n  uri astring [http://x/]\n"
       "tm_man_Virtual_Box_1 template\n  manpath astring [:default]\n  section astring [1]\n"
       "  title astring [Virtual Box!]\n"},
      {"<template><common_name><loctext xml:lang='C'>n</loctext></common_name><pg_pattern name='vm' "
       "type='application'><prop_pattern name='how' type='astring' required='true'><cardinality min='1' "
       "max='1'/>"
       "<choices><value name='a'/><value name='b'/></choices></prop_pattern></pg_pattern></template>",
       "tm_common_name template\n  C ustring [n]\n"
       "tm_pgpatnt_vm_application template_pg_pattern\n  name astring [vm]\n  required boolean [false]\n"
       "  target astring [this]\n  type astring [application]\n"
       "tm_proppat_nt_vm_application_how template_prop_pattern\n  cardinality_max count [1]\n"
       "  cardinality_min count [1]\n  choices_name astring [a] [b]\n  name astring [how]\n"
       "  pg_pattern astring [tm_pgpatnt_vm_application]\n  required boolean [true]\n  type astring "
       "[astring]\n"},
  };
  for (const Row& row : table) EXPECT_EQ(dump(service_of(row.inside)), row.groups) << row.inside;
}

TEST(Mapping, Instances) {
  const ServiceDescription service = service_of(
      "<create_default_instance enabled='true'/>"
      "<instance name='vm1' enabled='false'><dependent name='d' grouping='require_all' restart_on='none'>"
      "<service_fmri value='svc:/x'/></dependent></instance>");
  ASSERT_EQ(service.instances.size(), 2U);
  EXPECT_EQ(service.name, "site/vm");
  EXPECT_EQ(service.type, "service");
  EXPECT_EQ(service.version, "7");
  EXPECT_EQ(service.instances[0].name, "default");
  EXPECT_TRUE(service.instances[0].enabled);
  EXPECT_EQ(dump(service.instances[0]), "general framework\n  enabled boolean [true]\n");
  EXPECT_EQ(service.instances[1].name, "vm1");
  EXPECT_FALSE(service.instances[1].enabled);
  EXPECT_EQ(dump(service.instances[1]),
            "general framework\n  enabled boolean [false]\n"
            "on svc:/x: d dependency\n  entities fmri [svc:/site/vm:vm1]\n  external boolean [true]\n"
            "  grouping astring [require_all]\n  restart_on astring [none]\n  type astring [service]\n");
}

}  // namespace
}  // namespace vmkeep::manifest
