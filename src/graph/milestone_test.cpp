#include "graph/milestone.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace vmkeep::graph {
namespace {

using Names = std::vector<std::string>;
const std::string kMultiUser = "svc:/milestone/multi-user:default";

TEST(Milestone, MajorOnesByTheirNamesAndTheEndsOfThem) {
  const struct {
    const char* name;
    const char* fmri;  // null: it is none
  } kTable[] = {
      {"all", "all"},
      {"none", "none"},
      {"svc:/milestone/single-user:default", "svc:/milestone/single-user:default"},
      {"svc:/milestone/multi-user", "svc:/milestone/multi-user:default"},
      {"milestone/multi-user", "svc:/milestone/multi-user:default"},
      {"milestone/multi-user-server:default", "svc:/milestone/multi-user-server:default"},
      {"multi-user-server", "svc:/milestone/multi-user-server:default"},
      {"single-user:default", "svc:/milestone/single-user:default"},
      {"user", nullptr},
      {"multi", nullptr},
      {"default", nullptr},
      {"", nullptr},
      {":default", nullptr},
      {"svc:/milestone/network:default", nullptr},
      {"network", nullptr},
      {"ALL", nullptr},
  };
  for (const auto& row : kTable) {
    const auto fmri = major_milestone(row.name);
    EXPECT_EQ(fmri.value_or("-"), row.fmri == nullptr ? "-" : row.fmri) << row.name;
  }
}

Dependency on(Grouping grouping, const Names& instances) {
  Dependency dependency{"d", grouping, RestartOn::none, {}};
  for (const auto& name : instances) {
    const auto kind = service_of(name) == name ? EntityKind::service : EntityKind::instance;
    dependency.entities.push_back({kind, name});
  }
  return dependency;
}

TEST(Milestone, WhatItLeavesAloneAndWhatBecomesOfTheRest) {
  // multi-user requires net and one of a, b; wants opt and off; excludes other.  vm requires multi-user.
  Graph graph;
  const std::map<std::string, Flags> flags{
      {kMultiUser, {true, {}}},      {"svc:/net:default", {true, {}}}, {"svc:/a:x", {true, false}},
      {"svc:/a:y", {false, true}},   {"svc:/b:x", {true, {}}},         {"svc:/opt:x", {true, false}},
      {"svc:/off:x", {false, true}}, {"svc:/other:x", {true, {}}},     {"svc:/vm:one", {true, {}}},
      {"svc:/vm:two", {false, {}}},  {"svc:/vm:down", {true, false}},  {kMasterRestarter, {true, {}}}};
  for (const auto& [name, flag] : flags)
    graph.set_node(name, {true, flag.effective(), State::online, false, false});
  ASSERT_TRUE(graph
                  .set_dependencies(kMultiUser, {on(Grouping::require_all, {"svc:/net:default"}),
                                                 on(Grouping::require_any, {"svc:/a", "svc:/b:x"}),
                                                 on(Grouping::optional_all, {"svc:/opt:x", "svc:/off:x"}),
                                                 on(Grouping::exclude_all, {"svc:/other:x"})})
                  .empty());
  ASSERT_TRUE(graph.set_dependencies("svc:/vm:one", {on(Grouping::require_all, {kMultiUser})}).empty());

  const auto to_milestone = reach(graph, kMultiUser, flags);
  EXPECT_EQ(to_milestone.disable, (Names{"svc:/off:x", "svc:/other:x", "svc:/vm:one"}));
  EXPECT_EQ(to_milestone.lift, (Names{"svc:/a:x", "svc:/a:y", "svc:/opt:x"}));

  const auto none = reach(graph, "none", flags);
  EXPECT_EQ(none.disable, (Names{"svc:/a:y", "svc:/b:x", kMultiUser, "svc:/net:default", "svc:/off:x",
                                 "svc:/other:x", "svc:/vm:one"}));
  EXPECT_TRUE(none.lift.empty());

  const auto all = reach(graph, "all", flags);
  EXPECT_TRUE(all.disable.empty());
  EXPECT_EQ(all.lift, (Names{"svc:/a:x", "svc:/a:y", "svc:/off:x", "svc:/opt:x", "svc:/vm:down"}));
}

void carry_out(const MilestoneChange& change, std::map<std::string, Flags>& flags) {
  for (const auto& name : change.disable) flags[name].temporary = false;
  for (const auto& name : change.lift) flags[name].temporary.reset();
}

TEST(Milestone, RandomGraphs) {
  rc::check("a closure is closed, and `all` undoes everything", [] {
    const auto count = *rc::gen::inRange<size_t>(1, 12);
    Graph graph;
    std::map<std::string, Flags> flags;
    Names names;
    for (size_t i = 0; i < count; ++i) names.push_back("svc:/s" + std::to_string(i) + ":i");
    for (size_t i = 0; i < count; ++i) {
      flags[names[i]] = {*rc::gen::arbitrary<bool>(), std::nullopt};
      graph.set_node(names[i], {true, true, State::online, false, false});
      std::vector<Dependency> dependencies;
      for (int n = *rc::gen::inRange(0, 3); n > 0; --n) {
        const auto grouping = *rc::gen::element(Grouping::require_all, Grouping::require_any,
                                                Grouping::optional_all, Grouping::exclude_all);
        // Of those before it only: what closes a cycle is not entered.
        if (i > 0) dependencies.push_back(on(grouping, {names[*rc::gen::inRange<size_t>(0, i)]}));
      }
      graph.set_dependencies(names[i], std::move(dependencies));
    }
    const auto milestone = names[*rc::gen::inRange<size_t>(0, count)];
    const auto kept = closure(graph, milestone, flags);
    RC_ASSERT(kept.contains(milestone));
    for (const auto& name : kept) {
      for (const auto& dependency : graph.dependencies(name)) {
        for (const auto& entity : dependency.entities) {
          if (dependency.grouping == Grouping::exclude_all) continue;
          const bool optional = dependency.grouping == Grouping::optional_all;
          RC_ASSERT(kept.contains(entity.name) || (optional && !flags[entity.name].enabled));
        }
      }
    }
    // Only who is needed is kept: of each but the milestone somebody who is kept depends on it.
    for (const auto& name : kept) {
      const auto dependents = graph.dependents(name);
      RC_ASSERT(name == milestone || std::any_of(dependents.begin(), dependents.end(), [&](const auto& each) {
                  return kept.contains(std::string(each.instance)) &&
                         each.dependency->grouping != Grouping::exclude_all;
                }));
    }
    auto then = flags;
    carry_out(reach(graph, milestone, then), then);
    for (const auto& [name, flag] : then) {
      RC_ASSERT(flag.effective() == (kept.contains(name) && flags[name].enabled));
    }
    const auto again = reach(graph, milestone, then);
    RC_ASSERT(again.disable.empty() && again.lift.empty());
    carry_out(reach(graph, "all", then), then);
    for (const auto& [name, flag] : then) RC_ASSERT(!flag.temporary && flag.enabled == flags[name].enabled);
    carry_out(reach(graph, "none", then), then);
    for (const auto& [name, flag] : then) RC_ASSERT(!flag.effective());
  });
}

}  // namespace
}  // namespace vmkeep::graph
