#include "graph/state.h"

#include <gtest/gtest.h>

#include <set>

namespace vmkeep::graph {
namespace {

TEST(StateTest, NamesLettersAndRanks) {
  struct Row {
    State state;
    std::string_view name, abbreviation;
    char letter;
    int rank;
  };
  const Row rows[] = {
      {State::none, "none", "-", '-', 7},           {State::uninitialized, "uninitialized", "UN", 'u', 6},
      {State::offline, "offline", "OFF", '0', 4},   {State::online, "online", "ON", '1', 2},
      {State::degraded, "degraded", "DGD", 'D', 3}, {State::maintenance, "maintenance", "MNT", 'm', 5},
      {State::disabled, "disabled", "DIS", 'd', 1}, {State::legacy_run, "legacy_run", "LRC", 'L', 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_string(row.state), row.name);
    EXPECT_EQ(state(row.name), row.state);
    EXPECT_EQ(abbreviation(row.state), row.abbreviation);
    EXPECT_EQ(letter(row.state), row.letter);
    EXPECT_EQ(sort_rank(row.state), row.rank);
  }
  EXPECT_EQ(state("onlin"), std::nullopt);
  EXPECT_TRUE(is_up(State::degraded));
  EXPECT_FALSE(is_up(State::offline));
}

TEST(ReasonTest, EveryReasonStandsAtItsPlaceInTheTable) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Reason::waits_turn); i++) {
    const auto value = static_cast<Reason>(i);
    EXPECT_EQ(text(value).reason, value) << i;
    EXPECT_EQ(reason(to_string(value)), value);
    EXPECT_FALSE(text(value).description.empty());
    EXPECT_TRUE(names.insert(text(value).name).second) << text(value).name;
  }
  EXPECT_EQ(reason("no_such_reason"), std::nullopt);
}

TEST(ReasonTest, TextsOfSvcsX) {
  EXPECT_EQ(text(Reason::administrative_request).explanation, "Maintenance requested by an administrator.");
  EXPECT_EQ(text(Reason::administrative_request).code, "63");
  EXPECT_EQ(text(Reason::dependency_cycle).code, "HP");
  EXPECT_EQ(text(Reason::invalid_dependency).code, "JA");
  EXPECT_EQ(text(Reason::restarting_too_quickly).code, "L5");
  EXPECT_EQ(text(Reason::none).code, "9C");
  EXPECT_EQ(text(Reason::ct_ev_exit).code, "AR");
}

TEST(ReasonTest, ReasonsOfVmsSayInASentenceWhatIsWrong) {
  for (int i = static_cast<int>(Reason::vm_aborted); i <= static_cast<int>(Reason::waits_turn); i++) {
    const auto& row = text(static_cast<Reason>(i));
    EXPECT_FALSE(row.explanation.empty()) << row.name;
    EXPECT_EQ(row.explanation.back(), '.') << row.name;
    EXPECT_TRUE(row.code.empty()) << row.name;
  }
}

}  // namespace
}  // namespace vmkeep::graph
