// What a change does, and that it does nothing at all where it is refused.
#include "repository/store.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "repository/look.h"
#include "repository/store_test_support.h"

namespace vmkeep::repository {
namespace {

using namespace testing;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : store_(open_or_die(folder_.options())) {
    must({AddService{"site/a"}, AddInstance{"site/a", "x"}, AddInstance{"site/a", "y"}, AddService{"empty"},
          PutGroup{name("site/a:x"), group("vm", {{"ram", text({"1"})}, {"disks", text({"a", "b"})}}), {}},
          PutGroup{name("site/a"), group("vm", {{"ram", text({"9"})}, {"cpus", text({"2"})}}), {}},
          set("site/a:x", "general_ovr", "enabled", "true", false)});
  }

  void must(const ChangeSet& changes) {
    auto done = store_->commit(changes);
    ASSERT_TRUE(done) << done.error().message;
  }

  // Refused, by that kind, saying that; and neither this store nor a fresh one shows any change.
  void refuses(ErrorKind kind, const std::string& says, const Change& bad) {
    const std::string before = dump(*store_);
    const ChangeSet changes = {AddService{"new"}, set("site/a:y", "vm", "ram", "7"), bad,
                               AddService{"newer"}};
    auto done = store_->commit(changes);
    ASSERT_FALSE(done) << says;
    EXPECT_EQ(done.error().kind, kind) << done.error().message;
    EXPECT_NE(done.error().message.find(says), std::string::npos) << done.error().message;
    EXPECT_EQ(dump(*store_), before);
    reopen();
    EXPECT_EQ(dump(*store_), before);
  }

  void reopen(const std::string& boot_id = "boot-1") {
    store_.reset();
    store_ = open_or_die(folder_.options(boot_id));
  }

  Levels read(const std::string& entity) { return store_->read(name(entity)).value(); }
  uint64_t generation(const std::string& entity, const std::string& group) {
    return read(entity).own.at(group)->generation;
  }

