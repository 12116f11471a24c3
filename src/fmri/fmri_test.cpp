#include "fmri/fmri.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace vmkeep::fmri {
namespace {

const std::string kLongest(kMaxName, 'n');

TEST(FmriParse, AcceptsEveryWayToWriteAName) {
  const struct {
    std::string text, canonical;
  } table[] = {
      {"svc:/site/xvm/vbox:vm1", "svc:/site/xvm/vbox:vm1"},
      {"site/xvm/vbox:vm1", "svc:/site/xvm/vbox:vm1"},
      {"/site/xvm/vbox:vm1", "svc:/site/xvm/vbox:vm1"},
      {"svc:site/xvm/vbox", "svc:/site/xvm/vbox"},
      {"svc://localhost/site/vbox:vm1", "svc:/site/vbox:vm1"},
      {"//localhost/site/vbox", "svc:/site/vbox"},
      {"svc:///site/vbox", "svc:/site/vbox"},
      {"svc://@localhost/a", "svc:/a"},
      {"svc://localhost@localhost/a", "svc:/a"},
      {"svc:/a:b/:properties/pg", "svc:/a:b/:properties/pg"},
      {"svc:/a/:properties/pg/p-1_x", "svc:/a/:properties/pg/p-1_x"},
      {"svc:/SUNW.x,a/b:v,c/:properties/v,d/v,e", "svc:/SUNW.x,a/b:v,c/:properties/v,d/v,e"},
      {"a", "svc:/a"},
      {kLongest + ":" + kLongest + "/:properties/" + kLongest + "/" + kLongest,
       "svc:/" + kLongest + ":" + kLongest + "/:properties/" + kLongest + "/" + kLongest},
  };
  for (const auto& row : table) {
    auto parsed = Fmri::parse(row.text);
    ASSERT_TRUE(parsed) << row.text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->str(), row.canonical) << row.text;
  }
}

TEST(FmriParse, RefusesAndSaysWhere) {
  const struct {
    std::string text, says;
  } table[] = {
      {"", "service name is empty"},
      {"svc:", "service name is empty"},
      {"svc:/", "service name is empty"},
      {"svc://localhost", "no service after the scope"},
      {"svc://elsewhere/a", "scope \"elsewhere\" is not localhost"},
      {"svc://elsewhere@localhost/a", "scope \"elsewhere\" is not localhost"},
      {"svc://localhost//a", "service name \"/a\""},
      {"svc:/a//b", "service name \"a//b\""},
      {"svc:/a/", "service name \"a/\""},
      {"svc:/1a", "service name \"1a\""},
      {"svc:/a.b", "service name \"a.b\""},
      {"svc:/a./b", "service name \"a./b\""},  // the character that the original does not look at
      {"svc:/a b", "service name \"a b\""},
      {"svc:/v,w,x", "service name \"v,w,x\""},
      {"svc:/,a", "service name \",a\""},
      {"svc:/v,", "service name \"v,\""},
      {"svc:/a:", "instance name is empty"},
      {"svc:/a:b:c", "instance name \"b:c\""},
      {"svc:/a:b/c", "instance name \"b/c\""},
      {"svc:/a:1", "instance name \"1\""},
      {"svc:/a:b/:properties", "instance name"},
      {"svc:/a:b/:properties/", "property group name is empty"},
      {"svc:/a:b/:properties//p", "property group name is empty"},
      {"svc:/a:b/:properties/pg/", "property name is empty"},
      {"svc:/a:b/:properties/pg/p/q", "property name \"p/q\""},
      {"svc:/\xc3\xa4", "\\xc3\\xa4"},
      {std::string("svc:/a\0b", 8), "a\\x00b"},
      {"svc:/" + kLongest + "n", "longer than 119 bytes"},
      {std::string(721, 'a'), "longer than 720 bytes"},
      {"lrc:/etc/rc2_d/S47pppd", "legacy"},
      {"file:/etc/passwd", "names a file"},
  };
  for (const auto& row : table) {
    auto parsed = Fmri::parse(row.text);
    ASSERT_FALSE(parsed) << row.text << " became " << parsed->str();
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_NE(parsed.error().message.find(row.says), std::string::npos) << parsed.error().message;
  }
}

TEST(FmriParts, EntityServiceAndLogStem) {
  const auto fmri = Fmri::parse("svc:/site/xvm/vbox:vm1/:properties/vm/name").value();
  EXPECT_EQ(fmri.entity(), "svc:/site/xvm/vbox:vm1");
  EXPECT_EQ(fmri.service_fmri().str(), "svc:/site/xvm/vbox");
  EXPECT_TRUE(fmri.is_instance());
  EXPECT_FALSE(fmri.service_fmri().is_instance());
  EXPECT_EQ(log_stem(fmri), "site-xvm-vbox:vm1");
  EXPECT_EQ(log_stem(fmri.service_fmri()), "site-xvm-vbox");
}

