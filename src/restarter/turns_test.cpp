// Whole boots and shutdowns in virtual time: a host of VMs around the restarter whose methods take as long as
// it is told.
#include <gtest/gtest.h>

#include <algorithm>

#include "restarter/scenario.h"

namespace vmkeep::restarter {
namespace {

using namespace std::chrono_literals;

std::string vm(int i) {
  return fmt::format("vm{:03}", i);
}

// Lets methods end when they have taken their time.  A stop that has to be over by some moment is: the guard
// forces it, as it owes the restarter.
class Host {
 public:
  World world;
  std::map<std::string, Instant> takes;
  std::map<std::string, std::pair<Instant, Instant>> starts, stops;  // began, ended
  std::set<std::string> forced;
  size_t most_at_once = 0;

  void run(Instant longest) {
    const Instant end = world.now + longest;
    note();
    while (world.now < end) {
      Instant next = end;
      for (const auto& [who, at] : ends_) next = std::min(next, at);
      next = std::min(next, world.timers.next().value_or(end));
      const bool anything = !ends_.empty() || !world.timers.empty();
      if (!anything) return;
      world.advance(std::max(next - world.now, Instant(0)));
      note();
      finish();
    }
  }

  int count(const std::string& text) const {
    return static_cast<int>(std::count_if(world.lines.begin(), world.lines.end(), [&](const auto& line) {
      return line.find(text) != std::string::npos;
    }));
  }

 private:
  void note() {
    size_t at_once = 0;
    for (const auto& [who, member] : world.members) {
      const bool starts_now = member.start_run != 0;
      const bool runs = starts_now || member.other_run != 0;
      if (!runs) continue;
      if (member.config.starts_vm) ++at_once;
      if (ends_.contains(who)) continue;
      Instant over = world.now + takes[who];
      if (member.until && over > *member.until) {
        over = *member.until;
        forced.insert(who);
      }
      ends_[who] = over;
      (starts_now ? starts : stops)[who] = {world.now, over};
    }
    most_at_once = std::max(most_at_once, at_once);
  }

  void finish() {
    for (auto at = ends_.begin(); at != ends_.end();) {
      if (at->second > world.now) {
        ++at;
        continue;
      }
      const auto who = at->first;
      at = ends_.erase(at);
      const bool stop = world.members[who].start_run == 0;
      if (stop) world.command({"empty", who});
      world.command({"method", who, "exit", "0"});
      note();
    }
  }

