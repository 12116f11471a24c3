#include "graph/graph.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

namespace vmkeep::graph {
namespace {

constexpr int kSat = 1;
constexpr int kUnsat = 0;
constexpr int kNever = -1;

Entity inst(const std::string& name) {
  return {EntityKind::instance, name};
}
Entity svc(const std::string& name) {
  return {EntityKind::service, name};
}
Entity file(const std::string& path) {
  return {EntityKind::file, path};
}
Entity host(const std::string& name) {
  return {EntityKind::host, name};
}

Dependency group(Grouping grouping, std::vector<Entity> entities, RestartOn restart_on = RestartOn::none) {
  return {"g", grouping, restart_on, std::move(entities)};
}

Node node(State state, bool enabled = true, bool to_disable = false, bool to_offline = false) {
  return {true, enabled, state, to_disable, to_offline};
}

int plain(const Graph& g, const std::string& name) {
  return static_cast<int>(g.satisfaction(name));
}
int ever(const Graph& g, const std::string& name) {
  return static_cast<int>(g.satisfaction(name, true));
}

// What one group with one instance in it says, for every grouping, state, flag and mode (the tables of 5.1).
TEST(GraphTest, EveryGroupingStateAndMode) {
  struct Row {
    const char* what;
    Node member;
    // plain and satisfiability mode of require_all, require_any, optional_all, exclude_all
    int all_plain, all_ever, any_plain, any_ever, optional_plain, optional_ever, exclude;
  };
  const Row rows[] = {
      {"unconfigured", {}, kUnsat, kNever, kNever, kNever, kSat, kSat, kSat},
      {"uninitialized", node(State::uninitialized), kUnsat, kUnsat, kUnsat, kUnsat, kUnsat, kUnsat, kUnsat},
      {"offline", node(State::offline), kUnsat, kUnsat, kUnsat, kUnsat, kUnsat, kUnsat, kUnsat},
      {"offline, to disable", node(State::offline, true, true), kUnsat, kNever, kUnsat, kNever, kSat, kSat,
       kUnsat},
      {"online", node(State::online), kSat, kSat, kSat, kSat, kSat, kSat, kNever},
      {"online, to disable", node(State::online, true, true), kUnsat, kNever, kNever, kNever, kUnsat, kNever,
       kUnsat},
      {"online, to offline", node(State::online, true, false, true), kUnsat, kUnsat, kUnsat, kUnsat, kUnsat,
       kUnsat, kNever},
      {"online, being disabled", node(State::online, false), kSat, kSat, kSat, kSat, kSat, kSat, kUnsat},
      {"degraded", node(State::degraded), kSat, kSat, kSat, kSat, kSat, kSat, kNever},
      {"disabled", node(State::disabled, false), kUnsat, kNever, kUnsat, kNever, kSat, kSat, kSat},
      {"disabled, enabled", node(State::disabled, true), kUnsat, kUnsat, kUnsat, kUnsat, kUnsat, kUnsat,
       kSat},
      {"maintenance", node(State::maintenance), kUnsat, kNever, kNever, kNever, kSat, kSat, kSat},
  };
  for (const auto& row : rows) {
    for (const auto& member : {inst("s:m"), svc("s")}) {
      SCOPED_TRACE(std::string(row.what) + (member.kind == EntityKind::service ? " (service)" : ""));
      Graph g;
      g.set_node("s:m", row.member);
      g.set_node("x", node(State::offline));
      const auto check = [&](Grouping grouping, int in_plain, int in_ever) {
        ASSERT_TRUE(g.set_dependencies("x", {group(grouping, {member})}).empty());
        EXPECT_EQ(plain(g, "x"), in_plain) << to_string(grouping);
        EXPECT_EQ(ever(g, "x"), in_ever) << to_string(grouping) << " ever";
      };
      check(Grouping::require_all, row.all_plain, row.all_ever);
      check(Grouping::require_any, row.any_plain, row.any_ever);
      check(Grouping::optional_all, row.optional_plain, row.optional_ever);
      check(Grouping::exclude_all, row.exclude, row.exclude);
    }
  }
}

TEST(GraphTest, FilesFactsAndThingsThatAreNotThere) {
  struct Row {
    Entity entity;
    bool there;
    int all_ever, any_plain, optional_plain, exclude;
  };
  const Row rows[] = {
      {file("/f"), true, kSat, kSat, kSat, kNever},
      {file("/f"), false, kNever, kNever, kUnsat, kSat},
      {host("network"), true, kSat, kSat, kSat, kUnsat},
      {host("network"), false, kUnsat, kUnsat, kUnsat, kSat},
      {inst("absent:x"), false, kNever, kNever, kSat, kSat},
      {svc("absent"), false, kNever, kNever, kSat, kSat},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.entity.name + (row.there ? " there" : " not there"));
    Graph g;
    g.set_file("/f", row.there);
    g.set_fact("network", row.there);
    EXPECT_EQ(static_cast<int>(g.satisfaction(group(Grouping::require_all, {row.entity}), true)),
              row.all_ever);
    EXPECT_EQ(static_cast<int>(g.satisfaction(group(Grouping::require_any, {row.entity}))), row.any_plain);
    EXPECT_EQ(static_cast<int>(g.satisfaction(group(Grouping::optional_all, {row.entity}))),
              row.optional_plain);
    EXPECT_EQ(static_cast<int>(g.satisfaction(group(Grouping::exclude_all, {row.entity}))), row.exclude);
  }
  Graph g;
  EXPECT_EQ(g.satisfaction(file("/f")), Satisfaction::unsatisfiable);
  for (const auto grouping :
       {Grouping::require_all, Grouping::require_any, Grouping::optional_all, Grouping::exclude_all}) {
    EXPECT_EQ(g.satisfaction(group(grouping, {})), Satisfaction::satisfied)
        << "an empty " << to_string(grouping);
  }
}

TEST(GraphTest, GroupsAreJudgedTogether) {
  Graph g;
  g.set_node("up", node(State::online));
  g.set_node("down", node(State::offline));
  g.set_node("broken", node(State::maintenance));
  g.set_node("x", node(State::offline));
  const auto check = [&](Grouping grouping, std::vector<Entity> entities, int in_plain, int in_ever) {
    g.set_dependencies("x", {group(grouping, std::move(entities))});
    EXPECT_EQ(plain(g, "x"), in_plain);
    EXPECT_EQ(ever(g, "x"), in_ever);
  };
  check(Grouping::require_all, {inst("up"), inst("down")}, kUnsat, kUnsat);
  check(Grouping::require_all, {inst("down"), inst("broken")}, kUnsat, kNever);
  check(Grouping::require_any, {inst("up"), inst("broken")}, kSat, kSat);
  check(Grouping::require_any, {inst("down"), inst("broken")}, kUnsat, kUnsat);
  check(Grouping::optional_all, {inst("up"), inst("broken")}, kSat, kSat);
  check(Grouping::optional_all, {inst("down"), inst("broken")}, kUnsat, kUnsat);
  check(Grouping::exclude_all, {inst("down"), inst("up")}, kNever, kNever);
  g.set_dependencies("x", {group(Grouping::require_all, {inst("up")}),
                           {"h", Grouping::require_all, RestartOn::none, {inst("down")}}});
  EXPECT_EQ(plain(g, "x"), kUnsat);
}

TEST(GraphTest, AServiceIsSatisfiedByOneOfItsInstances) {
  Graph g;
  g.set_node("svc:/db:one", node(State::maintenance));
  g.set_node("svc:/db:two", node(State::online));
  EXPECT_EQ(g.satisfaction(svc("svc:/db")), Satisfaction::satisfied);
  // Optional is the other way round: every instance that may still come is waited for.
  g.set_node("svc:/db:three", node(State::offline));
  EXPECT_EQ(g.satisfaction(group(Grouping::optional_all, {svc("svc:/db")})), Satisfaction::unsatisfied);
  g.remove("svc:/db:two");
  g.remove("svc:/db:three");
  EXPECT_EQ(g.satisfaction(svc("svc:/db")), Satisfaction::unsatisfiable);
  EXPECT_EQ(g.instances_of("svc:/db"), std::vector<std::string>{"svc:/db:one"});
}

TEST(GraphTest, SatisfiabilityLooksThroughOfflineInstances) {
  Graph g;
  for (const auto* name : {"a", "b", "c", "x"}) g.set_node(name, node(State::offline));
  g.set_dependencies("b", {group(Grouping::require_all, {inst("a")})});
  g.set_dependencies("c", {group(Grouping::require_all, {inst("b")})});
  g.set_dependencies("x", {group(Grouping::optional_all, {inst("c")})});
  EXPECT_EQ(plain(g, "x"), kUnsat);
  g.set_node("a", node(State::maintenance));  // then c can never come, and does not hold x up any more
  EXPECT_EQ(ever(g, "c"), kNever);
  EXPECT_EQ(plain(g, "x"), kSat);
  g.set_node("a", node(State::uninitialized));
  EXPECT_EQ(plain(g, "x"), kUnsat);
  g.set_node("a", node(State::disabled, false));
  EXPECT_EQ(plain(g, "x"), kSat);
  g.remove("a");
  EXPECT_EQ(plain(g, "x"), kSat);
}

TEST(GraphTest, RestartOnAgainstCause) {
  const RestartOn all[] = {RestartOn::none, RestartOn::error, RestartOn::restart, RestartOn::refresh};
  const bool fault[] = {false, true, true, true};
  const bool restart[] = {false, false, true, true};
  const bool refresh[] = {false, false, false, true};
  for (size_t i = 0; i < 4; i++) {
    for (const auto grouping : {Grouping::require_all, Grouping::require_any, Grouping::optional_all}) {
      Graph g;
      g.set_node("a", node(State::online));
      g.set_node("x", node(State::online));
      g.set_dependencies("x", {group(grouping, {inst("a")}, all[i])});
      EXPECT_EQ(!g.stopped_by("a", StopCause::fault).empty(), fault[i]) << to_string(all[i]);
      EXPECT_EQ(!g.stopped_by("a", StopCause::restart).empty(), restart[i]) << to_string(all[i]);
      EXPECT_EQ(!g.stopped_by("a", StopCause::refresh).empty(), refresh[i]) << to_string(all[i]);
      EXPECT_EQ(!g.stopped_by_start("a").empty(), grouping == Grouping::optional_all && i >= 2);
      g.set_node("x", node(State::offline));
      EXPECT_TRUE(g.stopped_by("a", StopCause::fault).empty()) << "it does not run";
    }
    Graph g;
    g.set_node("a", node(State::online));
    g.set_node("x", node(State::online));
    g.set_dependencies("x", {group(Grouping::exclude_all, {inst("a")}, all[i])});
    EXPECT_TRUE(g.stopped_by("a", StopCause::fault).empty());
    EXPECT_EQ(!g.stopped_by_start("a").empty(), i >= 1);
  }
}

TEST(GraphTest, DependentsNameTheInstanceOrItsService) {
  Graph g;
  g.set_node("svc:/db:one", node(State::online));
  g.set_dependencies("y", {group(Grouping::require_all, {inst("svc:/db:one"), svc("svc:/db")})});
  g.set_dependencies("x", {group(Grouping::require_all, {svc("svc:/db")}),
                           {"h", Grouping::optional_all, RestartOn::none, {inst("svc:/db:one")}}});
  const auto found = g.dependents("svc:/db:one");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].instance, "x");
  EXPECT_EQ(found[1].instance, "x");
  EXPECT_EQ(found[2].instance, "y");
  EXPECT_EQ(g.dependents(svc("svc:/db")).size(), 2u);
  g.set_dependencies("x", {});
  EXPECT_EQ(g.dependents("svc:/db:one").size(), 1u);
  g.set_dependencies("x", {group(Grouping::require_all, {file("/a"), file("/b")})});
  EXPECT_EQ(g.files(), (std::vector<std::string>{"/a", "/b"}));
}

