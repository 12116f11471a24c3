// For tests only: a keeper with real hooks (scripts) and a hypervisor that plays what the test tells it to.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/reaper.h"
#include "guard/keeper_fixture.h"

namespace vmkeep::guard {

class GuestTest : public KeeperTest {
 protected:
  void SetUp() override {
    KeeperTest::SetUp();
    keeper_->stop();
    std::string pattern = ::testing::TempDir() + "/guest-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    keeper_ = std::make_shared<Keeper>(executor_, driver_, *theirs_, kFmri, Pace{}, &hooks_);
  }

  void TearDown() override {
    keeper_->stop();
    hooks_.end_all();
    KeeperTest::TearDown();
    run_until([this] { return !running(); });
    std::filesystem::remove_all(folder_);
  }

  // A hook; each run adds its arguments to the file `runs`.
  std::string script(const std::string& body) {
    const std::string path = folder_ + "/check";
    std::ofstream(path) << "#!/bin/sh\necho \"$*\" >> " << folder_ << "/runs\n" << body << "\n";
    ::chmod(path.c_str(), 0700);
    return path;
  }
  std::vector<std::string> runs() const { return lines_of(folder_ + "/runs"); }
  static std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  // Whether a process that a hook wrote down runs still; one that nobody has reaped does not.
  bool running() const {
    for (const auto& pid : lines_of(folder_ + "/pid")) {
      const auto stat = lines_of("/proc/" + pid + "/stat");
      if (!stat.empty() && stat[0].find(") Z ") == std::string::npos) return true;
    }
    return false;
  }
  // A line of the instance's log that has this in it.
  bool logged(const std::string& text) {
    return run_until([this, &text] { return count_logged(text) > 0; });
  }
  int64_t count_logged(const std::string& text) const {
    return std::count_if(received_.begin(), received_.end(), [&text](const auto& message) {
      return text_of(message, "kind") == "log" && text_of(message, "text").find(text) != std::string::npos;
    });
  }

  bool run_until(const std::function<bool()>& condition, Instant limit = 5s) {
    const Instant deadline = now() + limit;
    while (!condition()) {
      if (now() > deadline) return false;
      loop_.restart();
      loop_.run_for(5ms);
    }
    return true;
  }

  std::map<std::string, std::string> checked_by(const std::string& body) {
    return {{"kicker_vmsvccheck_enabled", "true"},
            {"kicker_vmsvccheck_method", script(body)},
            {"kicker_vmsvccheck_method_params", "one two"},
            {"kicker_vmsvccheck_startdelay", "0"},
            {"kicker_freq", "1"}};
  }

  void start_running() {
    driver_.become(vm::VmState::running, 4711);
    method("start");
    expect("adopt");
    tell("adopted");
    EXPECT_EQ(control::int_member(expect("step"), "code", -1), 0);
  }

  json::object launched(int64_t budget_ms = 20000) {
    method("start", budget_ms);
    expect("step");
    tell("launched");
    driver_.become(vm::VmState::running, 4711);
    return expect("step");
  }

  // As vmkeepd does at a report: it asks, and keeps the answer's history.
  vm::Verdict ask() {
    auto question = message("ask", kFmri);
    question["question"] = ++question_;
    question["cause"] = "report";
    question["history"] = to_json(history_);
    keeper_->deliver(question);
    const auto answer = expect("verdict");
    history_ = history_from(answer.at("history").get_object());
    return *verdict_from(answer);
  }

  Reaper reaper_{executor_};
  HookRunner hooks_{reaper_, {"PATH=/usr/bin:/bin", "HOME=/nonexistent"}, ""};
  std::string folder_;
  vm::History history_;
  int64_t question_ = 0;
};

}  // namespace vmkeep::guard