TEST(FileFmri, GivesThePathOrSaysWhyNot) {
  const struct {
    std::string text, path;
  } table[] = {
      {"file:/a/b", "/a/b"},
      {"file:///a", "/a"},
      {"file://localhost/a.b", "/a.b"},
      {"file:/", ""},
      {"file:///", ""},
      {"file://localhost/", ""},
      {"file://localhost", ""},
      {"file://other/a", ""},
      {"file:a", ""},
      {"file:", ""},
      {"/a", ""},
      {"", ""},
      {std::string("file:/a\0b", 9), ""},
  };
  for (const auto& row : table) {
    auto path = parse_file_fmri(row.text);
    EXPECT_EQ(path ? *path : "", row.path) << row.text;
    if (!path) {
      EXPECT_EQ(path.error().kind, ErrorKind::invalid);
    }
  }
}

TEST(Names, Validity) {
  for (const char* good : {"a", "A1", "a-b_c", "vendor,a", "v.w-x_1,a"})
    EXPECT_TRUE(valid_name(good)) << good;
  for (const char* bad :
       {"", "1", "-a", "_a", "a.b", "a b", "a/b", "a:b", "a,", ",a", "1,a", "a,1", "a,b,c", "a\n"})
    EXPECT_FALSE(valid_name(bad)) << bad;
  EXPECT_TRUE(valid_name(kLongest));
  EXPECT_FALSE(valid_name(kLongest + "n"));
  EXPECT_TRUE(valid_service("site/xvm/vbox"));
  for (const char* bad : {"", "/a", "a/", "a//b", "a:b"}) EXPECT_FALSE(valid_service(bad)) << bad;
  EXPECT_FALSE(valid_service(std::string(60, 'a') + "/" + std::string(60, 'a')));
}

TEST(Quote, KeepsMessagesOnOneLine) {
  EXPECT_EQ(quote("a b"), "\"a b\"");
  EXPECT_EQ(quote("a\n\x1b\xff"), "\"a\\x0a\\x1b\\xff\"");
  EXPECT_EQ(quote(std::string(300, 'x')), "\"" + std::string(200, 'x') + "...\"");
}

rc::Gen<std::string> gen_ident() {
  return rc::gen::apply([](char first, std::string rest) { return first + rest.substr(0, 12); },
                        rc::gen::elementOf(std::string("abcXYZ")),
                        rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcdzAZ019-_"))));
}

rc::Gen<std::string> gen_name() {
  return rc::gen::oneOf(gen_ident(), rc::gen::map(rc::gen::pair(gen_ident(), gen_ident()),
                                                  [](const auto& p) { return p.first + ".v," + p.second; }));
}

RC_GTEST_PROP(FmriProperty, ParseIsTheInverseOfStr, ()) {
  Fmri fmri;
  fmri.service = *gen_name();
  for (int more = *rc::gen::inRange(0, 3); more > 0; --more) fmri.service += "/" + *gen_name();
  if (*rc::gen::arbitrary<bool>()) fmri.instance = *gen_name();
  if (*rc::gen::arbitrary<bool>()) {
    fmri.property_group = *gen_name();
    if (*rc::gen::arbitrary<bool>()) fmri.property = *gen_name();
  }
  RC_PRE(fmri.service.size() <= kMaxName);
  auto parsed = Fmri::parse(fmri.str());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == fmri);
}

// Bytes that look enough like an FMRI to get past the first check.
rc::Gen<std::string> gen_noise() {
  return rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("svc:/@,.*?[]!^\\-a1\0", 20))),
      rc::gen::map(rc::gen::arbitrary<std::string>(),
                   [](std::string s) { return "svc:/a/:properties/" + s; }));
}

RC_GTEST_PROP(FmriProperty, AnyBytesEitherFailOrAreCanonicalAfterwards, ()) {
  const std::string noise = *gen_noise();
  auto parsed = Fmri::parse(noise);
  if (!parsed) {
    RC_ASSERT(parsed.error().kind == ErrorKind::invalid);
    RC_ASSERT(parsed.error().message.find('\n') == std::string::npos);
  } else {
    RC_ASSERT(Fmri::parse(parsed->str()).value() == *parsed);
  }
  (void)parse_file_fmri(noise);
}

}  // namespace
}  // namespace vmkeep::fmri