TEST(GraphTest, StopOrderHasLeavesFirst) {
  Graph g;
  for (const auto* name : {"a", "b", "c", "d", "e"}) g.set_node(name, node(State::online));
  const auto needs = [&](const std::string& who, std::vector<Entity> what, RestartOn restart_on) {
    ASSERT_TRUE(g.set_dependencies(who, {group(Grouping::require_all, std::move(what), restart_on)}).empty());
  };
  needs("b", {inst("a")}, RestartOn::restart);
  needs("c", {inst("a"), inst("b")}, RestartOn::refresh);
  needs("d", {inst("c")}, RestartOn::error);  // does not bind on a disable
  needs("e", {inst("b")}, RestartOn::restart);
  g.set_node("e", node(State::offline));
  EXPECT_EQ(g.stop_order("a"), (std::vector<std::string>{"c", "b"}));
  EXPECT_TRUE(g.stop_order("d").empty());
}

TEST(CycleTest, OfTwoOfThreeOfItselfAndThroughAService) {
  Graph g;
  EXPECT_EQ(g.set_dependencies("a", {group(Grouping::require_all, {inst("a")})}),
            (std::vector<std::string>{"a", "a"}));
  EXPECT_TRUE(g.dependencies("a").empty()) << "what closes a cycle is not entered";
  EXPECT_TRUE(g.set_dependencies("a", {group(Grouping::require_all, {inst("b")})}).empty());
  EXPECT_EQ(g.set_dependencies("b", {group(Grouping::optional_all, {inst("a")})}),
            (std::vector<std::string>{"b", "a", "b"}));
  EXPECT_TRUE(g.set_dependencies("b", {group(Grouping::require_any, {inst("c")})}).empty());
  EXPECT_EQ(g.set_dependencies("c", {group(Grouping::require_all, {inst("a")})}),
            (std::vector<std::string>{"c", "a", "b", "c"}));
  EXPECT_TRUE(g.set_dependencies("c", {group(Grouping::exclude_all, {inst("a")})}).empty());
  EXPECT_TRUE(g.set_dependencies("svc:/u:x", {group(Grouping::require_all, {svc("svc:/v")})}).empty());
  EXPECT_EQ(g.set_dependencies("svc:/v:y", {group(Grouping::require_all, {svc("svc:/u")})}),
            (std::vector<std::string>{"svc:/v:y", "svc:/u:x", "svc:/v:y"}));
  EXPECT_EQ(g.set_dependencies("svc:/w:z", {group(Grouping::require_all, {svc("svc:/w")})}).size(), 2u);
}

