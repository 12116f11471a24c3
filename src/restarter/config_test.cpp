#include "restarter/config.h"

#include <gtest/gtest.h>

namespace vmkeep::restarter {
namespace {

using repository::Groups;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

using Properties = std::map<std::string, Property, std::less<>>;

void add(Groups& groups, const std::string& name, const std::string& type, Properties properties) {
  PropertyGroup group;
  group.name = name;
  group.type = type;
  group.properties = std::move(properties);
  groups[name] = std::make_shared<const PropertyGroup>(std::move(group));
}

Property text(const std::string& value) {
  return {ValueType::astring, {value}};
}
Property count(const std::string& value) {
  return {ValueType::count, {value}};
}

TEST(ConfigTest, MethodsAndTheirTimeouts) {
  struct Row {
    Property timeout;
    std::optional<std::chrono::seconds> expected;
    std::vector<std::string> notes;
  };
  const std::string bad =
      "start/timeout_seconds is multi-valued or not of type count.  Using infinite timeout.";
  const Row rows[] = {
      {count("60"), std::chrono::seconds(60), {}},
      {count("0"), std::nullopt, {}},
      {count("18446744073709551615"), std::nullopt, {}},
      {count("18446744073709551614"), std::nullopt, {"timeout_seconds too large, treating as infinite."}},
      {{ValueType::count, {"1", "2"}}, std::nullopt, {bad}},
      {text("60"), std::nullopt, {bad}},
  };
  for (const auto& row : rows) {
    Levels levels;
    add(levels.service, "start", "method", {{"exec", text("/bin/a")}, {"timeout_seconds", row.timeout}});
    const auto config = read_config(levels, "svc:/a:x");
    EXPECT_TRUE(config.start.present);
    EXPECT_EQ(config.start.exec, "/bin/a");
    EXPECT_EQ(config.start.timeout, row.expected);
    EXPECT_EQ(config.start.notes, row.notes);
    EXPECT_FALSE(config.stop.present);
  }
}

TEST(ConfigTest, MethodsAreComposed) {
  Levels levels;
  add(levels.service, "stop", "method", {{"exec", text("/bin/service")}, {"timeout_seconds", count("5")}});
  add(levels.own, "stop", "method", {{"exec", text("/bin/instance")}});
  add(levels.own, "refresh", "method", {});
  const auto config = read_config(levels, "svc:/a:x");
  EXPECT_EQ(config.stop.exec, "/bin/instance");
  EXPECT_EQ(config.stop.timeout, std::chrono::seconds(5));
  EXPECT_TRUE(config.refresh.present);
  EXPECT_EQ(config.refresh.exec, std::nullopt);
}

TEST(ConfigTest, Startd) {
  const auto read = [](Properties properties) {
    Levels levels;
    add(levels.own, "startd", "framework", std::move(properties));
    return read_config(levels, "svc:/a:x");
  };
  EXPECT_EQ(read({}).duration, Duration::contract);
  EXPECT_EQ(read({{"duration", text("transient")}}).duration, Duration::transient);
  EXPECT_EQ(read({{"duration", text("wait")}}).duration, Duration::child);
  EXPECT_EQ(read({{"duration", text("child")}}).duration, Duration::child);
  EXPECT_EQ(read({{"duration", text("sometimes")}}).duration, Duration::contract);
  EXPECT_TRUE(read({{"ignore_error", text("signal,core")}}).ignore_core);
  EXPECT_TRUE(read({{"ignore_error", text("core,signal")}}).ignore_signal);
  EXPECT_FALSE(read({{"ignore_error", text("core")}}).ignore_signal);
  EXPECT_FALSE(read({{"ignore_error", text("core signal")}}).ignore_core) << "only the four exact words";
  EXPECT_FALSE(read({{"timeout_retry", {ValueType::boolean, {"false"}}}}).timeout_retry);
  const Property three{ValueType::integer, {"3"}};
  EXPECT_EQ(read({{"critical_failure_count", three}}).critical_failure_count, 5u) << "both or none";
  const auto both = read({{"critical_failure_count", three}, {"critical_failure_period", three}});
  EXPECT_EQ(both.critical_failure_count, 3u);
  EXPECT_EQ(both.critical_failure_period, std::chrono::seconds(3));
  const auto wrong = read({{"critical_failure_count", count("3")}, {"critical_failure_period", count("3")}});
  EXPECT_EQ(wrong.critical_failure_count, 5u) << "they are of type integer";
}

Properties dependency(const std::string& type, std::vector<std::string> entities) {
  return {{"grouping", text("require_all")},
          {"restart_on", text("none")},
          {"type", text(type)},
          {"entities", {ValueType::fmri, std::move(entities)}}};
}

TEST(ConfigTest, Dependencies) {
  Levels levels;
  add(levels.own, "db", "dependency", dependency("service", {"svc:/db:one", "svc:/web"}));
  add(levels.service, "file", "dependency", dependency("path", {"file://localhost/etc/a"}));
  add(levels.service, "net", "dependency", dependency("host", {"host:network"}));
  add(levels.service, "other", "application", dependency("service", {"%%"}));
  const auto config = read_config(levels, "svc:/a:x");
  EXPECT_EQ(config.invalid_dependency, "");
  ASSERT_EQ(config.dependencies.size(), 3u);
  EXPECT_EQ(config.dependencies[0].name, "db");
  EXPECT_EQ(config.dependencies[0].entities[0], (graph::Entity{graph::EntityKind::instance, "svc:/db:one"}));
  EXPECT_EQ(config.dependencies[0].entities[1], (graph::Entity{graph::EntityKind::service, "svc:/web"}));
  EXPECT_EQ(config.dependencies[1].entities[0], (graph::Entity{graph::EntityKind::file, "/etc/a"}));
  EXPECT_EQ(config.dependencies[2].entities[0], (graph::Entity{graph::EntityKind::host, "network"}));
}

TEST(ConfigTest, InvalidDependencies) {
  const auto read = [](Properties properties) {
    Levels levels;
    add(levels.own, "d", "dependency", std::move(properties));
    return read_config(levels, "svc:/a:x").invalid_dependency;
  };
  const auto without = [](const std::string& property) {
    auto properties = dependency("service", {"svc:/db"});
    properties.erase(property);
    return properties;
  };
  const auto with = [](const std::string& property, const std::string& value) {
    auto properties = dependency("service", {"svc:/db"});
    properties[property] = text(value);
    return properties;
  };
  EXPECT_EQ(read(dependency("service", {})), "") << "an empty group is satisfied";
  for (const auto* property : {"grouping", "restart_on", "type", "entities"}) {
    const auto why = read(without(property));
    EXPECT_NE(why.find("has invalid dependency \"d\""), std::string::npos) << property;
    EXPECT_NE(why.find(property), std::string::npos) << why;
  }
  EXPECT_NE(read(with("grouping", "require_some")), "");
  EXPECT_NE(read(with("restart_on", "always")), "");
  EXPECT_NE(read(with("type", "magic")), "");
  EXPECT_NE(read(dependency("service", {"svc:/db:/"})), "");
  EXPECT_NE(read(dependency("service", {"svc:/db:x/:properties/general"})), "");
  EXPECT_NE(read(dependency("path", {"svc:/db"})), "");
  EXPECT_NE(read(dependency("host", {"network"})), "");
}

// 6.3: which events of its contract stop a service.
TEST(ConfigTest, RestartOnOfTheStartMethod) {
  const struct {
    const char* word;
    bool empty, core, signal;  // ignored
  } kTable[] = {{"all", false, false, false},
                {"external_fault", true, true, false},
                {"any_fault", true, false, false},
                {"whatever", false, false, false}};
  for (const auto& row : kTable) {
    Levels levels;
    add(levels.own, "start", "method", {{"exec", text("/bin/a")}, {"restart_on", text(row.word)}});
    const auto config = read_config(levels, "svc:/a:x");
    EXPECT_EQ(config.ignore_empty, row.empty) << row.word;
    EXPECT_EQ(config.ignore_core, row.core) << row.word;
    EXPECT_EQ(config.ignore_signal, row.signal) << row.word;
  }
}

// 6.3: as the original: a timeout that is not of type count, which setprop can make of it, is none.
TEST(ConfigTest, ATimeoutOfAnotherTypeIsInfinite) {
  Levels levels;
  add(levels.own, "start", "method",
      {{"exec", text("/bin/a")}, {"timeout_seconds", {ValueType::integer, {"120"}}}});
  const auto config = read_config(levels, "svc:/a:x");
  EXPECT_EQ(config.start.timeout, std::nullopt);
  EXPECT_EQ(config.start.notes.size(), 1U) << "and the log says so";
}

// 5.7.
TEST(ConfigTest, WhoRestartsIt) {
  const struct {
    const char* value;
    const char* delegated;
    const char* invalid;
  } kTable[] = {{"", "", ""},
                {"svc:/system/svc/restarter:default", "", ""},
                {"system/svc/restarter:default", "", ""},
                {"svc:/network/inetd:default", "svc:/network/inetd:default", ""},
                {"network/inetd:default", "svc:/network/inetd:default", ""},
                {"svc:/network/inetd", "", "svc:/network/inetd"},
                {"svc:/a:x/:properties/b", "", "svc:/a:x/:properties/b"},
                {"file:///a", "", "file:///a"}};
  for (const auto& row : kTable) {
    Levels levels;
    add(levels.service, "general", "framework", {{"restarter", text(row.value)}});
    InstanceConfig config;
    config.delegated_to = config.invalid_restarter = "as it was";
    read_restarter(levels, config);
    EXPECT_EQ(config.delegated_to, row.delegated) << row.value;
    EXPECT_EQ(config.invalid_restarter, row.invalid) << row.value;
  }
  InstanceConfig config;
  read_restarter(Levels(), config);
  EXPECT_EQ(config.delegated_to, "");
}

TEST(ConfigTest, EnabledIsReadFromTheInstanceOnly) {
  const Properties yes = {{"enabled", {ValueType::boolean, {"true"}}}};
  const Properties no = {{"enabled", {ValueType::boolean, {"false"}}}};
  Levels levels;
  add(levels.service, "general", "framework", yes);
  EXPECT_EQ(read_enabled(levels), std::nullopt);
  add(levels.own, "general", "framework", yes);
  EXPECT_EQ(read_enabled(levels), true);
  add(levels.own, "general_ovr", "framework", no);
  EXPECT_EQ(read_enabled(levels), false);
  add(levels.own, "general_ovr", "framework", {});
  EXPECT_EQ(read_enabled(levels), true);
}

TEST(ConfigPool, KeepsWhatIsTheSameOnce) {
  ConfigPool pool;
  InstanceConfig one;
  one.start.exec = "/bin/one";
  one.dependencies.push_back(
      {"net", graph::Grouping::require_all, graph::RestartOn::none, {{graph::EntityKind::host, "network"}}});
  const auto first = pool.share(one);
  EXPECT_EQ(*first, one);
  EXPECT_EQ(pool.share(one), first);
  // Also what the hash does not look at counts.
  auto other = one;
  other.dependencies[0].grouping = graph::Grouping::optional_all;
  const auto second = pool.share(other);
  EXPECT_NE(second, first);
  EXPECT_EQ(*second, other);
  EXPECT_EQ(pool.share(other), second);
  // What nobody has any more is made anew, however many came and went meanwhile.
  for (int i = 0; i < 1000; ++i) {
    one.start.exec = "/bin/" + std::to_string(i);
    EXPECT_EQ(pool.share(one)->start.exec, one.start.exec);
  }
  one.start.exec = "/bin/one";
  EXPECT_EQ(pool.share(one), first);
  EXPECT_EQ(*ConfigPool::none(), InstanceConfig());
}

}  // namespace
}  // namespace vmkeep::restarter
