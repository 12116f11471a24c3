// Writers that are killed in the middle, and disks that are full.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <random>

#include "base/clock.h"
#include "repository/sqlite.h"
#include "repository/store_test_support.h"

namespace vmkeep::repository {
namespace {

using namespace testing;

// Everything in one change-set says the same number, so that half of one would show.
ChangeSet numbered(uint64_t number) {
  const std::string n = std::to_string(number);
  const std::string other = number % 2 == 0 ? "even" : "odd";
  const std::string previous = number % 2 == 0 ? "odd" : "even";
  ChangeSet changes = {
      set("s", "state", "number", n),
      set("s:fixed", "state", "number", n),
      PutGroup{name("s:fixed"), group("bulk", {{"values", text(std::vector<std::string>(40, n))}}), {}},
      set("s:fixed", "fleeting", "number", n, false),
      AddInstance{"s", other},
      set("s:" + other, "state", "number", n),
      TakeSnapshot{name("s:fixed"), "running"}};
  if (number > 1) changes.push_back(DeleteEntity{name("s:" + previous)});
  return changes;
}

[[noreturn]] void write_until_killed(const StoreOptions& options, int report) {
  auto store = open_store(options);
  if (!store) _exit(2);
  uint64_t number = 0;
  if (auto last = (*store)->read(name("s"))) {
    if (auto value = last->value("state", "number")) number = std::stoull(std::string(*value));
  } else if (!(*store)->commit({AddService{"s"}, AddInstance{"s", "fixed"}})) {
    _exit(3);
  }
  for (;;) {
    ++number;
    if (!(*store)->commit(numbered(number))) _exit(4);
    if (write(report, &number, sizeof number) != sizeof number) _exit(5);
  }
}

// The last number that the child reported; waits for `reports` of them, kills it after some more
// microseconds.
uint64_t kill_in_the_middle(pid_t child, int reports_fd, int reports, unsigned microseconds) {
  uint64_t last = 0;
  uint64_t number = 0;
  for (int i = 0; i < reports; ++i) {
    pollfd ready{reports_fd, POLLIN, 0};
    if (poll(&ready, 1, 20'000) != 1 || read(reports_fd, &number, sizeof number) != sizeof number) break;
    last = number;
  }
  usleep(microseconds);  // not waiting for anything: the moment of death is to be anywhere
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself: " << WEXITSTATUS(status);
  while (read(reports_fd, &number, sizeof number) == sizeof number) last = number;
  return last;
}

uint64_t number_of(const Levels& levels, const char* group) {
  const auto value = levels.value(group, "number");
  return value ? std::stoull(std::string(*value)) : 0;
}

// `known`: what the persistent file must have at least; `reported`: what the last writer said it finished.
void check_consistent(Repository& store, uint64_t known, uint64_t reported) {
  const uint64_t number = number_of(store.read(name("s")).value(), "state");
  EXPECT_GE(number, known);
  EXPECT_LE(number, known + 1);
  if (number == 0) return;
  const Levels fixed = store.read(name("s:fixed")).value();
  EXPECT_EQ(number_of(fixed, "state"), number);
  const Property* bulk = fixed.find("bulk", "values");
  ASSERT_NE(bulk, nullptr);
  EXPECT_EQ(bulk->values, std::vector<std::string>(40, std::to_string(number)));
  EXPECT_EQ(number_of(store.read_running(name("s:fixed")).value(), "state"), number);
  EXPECT_EQ(
      store.entries().value().at(0).instances,
      (std::vector<std::string>{number % 2 == 0 ? "even" : "fixed", number % 2 == 0 ? "fixed" : "odd"}));
  EXPECT_EQ(number_of(store.read(name(number % 2 == 0 ? "s:even" : "s:odd")).value(), "state"), number);
  const uint64_t fleeting = number_of(fixed, "fleeting");
  EXPECT_GE(fleeting, reported);
  EXPECT_LE(fleeting, number);  // the persistent file goes first
}

TEST(StoreCrash, KilledWritersLoseNothingThatTheyReported) {
  TemporaryFolder folder;
  const StoreOptions options = folder.options();
  std::mt19937 random(std::random_device{}());
  uint64_t known = 0;
  for (int round = 0; round < 12; ++round) {
    int reports[2];
    ASSERT_EQ(pipe2(reports, O_CLOEXEC), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(options, reports[1]);
    close(reports[1]);
    const int wanted = static_cast<int>(random() % 12);
    const uint64_t reported = kill_in_the_middle(child, reports[0], wanted, random() % 8000);
    known = std::max(known, reported);
    close(reports[0]);
    Store store = open_or_die(options);
    if (store->entries().value().empty() && known == 0) continue;  // killed before it had begun
    check_consistent(*store, known, reported);
    known = number_of(store->read(name("s")).value(), "state");
    const std::string seen = dump(*store);
    store.reset();
    EXPECT_EQ(dump(*open_or_die(options)), seen);
  }
  EXPECT_GT(known, 0U);
  Database db(options.persistent_path, SQLITE_OPEN_READONLY);
  EXPECT_EQ(db.text("PRAGMA integrity_check"), "ok");
}

// For as long as it lives no file of ours grows beyond so many bytes, which is what a full disk looks like.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, old_handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*old_handler_)(int) = nullptr;
};

// Whatever step the full disk stops, memory and files agree, and only where the message says so is the
// persistent half of the change kept.
TEST(StoreCrash, AFullDiskAtAnyPointChangesNothing) {
  TemporaryFolder folder;
  Store store = open_or_die(folder.options());
  ASSERT_TRUE(
      store->commit({AddService{"s"}, set("s", "kept", "p", "v"), set("s", "fleeting", "p", "v", false)}));
  store.reset();
  int refused = 0;
  int halves = 0;
  int attempt = 0;
  bool done = false;
  for (rlim_t limit = 2048; !done; limit += 2048, ++attempt) {
    ASSERT_LT(attempt, 400);
    store = open_or_die(folder.options());
    const std::string before = dump(*store);
    const std::string n = std::to_string(attempt);
    // The volatile half is the larger one, so that some limit stops its commit after all else has passed.
    ChangeSet change = {set("s", "kept", "p", n + std::string(3000, 'x')),
                        set("s", "fleeting", "p", n + std::string(4000, 'x'), false)};
    for (const char* more : {"q", "r", "s", "t", "u", "v", "w"})
      change.push_back(set("s", "fleeting", more, n + std::string(4000, 'x'), false));
    Result<> committed;
    {
      const SmallDisk small(limit);
      committed = store->commit(change);
    }
    const std::string after = dump(*store);
    if (committed) {
      done = true;
      EXPECT_NE(after, before);
    } else {
      ++refused;
      EXPECT_EQ(committed.error().kind, ErrorKind::io) << committed.error().message;
      EXPECT_NE(committed.error().message.find(".db"), std::string::npos) << committed.error().message;
      const bool half = committed.error().message.find("the persistent part of the change is saved") == 0;
      if (half) {
        ++halves;
        EXPECT_EQ(store->read(name("s"))->value("kept", "p"), n + std::string(3000, 'x'));
        EXPECT_NE(store->read(name("s"))->value("fleeting", "p"), n + std::string(4000, 'x'));
      } else {
        EXPECT_EQ(after, before);
      }
    }
    store.reset();
    store = open_or_die(folder.options());
    EXPECT_EQ(dump(*store), after) << "limit " << limit;
    ASSERT_TRUE(store->commit({set("s", "kept", "p", "again " + n)}));  // and it works again
    store.reset();
  }
  EXPECT_GT(refused, 3);
  EXPECT_GT(halves, 0);
}

}  // namespace
}  // namespace vmkeep::repository
