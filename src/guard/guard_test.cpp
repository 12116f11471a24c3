// A whole guard between vmkeepd's messages and a hypervisor that counts what is asked of it.  Of the real
// driver each of these calls is one process (driver_test.cpp), so what is counted here are process creations.
#include "guard/guard.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "control/messages.h"
#include "guard/messages.h"
#include "hypervisor/done.h"

namespace vmkeep::guard {
namespace {

using namespace std::chrono_literals;

struct Counts {
  int lists = 0;   // of all that run, in one call
  int others = 0;  // anything else that runs a program
};

// All its VMs run, for ever.
class CountingHypervisor : public hypervisor::Hypervisor {
 public:
  CountingHypervisor(const Executor& executor, Counts& counts) : counts_(counts), never_(executor) {}

  std::string name() const override { return "counting"; }
  Task<Result<>> prepare(Instant) override { co_return hypervisor::done(); }
  Task<Result<std::vector<hypervisor::VmRef>>> list(Instant) override {
    ++counts_.others;
    co_return std::vector<hypervisor::VmRef>();
  }
  Task<Result<hypervisor::VmRef>> find(std::string name, Instant) override {
    ++counts_.others;
    known_.push_back(name);
    co_return hypervisor::VmRef{name, name, true};
  }
  Task<Result<vm::Observation>> look(std::string, Instant) override {
    ++counts_.others;
    co_return vm::Observation{vm::VmState::running, vm::Witness::present, ""};
  }
  Task<Result<std::vector<std::string>>> running(Instant) override {
    ++counts_.lists;
    co_return known_;
  }
  Result<hypervisor::Launch> launch(const hypervisor::VmRef&) override {
    return fail(ErrorKind::unsupported, "nothing is started here");
  }
  Task<Result<>> control(std::string, vm::StopAction, Instant, hypervisor::Percent) override {
    ++counts_.others;
    co_return hypervisor::done();
  }
  Task<Result<>> resume(std::string, Instant) override {
    ++counts_.others;
    co_return hypervisor::done();
  }
  std::optional<hypervisor::VmProcess> process(const std::string&) override {
    return hypervisor::VmProcess{4711, "1"};
  }
  Task<bool> hint(std::string, Instant deadline) override { co_return co_await never_.wait(deadline); }
  void abandon(const std::string&) override {}

 private:
  Counts& counts_;
  Signal never_;
  std::vector<std::string> known_;
};

boost::json::object configuration(const std::string& fmri) {
  auto group = std::make_shared<repository::PropertyGroup>();
  group->name = "vm";
  group->type = "application";
  group->properties["kicker_freq"] = {repository::ValueType::integer, {"5"}};
  repository::Levels levels;
  levels.own["vm"] = group;
  auto configure = message("configure", fmri);
  configure["groups"] = control::to_json(levels);
  return configure;
}

Task<> count_verdicts(Channel& channel, int& verdicts) {
  while (auto message = co_await channel.receive()) {
    if (text_of(*message, "kind") == "verdict") ++verdicts;
  }
}

TEST(GuardTest, T82_fifty_idle_vms_cost_one_call_a_period_for_all_of_them) {
  constexpr int kVms = 50;
  asio::io_context loop(1);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  auto ours = std::make_unique<Channel>(loop.get_executor(), Fd(ends[0]));
  Counts counts;
  Reaper reaper(loop.get_executor());
  HookRunner hooks(reaper, {}, "");
  Guard guard(loop.get_executor(), std::make_unique<CountingHypervisor>(loop.get_executor(), counts),
              Fd(ends[1]), hooks);
  start(loop.get_executor(), guard.run());
  int verdicts = 0;
  start(loop.get_executor(), count_verdicts(*ours, verdicts));
  for (int i = 0; i < kVms; ++i) {
    const std::string fmri = "svc:/site/xvm/vbox:vm" + std::to_string(i);
    ours->send(configuration(fmri));
    auto ask = message("ask", fmri);
    ask["question"] = i + 1;
    ask["cause"] = "look";
    ours->send(ask);
  }
  const auto until = [&](auto holds) {
    const Instant deadline = now() + Instant(30s);
    while (!holds() && now() < deadline) {
      loop.restart();
      loop.run_for(20ms);
    }
    return holds();
  };
  ASSERT_TRUE(until([&] { return verdicts == kVms; })) << verdicts;
  const int before = counts.lists;
  const int asked = counts.others;
  ASSERT_TRUE(until([&] { return counts.lists == before + 2; }));
  EXPECT_EQ(counts.others, asked) << "nothing is asked about a VM that only runs";
  // Two calls in two periods; a period is kicker_freq, by default:
  EXPECT_LE(60s / vm::VmConfig{}.kicker_freq + 1, 2);
  ours.reset();
  loop.restart();
  loop.poll();
}

}  // namespace
}  // namespace vmkeep::guard
