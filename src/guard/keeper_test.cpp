// A keeper between vmkeepd's messages and a hypervisor that plays what the test tells it to.
#include "guard/keeper.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include "control/messages.h"
#include "guard/messages.h"
#include "hypervisor/done.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr char kFmri[] = "svc:/site/xvm/vbox:vm1";
constexpr char kUuid[] = "11111111-2222-3333-4444-555555555555";

// What the tests know of the VM, and what was done to it.
class FakeHypervisor : public hypervisor::Hypervisor {
 public:
  explicit FakeHypervisor(Executor executor) : hints(std::move(executor)) {}

  vm::VmState state = vm::VmState::poweroff;
  std::optional<pid_t> pid;
  bool registered = true;
  bool deaf = false;     // ignores the power button
  bool refuses = false;  // every control() fails
  std::vector<std::string> calls;
  Signal hints;

  void become(vm::VmState next, std::optional<pid_t> process) {
    state = next;
    pid = process;
    hints.notify();
  }

  std::string name() const override { return "fake"; }
  Task<Result<>> prepare(Instant) override { co_return hypervisor::done(); }
  Task<Result<std::vector<hypervisor::VmRef>>> list(Instant) override {
    co_return std::vector<hypervisor::VmRef>{{kUuid, "vm1", true}};
  }
  Task<Result<hypervisor::VmRef>> find(std::string, Instant) override {
    if (!registered) co_return fail(ErrorKind::not_found, "no VM \"vm1\" is registered");
    co_return hypervisor::VmRef{kUuid, "vm1", true};
  }
  Task<Result<vm::Observation>> look(std::string, Instant) override {
    calls.emplace_back("look");
    co_return vm::Observation{state, pid ? vm::Witness::present : vm::Witness::absent, ""};
  }
  Task<Result<std::vector<std::string>>> running(Instant) override {
    std::vector<std::string> up;
    if (state == vm::VmState::running) up.emplace_back(kUuid);
    co_return up;
  }
  Result<hypervisor::Launch> launch(const hypervisor::VmRef& vm) override {
    return hypervisor::Launch{{"/bin/vm", vm.uuid}, {"A=b"}};
  }
  Task<Result<>> control(std::string, vm::StopAction action, Instant) override {
    if (refuses) co_return fail(ErrorKind::invalid, "refused");
    switch (action) {
      case vm::StopAction::savestate:
        calls.emplace_back("savestate");
        become(vm::VmState::saved, std::nullopt);
        break;
      case vm::StopAction::acpipowerbutton:
        calls.emplace_back("acpipowerbutton");
        if (!deaf) become(vm::VmState::poweroff, std::nullopt);
        break;
      default:
        calls.emplace_back("poweroff");
        become(vm::VmState::poweroff, std::nullopt);
    }
    co_return hypervisor::done();
  }
  Task<Result<>> resume(std::string, Instant) override {
    calls.emplace_back("resume");
    state = vm::VmState::running;
    co_return hypervisor::done();
  }
  std::optional<hypervisor::VmProcess> process(const std::string&) override {
    if (!pid) return std::nullopt;
    return hypervisor::VmProcess{*pid, "1"};
  }
  Task<bool> hint(std::string, Instant deadline) override { co_return co_await hints.wait(deadline); }
  void abandon(const std::string&) override { calls.emplace_back("abandon"); }
};

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    theirs_ = std::make_unique<Channel>(executor_, Fd(ends[0]));
    ours_ = std::make_unique<Channel>(executor_, Fd(ends[1]));
    keeper_ = std::make_shared<Keeper>(executor_, driver_, *theirs_, kFmri);
    start(executor_, Keeper::run(keeper_));
    start(executor_, collect());
  }

  void TearDown() override {
    keeper_->stop();
    loop_.poll();
  }

  Task<> collect() {
    for (;;) {
      auto message = co_await ours_->receive();
      if (!message) break;
      received_.push_back(std::move(*message));
      arrived_.notify();
    }
  }

  void configure(std::map<std::string, std::string> properties = {}) {
    auto group = std::make_shared<repository::PropertyGroup>();
    group->name = "vm";
    group->type = "application";
    for (const auto& [name, value] : properties) {
      group->properties[name] = {repository::ValueType::astring, {value}};
    }
    repository::Levels levels;
    levels.own["vm"] = group;
    keeper_->configure(levels);
  }

  void method(const char* name, int64_t budget_ms = 20000) {
    auto call = message("method", kFmri);
    call["call"] = 7;
    call["method"] = name;
    call["budget_ms"] = budget_ms;
    keeper_->deliver(std::move(call));
  }

  void tell(const char* kind, const std::string& text = "", int64_t call = 7) {
    auto news = message(kind, kFmri);
    news["call"] = call;
    news["text"] = text;
    keeper_->deliver(std::move(news));
  }

  // The next message of a kind that arrives, within five seconds; others are kept for later.
  json::object expect(const char* kind) {
    const Instant deadline = now() + Instant(5s);
    for (;;) {
      for (auto found = received_.begin(); found != received_.end(); ++found) {
        if (text_of(*found, "kind") != kind) continue;
        json::object message = *found;
        received_.erase(found);
        return message;
      }
      if (now() > deadline) {
        ADD_FAILURE() << "no message \"" << kind << "\"";
        return {};
      }
      loop_.restart();
      loop_.run_for(10ms);
    }
  }

  asio::io_context loop_{1};
  Executor executor_ = loop_.get_executor();
  FakeHypervisor driver_{executor_};
  Signal arrived_{executor_};
  std::unique_ptr<Channel> theirs_, ours_;
  std::shared_ptr<Keeper> keeper_;
  std::vector<json::object> received_;
};

