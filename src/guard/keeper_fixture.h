// For tests only: a keeper between vmkeepd's messages and a hypervisor that plays what the test tells it to.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"
#include "hypervisor/done.h"

namespace vmkeep::guard {

namespace json = boost::json;
using namespace std::chrono_literals;

inline constexpr char kFmri[] = "svc:/site/xvm/vbox:vm1";
inline constexpr char kUuid[] = "11111111-2222-3333-4444-555555555555";

// What the tests know of the VM, and what was done to it.
class FakeHypervisor : public hypervisor::Hypervisor {
 public:
  explicit FakeHypervisor(const Executor& executor)
      : hints(executor), abandoned(executor), executor_(executor) {}

  vm::VmState state = vm::VmState::poweroff;
  std::optional<pid_t> pid;
  std::optional<int> exit_if_locked;
  bool registered = true;
  std::string called = "vm1";
  bool deaf = false;                 // ignores the power button
  bool refuses = false;              // every control() fails
  bool mute = false;                 // every look() fails
  bool endless = false;              // a save never comes to its end, until its deadline
  bool overruns = false;             // a save goes on after its call has run out of time
  Instant takes{0};                  // how long a save takes, whose process is there for as long again
  bool dies = false;                 // a save ends in an abort
  bool window = true;                // there is a front end
  pid_t the_service = 77;            // another pid: it was lost and started anew
  bool two_processes = false;        // somebody else's too would be this VM's
  std::vector<std::string> refused;  // words that control() refuses
  std::vector<std::string> calls;
  std::optional<hypervisor::VmDetails> details;  // absent: describe() is not supported
  Signal hints, abandoned;
  // Of the guest inside.
  std::map<std::string, std::string> properties;
  std::optional<hypervisor::Heartbeat> beat;
  uint64_t moved = 0;
  std::vector<std::string> log;

  void become(vm::VmState next, std::optional<pid_t> process) {
    state = next;
    pid = process;
    hints.notify();
  }

  std::string name() const override { return "fake"; }
  Task<Result<>> prepare(Instant) override { co_return hypervisor::done(); }
  Task<Result<std::vector<hypervisor::VmRef>>> list(Instant) override {
    co_return std::vector<hypervisor::VmRef>{{kUuid, called, true}};
  }
  Task<Result<hypervisor::VmRef>> find(std::string, Instant) override {
    if (!registered) co_return fail(ErrorKind::not_found, "no VM \"vm1\" is registered");
    co_return hypervisor::VmRef{kUuid, called, true};
  }
  std::optional<std::string> name_of(const std::string&) override { return called; }
  Task<Result<vm::Observation>> look(std::string, Instant) override {
    calls.emplace_back("look");
    if (mute) co_return fail(ErrorKind::timeout, "VBoxManage did not end in time");
    if (!registered) co_return vm::Observation{vm::VmState::missing, vm::Witness::absent, ""};
    co_return vm::Observation{state, pid ? vm::Witness::present : vm::Witness::absent, ""};
  }
  Task<Result<std::vector<std::string>>> running(Instant) override {
    std::vector<std::string> up;
    if (state == vm::VmState::running) up.emplace_back(kUuid);
    co_return up;
  }
  Result<hypervisor::Launch> launch(const hypervisor::VmRef& vm) override {
    return hypervisor::Launch{{"/bin/vm", vm.uuid}, {"A=b"}, exit_if_locked};
  }
  Task<Result<>> control(std::string, vm::StopAction action, Instant deadline,
                         hypervisor::Percent progress) override {
    const std::string word(vm::to_string(action));
    calls.push_back(word);
    const bool no = std::find(refused.begin(), refused.end(), word) != refused.end();
    if (refuses || no) co_return fail(ErrorKind::invalid, "refused");
    if (word == "savestate" && endless) {
      state = vm::VmState::saving;
      co_await abandoned.wait(deadline);
      co_return fail(ErrorKind::timeout, "the save did not end in time");
    }
    if (word == "savestate" && overruns) {
      state = vm::VmState::saving;
      co_return fail(ErrorKind::timeout, "the save did not end in time");
    }
    if (word == "savestate" && takes > Instant(0)) {
      co_await sleep_until(now() + takes);
      state = vm::VmState::saved;
      start(executor_, end_later());
      co_return hypervisor::done();
    }
    if (word == "savestate") {
      if (progress) progress(50);
      become(dies ? vm::VmState::aborted : vm::VmState::saved, std::nullopt);
    } else if (word == "acpipowerbutton") {
      if (!deaf) become(vm::VmState::poweroff, std::nullopt);
    } else if (word == "poweroff") {
      become(vm::VmState::poweroff, std::nullopt);
    } else if (word == "emergencystop") {
      become(vm::VmState::aborted, std::nullopt);
    }
    co_return hypervisor::done();
  }
  Task<Result<hypervisor::VmDetails>> describe(std::string, Instant) override {
    if (!details) co_return fail(ErrorKind::unsupported, "not described");
    co_return *details;
  }
  Task<Result<>> pause(std::string, Instant) override {
    calls.emplace_back("pause");
    state = vm::VmState::paused;
    co_return hypervisor::done();
  }
  Task<Result<>> take_snapshot(std::string, std::string name, std::string, Instant,
                               hypervisor::Percent) override {
    calls.push_back("snapshot " + name);
    co_return hypervisor::done();
  }
  Task<Result<>> screenshot(std::string, std::string path, Instant) override {
    calls.push_back("screenshot " + path);
    co_return hypervisor::done();
  }
  Result<hypervisor::Launch> front_end(const hypervisor::VmRef& vm) override {
    if (!window) return fail(ErrorKind::unsupported, "no front end is installed");
    return hypervisor::Launch{{"/bin/window", vm.uuid}, {}};
  }
  Task<Result<>> resume(std::string, Instant) override {
    calls.emplace_back("resume");
    state = vm::VmState::running;
    co_return hypervisor::done();
  }
  bool contested(const std::string&) override { return two_processes; }
  pid_t service() const override { return the_service; }
  std::optional<hypervisor::VmProcess> process(const std::string&) override {
    if (!pid) return std::nullopt;
    return hypervisor::VmProcess{*pid, "1"};
  }
  Task<Result<std::optional<std::string>>> guest_property(std::string, std::string name, Instant) override {
    calls.push_back("property " + name);
    const auto found = properties.find(name);
    if (found == properties.end()) co_return std::optional<std::string>();
    co_return std::optional<std::string>(found->second);
  }
  Task<Result<uint64_t>> moved_bytes(std::string, Instant) override {
    calls.emplace_back("moved");
    co_return moved;
  }
  std::optional<hypervisor::Heartbeat> heartbeat(const std::string&) override { return beat; }
  Result<std::vector<std::string>> log_tail(const std::string&, size_t) override { return log; }
  Task<bool> hint(std::string, Instant deadline) override { co_return co_await hints.wait(deadline); }
  void abandon(const std::string&) override {
    calls.emplace_back("abandon");
    abandoned.notify();
  }

