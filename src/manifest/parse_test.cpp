#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "manifest/document.h"
#include "manifest/manifest.h"

namespace vmkeep::manifest {
namespace {

constexpr char kDoctype[] =
    "<!DOCTYPE service_bundle SYSTEM \"/usr/share/lib/xml/dtd/service_bundle.dtd.1\">\n";

// A document whose service element, on line 4, has these children from line 5 on.
std::string document(const std::string& inside, const std::string& doctype = kDoctype) {
  return "<?xml version=\"1.0\"?>\n" + doctype +
         "<service_bundle type='manifest' name='test'>\n"
         "<service name='site/test' type='service' version='1'>\n" +
         inside + "\n</service>\n</service_bundle>\n";
}

std::string instance(const std::string& inside) {
  return document("<instance name='one' enabled='false'>\n" + inside + "\n</instance>");
}

std::vector<std::string> problems_of(const std::string& text) {
  Bundle bundle;
  std::vector<std::string> result;
  for (const Problem& problem : parse("f.xml", text, bundle)) result.push_back(problem.str());
  return result;
}

struct Good {
  const char* what;
  std::string text;
};

TEST(Parse, GoodDocuments) {
  const Good table[] = {
      {"nothing in it", document("")},
      {"default instance", document("<create_default_instance enabled='true'/><single_instance/>")},
      {"restarter",
       document("<restarter><service_fmri value='svc:/system/svc/restarter:default'/></restarter>")},
      {"infinite timeout",
       instance("<exec_method type='method' name='start' exec='/bin/x' timeout_seconds='-1'/>")},
      {"no values",
       instance("<property_group name='g' type='t'><property name='p' type='astring'/></property_group>")},
      {"dependency on a path",
       document("<dependency name='d' grouping='require_all' restart_on='none' type='path'>"
                "<service_fmri value='file://localhost/etc/passwd'/></dependency>")},
      {"dependency on a host fact",
       document("<dependency name='d' grouping='require_all' restart_on='none' type='host'>"
                "<service_fmri value='host:network'/></dependency>")},
      {"dependency on nothing", document("<dependency name='d' grouping='require_all' restart_on='none' "
                                         "type='service'/>")},
      {"characters by number",
       instance("<property_group name='g' type='t'>"
                "<propval name='p' type='astring' value='a&#10;b&lt;'/></property_group>")},
      {"nested bundles",
       std::string(kDoctype) +
           "<service_bundle type='manifest' name='a'><service_bundle type='manifest' name='b'>"
           "<service name='x' type='service' version='1'/></service_bundle></service_bundle>"},
  };
  for (const Good& row : table) {
    EXPECT_EQ(problems_of(row.text), std::vector<std::string>()) << row.what;
  }
}

struct Bad {
  const char* what;
  std::string text;
  std::vector<std::string> problems;
};

TEST(Parse, DocumentsOfTheWrongKind) {
  const std::string bundle = "<service_bundle type='manifest' name='x'/>";
  const Bad table[] = {
      {"no doctype", bundle, {"f.xml: document has no DTD"}},
      {"other doctype",
       "<!DOCTYPE service_bundle SYSTEM 'other.dtd'>" + bundle,
       {"f.xml: document DTD unknown; not service bundle?"}},
      {"no system id",
       "<!DOCTYPE service_bundle>" + bundle,
       {"f.xml: document DTD unknown; not service bundle?"}},
      {"other root", std::string(kDoctype) + "<service/>", {"f.xml: document is not a service bundle"}},
      {"no name",
       std::string(kDoctype) + "<service_bundle type='manifest' name=''/>",
       {"f.xml:2: service bundle lacks name attribute"}},
      {"mixed bundles",
       std::string(kDoctype) +
           "<service_bundle type='manifest' name='a'>\n<service_bundle type='profile' name='b'/>"
           "</service_bundle>",
       {"f.xml:3: included bundle of different type."}},
      {"nothing", "", {"f.xml:1: Document is empty", "f.xml: couldn't parse document"}},
  };
  for (const Bad& row : table) {
    auto found = problems_of(row.text);
    EXPECT_EQ(found, row.problems) << row.what;
  }
}

TEST(Parse, ValuesAreCheckedWithTheirLine) {
  const std::string group = "<property_group name='g' type='t'>\n";
  const Bad table[] = {
      {"boolean",
       instance(group + "<propval name='p' type='boolean' value='maybe'/></property_group>"),
       {"f.xml:7: illegal value \"maybe\" for p (boolean)"}},
      {"count",
       instance(group + "<propval name='p' type='count' value='-1'/></property_group>"),
       {"f.xml:7: illegal value \"-1\" for p (count)"}},
      {"empty integer",
       instance(group + "<propval name='p' type='integer' value=''/></property_group>"),
       {"f.xml:7: illegal value \"\" for p (integer)"}},
      {"second of a list",
       instance(group + "<property name='p' type='integer'>\n<integer_list>\n<value_node value='1'/>\n"
                        "<value_node value='two'/>\n</integer_list></property></property_group>"),
       {"f.xml:10: illegal value \"two\" for p (integer)"}},
      {"list of another type",
       instance(group + "<property name='p' type='astring'>\n<count_list><value_node value='1'/></count_list>"
                        "</property></property_group>"),
       {"f.xml:8: property 'p' type-to-list mismatch"}},
      {"unknown type",
       instance(group + "<propval name='p' type='word' value='x'/></property_group>"),
       {"f.xml:7: property type invalid for property 'g/p'"}},
      {"timeout",
       instance("<exec_method type='method' name='start' exec='x' timeout_seconds='1m'/>"),
       {"f.xml:6: illegal value \"1m\" for timeout_seconds (count)"}},
      {"property twice",
       instance(group +
                "<propval name='p' type='count' value='1'/>\n<propval name='p' type='count' value='2'/>"
                "</property_group>"),
       {"f.xml:8: property \"g/p\" is given twice"}},
      {"group twice",
       instance("<property_group name='g' type='t'/>\n<property_group name='g' type='t'/>"),
       {"f.xml:7: svc:/site/test:one has the name \"g\" twice: property groups, methods, dependencies and "
        "dependents "
        "of one entity share their names"}},
      {"dependent and group",
       instance("<dependent name='g' grouping='optional_all' restart_on='none'>"
                "<service_fmri value='svc:/x:y'/></dependent>\n<property_group name='g' type='t'/>"),
       {"f.xml:7: svc:/site/test:one has the name \"g\" twice: property groups, methods, dependencies and "
        "dependents "
        "of one entity share their names"}},
      {"instance twice",
       document("<instance name='a' enabled='true'/>\n<instance name='a' enabled='true'/>"),
       {"f.xml:6: instance \"a\" is described twice"}},
      {"bad instance name",
       document("<instance name='my vm' enabled='true'/>"),
       {"f.xml:5: illegal name \"my vm\" of element instance: a name begins with a letter and has letters, "
        "digits, "
        "\"-\" and \"_\", at most 119"}},
      {"variable with an equals sign",
       instance("<method_context><method_environment><envvar name='A=B' value='c'/></method_environment>"
                "</method_context>"),
       {"f.xml:6: Invalid environment variable \"A=B\"."}},
      {"reserved variable",
       instance(
           "<method_context><method_environment>\n<envvar name='SMF_FMRI' value='c'/></method_environment>"
           "</method_context>"),
       {"f.xml:7: Invalid environment variable \"SMF_FMRI\"; \"SMF_\" prefix is reserved."}},
      {"kind of dependency",
       document("<dependency name='d' grouping='require_all' restart_on='none' type='moon'/>"),
       {"f.xml:5: illegal value \"moon\" for type (service, path or host)"}},
      {"host fact",
       document("<dependency name='d' grouping='require_all' restart_on='none' type='host'>\n"
                "<service_fmri value='network'/></dependency>"),
       {"f.xml:6: illegal value \"network\" for value (fmri): a dependency on the host names a fact, as in "
        "host:network"}},
  };
  for (const Bad& row : table) EXPECT_EQ(problems_of(row.text), row.problems) << row.what;
}

TEST(Parse, AllProblemsAtOnceInLineOrder) {
  const auto found = problems_of(
      instance("<property_group name='g' type='t'>\n<propval name='a' type='count' value='x'/>\n"
               "<propval name='b' type='count' value='1'/>\n<propval name='c' type='time' value='x'/>"
               "</property_group>"));
  EXPECT_EQ(found, (std::vector<std::string>{"f.xml:7: illegal value \"x\" for a (count)",
                                             "f.xml:9: illegal value \"x\" for c (time)"}));
}

TEST(Parse, TheDtdIsKeptWithLines) {
  struct Row {
    const char* what;
    std::string inside;
    std::string line;
    std::string says;
  };
  const Row table[] = {
      {"unknown element", "<frobnicate/>", "f.xml:5: ", "frobnicate"},
      {"missing attribute", "<instance name='x'/>", "f.xml:5: ", "enabled"},
      {"wrong word", "\n<instance name='x' enabled='yes'/>", "f.xml:6: ", "yes"},
      {"order", "<stability value='Stable'/><instance name='x' enabled='true'/>", "f.xml:4: ", "content"},
      {"text", "hello", "f.xml:4: ", "service"},
      {"included file", "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>",
       "f.xml:5: ", "include"},
  };
  for (const Row& row : table) {
    const auto found = problems_of(document(row.inside));
    ASSERT_GE(found.size(), 2U) << row.what;
    EXPECT_EQ(found.back(), "f.xml: Document is not valid.") << row.what;
    bool said = false;
    for (const auto& each : found) {
      said = said || (each.starts_with(row.line) && each.find(row.says) != std::string::npos);
    }
    EXPECT_TRUE(said) << row.what << ": " << fmt::format("{}", fmt::join(found, "\n"));
  }
}

TEST(Parse, ProfilesMayLeaveThingsOut) {
  Bundle bundle;
  const std::string text =
      std::string(kDoctype) +
      "<service_bundle type='profile' name='p'><service name='x' type='service' version='1'>"
      "<instance name='a'/></service></service_bundle>";
  EXPECT_TRUE(parse("f.xml", text, bundle).empty());
  EXPECT_EQ(bundle.type, "profile");
  ASSERT_EQ(bundle.services.size(), 1U);
  EXPECT_FALSE(bundle.services[0].instances[0].groups.contains("general"));
  const std::string less = std::string(kDoctype) +
                           "<service_bundle type='profile' name='p'><service name='x'><instance name='a'/>"
                           "</service></service_bundle>";
  EXPECT_TRUE(parse("f.xml", less, bundle).empty());
  ASSERT_EQ(bundle.services.size(), 1U);
  EXPECT_EQ(bundle.services[0].type, "service");
}

// What hostile documents try.  Nothing that they declare may ever be looked at.
TEST(Parse, DeclarationsInsideAreRefused) {
  const auto with = [](const std::string& declarations, const std::string& value) {
    return "<!DOCTYPE service_bundle SYSTEM \"/usr/share/lib/xml/dtd/service_bundle.dtd.1\" [\n" +
           declarations + "\n]>\n<service_bundle type='manifest' name='" + value + "'>" + value +
           "</service_bundle>";
  };
  std::string bomb = "<!ENTITY a0 'ha'>";
  for (int i = 1; i < 40; ++i) bomb += fmt::format("<!ENTITY a{} '&a{};&a{};'>", i, i - 1, i - 1);
  const Bad table[] = {
      {"bomb", with(bomb, "&a39;"), {"f.xml:2: entity declarations inside a document are not accepted"}},
      {"file",
       with("<!ENTITY e SYSTEM 'file:///etc/passwd'>", "&e;"),
       {"f.xml:2: entity declarations inside a document are not accepted"}},
      {"parameter entity",
       with("<!ENTITY % e SYSTEM 'file:///etc/passwd'>\n%e;", "x"),
       {"f.xml:2: entity declarations inside a document are not accepted"}},
      {"network",
       with("<!ENTITY % e SYSTEM 'http://127.0.0.1:9/x'>\n%e;", "x"),
       {"f.xml:2: entity declarations inside a document are not accepted"}},
      {"unparsed",
       with("<!ENTITY e SYSTEM 'x' NDATA n>", "x"),
       {"f.xml:2: entity declarations inside a document are not accepted"}},
      {"element",
       with("\n<!ELEMENT x ANY>", "x"),
       {"f.xml:3: element declarations inside a document are not accepted"}},
      {"attribute",
       with("<!ATTLIST service_bundle type (a|b) 'a'>", "x"),
       {"f.xml:2: attribute declarations inside a document are not accepted"}},
      {"notation",
       with("<!NOTATION n SYSTEM 'x'>", "x"),
       {"f.xml:2: notation declarations inside a document are not accepted"}},
  };
  for (Bad row : table) {
    row.problems.emplace_back("f.xml: couldn't parse document");
    EXPECT_EQ(problems_of(row.text), row.problems) << row.what;
  }
}

TEST(Parse, TheDtdCanBeLeftOutOrAnother) {
  const std::string odd = document("<frobnicate/>");
  Bundle bundle;
  EXPECT_FALSE(parse("f.xml", odd, bundle).empty());
  EXPECT_TRUE(parse("f.xml", odd, bundle, {false, ""}).empty());
  EXPECT_EQ(bundle.services.size(), 1U);
  // What the DTD demands, the reader then misses itself.
  EXPECT_FALSE(parse("f.xml", instance("<exec_method name='x'/>"), bundle, {false, ""}).empty());
  const std::string other = ::testing::TempDir() + "vmkeep_other_" + std::to_string(::getpid()) + ".dtd";
  std::ofstream(other)
      << "<!ELEMENT service_bundle (service)*><!ATTLIST service_bundle type CDATA #REQUIRED name "
         "CDATA #REQUIRED><!ELEMENT service (frobnicate)><!ATTLIST service name CDATA #REQUIRED "
         "type CDATA #REQUIRED version CDATA #REQUIRED><!ELEMENT frobnicate EMPTY>";
  EXPECT_TRUE(parse("f.xml", odd, bundle, {true, other}).empty());
  EXPECT_FALSE(parse("f.xml", document(""), bundle, {true, other}).empty());
  std::filesystem::remove(other);
  const auto missing = parse("f.xml", odd, bundle, {true, other});
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_TRUE(missing.front().reason.starts_with("the DTD cannot be read: ")) << missing.front().reason;
}

TEST(Parse, EntitiesThatNobodyDeclaredAreRefused) {
  EXPECT_FALSE(problems_of(document("&nobody;")).empty());
  EXPECT_FALSE(problems_of(instance("<property_group name='g' type='t'>"
                                    "<propval name='p' type='astring' value='a&nobody;b'/></property_group>"))
                   .empty());
}

TEST(Parse, DeepNestingIsRefused) {
  constexpr int kDeep = 100000;
  std::string text = kDoctype;
  for (int i = 0; i < kDeep; ++i) text += "<service_bundle type='manifest' name='x'>";
  EXPECT_EQ(problems_of(text).back(), "f.xml: couldn't parse document");
}

TEST(Parse, GarbageIsRefused) {
  std::string garbage(10U << 20U, '\0');
  unsigned state = 1;
  for (char& c : garbage) c = static_cast<char>((state = state * 1103515245U + 12345U) >> 16U);
  EXPECT_EQ(problems_of(garbage).back(), "f.xml: couldn't parse document");
  EXPECT_EQ(problems_of("<" + std::string(10U << 20U, 'a')).back(), "f.xml: couldn't parse document");
}

TEST(Parse, TooManyProblemsAreCutShort) {
  std::string inside;
  for (int i = 0; i < 500; ++i) inside += "<nonsense/>\n";
  const auto found = problems_of(document(inside));
  EXPECT_EQ(found.size(), kMaxProblems + 1);
  EXPECT_EQ(found.back(), "f.xml: there are more problems than these");
}

TEST(Parse, AnyChangeToADocumentIsAnswered) {
  rc::check("a good document with bytes changed is accepted or refused, and nothing else happens", [] {
    std::string text = instance(
        "<property_group name='g' type='t'><propval name='p' type='astring' value='v'/>"
        "</property_group>");
    const auto changes = *rc::gen::container<std::vector<std::pair<size_t, char>>>(
        rc::gen::pair(rc::gen::inRange<size_t>(0, text.size()), rc::gen::arbitrary<char>()));
    for (const auto& [at, byte] : changes) text[at] = byte;
    Bundle bundle;
    const auto problems = parse("f.xml", text, bundle);
    RC_ASSERT(!problems.empty() || bundle.type == "manifest" || bundle.type == "profile" ||
              bundle.type == "archive");
  });
}

TEST(ParseFile, SaysWhichFileCannotBeRead) {
  Bundle bundle;
  const auto problems = parse_file("/nonexistent/x.xml", bundle);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].str().starts_with("/nonexistent/x.xml: unable to open file: "))
      << problems[0].str();
}

TEST(ParseFile, FollowsTheLinksOfItsCaller) {
  std::string folder = ::testing::TempDir() + "manifest_parse_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/real.xml") << document("");
  std::filesystem::create_symlink("real.xml", folder + "/link.xml");
  Bundle bundle;
  EXPECT_TRUE(parse_file(folder + "/link.xml", bundle).empty());
  EXPECT_EQ(bundle.services.size(), 1U);
  std::filesystem::remove_all(folder);
}

TEST(Dtd, TheProgramCarriesTheFileAsItIs) {
  std::ifstream file(std::string(VMKEEP_SOURCE_DIR) + "/src/manifest/service_bundle.dtd");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(std::string(kDtd, kDtdSize), text);
}

}  // namespace
}  // namespace vmkeep::manifest