TEST_F(KeeperTest, StartExecutesTheVmAndSaysDoneOnlyWhenItRuns) {
  configure();
  method("start");
  const auto exec = expect("step");
  EXPECT_EQ(text_of(exec, "action"), "exec");
  EXPECT_EQ(words_from(exec, "argv"), (std::vector<std::string>{"/bin/vm", kUuid}));
  tell("launched");
  loop_.restart();
  loop_.run_for(100ms);
  EXPECT_TRUE(std::none_of(received_.begin(), received_.end(),
                           [](const auto& m) { return text_of(m, "kind") == "step"; }));
  driver_.become(vm::VmState::running, 4711);
  const auto done = expect("step");
  EXPECT_EQ(text_of(done, "action"), "done");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  // From the launch on nobody looked: a look would have taken the VM's lock.
  EXPECT_EQ(driver_.calls, std::vector<std::string>{"look"});
}

TEST_F(KeeperTest, AVmThatDiesAtOnceIsAFatalStart) {
  configure();
  method("start");
  expect("step");
  tell("launched");
  tell("died", "exited with status 1");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_NE(text_of(done, "text").find("exited with status 1"), std::string::npos);
}

TEST_F(KeeperTest, ARunningVmIsAdoptedAndNotTouched) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  EXPECT_EQ(control::int_member(expect("adopt"), "pid", -1), 4711);
  tell("adopted");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(driver_.calls, std::vector<std::string>{"look"});
}

TEST_F(KeeperTest, AnAdoptionThatIsRefusedIsAFatalStartWithTheReason) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted", "it belongs to uid 12");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 95);
  EXPECT_NE(text_of(done, "text").find("it belongs to uid 12"), std::string::npos);
}

TEST_F(KeeperTest, AVmThatIsNotRegisteredIsAConfigurationError) {
  configure();
  driver_.registered = false;
  method("start");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 96);
}

TEST_F(KeeperTest, ABadPropertyIsAConfigurationErrorThatNamesIt) {
  configure({{"stop_method", "pull the plug"}});
  method("stop");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 96);
  EXPECT_NE(text_of(done, "text").find("stop_method"), std::string::npos);
}

TEST_F(KeeperTest, StopSavesAndSaysSo) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("stop");
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::saved);
}

