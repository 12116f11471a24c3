// How long a stop may take, and what becomes of one that takes longer.
#include "guard/keeper_fixture.h"

namespace vmkeep::guard {
namespace {

using Words = std::vector<std::string>;

TEST_F(KeeperTest, T47_what_is_asked_for_a_stop_stands_in_place_of_stop_timeout) {
  configure({{"stop_method", "acpipowerbutton"}});  // and no stop_timeout
  driver_.become(vm::VmState::running, 4711);
  driver_.deaf = true;
  auto call = message("method", kFmri);
  call["call"] = 7;
  call["method"] = "stop";
  call["timeout"] = 1;
  keeper_->deliver(std::move(call));
  const auto done = expect("step");  // within the fixture's patience, which is no stop method's
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_EQ(driver_.calls, (Words{"look", "acpipowerbutton"}));
}

TEST_F(KeeperTest, T62_a_stop_that_follows_an_abandoned_one_is_not_kept_waiting_by_it) {
  configure({{"stop_method", "acpipowerbutton"}});
  driver_.become(vm::VmState::running, 4711);
  driver_.deaf = true;
  method("stop", 100'000);
  while (acts().empty()) loop_.run_one();
  keeper_->abandon();
  auto call = message("method", kFmri);
  call["call"] = 8;
  call["method"] = "stop";
  call["budget_ms"] = 3000;
  call["force"] = true;
  keeper_->deliver(std::move(call));
  for (auto done = expect("step"); control::int_member(done, "call", -1) != 8; done = expect("step")) {
  }
  EXPECT_EQ(driver_.state, vm::VmState::poweroff);
}

TEST_F(KeeperTest, T47_a_save_whose_end_comes_with_the_limit_was_a_save) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  driver_.takes = 1200ms;  // the call alone
  verb("save", {{"timeout", 1}});
  const auto done = expect("outcome");
  EXPECT_EQ(code_of(done), 0) << text_of(done, "text");
}

TEST_F(KeeperTest, T60_a_save_that_takes_longer_goes_on_and_stays_the_operators) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  driver_.overruns = true;
  verb("save", {{"timeout", 1}});
  const auto done = expect("outcome");
  EXPECT_EQ(code_of(done), 95);
  EXPECT_TRUE(control::bool_member(done, "outage", false));
  EXPECT_NE(text_of(done, "text").find("saving still"), std::string::npos) << text_of(done, "text");
  EXPECT_EQ(text_of(done, "text").find("refused"), std::string::npos) << text_of(done, "text");
}

TEST_F(KeeperTest, T89_a_window_does_not_get_a_vm_that_is_only_being_saved) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  driver_.overruns = true;
  verb("gui", {{"timeout", 1}});
  const auto done = expect("outcome");
  EXPECT_NE(code_of(done), 0);
  EXPECT_FALSE(control::bool_member(done, "outage", false));
}

}  // namespace
}  // namespace vmkeep::guard