TEST(CycleTest, RefusedDependenciesLeaveTheOldOnes) {
  Graph g;
  g.set_dependencies("a", {group(Grouping::require_all, {inst("b")})});
  g.set_dependencies("b", {group(Grouping::require_all, {inst("c")})});
  EXPECT_FALSE(g.set_dependencies("b", {group(Grouping::require_all, {inst("a")})}).empty());
  ASSERT_EQ(g.dependencies("b").size(), 1u);
  EXPECT_EQ(g.dependencies("b")[0].entities[0], inst("c"));
  EXPECT_EQ(g.dependents("c").size(), 1u);
}

// Random edges against a plain model: the graph refuses exactly what closes a cycle, and dependents() is the
// inverse of dependencies().
TEST(CycleTest, RandomEdgesNeverCloseOne) {
  const bool ok = rc::check("no cycle is entered", [] {
    Graph g;
    std::vector<std::set<int>> model(8);
    const auto reaches = [&](int from, int to) {
      std::vector<int> todo{from};
      std::set<int> seen;
      while (!todo.empty()) {
        const int at = todo.back();
        todo.pop_back();
        if (at == to) return true;
        if (seen.insert(at).second) todo.insert(todo.end(), model[at].begin(), model[at].end());
      }
      return false;
    };
    const auto steps = *rc::gen::container<std::vector<std::pair<int, std::vector<int>>>>(
        rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 8))));
    for (const auto& [who, whom] : steps) {
      const auto old = std::exchange(model[who], {});
      const int self = who;
      const bool cycle = std::any_of(whom.begin(), whom.end(), [&](int to) { return reaches(to, self); });
      std::vector<Entity> entities;
      for (const int to : whom) entities.push_back(inst(std::to_string(to)));
      const auto path = g.set_dependencies(std::to_string(who), {group(Grouping::require_all, entities)});
      RC_ASSERT(path.empty() == !cycle);
      if (cycle) {
        RC_ASSERT(path.size() >= 2u);
        RC_ASSERT(path.front() == std::to_string(who));
        RC_ASSERT(path.back() == std::to_string(who));
        model[who] = old;
      } else {
        model[who] = {whom.begin(), whom.end()};
      }
    }
    for (int who = 0; who < 8; who++) {
      std::set<std::string> expected;
      for (int other = 0; other < 8; other++) {
        if (model[other].contains(who)) expected.insert(std::to_string(other));
      }
      std::set<std::string> found;
      for (const auto& dependent : g.dependents(std::to_string(who))) found.emplace(dependent.instance);
      RC_ASSERT(found == expected);
    }
  });
  EXPECT_TRUE(ok);
}