TEST_F(KeeperTest, ADeafGuestIsPoweredOffBeforeTheMethodRunsOutOfTime) {
  configure({{"stop_method", "poweroff-graceful"}});
  driver_.become(vm::VmState::running, 4711);
  driver_.deaf = true;
  method("stop", 3000);
  const auto done = expect("step");
  EXPECT_EQ(control::int_member(done, "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::poweroff);
  EXPECT_NE(std::find(driver_.calls.begin(), driver_.calls.end(), "acpipowerbutton"), driver_.calls.end());
}

TEST_F(KeeperTest, ARefusedStopFailsWithTheHypervisorsWords) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  driver_.refuses = true;
  method("stop");
  const auto done = expect("step");
  EXPECT_NE(control::int_member(done, "code", 0), 0);
  EXPECT_NE(text_of(done, "text").find("refused"), std::string::npos);
}

TEST_F(KeeperTest, AnAbortIsAnsweredWithARestartAndRemembered) {
  configure({{"restart_aborted_vm", "true"},
             {"restart_aborted_vm_failures_maxcount", "3"},
             {"restart_aborted_vm_failures_timeframe", "1200"}});
  driver_.become(vm::VmState::aborted, std::nullopt);
  auto ask = message("ask", kFmri);
  ask["question"] = 5;
  ask["cause"] = "contract_empty";
  ask["history"] = to_json(vm::History{});
  keeper_->deliver(ask);
  const auto answer = expect("verdict");
  EXPECT_EQ(control::int_member(answer, "question", 0), 5);
  EXPECT_EQ(verdict_from(answer)->kind, vm::VerdictKind::restart);
  EXPECT_EQ(history_from(answer.at("history").get_object()).aborts.size(), 1U);
}

TEST_F(KeeperTest, TheTwoWitnessesHaveToAgreeBeforeAVerdict) {
  configure({{"restart_aborted_vm", "true"}});
  driver_.become(vm::VmState::running, std::nullopt);  // VBoxSVC has not noticed yet
  auto ask = message("ask", kFmri);
  ask["question"] = 1;
  ask["cause"] = "contract_empty";
  keeper_->deliver(ask);
  loop_.restart();
  loop_.run_for(60ms);
  EXPECT_TRUE(received_.empty());
  driver_.state = vm::VmState::aborted;
  EXPECT_EQ(verdict_from(expect("verdict"))->kind, vm::VerdictKind::restart);
}

TEST_F(KeeperTest, AVmThatIsPausedBehindOurBackIsReported) {
  configure({{"ignore_paused_vm", "false"}});
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted");
  expect("step");
  loop_.restart();
  loop_.run_for(20ms);
  driver_.become(vm::VmState::paused, 4711);
  EXPECT_EQ(text_of(expect("report"), "text"), "paused");
}

TEST_F(KeeperTest, ALaunchThatAnEarlierGuardOrderedIsAskedAgain) {
  configure();
  tell("launched", "", 3);
  const auto step = expect("step");
  EXPECT_EQ(text_of(step, "action"), "wait");
  EXPECT_EQ(control::int_member(step, "call", -1), 3);
}

TEST_F(KeeperTest, WhatRunsIsStillStoppedAfterABadPropertyCame) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  configure({{"stop_method", "pull the plug"}});
  method("stop");
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  EXPECT_EQ(driver_.state, vm::VmState::saved);
}

TEST_F(KeeperTest, NiceAndTimeZoneReachTheVmsProcess) {
  configure({{"nice", "5"}, {"timezone", "UTC"}});
  method("start");
  const auto exec = expect("step");
  EXPECT_EQ(words_from(exec, "argv"),
            (std::vector<std::string>{"/usr/bin/nice", "-n", "5", "/bin/vm", kUuid}));
  EXPECT_EQ(words_from(exec, "environment"), (std::vector<std::string>{"A=b", "TZ=UTC"}));
  tell("died", "exited with status 1");
  expect("step");
}

TEST_F(KeeperTest, TheEndOfAVmThatNobodyAsksAboutIsReported) {
  configure();
  driver_.become(vm::VmState::running, 4711);
  method("start");
  expect("adopt");
  tell("adopted");
  expect("step");
  driver_.become(vm::VmState::aborted, std::nullopt);
  EXPECT_EQ(text_of(expect("report"), "text"), "its process ended");
}

TEST_F(KeeperTest, AnAbandonedStartEnds) {
  configure();
  driver_.become(vm::VmState::saving, 4711);
  method("start", 600000);
  loop_.restart();
  loop_.run_for(20ms);
  keeper_->abandon();
  EXPECT_EQ(control::int_member(expect("step"), "code", -1), 1);
}

}  // namespace
}  // namespace vmkeep::guard
