#include "contract/context.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

namespace vmkeep::contract {
namespace {

using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

const fmri::Fmri kInstance{"site/xvm/vbox", "vm1", "", ""};

void set(repository::Groups& groups, const std::string& group, const std::string& property,
         std::vector<std::string> values, ValueType type = ValueType::astring) {
  auto copy = groups.count(group) != 0 ? std::make_shared<PropertyGroup>(*groups[group])
                                       : std::make_shared<PropertyGroup>();
  copy->name = group;
  copy->properties[property] = Property{type, std::move(values)};
  groups[group] = std::move(copy);
}

std::string variable(const MethodContext& context, const std::string& name) {
  for (const auto& entry : context.environment) {
    if (entry.compare(0, name.size() + 1, name + "=") == 0) return entry.substr(name.size() + 1);
  }
  return "(unset)";
}

std::string own_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

int in_child_as(uid_t uid, const std::function<int()>& steps) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0)
      ::_exit(99);
    ::_exit(steps());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(Context, WithoutOneAMethodRunsAsTheDaemonInTheRoot) {
  ::setenv("LC_TIME", "C", 1);
  ::setenv("SECRET", "x", 1);
  const auto context = read_context({}, kInstance, "start", {"VMKEEP_RUN=/run/vmkeep"});
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->credentials);
  EXPECT_EQ(context->working_directory, "/");
  EXPECT_EQ(context->user, own_name());
  EXPECT_EQ(context->environment.front(), "PATH=/usr/sbin:/usr/bin");
  EXPECT_EQ(variable(*context, "SMF_FMRI"), "svc:/site/xvm/vbox:vm1");
  EXPECT_EQ(variable(*context, "SMF_METHOD"), "start");
  EXPECT_EQ(variable(*context, "SMF_RESTARTER"), "svc:/system/svc/restarter:default");
  EXPECT_EQ(variable(*context, "SMF_ZONENAME"), "global");
  EXPECT_EQ(variable(*context, "VMKEEP_RUN"), "/run/vmkeep");
  EXPECT_EQ(variable(*context, "LC_TIME"), "C");
  EXPECT_EQ(variable(*context, "SECRET"), "(unset)");
  EXPECT_EQ(variable(*context, "HOME"), "(unset)");
  EXPECT_TRUE(context->notes.empty());
}

TEST(Context, AGroupOfContextDefaultsToTheDaemonsUserAndItsHome) {
  Levels running;
  set(running.service, "method_context", "working_directory", {":default"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context) << context.error().message;
  ASSERT_TRUE(context->credentials);
  EXPECT_EQ(context->credentials->uid, ::geteuid());
  const passwd* entry = ::getpwuid(::geteuid());
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(context->working_directory, entry->pw_dir);
  EXPECT_EQ(variable(*context, "HOME"), entry->pw_dir);
  EXPECT_EQ(variable(*context, "LOGNAME"), entry->pw_name);
}

TEST(Context, TheMethodsOwnPropertiesReplaceTheWholeGroup) {
  Levels running;
  set(running.service, "method_context", "user", {"nobody-there-of-this-name"});
  set(running.service, "method_context", "working_directory", {"/usr"});
  set(running.own, "start", "working_directory", {"/tmp"});
  const auto start = read_context(running, kInstance, "start");
  ASSERT_TRUE(start) << start.error().message;
  EXPECT_EQ(start->working_directory, "/tmp");
  EXPECT_EQ(start->user, own_name());
  const auto stop = read_context(running, kInstance, "stop");
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().kind, ErrorKind::not_found);
  EXPECT_NE(stop.error().message.find("nobody-there-of-this-name"), std::string::npos);
}