// The kept answers are never stale: a graph that lived through changes says the same as one made afresh.
TEST(GraphTest, KeptAnswersAreNeverStale) {
  const bool ok = rc::check("an old graph and a fresh one agree", [] {
    const auto name = [](int i) { return "svc:/s" + std::to_string(i / 2) + ":i" + std::to_string(i % 2); };
    const auto make = [&](int i, int dice) {
      const auto target = [&](int shift) {
        const int below = i == 0 ? 0 : (dice >> shift) % i;
        return (dice >> (shift + 3)) % 4 == 0 && below / 2 != i / 2 ? svc(service_of(name(below)))
                                                                    : inst(name(below));
      };
      std::vector<Dependency> groups;
      if (i > 0) groups.push_back(group(static_cast<Grouping>(dice % 4), {target(2), target(7)}));
      return groups;
    };
    Graph old;
    std::vector<Node> nodes(10);
    std::vector<std::vector<Dependency>> edges(10);
    const auto dices = *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 1 << 14));
    for (const int dice : dices) {
      const int i = dice % 10;
      nodes[i] = {dice % 7 != 0, dice % 3 != 0, static_cast<State>(1 + dice / 10 % 6), dice % 11 == 0, false};
      old.set_node(name(i), nodes[i]);
      if (dice % 2 == 0) {
        auto groups = make(i, dice);
        if (old.set_dependencies(name(i), groups).empty()) edges[i] = groups;
      }
      (void)old.satisfaction(name(dice / 16 % 10), true);
    }
    Graph fresh;
    for (int i = 0; i < 10; i++) {
      if (old.node(name(i)) == nullptr) continue;
      fresh.set_node(name(i), nodes[i]);
      fresh.set_dependencies(name(i), edges[i]);
    }
    for (int i = 0; i < 10; i++) {
      RC_ASSERT(old.satisfaction(name(i), true) == fresh.satisfaction(name(i), true));
      RC_ASSERT(old.satisfaction(name(i)) == fresh.satisfaction(name(i)));
    }
  });
  EXPECT_TRUE(ok);
}