  std::map<std::string, Instant> ends_;
};

TEST(BootTest, T44_thirty_instances_keep_to_concurrency_stagger_and_readiness) {
  Host host;
  host.world.command({"pace", "width=4", "stagger=250ms"});
  host.world.command({"needs", vm(30), vm(1)});
  host.world.command({"needs", vm(29), vm(30)});
  for (int i = 1; i <= 30; i++) {
    host.takes[vm(i)] = Instant(500 + 300 * (i % 5));
    Words words{"load", vm(i), "start=/v", "stop=/z", "vm", "enabled"};
    if (i < 30) words.emplace_back("more");
    host.world.command(words);
  }
  host.run(5min);
  ASSERT_EQ(host.starts.size(), 30u);
  EXPECT_LE(host.most_at_once, 4u);
  EXPECT_EQ(host.most_at_once, 4u) << "the places are used";
  std::vector<Instant> begun;
  for (const auto& [who, times] : host.starts) begun.push_back(times.first);
  std::sort(begun.begin(), begun.end());
  for (size_t i = 1; i < begun.size(); i++) EXPECT_GE(begun[i] - begun[i - 1], 250ms) << i;
  EXPECT_GE(host.starts[vm(30)].first, host.starts[vm(1)].second);
  EXPECT_GE(host.starts[vm(29)].first, host.starts[vm(30)].second);
  EXPECT_EQ(host.count("is online ("), 30);
  EXPECT_TRUE(host.world.breaches.empty());
  EXPECT_TRUE(host.world.timers.empty());
}

TEST(BootTest, T44_whoever_waits_for_its_turn_says_so) {
  Host host;
  host.world.command({"pace", "width=1", "stagger=1s"});
  for (int i = 1; i <= 3; i++) host.world.command({"load", vm(i), "start=/v", "vm", "enabled"});
  const auto* view = host.world.restarter.view(vm(2));
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->reason, graph::Reason::waits_turn);
  EXPECT_NE(view->why.find("One VM starts at a time"), std::string::npos) << view->why;
}

// Twenty VMs with saves of 1 to 30 s, the three of a chain among them.
void twenty(Host& host) {
  host.world.command({"needs", vm(2), vm(1)});
  host.world.command({"needs", vm(3), vm(2)});
  for (int i = 1; i <= 20; i++) {
    host.takes[vm(i)] = std::chrono::seconds(i <= 3 ? 30 - i : 1 + (i * 7) % 30);
    Words words{"load", vm(i), "start=/v", "stop=/z", "saves", "claimed", "state=online", "live", "enabled"};
    if (i < 20) words.emplace_back("more");
    host.world.command(words);
    host.world.command({"measured", vm(i), fmt::format("stop={}ms", host.takes[vm(i)].count())});
  }
}

Instant wall(const Host& host) {
  Instant began = Instant::max();
  Instant ended{};
  for (const auto& [who, times] : host.stops) {
    began = std::min(began, times.first);
    ended = std::max(ended, times.second);
  }
  return ended - began;
}

TEST(ShutdownTest, T62_twenty_vms_are_saved_in_parallel_up_to_the_width_before_the_deadline) {
  Host host;
  host.world.command({"pace", "saves=8"});
  twenty(host);
  host.world.command({"shutdown", "budget=110"});
  host.run(10min);
  EXPECT_TRUE(host.world.done);
  EXPECT_EQ(host.stops.size(), 20u);
  EXPECT_EQ(host.most_at_once, 8u);
  EXPECT_TRUE(host.forced.empty());
  EXPECT_GE(host.stops[vm(2)].first, host.stops[vm(3)].second);
  EXPECT_GE(host.stops[vm(1)].first, host.stops[vm(2)].second);
  const Instant chain = host.takes[vm(1)] + host.takes[vm(2)] + host.takes[vm(3)];
  EXPECT_LE(wall(host), chain * 11 / 10) << "the longest way goes first";
  EXPECT_TRUE(host.world.breaches.empty());
  EXPECT_TRUE(host.world.timers.empty());
}

TEST(ShutdownTest, T62_a_budget_is_never_exceeded_and_dependents_still_go_first) {
  for (const int budget : {5, 10, 20, 40, 60, 80}) {
    Host host;
    host.world.command({"pace", "saves=4"});
    twenty(host);
    host.world.command({"shutdown", fmt::format("budget={}", budget)});
    const auto planned = host.world.restarter.stop_plan(host.world.measured, std::chrono::seconds(budget));
    host.run(10min);
    EXPECT_TRUE(host.world.done) << budget;
    EXPECT_EQ(host.stops.size(), 20u) << budget;
    EXPECT_LE(wall(host), std::chrono::seconds(budget)) << budget;
    EXPECT_FALSE(host.forced.empty()) << budget;
    EXPECT_GE(host.stops[vm(2)].first, host.stops[vm(3)].second) << budget;
    EXPECT_GE(host.stops[vm(1)].first, host.stops[vm(2)].second) << budget;
    EXPECT_LE(planned.total, std::chrono::seconds(budget)) << budget;
    EXPECT_TRUE(host.world.breaches.empty());
  }
}

TEST(ShutdownTest, T62_what_ignores_even_its_end_is_reported_at_the_end_of_the_budget) {
  World world;
  world.command({"load", "a", "start=/v", "stop=/z", "saves", "claimed", "state=online", "live", "enabled"});
  world.command({"shutdown", "budget=10"});
  world.advance(9500ms);
  EXPECT_FALSE(world.done);
  world.advance(500ms);
  EXPECT_TRUE(world.done);
  EXPECT_EQ(world.lines.back(), "  the budget is used up; left: a");
  EXPECT_TRUE(world.timers.empty());
}

TEST(ShutdownTest, What_the_plan_says_is_what_happens) {
  Host host;
  host.world.command({"pace", "saves=5"});
  twenty(host);
  const auto plan = host.world.restarter.stop_plan(host.world.measured, std::nullopt);
  host.world.command({"shutdown"});
  host.run(10min);
  EXPECT_EQ(plan.total, wall(host));
  ASSERT_EQ(plan.steps.size(), host.stops.size());
  Instant began = Instant::max();
  for (const auto& [who, times] : host.stops) began = std::min(began, times.first);
  for (const auto& step : plan.steps) EXPECT_EQ(step.at, host.stops[step.fmri].first - began) << step.fmri;
  EXPECT_EQ(plan.chain, (std::vector<std::string>{vm(3), vm(2), vm(1)}));
}

}  // namespace
}  // namespace vmkeep::restarter
