// For tests only: a keeper of one VM, of whom a person asks something.
#pragma once

#include "guard/keeper_fixture.h"

namespace vmkeep::guard {

class VerbTest : public KeeperTest {
 protected:
  using Words = std::vector<std::string>;

  void SetUp() override {
    KeeperTest::SetUp();
    configure();
  }
  json::object ended() { return expect("outcome"); }
  static bool outage(const json::object& outcome) { return control::bool_member(outcome, "outage", false); }
  void ask(const vm::History& history) {
    auto question = message("ask", kFmri);
    question["question"] = 4;
    question["cause"] = "report";
    question["history"] = to_json(history);
    keeper_->deliver(std::move(question));
  }
  static vm::History handed_over() {
    vm::History history;
    history.outage = vm::Outage{vm::OutageKind::gui, "alice", now(), now() + Instant(3600s), false};
    history.restart_saved_once = true;
    return history;
  }
  static bool starts(const json::object& outcome) { return control::bool_member(outcome, "start", false); }
};

}  // namespace vmkeep::guard
