#include <gtest/gtest.h>

#include "contract/context.h"

namespace vmkeep::contract {
namespace {

using repository::Levels;
using repository::Property;
using repository::PropertyGroup;

const fmri::Fmri kInstance{"site/xvm/vbox", "vm1", "", ""};

repository::GroupPtr group(const std::string& name, const std::string& property,
                           std::vector<std::string> values) {
  auto made = std::make_shared<PropertyGroup>();
  made->name = name;
  made->properties[property] = Property{repository::ValueType::astring, std::move(values)};
  return made;
}

Levels running() {
  Levels levels;
  levels.own["vm"] = group("vm", "names", {"a b", "c;d", "e"});
  levels.own["application"] = group("application", "color", {"red"});
  levels.service["vm"] = group("vm", "timeout", {"30"});
  levels.service["empty"] = group("empty", "list", {});
  return levels;
}

TEST(Tokens, Expand) {
  const struct {
    const char* exec;
    const char* result;
  } kTable[] = {
      {"/bin/x", "/bin/x"},
      {"", ""},
      {"100%%", "100%"},
      {"%r %m %s %i %f", "svc.startd start site/xvm/vbox vm1 svc:/site/xvm/vbox:vm1"},
      {"x %{vm/timeout} y", "x 30 y"},
      {"%{vm/names}", "a\\ b c\\;d e"},
      {"%{vm/names,}", "a\\ b,c\\;d,e"},
      {"%{vm/names:}", "a\\ b:c\\;d:e"},
      {"%{color}", "red"},
      {"<%{empty/list}>", "<>"},
      {"%{svc:/site/xvm/vbox:vm1/:properties/vm/timeout}", "30"},
      {"%{svc:/site/xvm/vbox/:properties/vm/timeout}", "30"},
  };
  for (const auto& row : kTable) {
    const auto result = expand_tokens(row.exec, kInstance, "start", running());
    ASSERT_TRUE(result) << row.exec << ": " << result.error().message;
    EXPECT_EQ(*result, row.result) << row.exec;
  }
}

TEST(Tokens, PropertiesOfOthers) {
  const fmri::Fmri other{"site/db", "main", "", ""};
  const ViewOf others = [&](const fmri::Fmri& entity) -> Result<Levels> {
    Levels levels;
    levels.service["db"] = group("db", "ports", {"1", "2"});
    if (entity == other.service_fmri()) return Levels{levels.service, {}};
    if (entity == fmri::Fmri{"site/broken", "", "", ""}) return fail(ErrorKind::io, "the disk is gone");
    if (entity == fmri::Fmri{"site/xvm/vbox", "vm2", "", ""})
      levels.own["vm"] = group("vm", "names", {"two"});
    if (entity != other && entity.service != kInstance.service) return fail(ErrorKind::not_found, "");
    return levels;
  };
  const struct {
    const char* exec;
    const char* result;  // or the message
  } kTable[] = {
      {"%{svc:/site/db:main/:properties/db/ports,}", "1,2"},
      {"%{svc:/site/db/:properties/db/ports:}", "1:2"},
      {"%{svc://localhost/site/db:main/:properties/db/ports}", "1 2"},
      {"%{svc:/site/xvm/vbox:vm2/:properties/vm/names}", "two"},
      {"%{svc:/site/db:main/:properties/db/none}",
       "property \"svc:/site/db:main/:properties/db/none\" not found"},
      {"%{svc:/site/none/:properties/db/ports}",
       "property \"svc:/site/none/:properties/db/ports\" not found"},
      {"%{svc:/site/db:main}", "property \"svc:/site/db:main\" not found"},
      {"%{svc:/site/broken/:properties/db/ports}", "the disk is gone"},
  };
  for (const auto& row : kTable) {
    const auto result = expand_tokens(row.exec, kInstance, "start", running(), others);
    EXPECT_EQ(result ? *result : result.error().message, row.result) << row.exec;
  }
}

TEST(Tokens, EveryCharacterOfTheShellIsEscapedInValues) {
  Levels levels;
  levels.own["g"] = group("g", "p", {";&()|^<>\n \t\\\"'`$x"});
  EXPECT_EQ(*expand_tokens("%{g/p}", kInstance, "start", levels),
            "\\;\\&\\(\\)\\|\\^\\<\\>\\\n\\ \\\t\\\\\\\"\\'\\`$x");
}

TEST(Tokens, SayWhatIsWrong) {
  const struct {
    const char* exec;
    const char* message;
  } kTable[] = {
      {"%x", "unknown method token"},
      {"50%", "parse error"},
      {"%{vm/timeout", "parse error"},
      {"%{}", "parse error"},
      {"%{,}", "parse error"},
      {"%{/x}", "parse error"},
      {"%{vm/}", "parse error"},
      {"%{vm/absent}", "property \"vm/absent\" not found"},
      {"%{absent:}", "property \"absent\" not found"},
      {"%{svc:/other:vm1/:properties/vm/timeout}",
       "property \"svc:/other:vm1/:properties/vm/timeout\" not found"},
      {"%{svc:/site/xvm/vbox/:properties/vm/names}",
       "property \"svc:/site/xvm/vbox/:properties/vm/names\" not found"},
  };
  for (const auto& row : kTable) {
    const auto result = expand_tokens(row.exec, kInstance, "start", running());
    ASSERT_FALSE(result) << row.exec;
    EXPECT_EQ(result.error().message, row.message) << row.exec;
    EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  }
}

TEST(CommandLine, PlainWordsAreExecutedDirectly) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(command_line("/opt/x  start\tvm1 "), (Words{"/opt/x", "start", "vm1"}));
  EXPECT_EQ(command_line("./x a"), (Words{"./x", "a"}));
  EXPECT_EQ(command_line("env A", {"PATH=/usr/bin:/nonexistent"}), (Words{"/usr/bin/env", "A"}));
  EXPECT_EQ(command_line("no-such-program A", {"PATH=/usr/bin"}), (Words{"no-such-program", "A"}));
  // That folder may lie anywhere, and waiting for it is not ours.
  EXPECT_EQ(command_line("env A", {"PATH=/nonexistent:/usr/bin"}), (Words{"/bin/sh", "-c", "exec env A"}));
  EXPECT_EQ(command_line("no-such-program-here"), (Words{"no-such-program-here"}));
}

TEST(CommandLine, WhatAShellWouldTreatSpeciallyGoesToOne) {
  using Words = std::vector<std::string>;
  for (const char c : std::string(";&|<>()$`\\\"'*?[]#~=%{}\n")) {
    const std::string exec = std::string("/bin/x a") + c + "b";
    EXPECT_EQ(command_line(exec), (Words{"/bin/sh", "-c", "exec " + exec}));
  }
  EXPECT_EQ(command_line("  "), (Words{"/bin/sh", "-c", "exec   "}));
}

}  // namespace
}  // namespace vmkeep::contract