 private:
  Task<> end_later() {
    co_await sleep_until(now() + takes);
    become(state, std::nullopt);
  }
  Executor executor_;
};

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    theirs_ = std::make_unique<Channel>(executor_, Fd(ends[0]));
    ours_ = std::make_unique<Channel>(executor_, Fd(ends[1]));
    keeper_ = std::make_shared<Keeper>(executor_, driver_, *theirs_, kFmri, pace_);
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

  void method(const char* name, int64_t budget_ms = 20000, int64_t launched = -1) {
    auto call = message("method", kFmri);
    call["call"] = 7;
    call["pid"] = launched;
    call["method"] = name;
    call["budget_ms"] = budget_ms;
    call["limit_ms"] = budget_ms;
    keeper_->deliver(std::move(call));
  }

  void tell(const char* kind, const std::string& text = "", int64_t call = 7, int code = -1) {
    auto news = message(kind, kFmri);
    news["call"] = call;
    news["code"] = code;
    news["text"] = text;
    keeper_->deliver(std::move(news));
  }

  void verb(const char* name, json::object more = {}) {
    auto call = message("verb", kFmri);
    call["call"] = 9;
    call["verb"] = name;
    call["by"] = "alice";
    for (const auto& [key, value] : more) call[key] = value;
    keeper_->deliver(std::move(call));
  }
  json::object inspected(const char* instance = "online") {
    auto call = message("inspect", kFmri);
    call["call"] = 10;
    call["instance"] = instance;
    keeper_->deliver(std::move(call));
    const auto answer = expect("outcome");
    const auto* vm = answer.if_contains("vm");
    return vm != nullptr && vm->is_object() ? vm->get_object() : json::object{};
  }
  static int code_of(const json::object& message) {
    return static_cast<int>(control::int_member(message, "code", -1));
  }
  // What was done to the VM, looks aside.
  std::vector<std::string> acts() const {
    std::vector<std::string> result;
    for (const auto& call : driver_.calls) {
      if (call != "look") result.push_back(call);
    }
    return result;
  }
  void turn(Instant time) {
    loop_.restart();
    loop_.run_for(time);
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
  Pace pace_{20ms, 5ms, 50ms};
  std::shared_ptr<Keeper> keeper_;
  std::vector<json::object> received_;
};

}  // namespace vmkeep::guard
