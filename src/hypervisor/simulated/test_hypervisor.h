// For tests: a simulated hypervisor in a folder of its own, with one VM, and the driver for it.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "base/command.h"
#include "base/spawn.h"
#include "hypervisor/simulated/driver.h"
#include "hypervisor/test_loop.h"

namespace vmkeep::hypervisor::simulated {

using namespace std::chrono_literals;
using vm::StopAction;
using vm::VmState;
using vm::Witness;

class SimulatedTest : public testing::Test {
 protected:
  void SetUp() override {
    DriverOptions options;
    options.environment = {"HOME=" + folder_.path(), "VMKEEP_SIMULATED_HOME=" + home_};
    driver_ = make_simulated(loop_.executor(), loop_.reaper(), options);
    const auto made = store_.create("vm1");
    ASSERT_TRUE(made) << made.error().message;
    vm_ = *made;
  }
  ~SimulatedTest() override { loop_.run(end()); }

  Task<> end() {
    for (const StoredVm& vm : store_.all().value()) {
      if (driver_->process(vm.uuid))
        co_await driver_->control(vm.uuid, StopAction::emergencystop, now() + 10s);
    }
  }

  void script(const std::string& text) const { std::ofstream(home_ + "/script.json") << text; }

  // Starts the VM as a start method would.
  void launch() {
    const auto launch = driver_->launch(VmRef{vm_.uuid, vm_.name, true});
    ASSERT_TRUE(launch);
    spawn_it(launch->argv);
  }

  void spawn_it(const std::vector<std::string>& argv) {
    SpawnSpec spec;
    spec.argv = argv;
    auto child = spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    loop_.reaper().expect(child->pid);
    child_ = std::move(*child);
  }

  // vmkeep-simulated-vm, as a person at the keyboard calls it.  Not a list of words: GCC 12 cannot await with
  // one among the arguments.
  template <class... Words>
  Task<> tool(Words... words) {
    return run_tool(std::vector<std::string>{std::move(words)...});
  }

  Task<> run_tool(std::vector<std::string> words) {
    const auto launch = driver_->launch(VmRef{vm_.uuid, vm_.name, true});
    SpawnSpec spec;
    spec.argv.push_back(launch->argv[0]);
    spec.argv.emplace_back("--home");
    spec.argv.push_back(home_);
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    const auto ran = co_await run_command(loop_.reaper(), std::move(spec), now() + 20s);
    EXPECT_TRUE(ran && ran->status.success()) << (ran ? ran->err : ran.error().message);
  }

  Task<> set(std::string word) { return tool("--state", vm_.name, "--set", std::move(word)); }

  Task<> turn(std::string word, std::string then, std::string ms) {
    return tool("--state", vm_.name, "--set", std::move(word), "--then", std::move(then), "--after",
                std::move(ms));
  }

  // What was done, in its order.
  std::vector<std::string> actions() const {
    std::vector<std::string> result;
    std::ifstream file(home_ + "/actions.log");
    for (std::string line; std::getline(file, line);) {
      const auto object = boost::json::parse(line).as_object();
      EXPECT_GT(object.at("time").as_int64(), 0);
      EXPECT_EQ(object.at("uid").as_int64(), ::geteuid());
      result.emplace_back(object.at("action").as_string());
    }
    return result;
  }

  Task<bool> reaches(VmState state, Witness process) {
    const Instant limit = now() + 20s;
    vm::Observation seen;
    while (now() < limit) {
      const auto looked = co_await driver_->look(vm_.uuid, limit);
      if (looked && looked->state == state && looked->process == process) co_return true;
      if (looked) seen = *looked;
      co_await driver_->hint(vm_.uuid, now() + 200ms);
    }
    ADD_FAILURE() << "it is " << vm::to_string(seen.state) << ", process " << vm::to_string(seen.process);
    co_return false;
  }

  Task<> runs() {
    launch();
    EXPECT_TRUE(co_await reaches(VmState::running, Witness::present));
  }

  Task<> expect_control(StopAction action) {
    const auto done = co_await driver_->control(vm_.uuid, action, now() + 20s);
    EXPECT_TRUE(done) << done.error().message;
  }

  Task<> expect_exit(int status) {
    const auto ended = co_await loop_.reaper().exited(child_.pid, now() + 20s);
    EXPECT_TRUE(ended && ended->raw == status) << (ended ? ended->text() : "it lives");
  }

  TestFolder folder_;
  std::string home_ = folder_.file("home");
  Store store_{home_};
  StoredVm vm_;
  Child child_;
  TestLoop loop_;
  std::unique_ptr<Hypervisor> driver_;
};

}  // namespace vmkeep::hypervisor::simulated