// A chain of 10,000, loaded from either end, walked up to the top state by state.  If any of it were
// quadratic or recursive this would not end in time, or end in a stack overflow.
TEST(GraphTest, TenThousandInARow) {
  constexpr int kCount = 10000;
  for (const bool upwards : {true, false}) {
    Graph g;
    for (int n = 0; n < kCount; n++) {
      const int i = upwards ? n : kCount - 1 - n;
      g.set_node(std::to_string(i), node(State::offline));
      if (i == 0) continue;
      ASSERT_TRUE(
          g.set_dependencies(std::to_string(i), {group(Grouping::require_all, {inst(std::to_string(i - 1))})})
              .empty());
    }
    const std::string top = std::to_string(kCount - 1);
    EXPECT_EQ(ever(g, top), kUnsat);
    g.set_node("0", node(State::maintenance));
    EXPECT_EQ(ever(g, top), kNever);
    EXPECT_EQ(g.set_dependencies("0", {group(Grouping::require_all, {inst(top)})}).size(), kCount + 1u);
    g.set_node("0", node(State::online));
    for (int i = 1; i < kCount; i++) {
      ASSERT_EQ(plain(g, std::to_string(i)), kSat);
      g.set_node(std::to_string(i), node(State::online));
    }
  }
}

}  // namespace
}  // namespace vmkeep::graph
