#include "hypervisor/watch.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "base/spawn.h"
#include "hypervisor/process_table.h"
#include "hypervisor/test_loop.h"

namespace vmkeep::hypervisor {
namespace {

using namespace std::chrono_literals;

bool is_important(std::string_view lines) {
  return lines.find("important") != std::string_view::npos;
}

void append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text << std::flush;
}

TEST(Watch, OnlyNewsIsAHint) {
  TestLoop loop;
  const TestFolder folder;
  folder.write("VBox.log", "important, but old\n");
  Watch watch(loop.executor());
  watch.file("a", folder.path(), "VBox.log", is_important);
  const auto scenario = [&]() -> Task<> {
    append(folder.file("VBox.log"), "chatter\n");
    append(folder.file("other.log"), "important\n");
    EXPECT_FALSE(co_await watch.hint("a", now() + 100ms));
    append(folder.file("VBox.log"), "imp");
    EXPECT_FALSE(co_await watch.hint("a", now() + 100ms));
    append(folder.file("VBox.log"), "ortant\n");
    EXPECT_TRUE(co_await watch.hint("a", now() + 20s));
    EXPECT_FALSE(co_await watch.hint("a", now() + 100ms));
    // A new log in its place, as at every start.
    folder.write("VBox.log.new", "important\n");
    std::filesystem::rename(folder.file("VBox.log.new"), folder.file("VBox.log"));
    EXPECT_TRUE(co_await watch.hint("a", now() + 20s));
  };
  loop.run(scenario());
}

TEST(Watch, WhatComesBetweenTwoHintsIsKept) {
  TestLoop loop;
  const TestFolder folder;
  Watch watch(loop.executor());
  watch.file("a", folder.path(), "a.json", nullptr);
  watch.file("b", folder.path(), "b.json", nullptr);
  const auto scenario = [&]() -> Task<> {
    folder.write("a.json", "x");
    EXPECT_FALSE(co_await watch.hint("b", now() + 100ms));  // meanwhile a's is noted
    EXPECT_TRUE(co_await watch.hint("a", now()));
  };
  loop.run(scenario());
}

TEST(Watch, AFolderThatCameLaterIsWorthALook) {
  TestLoop loop;
  const TestFolder folder;
  Watch watch(loop.executor());
  const auto scenario = [&]() -> Task<> {
    watch.file("a", folder.file("Logs"), "VBox.log", is_important);
    EXPECT_FALSE(co_await watch.hint("a", now()));
    std::filesystem::create_directory(folder.file("Logs"));
    append(folder.file("Logs/VBox.log"), "important\n");
    watch.file("a", folder.file("Logs"), "VBox.log", is_important);
    EXPECT_TRUE(co_await watch.hint("a", now()));
    // Once: from here on it is watched.
    watch.file("a", folder.file("Logs"), "VBox.log", is_important);
    EXPECT_FALSE(co_await watch.hint("a", now() + 100ms));
    append(folder.file("Logs/VBox.log"), "important\n");
    EXPECT_TRUE(co_await watch.hint("a", now() + 20s));
  };
  loop.run(scenario());
}

// Some drivers keep the files of all VMs in one folder.
TEST(Watch, AHintIsForTheVmWhoseFileItIsWhereverThatMoves) {
  TestLoop loop;
  const TestFolder folder;
  const TestFolder elsewhere;
  Watch watch(loop.executor());
  const std::vector<std::string> all{"a", "b", "c"};
  for (const auto& vm : all) watch.file(vm, folder.path(), vm + ".json", nullptr);
  watch.file("twin", folder.path(), "a.json", nullptr);
  const auto scenario = [&]() -> Task<> {
    folder.write("a.json", "x");
    EXPECT_TRUE(co_await watch.hint("a", now() + 20s));
    EXPECT_TRUE(co_await watch.hint("twin", now() + 20s));
    EXPECT_FALSE(co_await watch.hint("b", now() + 50ms));
    watch.file("b", elsewhere.path(), "b.json", nullptr);
    folder.write("b.json", "x");
    EXPECT_FALSE(co_await watch.hint("b", now() + 50ms));
    elsewhere.write("b.json", "x");
    EXPECT_TRUE(co_await watch.hint("b", now() + 20s));
    EXPECT_FALSE(co_await watch.hint("c", now() + 50ms));
  };
  loop.run(scenario());
}

TEST(Watch, TheEndOfAProcessIsOneHint) {
  TestLoop loop;
  Watch watch(loop.executor());
  SpawnSpec spec;
  spec.argv = {"/bin/sleep", "600"};
  auto child = spawn(spec);
  ASSERT_TRUE(child);
  loop.reaper().expect(child->pid);
  const auto seen = ProcessTable().read(child->pid);
  ASSERT_TRUE(seen);
  const VmProcess process{child->pid, seen->start_time};
  watch.process("a", process);
  const auto scenario = [&]() -> Task<> {
    EXPECT_FALSE(co_await watch.hint("a", now() + 50ms));
    ::kill(child->pid, SIGKILL);
    EXPECT_TRUE(co_await watch.hint("a", now() + 20s));
    watch.process("a", process);  // told again by a caller that has not noticed
    EXPECT_FALSE(co_await watch.hint("a", now() + 50ms));
  };
  loop.run(scenario());
}

TEST(Watch, MayGoWhileSomebodyWaits) {
  TestLoop loop;
  auto watch = std::make_unique<Watch>(loop.executor());
  const auto scenario = [&]() -> Task<> {
    bool ended = false;
    const auto wait = [&]() -> Task<> {
      co_await watch->hint("a", now() + 200ms);
      ended = true;
    };
    start(loop.executor(), wait());
    co_await yield_now();
    watch.reset();
    const Instant limit = now() + 20s;
    while (!ended && now() < limit) co_await sleep_until(now() + 10ms);
    EXPECT_TRUE(ended);
  };
  loop.run(scenario());
}

}  // namespace
}  // namespace vmkeep::hypervisor