  TemporaryFolder folder_;
  Store store_;
};

TEST_F(StoreTest, ALookTellsWhatReadingDoes) {
  for (const char* entity : {"site/a", "site/a:x", "site/a:y", "empty"}) {
    const auto view = look(*store_, name(entity));
    const Levels read = store_->read(name(entity)).value();
    ASSERT_TRUE(view) << entity;
    EXPECT_EQ(*view->own, read.own) << entity;
    EXPECT_EQ(view->service == nullptr ? Groups() : *view->service, read.service) << entity;
    for (const auto& [group, property] :
         {std::pair("vm", "ram"), std::pair("vm", "cpus"), std::pair("vm", "disks"),
          std::pair("general_ovr", "enabled"), std::pair("none", "none")}) {
      EXPECT_EQ(view->value(group, property), read.value(group, property)) << entity << group << property;
    }
  }
  EXPECT_FALSE(look(*store_, name("site/a:z")));
  EXPECT_FALSE(look(*store_, name("site/b")));
}

TEST_F(StoreTest, EntriesInNameOrder) {
  must({AddService{"B"}, AddService{"a-b"}, AddService{"a"}, AddInstance{"a", "z"}, AddInstance{"a", "b"}});
  std::string all;
  const auto entries = store_->entries().value();
  for (const auto& entry : entries) {
    all += entry.service + "(";
    for (const auto& instance : entry.instances) all += instance + ",";
    all += ") ";
  }
  EXPECT_EQ(all, "B() a(b,z,) a-b() empty() site/a(x,y,) ");
}

TEST_F(StoreTest, ReadsBothLevels) {
  const Levels levels = read("site/a:x");
  EXPECT_EQ(levels.value("vm", "ram"), "1");
  EXPECT_EQ(levels.value("vm", "cpus"), "2");
  EXPECT_EQ(levels.find("vm", "disks")->values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(levels.own.at("general_ovr")->persistent, false);
  EXPECT_TRUE(read("site/a").service.empty());
  EXPECT_EQ(read("site/a").value("vm", "ram"), "9");
}

TEST_F(StoreTest, SaysWhatDoesNotExist) {
  const struct {
    Error error;
    const char* says;
  } table[] = {
      {store_->read(name("nope")).error(), "No such service \"svc:/nope\""},
      {store_->read(name("nope:x")).error(), "No such service \"svc:/nope\""},
      {store_->read(name("site/a:z")).error(), "No such instance \"svc:/site/a:z\""},
      {store_->read_snapshot(name("site/a:z"), "running").error(), "No such instance"},
      {store_->read_snapshot(name("site/a:x"), "running").error(), "No such snapshot \"running\""},
      {store_->snapshots(name("site/a:z")).error(), "No such instance"},
      {store_->read_running(name("site/a:z")).error(), "No such instance"},
  };
  for (const auto& row : table) {
    EXPECT_EQ(row.error.kind, ErrorKind::not_found);
    EXPECT_NE(row.error.message.find(row.says), std::string::npos) << row.error.message;
  }
  EXPECT_EQ(store_->snapshots(name("site/a")).error().kind, ErrorKind::invalid);
}

TEST_F(StoreTest, RefusedChangesChangeNothing) {
  const auto x = name("site/a:x");
  const auto y = name("site/a:y");
  const auto missing = name("site/a:z");
  const uint64_t current = generation("site/a:x", "vm");
  const PropertyGroup good = group("g", {});
  refuses(ErrorKind::exists, "svc:/site/a exists already", AddService{"site/a"});
  refuses(ErrorKind::invalid, "\"1\"", AddService{"1"});
  refuses(ErrorKind::invalid, "name is not valid", AddService{""});
  refuses(ErrorKind::invalid, "name is not valid", AddService{std::string(120, 'n')});
  refuses(ErrorKind::exists, "svc:/site/a:x exists already", AddInstance{"site/a", "x"});
  refuses(ErrorKind::not_found, "No such service", AddInstance{"nope", "x"});
  refuses(ErrorKind::invalid, "name is not valid", AddInstance{"site/a", ""});
  refuses(ErrorKind::invalid, "name is not valid", AddInstance{"site/a", "b/c"});
  refuses(ErrorKind::not_found, "No such instance", DeleteEntity{missing});
  refuses(ErrorKind::not_found, "No such service", DeleteEntity{name("nope")});
  refuses(ErrorKind::busy, "it has instances (x, y)", DeleteEntity{name("site/a")});
  refuses(ErrorKind::invalid, "property group", DeleteEntity{name("site/a:x/:properties/vm")});

  refuses(ErrorKind::not_found, "No such instance", PutGroup{missing, good, {}});
  refuses(ErrorKind::exists, "exists already", PutGroup{x, group("vm", {}), 0});
  refuses(ErrorKind::stale, "changed meanwhile", PutGroup{x, group("vm", {}), current + 1});
  refuses(ErrorKind::stale, "deleted meanwhile", PutGroup{x, group("gone", {}), current});
  refuses(ErrorKind::invalid, "name of the property group", PutGroup{x, group("a b", {}), {}});
  refuses(ErrorKind::invalid, "type \"\"", PutGroup{x, PropertyGroup{"g", "", true, 0, {}}, {}});
  refuses(ErrorKind::invalid, "property \"a/b\"", PutGroup{x, group("g", {{"a/b", text({})}}), {}});
  refuses(ErrorKind::invalid, "\"vm\": property \"n\": \"q\" is not a count",
          PutGroup{x, group("vm", {{"n", Property{ValueType::count, {"1", "q"}}}}), {}});
  refuses(ErrorKind::invalid, "it is persistent", PutGroup{x, group("vm", {}, false), {}});
  refuses(ErrorKind::invalid, "it is nonpersistent", PutGroup{x, group("general_ovr", {}, true), {}});

  refuses(ErrorKind::not_found, "No such instance", DeleteGroup{missing, "vm", {}});
  refuses(ErrorKind::not_found, "No such property group \"nope\" of svc:/site/a:x",
          DeleteGroup{x, "nope", {}});
  refuses(ErrorKind::stale, "changed meanwhile", DeleteGroup{x, "vm", current + 1});
  refuses(ErrorKind::stale, "deleted meanwhile", DeleteGroup{x, "nope", current});

  refuses(ErrorKind::not_found, "No such instance", set("site/a:z", "g", "p", "v"));
  refuses(ErrorKind::invalid, "name of the property group", set("site/a:y", "g.", "p", "v"));
  refuses(ErrorKind::invalid, "property \"\"", set("site/a:y", "g", "", "v"));
  refuses(ErrorKind::invalid, "is persistent", set("site/a:x", "vm", "p", "v", false));
  refuses(ErrorKind::invalid, "is nonpersistent", set("site/a:x", "general_ovr", "p", "v"));
  refuses(ErrorKind::invalid, "too long", set("site/a:y", "g", "p", std::string(4096, 'v')));
  refuses(ErrorKind::invalid, "is not a boolean",
          SetProperty{y, "g", "t", true, "p", Property{ValueType::boolean, {"yes"}}});

  refuses(ErrorKind::not_found, "No such instance", TakeSnapshot{missing, "running"});
  refuses(ErrorKind::invalid, "only instances", TakeSnapshot{name("site/a"), "running"});
  refuses(ErrorKind::invalid, "snapshot \"a b\"", TakeSnapshot{x, "a b"});
}

TEST_F(StoreTest, ABusyServiceNamesOnlySomeOfManyInstances) {
  ChangeSet many = {AddService{"many"}};
  for (char c = 'a'; c < 'i'; ++c) many.push_back(AddInstance{"many", std::string(1, c)});
  must(many);
  auto done =
      store_->commit({DeleteEntity{name("many:c")}, AddInstance{"many", "B"}, DeleteEntity{name("many")}});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("(B, a, b, d, e and 3 more)"), std::string::npos)
      << done.error().message;
}

TEST_F(StoreTest, PutGroupReplacesAllPropertiesAndKeepsNormalForms) {
  must({PutGroup{name("site/a:x"),
                 group("vm", {{"n", Property{ValueType::count, {"010", "2"}}},
                              {"none", text({})},
                              {"bytes", text({"\xff\x01 '\"", ""})}}),
                 generation("site/a:x", "vm")}});
  for (int round = 0; round < 2; ++round) {
    const Levels levels = read("site/a:x");
    EXPECT_EQ(levels.own.at("vm")->properties.size(), 3U);
    EXPECT_EQ(levels.find("vm", "n")->values, (std::vector<std::string>{"10", "2"}));
    EXPECT_EQ(levels.find("vm", "n")->type, ValueType::count);
    EXPECT_TRUE(levels.find("vm", "none")->values.empty());
    EXPECT_EQ(levels.find("vm", "bytes")->values, (std::vector<std::string>{"\xff\x01 '\"", ""}));
    reopen();
  }
}

TEST_F(StoreTest, OneWinnerAmongTwoWhoReadTheSameGeneration) {
  const uint64_t read_by_both = generation("site/a:x", "vm");
  must({PutGroup{name("site/a:x"), group("vm", {{"ram", text({"first"})}}), read_by_both}});
  auto second =
      store_->commit({PutGroup{name("site/a:x"), group("vm", {{"ram", text({"second"})}}), read_by_both}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::stale);
  EXPECT_EQ(read("site/a:x").value("vm", "ram"), "first");
}

TEST_F(StoreTest, AChangeSetDoesNotGetInItsOwnWay) {
  const auto x = name("site/a:x");
  const uint64_t before = generation("site/a:x", "vm");
  must({set("site/a:x", "vm", "ram", "5"), PutGroup{x, group("vm", {{"ram", text({"6"})}}), before}});
  EXPECT_EQ(read("site/a:x").value("vm", "ram"), "6");
  must({DeleteGroup{x, "vm", {}}, PutGroup{x, group("vm", {}, false), 0}});  // now it may change its store
  EXPECT_FALSE(read("site/a:x").own.at("vm")->persistent);
  reopen();
  EXPECT_FALSE(read("site/a:x").own.at("vm")->persistent);
  must({DeleteEntity{x}, DeleteEntity{name("site/a:y")}, DeleteEntity{name("site/a")}, AddService{"site/a"},
        AddInstance{"site/a", "x"}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(read("site/a:x").own.empty());
    EXPECT_TRUE(read("site/a:x").service.empty());
    reopen();
  }
}

TEST_F(StoreTest, GenerationsOnlyGrowAndAreNeverGivenTwice) {
  uint64_t last = 0;
  for (int round = 0; round < 6; ++round) {
    must({set("site/a:x", "vm", "ram", std::to_string(round))});
    EXPECT_GT(generation("site/a:x", "vm"), last);
    last = generation("site/a:x", "vm");
    must({set("site/a:x", "mood", "is", std::to_string(round), false)});
    EXPECT_GT(generation("site/a:x", "mood"), last);
    last = generation("site/a:x", "mood");
    if (round == 2)
      must({DeleteGroup{name("site/a:x"), "mood", {}}, DeleteGroup{name("site/a:x"), "vm", {}}});
    reopen(round < 3 ? "boot-1"
                     : "boot-" + std::to_string(round));  // the volatile file forgets, the count goes on
  }
}

TEST_F(StoreTest, WritingWhatIsThereIsNoChange) {
  const std::string before = dump(*store_);
  must({set("site/a:x", "vm", "ram", "1"), set("site/a:x", "general_ovr", "enabled", "true", false),
        PutGroup{name("site/a"), group("vm", {{"ram", text({"9"})}, {"cpus", text({"2"})}}), {}}});
  EXPECT_EQ(dump(*store_), before);
  must({});
  EXPECT_EQ(dump(*store_), before);
}

TEST_F(StoreTest, SetPropertyMakesKeepsAndDeletes) {
  must({set("site/a:y", "general", "enabled", "true")});
  EXPECT_EQ(read("site/a:y").own.at("general")->type, "framework");
  must({SetProperty{name("site/a:y"), "general", "other_type", true, "comment", text({"hello"})}});
  EXPECT_EQ(read("site/a:y").own.at("general")->type, "framework");
  EXPECT_EQ(read("site/a:y").value("general", "enabled"), "true");
  const std::string with_both = dump(*store_);
  must({SetProperty{name("site/a:y"), "general", "framework", true, "missing", {}},
        SetProperty{name("site/a:y"), "missing", "framework", true, "missing", {}}});
  EXPECT_EQ(dump(*store_), with_both);
  must({SetProperty{name("site/a:y"), "general", "framework", true, "enabled", {}}});
  EXPECT_EQ(read("site/a:y").value("general", "enabled"), std::nullopt);
  EXPECT_EQ(read("site/a:y").value("general", "comment"), "hello");
}

TEST_F(StoreTest, SnapshotsNeverChange) {
  const auto x = name("site/a:x");
  EXPECT_EQ(store_->read_running(x)->value("vm", "ram"), "1");  // none yet: the editing view
  must({TakeSnapshot{x, "running"}, TakeSnapshot{x, "start"}});
  EXPECT_EQ(store_->snapshots(x).value(), (std::vector<std::string>{"running", "start"}));
  must(
      {set("site/a:x", "vm", "ram", "2"), set("site/a", "vm", "cpus", "8"), set("site/a", "more", "p", "v")});
  for (int round = 0; round < 2; ++round) {
    const Levels running = store_->read_running(x).value();
    EXPECT_EQ(running.value("vm", "ram"), "1");
    EXPECT_EQ(running.value("vm", "cpus"), "2");
    EXPECT_EQ(running.value("more", "p"), std::nullopt);
    EXPECT_EQ(running.value("general_ovr", "enabled"), "true");  // volatile: as it is now
    reopen();
  }
  must(
      {TakeSnapshot{x, "running"}, DeleteGroup{name("site/a"), "vm", {}}, DeleteGroup{x, "general_ovr", {}}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store_->read_running(x)->value("vm", "ram"), "2");
    EXPECT_EQ(store_->read_running(x)->value("vm", "cpus"), "8");
    EXPECT_EQ(store_->read_running(x)->value("general_ovr", "enabled"), std::nullopt);
    EXPECT_EQ(store_->read_snapshot(x, "start")->value("vm", "ram"), "1");
    reopen();
  }
}

TEST_F(StoreTest, ADeletedInstanceTakesEverythingWithIt) {
  must({TakeSnapshot{name("site/a:x"), "running"}, DeleteEntity{name("site/a:x")}});
  must({AddInstance{"site/a", "x"}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(read("site/a:x").own.empty());
    EXPECT_TRUE(store_->snapshots(name("site/a:x"))->empty());
    reopen();
  }
}

TEST_F(StoreTest, NoVolatileFileMeansMemoryOnly) {
  StoreOptions options{folder_.file("alone.db"), "", "", true};
  Store alone = open_or_die(options);
  ASSERT_TRUE(
      alone->commit({AddService{"s"}, set("s", "keep", "p", "v"), set("s", "forget", "p", "v", false)}));
  EXPECT_EQ(alone->read(name("s"))->value("forget", "p"), "v");
  alone.reset();
  alone = open_or_die(options);
  EXPECT_EQ(alone->read(name("s"))->value("forget", "p"), std::nullopt);
  EXPECT_EQ(alone->read(name("s"))->value("keep", "p"), "v");
}

TEST_F(StoreTest, TenThousandInstancesAtOnce) {
#if defined(__SANITIZE_ADDRESS__)
  constexpr Instant kLimit{30'000};
#else
  constexpr Instant kLimit{3'000};
#endif
  ChangeSet changes = {AddService{"big"}};
  for (int i = 0; i < 10'000; ++i) {
    const std::string vm = "vm" + std::to_string(i);
    changes.push_back(AddInstance{"big", vm});
    changes.push_back(
        PutGroup{fmri::Fmri{"big", vm, {}, {}},
                 group("vm", {{"name", text({vm})}, {"ram", text({"1"})}, {"policy", text({"p"})}}),
                 {}});
  }
  const Instant begin = now();
  must(changes);
  EXPECT_LT((now() - begin).count(), kLimit.count());
  RecordProperty("commit_ms", static_cast<int>((now() - begin).count()));
  const Instant before_open = now();
  reopen();
  RecordProperty("open_ms", static_cast<int>((now() - before_open).count()));
  EXPECT_EQ(read("big:vm9999").value("vm", "name"), "vm9999");
}

}  // namespace
}  // namespace vmkeep::repository
