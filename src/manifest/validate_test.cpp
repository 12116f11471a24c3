// Templates against configurations and against themselves: every message of 3.6, as a whole line.
#include "manifest/validate.h"

#include <gtest/gtest.h>

namespace vmkeep::manifest {
namespace {

Bundle bundle_of(const std::string& services) {
  Bundle bundle;
  for (const Problem& problem :
       parse("f.xml",
             "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>"
             "<service_bundle type='manifest' name='t'>" +
                 services + "</service_bundle>",
             bundle)) {
    ADD_FAILURE() << problem.str();
  }
  return bundle;
}

repository::Groups nothing(const fmri::Fmri&) {
  return {};
}

std::vector<std::string> problems_of(const std::string& services, const Lookup& lookup = nothing) {
  std::vector<std::string> lines;
  for (const TemplateProblem& each : validate_bundle(bundle_of(services), lookup))
    lines.push_back(each.str(false));
  return lines;
}

std::string templated(const std::string& patterns) {
  return "<template><common_name><loctext xml:lang='C'>x</loctext></common_name>" + patterns + "</template>";
}

// The service s with one instance i, which has these groups; the templates are the service's.
std::string service(const std::string& patterns, const std::string& groups = "",
                    const std::string& instance_patterns = "") {
  return "<service name='s' type='service' version='1'><instance name='i' enabled='true'>" + groups +
         (instance_patterns.empty() ? "" : templated(instance_patterns)) + "</instance>" +
         templated(patterns) + "</service>";
}

// A pattern for the group g with one of its properties.
std::string pattern(const std::string& attributes, const std::string& inside = "") {
  return "<pg_pattern name='g' type='application'><prop_pattern name='p' " + attributes + ">" + inside +
         "</prop_pattern></pg_pattern>";
}

std::string group(const std::string& inside, const std::string& type = "application") {
  return "<property_group name='g' type='" + type + "'>" + inside + "</property_group>";
}

std::string value(const std::string& type, const std::string& text) {
  return "<propval name='p' type='" + type + "' value='" + text + "'/>";
}

std::string values(const std::string& type, const std::vector<std::string>& all) {
  std::string text = "<property name='p' type='" + type + "'><" + type + "_list>";
  for (const std::string& each : all) text += "<value_node value='" + each + "'/>";
  return text + "</" + type + "_list></property>";
}

constexpr char kPg[] = "Template source=\"svc:/s\"; pg_pattern name=\"g\"; pg_pattern type=\"application\"";

struct Row {
  const char* what;
  std::string services;
  std::vector<std::string> problems;
};

std::string head(const std::string& property_type, const std::string& name = "Property name=\"p\"; ") {
  return "FMRI=\"svc:/s:i\"; Property group=\"g\"; " + name + kPg +
         "; prop_pattern name=\"p\"; prop_pattern " + "type=\"" + property_type + "\"; ";
}

TEST(Validate, GroupsAndProperties) {
  const std::string must = "<pg_pattern name='g' type='application' required='true'/>";
  const std::string range = "<constraints><range min='1' max='9'/></constraints>";
  const std::string words = "<constraints><value name='a'/><value name='b c'/></constraints>";
  const Row table[] = {
      {"a group that is there", service(must, group("")), {}},
      {"a group that is missing",
       service(must),
       {std::string("Required property group missing: FMRI=\"svc:/s:i\"; ") + kPg +
        "; Name of missing property group=\"g\"; Type of missing property group=\"application\""}},
      {"a group of another type",
       service(must, group("", "framework")),
       {std::string("Property group has bad type: FMRI=\"svc:/s:i\"; Property group=\"g\"; ") + kPg +
        "; Specified type=\"application\"; Actual type=\"framework\""}},
      {"a property that is missing",
       service(pattern("type='count' required='true'"), group("")),
       {"Required property missing: " + head("count", "") + "Name of missing property=\"p\""}},
      {"nothing is required of a group that is not there",
       service(pattern("type='count' required='true'")),
       {}},
      {"a property of another type",
       service(pattern("type='count'"), group(value("astring", "1"))),
       {"Property has bad type: " + head("count") +
        "Specified property type=\"count\"; Actual property type=\"astring\""}},
      {"too many values",
       service(pattern("type='count'", "<cardinality min='1' max='2'/>"),
               group(values("count", {"1", "2", "3"}))),
       {"Number of property values violates cardinality restriction: " + head("count") +
        "Cardinality minimum=\"1\"; Cardinality maximum=\"2\"; Actual number of values=\"3\""}},
      {"too few values",
       service(pattern("type='count'", "<cardinality min='2'/>"), group(value("count", "1"))),
       {"Number of property values violates cardinality restriction: " + head("count") +
        "Cardinality minimum=\"2\"; Cardinality maximum=\"unlimited\"; Actual number of values=\"1\""}},
      {"a word that is allowed",
       service(pattern("type='astring'", words), group(value("astring", "b c"))),
       {}},
      {"a word that is not",
       service(pattern("type='astring'", words), group(values("astring", {"a", "d"}))),
       {"Property has illegal value: " + head("astring") + "Illegal value=\"d\""}},
      {"a number in the range", service(pattern("type='count'", range), group(value("count", "9"))), {}},
      {"a number outside",
       service(pattern("type='count'", range), group(value("count", "10"))),
       {"Property value is out of range: " + head("count") + "Actual value=\"10\""}},
      {"negative numbers",
       service(pattern("type='integer'", "<constraints><range min='-5' max='-1'/></constraints>"),
               group(values("integer", {"-5", "0"}))),
       {"Property value is out of range: " + head("integer") + "Actual value=\"0\""}},
      {"a word or a number",
       service(
           pattern("type='count'", "<constraints><value name='50'/><range min='1' max='9'/></constraints>"),
           group(values("count", {"50", "5", "51"}))),
       {"Property has illegal value: " + head("count") + "Illegal value=\"51\""}},
      {"values that are included",
       service(pattern("type='astring'",
                       "<values><value name='x'/></values><constraints><include_values "
                       "type='values'/></constraints>"),
               group(values("astring", {"x", "y"}))),
       {"Property has illegal value: " + head("astring") + "Illegal value=\"y\""}},
      {"choices are an offer, no rule",
       service(pattern("type='astring'", "<choices><value name='x'/></choices>"),
               group(value("astring", "y"))),
       {}},
      {"the parts of a value",
       service(pattern("type='astring'", "<internal_separators>,;</internal_separators>" + words),
               group(values("astring", {"a,b c;a", "a,z"}))),
       {"Property has illegal value: " + head("astring") + "Illegal value=\"a,z\""}},
      {"a pattern for every group of a type",
       service("<pg_pattern type='application'><prop_pattern name='p' type='count'/></pg_pattern>",
               group(value("astring", "1"))),
       {"Property has bad type: FMRI=\"svc:/s:i\"; Property group=\"g\"; Property name=\"p\"; Template "
        "source=\"svc:/s\"; pg_pattern type=\"application\"; prop_pattern name=\"p\"; prop_pattern "
        "type=\"count\"; Specified property type=\"count\"; Actual property type=\"astring\""}},
      {"the service's own group is told once",
       "<service name='s' type='service' version='1'>" + group(value("astring", "z")) +
           "<instance name='i' enabled='true'/>" + templated(pattern("type='astring'", words)) + "</service>",
       {std::string(
            "Property has illegal value: FMRI=\"svc:/s\"; Property group=\"g\"; Property name=\"p\"; ") +
        kPg + "; prop_pattern name=\"p\"; prop_pattern type=\"astring\"; Illegal value=\"z\""}},
  };
  for (const Row& row : table) EXPECT_EQ(problems_of(row.services), row.problems) << row.what;
}

TEST(Validate, TemplatesByThemselves) {
  const std::string at = "FMRI=\"svc:/s\"; pg_pattern name=\"g\"; pg_pattern type=\"application\"";
  const auto of = [&](const std::string& type) {
    return at + "; prop_pattern name=\"p\"" + (type.empty() ? "" : "; prop_pattern type=\"" + type + "\"");
  };
  const std::string same = "<pg_pattern name='g' type='application'/>";
  const Row table[] = {
      {"required without a type",
       service("<pg_pattern name='g' required='true'/>"),
       {"Required pg_pattern is missing a name or type attribute: FMRI=\"svc:/s\"; pg_pattern name=\"g\""}},
      {"required without a name",
       service("<pg_pattern type='application' required='true'/>"),
       {"Required pg_pattern is missing a name or type attribute: FMRI=\"svc:/s\"; pg_pattern "
        "type=\"application\""}},
      {"required property without a type",
       service(pattern("required='true'")),
       {"Required prop_pattern is missing a type attribute: " + of("")}},
      {"a value that is no number",
       service(pattern("type='count'", "<values><value name='x'/></values>")),
       {"Value is not valid: " + of("count") + "; Value (count)=\"x\""}},
      {"a choice that is no boolean",
       service(pattern("type='boolean'", "<choices><value name='yes'/></choices>")),
       {"Value is not valid: " + of("boolean") + "; Value (boolean)=\"yes\""}},
      {"a number that is too large",
       service(pattern("type='integer'", "<constraints><value name='9223372036854775808'/></constraints>")),
       {"Value is out of range: " + of("integer") + "; Value (integer)=\"9223372036854775808\""}},
      {"a negative count",
       service(pattern("type='count'", "<constraints><range min='-1' max='5'/></constraints>")),
       {"Value is out of range: " + of("count") + "; Value (count)=\"-1\""}},
      {"a range of words",
       service(pattern("type='astring'", "<constraints><range min='1' max='2'/></constraints>")),
       {"Property type and value type mismatch: " + of("astring") + "; Value (astring)=\"1,2\""}},
      {"no values to include",
       service(pattern("type='astring'", "<constraints><include_values type='values'/></constraints>")),
       {"Missing constraints or values for include_values element: " + of("astring") +
        "; include_values type=\"values\""}},
      {"no constraints to include",
       service(pattern("type='astring'",
                       "<values><value name='a'/></values><choices><include_values "
                       "type='constraints'/><include_values type='values'/></choices>")),
       {"Missing constraints or values for include_values element: " + of("astring") +
        "; include_values type=\"constraints\""}},
      {"an instance says it again",
       service(same, "", same),
       {"Instance redefines pg_pattern: FMRI=\"svc:/s:i\"; pg_pattern name=\"g\"; pg_pattern "
        "type=\"application\""}},
      {"two types of one group",
       service(same, "", "<pg_pattern name='g' type='framework'/>"),
       {"Conflicting pg_pattern specifications: FMRI=\"svc:/s:i\"; pg_pattern name=\"g\"; pg_pattern "
        "type=\"framework\""}},
      {"two types of one property",
       service(pattern("type='count'"), "",
               "<pg_pattern type='application'><prop_pattern name='p' type='astring'/></pg_pattern>"),
       {"Conflicting prop_pattern specifications: FMRI=\"svc:/s:i\"; pg_pattern type=\"application\"; "
        "prop_pattern name=\"p\"; prop_pattern type=\"astring\""}},
      {"patterns that never meet",
       service(pattern("type='count'"), "", "<pg_pattern name='h' type='application'/>"),
       {}},
  };
  for (const Row& row : table) EXPECT_EQ(problems_of(row.services), row.problems) << row.what;
}

TEST(Validate, TheTemplatesOfRestartersAndOfTheGlobalServiceSpeakToo) {
  const std::string restarter =
      "<service name='r' type='restarter' version='1'><instance name='default' enabled='true'/>" +
      templated(
          "<pg_pattern name='g' type='application' required='true' target='delegate'/>"
          "<pg_pattern name='only' type='application' required='true' target='this'/>") +
      "</service>";
  const std::string delegated =
      "<service name='s' type='service' version='1'><restarter><service_fmri "
      "value='svc:/r:default'/></restarter>"
      "<instance name='i' enabled='true'/></service>";
  const std::string missing =
      "Required property group missing: FMRI=\"svc:/s:i\"; Template source=\"svc:/r:default\"; pg_pattern "
      "name=\"g\"; pg_pattern type=\"application\"; Name of missing property group=\"g\"; Type of missing "
      "property "
      "group=\"application\"";
  const std::string own =
      "Required property group missing: FMRI=\"svc:/r:default\"; Template source=\"svc:/r\"; "
      "pg_pattern name=\"only\"; pg_pattern type=\"application\"; Name of missing property "
      "group=\"only\"; Type of missing property group=\"application\"";
  EXPECT_EQ(problems_of(restarter + delegated), (std::vector<std::string>{own, missing}));
  // The same if only the repository knows the restarter.
  const Lookup lookup = [&](const fmri::Fmri& entity) {
    repository::Groups groups;
    if (entity.service != "r" && entity.service != "system/svc/global") return groups;
    const Bundle bundle = bundle_of(restarter);
    for (const auto& [name, group] : bundle.services.front().groups) {
      groups[name] = std::make_shared<const repository::PropertyGroup>(group);
    }
    return groups;
  };
  EXPECT_EQ(problems_of(delegated, lookup), std::vector<std::string>{missing});
  // Somebody with the default restarter is not spoken to: nothing here is for all.
  EXPECT_EQ(problems_of(
                "<service name='t' type='service' version='1'><instance name='i' enabled='true'/></service>",
                lookup),
            std::vector<std::string>());
}

TEST(Validate, AnItemALineForSomebodyWhoTypes) {
  const TemplateProblem problem{"Required property missing",
                                {{"FMRI", "svc:/s:i"}, {"Illegal value", "a\"b\nc"}}};
  EXPECT_EQ(problem.str(true),
            "Required property missing:\n\tFMRI=\"svc:/s:i\"\n\tIllegal value=" + fmri::quote("a\"b\nc"));
  EXPECT_EQ(problem.str(false).find('\n'), std::string::npos);
}

TEST(Validate, AGroupThatIsMalformedIsReadAsFarAsItGoes) {
  repository::PropertyGroup odd;
  odd.name = "tm_pgpat_odd";
  odd.type = kPgPatternType;
  odd.properties["required"] = {repository::ValueType::count, {"3"}};
  EXPECT_FALSE(is_regular(odd));
  repository::Levels levels;
  levels.own["tm_pgpat_odd"] = std::make_shared<const repository::PropertyGroup>(odd);
  EXPECT_TRUE(validate_entity({"s", "i", {}, {}}, levels, nothing).empty());
}

}  // namespace
}  // namespace vmkeep::manifest
