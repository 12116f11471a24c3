#include "restarter/plan.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "restarter/admission.h"

namespace vmkeep::restarter {
namespace {

using namespace std::chrono_literals;

PlanItem item(const std::string& name, Instant takes, std::vector<std::string> after = {},
              bool paced = true) {
  PlanItem result;
  result.fmri = name;
  result.what = "save";
  result.takes = takes;
  result.paced = paced;
  if (!after.empty()) result.waits.push_back({false, std::move(after)});
  return result;
}

const PlanStep& step(const Plan& plan, const std::string& name) {
  for (const auto& one : plan.steps) {
    if (one.fmri == name) return one;
  }
  ADD_FAILURE() << name << " is not in the plan";
  return plan.steps.front();
}

TEST(PlanTest, ParallelWhereNobodyWaits) {
  const auto plan = make_plan({item("a", 10s), item("b", 20s), item("c", 5s, {"a"})}, {});
  EXPECT_EQ(plan.total, 20s);
  EXPECT_EQ(step(plan, "c").at, 10s);
  EXPECT_EQ(step(plan, "c").after, std::vector<std::string>{"a"});
  EXPECT_EQ(plan.chain, std::vector<std::string>{"b"});
  EXPECT_EQ(plan.chain_time, 20s);
}

TEST(PlanTest, TheLongestWayGoesFirst) {
  PlanLimits limits;
  limits.width = 2;
  limits.longest_first = true;
  const auto plan =
      make_plan({item("a", 9s), item("b", 9s), item("c", 2s), item("d", 30s, {"c"}), item("e", 9s)}, limits);
  EXPECT_EQ(step(plan, "c").at, 0s);
  EXPECT_EQ(plan.total, 32s);
  EXPECT_EQ(plan.chain, (std::vector<std::string>{"c", "d"}));
}

TEST(PlanTest, StaggerAndOneOfSeveral) {
  PlanLimits limits;
  limits.stagger = 1s;
  auto either = item("c", 1s);
  either.waits.push_back({true, {"a", "b", "not in the plan"}});
  const auto plan = make_plan({item("a", 10s), item("b", 2s), either, item("n", 0s, {}, false)}, limits);
  EXPECT_EQ(step(plan, "b").at, 1s);
  EXPECT_EQ(step(plan, "c").at, 3s);
  EXPECT_EQ(step(plan, "n").at, 0s);
}

TEST(PlanTest, ABudgetIsSharedAlongAChain) {
  PlanLimits limits;
  limits.budget = 30s;
  const auto plan =
      make_plan({item("a", 30s), item("b", 30s, {"a"}), item("c", 30s, {"b"}), item("d", 29s)}, limits);
  EXPECT_LE(plan.total, 30s);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_TRUE(step(plan, name).forced) << name;
    EXPECT_GE(step(plan, name).ends - step(plan, name).at, kForcedTime) << name;
  }
  EXPECT_FALSE(step(plan, "d").forced) << "nobody waits for it: it has all the time";
}

TEST(PlanTest, AGuessCountsWhereNothingWasMeasured) {
  auto unknown = item("a", 0s);
  unknown.takes.reset();
  unknown.guess = 7s;
  const auto plan = make_plan({unknown}, {});
  EXPECT_EQ(plan.total, 7s);
  EXPECT_FALSE(plan.steps[0].takes);
}

TEST(PlanTest, KeepsItsPromises) {
  EXPECT_TRUE(rc::check("order, width and budget", [] {
    const auto n = *rc::gen::inRange<size_t>(1, 12);
    std::vector<PlanItem> items;
    for (size_t i = 0; i < n; ++i) {
      std::vector<std::string> after;
      for (size_t j = 0; j < i; ++j) {
        if (*rc::gen::inRange(0, 3) == 0) after.push_back(std::to_string(j));
      }
      items.push_back(item(std::to_string(i), Instant(*rc::gen::inRange(0, 30000)), after));
    }
    PlanLimits limits;
    limits.width = *rc::gen::inRange<size_t>(0, 4);
    limits.longest_first = true;
    if (*rc::gen::inRange(0, 2) == 1) limits.budget = Instant(*rc::gen::inRange(100, 100000));
    const auto plan = make_plan(items, limits);
    RC_ASSERT(plan.steps.size() == n);
    for (const auto& one : plan.steps) {
      size_t at_once = 0;
      for (const auto& other : plan.steps) {
        if (other.at <= one.at && one.at < other.ends) ++at_once;
      }
      if (limits.width != 0 && !limits.budget) RC_ASSERT(at_once <= limits.width);
      for (const auto& name : one.after) {
        for (const auto& other : plan.steps) {
          if (other.fmri == name) RC_ASSERT(other.ends <= one.at);
        }
      }
    }
    if (limits.budget) RC_ASSERT(plan.total <= *limits.budget);
    RC_ASSERT(limits.budget || plan.total >= plan.chain_time);
  }));
}

TEST(PaceTest, PressureMovesIt) {
  const AdmissionConfig config{4, 200ms, 0};
  struct Row {
    HostPressure pressure;
    size_t width;
    Instant stagger;
  };
  const std::vector<Row> rows{
      {{-1, -1, -1}, 4, 200ms},  // no such file
      {{0, 0, 0}, 8, 100ms},    {{20, 0, 0}, 4, 200ms}, {{0, 15, 0}, 4, 200ms}, {{0, 0, 5}, 4, 200ms},
      {{75, 0, 0}, 2, 400ms},   {{0, 50, 0}, 2, 400ms}, {{0, 0, 10}, 2, 400ms}, {{99, 0, 0}, 1, 800ms},
      {{0, 85, 0}, 1, 800ms},   {{0, 0, 50}, 1, 800ms},
  };
  for (const auto& row : rows) {
    const auto now = pace(config, row.pressure);
    EXPECT_EQ(now.width, row.width) << row.pressure.cpu << " " << row.pressure.io << " "
                                    << row.pressure.memory;
    EXPECT_EQ(now.stagger, row.stagger);
  }
  EXPECT_EQ(pace({0, 100ms, 0}, {0, 0, 0}).width, 0u) << "no limit stays none";
  EXPECT_EQ(pace({1, 100ms, 0}, {0, 50, 0}).width, 1u) << "one always starts";
}

}  // namespace
}  // namespace vmkeep::restarter