TEST(Context, AnEnvironmentOfTheMethodAloneDoesNotMakeItRunAsRoot) {
  Levels running;
  set(running.service, "method_context", "working_directory", {"/usr"});
  set(running.service, "method_context", "environment", {"A=general"});
  set(running.own, "start", "environment", {"A=special"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->working_directory, "/usr");
  EXPECT_EQ(variable(*context, "A"), "special");
  EXPECT_EQ(variable(*read_context(running, kInstance, "stop"), "A"), "general");
}

TEST(Context, EnvironmentEntriesAreCheckedAndLaterOnesWin) {
  Levels running;
  set(running.own, "method_context", "environment",
      {"A=1", "nonsense", "=x", "SMF_FMRI=lie", "A=2", "PATH=/opt/bin", "HOME=/elsewhere", "B=x=y"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context);
  EXPECT_EQ(variable(*context, "A"), "2");
  EXPECT_EQ(variable(*context, "B"), "x=y");
  EXPECT_EQ(context->environment.front(), "PATH=/opt/bin");
  EXPECT_EQ(variable(*context, "HOME"), "/elsewhere");
  EXPECT_EQ(variable(*context, "SMF_FMRI"), "svc:/site/xvm/vbox:vm1");
  const std::vector<std::string> expected{
      "Invalid environment variable \"nonsense\".",
      "Invalid environment variable \"=x\".",
      "Invalid environment variable \"SMF_FMRI=lie\"; \"SMF_\" prefix is reserved.",
      "Ignoring duplicate environment variable \"A=1\".",
      "Ignoring duplicate environment variable \"PATH=/usr/sbin:/usr/bin\".",
  };
  EXPECT_EQ(context->notes, expected);
}

TEST(Context, RefusesWhatCannotBe) {
  const struct {
    const char* property;
    std::vector<std::string> values;
    ErrorKind kind;
  } kTable[] = {
      {"user", {"no-such-user-here"}, ErrorKind::not_found},
      {"user", {"a", "b"}, ErrorKind::invalid},
      {"user", {"4294967295"}, ErrorKind::not_found},
      {"group", {"no-such-group-here"}, ErrorKind::not_found},
      {"supp_groups", {"no-such-group-here"}, ErrorKind::not_found},
      {"working_directory", {"relative"}, ErrorKind::invalid},
      {"use_profile", {"true"}, ErrorKind::invalid},
  };
  for (const auto& row : kTable) {
    Levels running;
    set(running.own, "method_context", row.property, row.values);
    const auto context = read_context(running, kInstance, "start");
    ASSERT_FALSE(context) << row.property;
    EXPECT_EQ(context.error().kind, row.kind) << context.error().message;
  }
}

TEST(Context, PropertiesThatLinuxLacksAreNoted) {
  Levels running;
  set(running.own, "method_context", "privileges", {"basic,net_privaddr"});
  set(running.own, "method_context", "project", {":default"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context);
  ASSERT_EQ(context->notes.size(), 1U);
  EXPECT_NE(context->notes[0].find("privileges"), std::string::npos);
}

TEST(Context, RootBecomesWhomeverItIsAskedToBe) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may run methods as others";
  const passwd* entry = ::getpwnam("nobody");
  ASSERT_NE(entry, nullptr);
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  for (const std::string& user : {std::string("nobody"), std::to_string(uid)}) {
    Levels running;
    set(running.own, "method_context", "user", {user});
    set(running.own, "method_context", "working_directory", {"/"});
    const auto context = read_context(running, kInstance, "start");
    ASSERT_TRUE(context) << context.error().message;
    EXPECT_EQ(context->credentials->uid, uid);
    EXPECT_EQ(context->credentials->gid, gid);
    EXPECT_EQ(context->credentials->groups, std::vector<gid_t>{gid});
    EXPECT_EQ(context->user, "nobody");
    EXPECT_EQ(variable(*context, "USER"), "nobody");
  }
  Levels running;
  set(running.own, "method_context", "user", {"nobody"});
  set(running.own, "method_context", "group", {"7"});
  set(running.own, "method_context", "supp_groups", {"root, 12", "7"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(context->credentials->gid, 7U);
  EXPECT_EQ(context->credentials->groups, (std::vector<gid_t>{0, 12, 7}));
}

TEST(Context, AUidWithoutPasswdEntryHasNoPrimaryGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may run methods as others";
  Levels running;
  set(running.own, "method_context", "user", {"3999999999"});
  EXPECT_EQ(read_context(running, kInstance, "start").error().message, "Missing passwd entry for user.");
  set(running.own, "method_context", "group", {"7"});
  set(running.own, "method_context", "working_directory", {"/tmp"});
  const auto context = read_context(running, kInstance, "start");
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(context->credentials->uid, 3999999999U);
}

TEST(Context, AUsersOwnDaemonMayOnlyBeItself) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  EXPECT_EQ(in_child_as(65534,
                        [] {
                          const auto kind_with = [](const char* property, const std::string& value) {
                            Levels running;
                            set(running.own, "method_context", "working_directory", {"/"});
                            set(running.own, "method_context", property, {value});
                            const auto context = read_context(running, kInstance, "start");
                            return context ? -1 : static_cast<int>(context.error().kind);
                          };
                          const auto permission = static_cast<int>(ErrorKind::permission);
                          if (kind_with("user", "root") != permission) return 1;
                          if (kind_with("group", "0") != permission) return 2;
                          if (kind_with("supp_groups", "0") != permission) return 3;
                          if (kind_with("user", "65534") != -1) return 4;
                          if (kind_with("project", ":default") != -1)
                            return 5;  // no user named: itself, not root
                          return 0;
                        }),
            0);
}

TEST(Context, VariablesOfTheInitFile) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(
      init_variables("# TZ=no\nTZ=Europe/Zurich\n  LANG = C\nCMASK=022\nSMF_FMRI=x\nLC_ALL=\"C.UTF-8\"  \r\n"
                     "EMPTY=\nQ='a b'\n=x\nnothing\nHALF=\"x\nLAST=1=2"),
      (Words{"TZ=Europe/Zurich", "LC_ALL=C.UTF-8", "EMPTY=", "Q=a b", "HALF=\"x", "LAST=1=2"}));
  EXPECT_EQ(init_variables(""), Words{});
}

}  // namespace
}  // namespace vmkeep::contract
