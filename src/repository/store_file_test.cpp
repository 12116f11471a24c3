// The files: who may open them, what a boot forgets, and what happens to damaged ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "repository/sqlite.h"
#include "repository/store.h"
#include "repository/store_test_support.h"

namespace vmkeep::repository {
namespace {

using namespace testing;

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class StoreFileTest : public ::testing::Test {
 protected:
  // A closed repository of a few hundred pages in both files.
  void fill() {
    Store store = open_or_die(folder_.options());
    ChangeSet changes = {AddService{"s"}};
    for (int i = 0; i < 200; ++i) {
      const std::string vm = "i" + std::to_string(i);
      changes.push_back(AddInstance{"s", vm});
      changes.push_back(set("s:" + vm, "vm", "name", std::string(2000, 'n')));
      changes.push_back(set("s:" + vm, "restarter", "state", std::string(500, 's'), false));
      changes.push_back(TakeSnapshot{name("s:" + vm), "running"});
    }
    ASSERT_TRUE(store->commit(changes));
    contents_ = dump(*store);
  }

  void expect_refused(const std::string& path, ErrorKind kind, const std::string& says) {
    const std::string before = bytes_of(path);
    const std::string log_before = bytes_of(path + "-wal");
    auto store = open_store(folder_.options());
    ASSERT_FALSE(store) << says;
    EXPECT_EQ(store.error().kind, kind) << store.error().message;
    EXPECT_NE(store.error().message.find(path), std::string::npos) << store.error().message;
    EXPECT_NE(store.error().message.find(says), std::string::npos) << store.error().message;
    EXPECT_TRUE(bytes_of(path) == before) << says;
    EXPECT_TRUE(bytes_of(path + "-wal") == log_before) << says;
  }

  TemporaryFolder folder_;
  std::string persistent_ = folder_.file("repository.db");
  std::string volatile_ = folder_.file("volatile.db");
  std::string contents_;
};

TEST_F(StoreFileTest, WhatIsReadAfterwardsIsWhatWasCommitted) {
  fill();
  EXPECT_TRUE(dump(*open_or_die(folder_.options())) == contents_);
}

TEST_F(StoreFileTest, FilesAreOursAlone) {
  fill();
  for (const auto& path : {persistent_, volatile_}) {
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << path;
  }
}

TEST_F(StoreFileTest, TheVolatileFileLivesAsLongAsTheBoot) {
  fill();
  EXPECT_TRUE(open_or_die(folder_.options("boot-1"))->read(name("s:i7"))->value("restarter", "state"));
  EXPECT_FALSE(open_or_die(folder_.options("boot-2"))->read(name("s:i7"))->value("restarter", "state"));
  EXPECT_FALSE(open_or_die(folder_.options("boot-1"))->read(name("s:i7"))->value("restarter", "state"));
  EXPECT_TRUE(open_or_die(folder_.options("boot-1"))->read(name("s:i7"))->value("vm", "name"));
}

TEST_F(StoreFileTest, VolatileGroupsOfWhatDoesNotExistStayForgotten) {
  fill();
  const std::string fleeting = bytes_of(volatile_);
  ASSERT_TRUE(open_or_die(folder_.options())->commit({DeleteEntity{name("s:i7")}}));
  write_bytes(volatile_, fleeting);  // as if we had been killed before the volatile file's commit
  Store store = open_or_die(folder_.options());
  EXPECT_TRUE(store->read(name("s:i8"))->value("restarter", "state"));
  ASSERT_TRUE(store->commit({AddInstance{"s", "i7"}}));
  store.reset();
  EXPECT_TRUE(open_or_die(folder_.options())->read(name("s:i7"))->own.empty());
}

TEST_F(StoreFileTest, NothingUnreferencedStaysInTheFile) {
  fill();
  {
    Store store = open_or_die(folder_.options());
    ChangeSet changes;
    for (int i = 0; i < 200; ++i) {
      const std::string vm = "s:i" + std::to_string(i);
      if (i % 3 == 0) changes.push_back(DeleteEntity{name(vm)});
      if (i % 3 == 1) changes.push_back(set(vm, "vm", "name", "short"));  // its snapshot keeps the old one
      if (i % 3 == 2) {
        changes.push_back(set(vm, "vm", "name", "short"));
        changes.push_back(TakeSnapshot{name(vm), "running"});
      }
    }
    ASSERT_TRUE(store->commit(changes));
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(store->commit({set("s:i1", "restarter", "state", std::to_string(i), false)}));
  }
  Database db(persistent_, SQLITE_OPEN_READONLY);
  EXPECT_EQ(db.integer("SELECT count(*) FROM entity"), 1 + 133);
  EXPECT_EQ(db.integer("SELECT count(*) FROM property_group"), 67 * 2 + 66);
  EXPECT_EQ(db.integer("SELECT count(DISTINCT generation) FROM property_value"), 67 * 2 + 66);
  EXPECT_EQ(db.integer("SELECT count(*) FROM snapshot"), 133);
  EXPECT_EQ(db.integer("SELECT count(*) FROM level"), 133);
  Database fleeting(volatile_, SQLITE_OPEN_READONLY);
  EXPECT_EQ(fleeting.integer("SELECT count(*) FROM property_group"), 133);
  EXPECT_EQ(fleeting.integer("SELECT count(*) FROM live_group"), 133);
}

TEST_F(StoreFileTest, OnlyOneOpensIt) {
  fill();
  Store first = open_or_die(folder_.options());
  for (const StoreOptions& options : {folder_.options(), StoreOptions{persistent_, "", "", true},
                                      StoreOptions{folder_.file("other.db"), volatile_, "boot-1", true}}) {
    auto second = open_store(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy) << second.error().message;
    EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
  }
  EXPECT_THROW(Database(persistent_, SQLITE_OPEN_READWRITE).exec("DELETE FROM entity"), SqliteError);
  ASSERT_TRUE(first->commit({AddService{"still_works"}}));
  first.reset();
  EXPECT_TRUE(open_or_die(folder_.options())->read(name("still_works")));
}

TEST_F(StoreFileTest, DamageIsToldAndMadeNoWorse) {
  fill();
  for (const std::string& path : {persistent_, volatile_}) {
    const std::string good = bytes_of(path);
    ASSERT_GT(good.size(), 100'000U);
    std::string middle = good;
    middle.replace(good.size() / 2 / 4096 * 4096, 4096, std::string(4096, '\xff'));
    const struct {
      std::string bytes, says;
    } table[] = {
        {"", "it is empty"},
        {"This is no database, whatever its name says.\n" + std::string(5000, 'x'), "not a database"},
        {std::string(16, '\0') + good.substr(16), "not a database"},
        {good.substr(0, good.size() / 2), ""},
        {good.substr(0, 4096), ""},
        {middle, ""},
    };
    for (const auto& row : table) {
      write_bytes(path, row.bytes);
      expect_refused(path, ErrorKind::invalid, row.says);
      expect_refused(path, ErrorKind::invalid, "move it");
    }
    write_bytes(path, good);
  }
  EXPECT_TRUE(dump(*open_or_die(folder_.options())) == contents_);
}

TEST_F(StoreFileTest, ContradictionsAreDamageToo) {
  const struct {
    const char *sql, *says;
  } table[] = {
      {"DELETE FROM property_group WHERE generation IN (SELECT generation FROM live_group LIMIT 1)",
       "does not exist"},
      {"DELETE FROM property_value; DELETE FROM property_group", "is missing"},
      {"UPDATE property_value SET type = 'what'", "\"what\""},
      {"DELETE FROM entity WHERE instance = ''", "has no service"},
      {"DELETE FROM entity WHERE instance = 'i3'", "does not exist"},
      {"UPDATE live_group SET name = 'other' WHERE instance = 'i3'", "is missing"},
  };
  for (const auto& row : table) {
    for (const auto& path : {persistent_, persistent_ + "-wal", volatile_, volatile_ + "-wal"})
      unlink(path.c_str());
    fill();
    // In a block of its own: what is open is locked.
    { Database(persistent_, SQLITE_OPEN_READWRITE).exec(row.sql); }
    expect_refused(persistent_, ErrorKind::invalid, row.says);
  }
}

TEST_F(StoreFileTest, OtherSchemasAndOtherPrograms) {
  fill();
  { Database(persistent_, SQLITE_OPEN_READWRITE).exec("PRAGMA user_version = 2"); }
  expect_refused(persistent_, ErrorKind::invalid, "schema version 2");
  unlink(persistent_.c_str());
  unlink((persistent_ + "-wal").c_str());
  { Database(persistent_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).exec("CREATE TABLE t (a)"); }
  expect_refused(persistent_, ErrorKind::invalid, "no repository of vmkeep");
}

TEST_F(StoreFileTest, ThingsThatAreNoRegularFile) {
  fill();
  const std::string elsewhere = folder_.file("elsewhere.db");
  ASSERT_EQ(rename(persistent_.c_str(), elsewhere.c_str()), 0);
  ASSERT_EQ(symlink(elsewhere.c_str(), persistent_.c_str()), 0);
  expect_refused(persistent_, ErrorKind::invalid, "not a regular file");
  unlink(persistent_.c_str());
  ASSERT_EQ(mkdir(persistent_.c_str(), 0700), 0);
  expect_refused(persistent_, ErrorKind::invalid, "not a regular file");
  rmdir(persistent_.c_str());
  write_bytes(persistent_ + "-wal", "the log of a file that somebody moved away");
  expect_refused(persistent_, ErrorKind::invalid, "is missing");
  unlink((persistent_ + "-wal").c_str());

  auto nowhere = open_store({folder_.file("no/such/folder.db"), "", "", true});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::not_found);
  auto absent = open_store({folder_.file("absent.db"), "", "", false});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
  EXPECT_NE(access(folder_.file("absent.db").c_str(), F_OK), 0);
}

TEST_F(StoreFileTest, ACopyInAnotherJournalModeIsTaken) {
  fill();
  { Database(persistent_, SQLITE_OPEN_READWRITE).exec("PRAGMA journal_mode = DELETE"); }
  {
    Store store = open_or_die(folder_.options());
    EXPECT_TRUE(dump(*store) == contents_);
    ASSERT_TRUE(store->commit({AddService{"more"}}));
  }
  EXPECT_TRUE(open_or_die(folder_.options())->read(name("more")));
}

}  // namespace
}  // namespace vmkeep::repository
