#include "repository/types.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "repository/repository.h"

namespace vmkeep::repository {
namespace {

GroupPtr group(std::string name, std::string type, std::map<std::string, std::string> values) {
  PropertyGroup made;
  made.name = std::move(name);
  made.type = std::move(type);
  for (auto& [property, value] : values) made.properties[property] = Property{ValueType::astring, {value}};
  return std::make_shared<const PropertyGroup>(std::move(made));
}

Groups groups(std::vector<GroupPtr> list) {
  Groups made;
  for (auto& one : list) made[one->name] = one;
  return made;
}

TEST(ValueTypes, NamesAndBack) {
  for (int i = 0; i <= static_cast<int>(ValueType::net_address_v6); ++i) {
    const auto type = static_cast<ValueType>(i);
    EXPECT_EQ(value_type(to_string(type)), type) << to_string(type);
  }
  EXPECT_EQ(to_string(ValueType::net_address_v4), "net_address_v4");
  EXPECT_EQ(value_type("string"), std::nullopt);
  EXPECT_EQ(value_type(""), std::nullopt);
}

TEST(CheckValue, NormalForms) {
  const struct {
    ValueType type;
    std::string value, normal;
  } table[] = {
      {ValueType::boolean, "true", "true"},
      {ValueType::boolean, "false", "false"},
      {ValueType::count, "010", "10"},
      {ValueType::count, "0", "0"},
      {ValueType::count, "18446744073709551615", "18446744073709551615"},
      {ValueType::integer, "-0", "0"},
      {ValueType::integer, "-9223372036854775808", "-9223372036854775808"},
      {ValueType::integer, "007", "7"},
      {ValueType::time, "5", "5.000000000"},
      {ValueType::time, "5.5", "5.500000000"},
      {ValueType::time, "05.000000001", "5.000000001"},
      {ValueType::time, "-1.25", "-1.250000000"},
      {ValueType::time, "-0.5", "-0.500000000"},
      {ValueType::time, "-0.0", "0.000000000"},
      {ValueType::astring, "", ""},
      {ValueType::astring, "\xff\x01 any", "\xff\x01 any"},
      {ValueType::astring, std::string(4095, 'x'), std::string(4095, 'x')},
      {ValueType::ustring, "", ""},
      {ValueType::ustring, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
       "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {ValueType::opaque, "", ""},
      {ValueType::opaque, "00fFAb", "00ffab"},
      {ValueType::uri, "http://example.org/a?b#c", "http://example.org/a?b#c"},
      {ValueType::uri, "mailto:a@b", "mailto:a@b"},
      {ValueType::uri, "relative/path", "relative/path"},
      {ValueType::fmri, "svc:/site/xvm/vbox:vm1", "svc:/site/xvm/vbox:vm1"},
      {ValueType::fmri, "svc://localhost/a", "svc://localhost/a"},
      {ValueType::fmri, "file://localhost/etc/passwd", "file://localhost/etc/passwd"},
      {ValueType::fmri, "lrc:/etc/rc2_d/S47pppd", "lrc:/etc/rc2_d/S47pppd"},
      {ValueType::hostname, "a-1.example.org", "a-1.example.org"},
      {ValueType::hostname, "example.org.", "example.org."},
      {ValueType::host, "example.org", "example.org"},
      {ValueType::host, "::1", "::1"},
      {ValueType::host, "10.0.0.1", "10.0.0.1"},
      {ValueType::net_address, "10.0.0.0/8", "10.0.0.0/8"},
      {ValueType::net_address, "fe80::/10", "fe80::/10"},
      {ValueType::net_address_v4, "192.168.1.1", "192.168.1.1"},
      {ValueType::net_address_v6, "2001:db8::1/128", "2001:db8::1/128"},
  };
  for (const auto& row : table) {
    auto checked = check_value(row.type, row.value);
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_EQ(*checked, row.normal);
  }
}

TEST(CheckValue, Refusals) {
  const struct {
    ValueType type;
    std::vector<std::string> values;
  } table[] = {
      {ValueType::boolean, {"", "TRUE", "1", "yes"}},
      {ValueType::count, {"", "-1", "+1", " 1", "1 ", "0x10", "18446744073709551616", "1.0"}},
      {ValueType::integer, {"", "-", "--1", "+1", "9223372036854775808", "1e3"}},
      {ValueType::time, {"", ".", "1.", ".5", "1.0000000000", "1.-5", "a", "1.5.5", "9223372036854775808"}},
      {ValueType::astring, {std::string("a\0b", 3), std::string(4096, 'x')}},
      {ValueType::ustring,
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "a\x80"}},
      {ValueType::opaque, {"0", "0g", "abc", "0x00"}},
      {ValueType::uri, {"", "a b", "1http://x", ":x", "http://\xff", "a\nb"}},
      {ValueType::fmri, {"", "svc:/", "svc:/a:1", "file:/", "lrc:/", "svc://other/a"}},
      {ValueType::hostname,
       {"", "-a", "a-", "a..b", ".", "a_b", "a b", std::string(64, 'a'), std::string(254, 'a')}},
      {ValueType::host, {"", "-a", "a:b", "1.2.3.4/33"}},
      {ValueType::net_address,
       {"", "1.2.3", "1.2.3.4/", "1.2.3.4/33", "::1/129", "::g", "1.2.3.4/0008", "example"}},
      {ValueType::net_address_v4, {"::1", "256.0.0.1"}},
      {ValueType::net_address_v6, {"10.0.0.1", "1::2::3"}},
  };
  for (const auto& row : table) {
    for (const auto& value : row.values) {
      auto checked = check_value(row.type, value);
      ASSERT_FALSE(checked) << to_string(row.type) << " " << value;
      EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
    }
  }
  EXPECT_EQ(check_value(ValueType::integer, "x").error().message,
            "\"x\" is not an integer (a decimal number from -2^63 to 2^63-1)");
}

RC_GTEST_PROP(CheckValueProperty, TheNormalFormIsItsOwnNormalForm, (const std::string& noise)) {
  const auto type = static_cast<ValueType>(*rc::gen::inRange(0, 14));
  const std::string value =
      *rc::gen::oneOf(rc::gen::just(noise),
                      rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123459-.:/abF"))));
  auto once = check_value(type, value);
  if (!once) return;
  auto twice = check_value(type, *once);
  RC_ASSERT(twice.has_value());
  RC_ASSERT(*twice == *once);
}

TEST(PropertyGroups, SingleValues) {
  PropertyGroup one;
  one.properties["single"] = Property{ValueType::astring, {"v"}};
  one.properties["none"] = Property{ValueType::astring, {}};
  one.properties["two"] = Property{ValueType::astring, {"a", "b"}};
  EXPECT_EQ(one.value("single"), "v");
  EXPECT_EQ(one.value("none"), std::nullopt);
  EXPECT_EQ(one.value("two"), std::nullopt);
  EXPECT_EQ(one.value("missing"), std::nullopt);
  EXPECT_EQ(one.find("two")->values.size(), 2U);
}

TEST(Levels, ComposePerPropertyTheInstanceOverTheService) {
  Levels levels;
  levels.own =
      groups({group("vm", "own_type", {{"a", "own"}, {"b", "own"}}), group("mine", "application", {})});
  levels.service = groups({group("vm", "service_type", {{"b", "inherited"}, {"c", "inherited"}}),
                           group("theirs", "method", {{"x", "inherited"}})});
  const Groups all = levels.composed();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all.at("vm")->type, "own_type");
  EXPECT_EQ(all.at("vm")->properties.size(), 3U);
  EXPECT_EQ(all.at("vm")->value("a"), "own");
  EXPECT_EQ(all.at("vm")->value("b"), "own");
  EXPECT_EQ(all.at("vm")->value("c"), "inherited");
  EXPECT_EQ(all.at("theirs")->value("x"), "inherited");
  EXPECT_EQ(levels.own.at("vm")->properties.size(), 2U);  // composing leaves the levels alone

  EXPECT_EQ(levels.value("vm", "a"), "own");
  EXPECT_EQ(levels.value("vm", "b"), "own");
  EXPECT_EQ(levels.value("vm", "c"), "inherited");
  EXPECT_EQ(levels.value("theirs", "x"), "inherited");
  EXPECT_EQ(levels.value("vm", "d"), std::nullopt);
  EXPECT_EQ(levels.find("none", "x"), nullptr);
}

}  // namespace
}  // namespace vmkeep::repository
