#include "restarter/rights.h"

#include <gtest/gtest.h>

#include <map>

#include "restarter/grants.h"

namespace vmkeep::restarter {
namespace {

using repository::ChangeSet;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::PutGroup;
using repository::SetProperty;
using repository::ValueType;

using Properties = std::map<std::string, Property, std::less<>>;

Property text(const std::string& value) {
  return {ValueType::astring, {value}};
}
Property flag(bool value) {
  return {ValueType::boolean, {value ? "true" : "false"}};
}

PropertyGroup group(const std::string& name, const std::string& type, Properties properties) {
  PropertyGroup made;
  made.name = name;
  made.type = type;
  made.generation = 1;
  made.properties = std::move(properties);
  return made;
}

void put(repository::Groups& groups, PropertyGroup made) {
  const std::string name = made.name;
  groups[name] = std::make_shared<PropertyGroup>(std::move(made));
}

const fmri::Fmri kInstance{"site/vm", "one", {}, {}};
const fmri::Fmri kService{"site/vm", {}, {}, {}};

Levels target() {
  Levels levels;
  put(levels.own, group("general", "framework",
                        {{"enabled", flag(true)}, {"action_authorization", text("solaris.smf.manage.vm")}}));
  put(levels.service, group("general", "framework", {{"value_authorization", text("solaris.smf.value.vm")}}));
  put(levels.own, group("web", "application",
                        {{"port", text("80")},
                         {"modify_authorization", text("site.web.modify")},
                         {"value_authorization", text("site.web.value")}}));
  put(levels.service, group("start", "method", {{"exec", text("/bin/true")}}));
  put(levels.own, group("secret", "application",
                        {{"word", text("xyzzy")}, {"read_authorization", text("site.secret.read")}}));
  return levels;
}

Caller with(const std::string& authorization) {
  return {false, false, {authorization}};
}

TEST(Rights, AWildcardStandsForWhateverFollows) {
  const struct {
    const char* granted;
    const char* name;
    bool covers;
  } kTable[] = {
      {"solaris.smf.manage", "solaris.smf.manage", true},
      {"solaris.smf.manage", "solaris.smf.manage.vm", false},
      {"solaris.smf.manage.*", "solaris.smf.manage.vm", true},
      {"solaris.smf.manage.*", "solaris.smf.manage", false},
      {"solaris.smf.*", "solaris.smf.manage", true},
      {"solaris.*", "solaris.smf.modify.method", true},
      {"*", "anything", true},
      {"", "solaris.smf.manage", false},
      {"solaris.smf.manag", "solaris.smf.manage", false},
  };
  for (const auto& row : kTable) EXPECT_EQ(covers(row.granted, row.name), row.covers) << row.granted;
}

// A deed, and each authorization that somebody may have instead of another: which of them suffice.
TEST(Rights, WhichAuthorizationPermitsWhat) {
  const auto put_web = [](Properties properties) {
    return ChangeSet{PutGroup{kInstance, group("web", "application", std::move(properties)), 1}};
  };
  const Property modify = text("site.web.modify");
  const Property value = text("site.web.value");
  const auto set = [](const char* in, const char* type, bool persistent, const char* name,
                      std::optional<Property> to) {
    return ChangeSet{SetProperty{kInstance, in, type, persistent, name, std::move(to)}};
  };
  const std::vector<std::string> kAll{"solaris.smf.manage",
                                      "solaris.smf.manage.vm",
                                      "solaris.smf.value.vm",
                                      "solaris.smf.modify",
                                      "solaris.smf.modify.framework",
                                      "solaris.smf.modify.method",
                                      "solaris.smf.modify.application",
                                      "site.web.modify",
                                      "site.web.value"};
  // In the order of kAll: M manage, A action, V value of general, * modify, F, X, P its types, m and v of
  // web.
  const struct {
    const char* what;
    ChangeSet changes;
    const char* suffice;
  } kTable[] = {
      {"enable -t", set("general_ovr", "framework", false, "enabled", flag(true)), "MA.*F...."},
      {"drop an override that is not there", set("general_ovr", "framework", false, "enabled", {}),
       "MAV*FXPmv"},
      {"enable", set("general", "framework", true, "enabled", flag(false)), "..V*F...."},
      {"enable what is enabled", set("general", "framework", true, "enabled", flag(true)), "..V*F...."},
      {"a new property of general", set("general", "framework", true, "comment", text("x")), "...*F...."},
      {"enabled that is no boolean", set("general", "framework", true, "enabled", text("x")), "...*F...."},
      {"take enabled away", set("general", "framework", true, "enabled", {}), "...*F...."},
      {"the mailbox", set("restarter_actions", "framework", false, "restart", text("1")), "MA.*F...."},
      {"a persistent group of that name", set("general_ovr", "framework", true, "enabled", flag(true)),
       "...*F...."},
      {"a value",
       put_web({{"port", text("81")}, {"modify_authorization", modify}, {"value_authorization", value}}),
       "...*..Pmv"},
      {"nothing new",
       put_web({{"port", text("80")}, {"modify_authorization", modify}, {"value_authorization", value}}),
       "...*..Pmv"},
      {"another type of value",
       put_web({{"port", {ValueType::count, {"80"}}},
                {"modify_authorization", modify},
                {"value_authorization", value}}),
       "...*..Pm."},
      {"another property",
       put_web({{"port", text("80")},
                {"new", text("1")},
                {"modify_authorization", modify},
                {"value_authorization", value}}),
       "...*..Pm."},
      {"one less", put_web({{"modify_authorization", modify}, {"value_authorization", value}}), "...*..Pm."},
      {"who may modify",
       put_web(
           {{"port", text("80")}, {"modify_authorization", text("mine")}, {"value_authorization", value}}),
       "...*..Pm."},
      {"delete the group", {repository::DeleteGroup{kInstance, "web", {}}}, "...*..P.."},
      {"a new group", {PutGroup{kInstance, group("more", "application", {}), 0}}, "...*..P.."},
      {"a group of no known type",
       {PutGroup{kInstance, group("more", "implementation", {}), 0}},
       "...*....."},
      {"the same name with another type",
       {PutGroup{kInstance, group("web", "framework", {}), {}}},
       "...*....."},
      {"a method at the instance",
       {PutGroup{kInstance, group("start", "method", {{"exec", text("/bin/sh")}}), 0}},
       "...*.X..."},
      {"a method in disguise",
       {PutGroup{kInstance, group("start", "application", {{"exec", text("/bin/sh")}}), 0}},
       "...*....."},
      {"a context in disguise",
       {PutGroup{kInstance, group("method_context", "application", {{"user", text("root")}}), 0}},
       "...*....."},
      {"an instance", {repository::AddInstance{"site/vm", "two"}}, "...*....."},
      {"a service", {repository::AddService{"site/other"}}, "...*....."},
      {"delete", {repository::DeleteEntity{kInstance}}, "...*....."},
      {"refresh", {repository::TakeSnapshot{kInstance, "running"}}, "MA.*....."},
      {"another snapshot", {repository::TakeSnapshot{kInstance, "previous"}}, "...*....."},
      {"somewhere else", {SetProperty{kService, "web", "application", true, "port", text("1")}}, "...*..P.."},
  };
  const Levels levels = target();
  const Levels service{levels.service, {}};
  const ReadLevels current = [&](const fmri::Fmri& name) -> const Levels* {
    if (name == kInstance) return &levels;
    return name == kService ? &service : nullptr;
  };
  for (const auto& row : kTable) {
    for (size_t n = 0; n < kAll.size(); ++n) {
      const Ruling ruling = may_change(with(kAll[n]), row.changes, current);
      EXPECT_EQ(ruling.allowed, row.suffice[n] != '.')
          << row.what << " with " << kAll[n] << ": " << ruling.why;
      EXPECT_EQ(ruling.allowed, ruling.why.empty());
    }
    EXPECT_TRUE(may_change({true, false, {}}, row.changes, current).allowed) << row.what;
  }
}

TEST(Rights, WhoMayOperateIsSaidByWhoMayManage) {
  const Levels levels = target();
  const ReadLevels current = [&](const fmri::Fmri&) { return &levels; };
  const ChangeSet changes{
      SetProperty{kInstance, "general", "framework", true, "action_authorization", text("mine")}};
  const struct {
    std::vector<std::string> granted;
    bool allowed;
  } kTable[] = {
      {{"solaris.smf.manage"}, false},
      {{"solaris.smf.modify"}, false},
      {{"solaris.smf.value.vm"}, false},
      {{"solaris.smf.value.vm", "solaris.smf.manage.vm"}, false},
      {{"solaris.smf.value.vm", "solaris.smf.manage"}, true},
      {{"solaris.smf.modify.framework", "solaris.smf.manage"}, true},
      {{"solaris.smf.*"}, true},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(may_change({false, false, row.granted}, changes, current).allowed, row.allowed)
        << row.granted.front();
  }
  // Nobody begins with giving it to himself.
  ChangeSet in_a_row = changes;
  in_a_row.emplace_back(SetProperty{kInstance, "general_ovr", "framework", false, "enabled", flag(false)});
  EXPECT_FALSE(may_change({false, false, {"mine"}}, in_a_row, current).allowed);
}

TEST(Rights, ARefusalNamesWhatIsMissing) {
  const Levels levels = target();
  EXPECT_EQ(
      may_operate({}, "restart of svc:/site/vm:one", levels).why,
      "restart of svc:/site/vm:one takes the authorization solaris.smf.manage or solaris.smf.manage.vm");
  Levels odd = levels;
  put(odd.own, group("general", "framework", {{"action_authorization", {ValueType::ustring, {"x"}}}}));
  EXPECT_EQ(may_operate({}, "x", odd).why, "x takes the authorization solaris.smf.manage")
      << "only an astring counts";
}

TEST(Rights, WhatIsProtectedHasNoValues) {
  const Levels levels = target();
  const struct {
    Caller caller;
    bool allowed;
  } kTable[] = {
      {{}, false},
      {{true, false, {}}, true},
      {{false, true, {}}, true},
      {with("site.secret.read"), true},
      {with("solaris.smf.modify"), true},
      {with("solaris.smf.modify.application"), true},
      {with("solaris.smf.modify.framework"), false},
      {with("solaris.smf.manage"), false},
      {with("site.web.value"), false},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(may_read(row.caller, "secret", levels), row.allowed);
    EXPECT_TRUE(may_read(row.caller, "web", levels));
    Levels seen = levels;
    hide_protected(row.caller, levels, seen);
    const auto& secret = *seen.own.at("secret");
    EXPECT_EQ(secret.value("word").has_value(), row.allowed);
    EXPECT_EQ(is_hidden(secret), !row.allowed);
    EXPECT_NE(secret.find("word"), nullptr);
    EXPECT_EQ(seen.value("web", "port"), "80");
  }
  // Protected at the service is protected at the instance; protected now is protected in what was before.
  Levels split;
  put(split.own, group("secret", "application", {{"word", text("xyzzy")}}));
  const Levels unprotected = split;
  put(split.service, group("secret", "application", {{"read_authorization", text("site.secret.read")}}));
  EXPECT_FALSE(may_read({}, "secret", split));
  Levels before = unprotected;
  hide_protected({}, split, before);
  EXPECT_FALSE(before.value("secret", "word").has_value());
  // What the facility itself has to read is nobody's secret.
  Levels open;
  put(open.own, group("start", "method", {{"exec", text("x")}, {"read_authorization", text("a")}}));
  EXPECT_TRUE(may_read({}, "start", open));
  EXPECT_FALSE(any_protected(open));
}

TEST(Rights, OfAVm) {
  const Levels levels = target();
  const Caller owner{false, true, {}};
  const Caller operator_ = with("solaris.smf.manage.vm");
  for (const char* verb : {"start", "stop", "save", "reboot", "status", "suppress"}) {
    EXPECT_TRUE(may_use_vm(owner, verb, verb, levels).allowed) << verb;
    EXPECT_TRUE(may_use_vm(operator_, verb, verb, levels).allowed) << verb;
    EXPECT_FALSE(may_use_vm({}, verb, verb, levels).allowed) << verb;
  }
  for (const char* verb : {"screenshot", "snapshot", "zfssnap", "gui", "gui_end", "check", "whatever"}) {
    EXPECT_TRUE(may_use_vm(owner, verb, verb, levels).allowed) << verb;
    EXPECT_FALSE(may_use_vm(operator_, verb, verb, levels).allowed) << verb;
  }
  EXPECT_FALSE(may_operate(owner, "restart", levels).allowed) << "of the instance that is";
}

TEST(Grants, AFile) {
  const Grants grants = parse_grants(
      "# nobody\n\nalice solaris.smf.manage.vm,solaris.smf.modify.application  # and more\n"
      "\t%operators\tsolaris.smf.manage\r\nalice a.b\n1000 solaris.*\n");
  EXPECT_TRUE(grants.complaints.empty());
  using Names = std::vector<std::string>;
  EXPECT_EQ(granted_to(grants, {"alice", "7"}, {"users"}),
            (Names{"solaris.smf.manage.vm", "solaris.smf.modify.application", "a.b"}));
  EXPECT_EQ(granted_to(grants, {"bob", "1000"}, {"operators"}), (Names{"solaris.smf.manage", "solaris.*"}));
  EXPECT_EQ(granted_to(grants, {"operators"}, {"alice"}), Names{}) << "a user is no group";
}

TEST(Grants, AWrongLineGivesNothingAndSaysSo) {
  const struct {
    const char* line;
    const char* complaint;
  } kTable[] = {
      {"alice", "line 1: USER or %GROUP and authorizations are wanted"},
      {"% solaris.*", "line 1: USER or %GROUP and authorizations are wanted"},
      {"alice solaris.*.manage", "line 1: \"solaris.*.manage\" is no authorization"},
      {"alice ok solaris/smf", "line 1: \"solaris/smf\" is no authorization"},
  };
  for (const auto& row : kTable) {
    const Grants grants = parse_grants(std::string(row.line) + "\nbob fine");
    EXPECT_EQ(grants.complaints, std::vector<std::string>{row.complaint});
    EXPECT_TRUE(granted_to(grants, {"alice"}, {""}).empty()) << row.line;
    EXPECT_EQ(granted_to(grants, {"bob"}, {}).size(), 1U);
  }
}

}  // namespace
}  // namespace vmkeep::restarter
