// Windows, logs and files as whole programs, against the fake daemon.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tools/fake_vms.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr char kVmkeep[] = VMKEEP_BIN_DIR "/vmkeep";

FakeWorld example(const std::string& folder) {
  FakeWorld fake;
  add_vm(fake, "vm1", "running", 0);
  add_vm(fake, "quick", "running", 0);
  add_vm(fake, "refused", "running", 0);
  add_vm(fake, "broken", "running", 0);
  fake.world.instances[0].log = folder + "/vm1.log";
  fake.statuses[kService + "vm1"]["log_folder"] = folder;
  fake.statuses[kService + "vm1"]["disks"] = {folder + "/disk one.vdi"};
  const auto window = [](json::array argv) {
    return std::vector<json::object>{
        {{"percent", 50}, {"text", "saving"}},
        {{"done", true}, {"code", 0}, {"argv", std::move(argv)}, {"environment", {"MARK=theirs"}}}};
  };
  fake.verbs["gui " + kService + "vm1"] = window(
      {"/bin/sh", "-c", "echo \"$DISPLAY $MARK $*\" > " + folder + "/window; exec sleep 60", "window"});
  fake.verbs["gui " + kService + "quick"] = window({"/bin/true"});
  fake.verbs["gui " + kService + "broken"] = window({"/nonexistent/program"});
  fake.verbs["gui " + kService + "refused"] = {
      {{"done", true}, {"code", 95}, {"text", "It cannot be saved."}}};
  return fake;
}

class Window : public ::testing::Test {
 protected:
  Window() : folder_(make()), daemon_(example(folder_)) {}
  ~Window() override {
    for (const char* name : {"/window", "/vm1.log", "/VBox.log"}) ::unlink((folder_ + name).c_str());
    ::rmdir(folder_.c_str());
  }
  static std::string make() {
    std::string name = "/tmp/window-test-XXXXXX";
    return ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  void SetUp() override { ASSERT_TRUE(daemon_.started()); }

  std::vector<std::string> environment() const { return {"VMKEEP_RUN=" + daemon_.folder(), "DISPLAY=:7"}; }
  size_t asked(const std::string& verb) const {
    const auto calls = daemon_.calls();
    return static_cast<size_t>(std::count_if(calls.begin(), calls.end(), [&](const std::string& call) {
      return call.find("\"verb\":\"" + verb + "\"") != std::string::npos;
    }));
  }
  bool write(const std::string& name, const std::string& text) const {
    std::ofstream file(folder_ + name, std::ios::app);
    file << text;
    return file.flush().good();
  }

  std::string folder_;
  FakeDaemon daemon_;
};

TEST_F(Window, T89_without_a_display_nothing_is_asked) {
  EXPECT_EQ(daemon_.run("vmkeep", {"gui", "vm1"}).code, 2);
  EXPECT_EQ(daemon_.run("vmkeep", {"vbox.sh", "-vm", "vm1", "startgui"}).code, 2);
  EXPECT_TRUE(daemon_.calls().empty());
}

TEST_F(Window, T89_the_front_end_gets_display_and_words) {
  Running window(kVmkeep, {"gui", "--fg", "vm1", "--x-any", "--", "more words"}, environment());
  ASSERT_TRUE(window.says("in a window, process "));
  const Instant deadline = now() + Instant(30'000);
  std::string seen;
  while (seen.empty() && now() < deadline) {
    if (auto text = read_file(folder_ + "/window")) seen = *text;
  }
  EXPECT_EQ(seen, ":7 theirs --x-any more words\n");
  const size_t at = window.said().find("process ") + 8;
  const pid_t shown = std::stoi(window.said().substr(at));
  window.signal(SIGTERM);
  ASSERT_TRUE(window.says("gui_end done"));
  ::kill(shown, SIGKILL);
  EXPECT_EQ(window.ended(), 0);
}

TEST_F(Window, T91_a_signal_stops_the_vm_once) {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT}) {
    const size_t before = asked("gui_end");
    Running window(kVmkeep, {"vbox.sh", "-vm", "vm1", "startgui", "-stop_method", "poweroff", "-fg"},
                   environment());
    ASSERT_TRUE(window.says("in a window, process "));
    const size_t at = window.said().find("process ") + 8;
    const pid_t shown = std::stoi(window.said().substr(at));
    window.signal(number);
    window.signal(number);
    // The front end goes because its VM does; here we are the VM.
    ASSERT_TRUE(window.says("gui_end done"));
    ::kill(shown, SIGKILL);
    EXPECT_EQ(window.ended(), 0) << number;
    EXPECT_EQ(asked("gui_end"), before + 1) << number;
    EXPECT_NE(daemon_.calls().back().find("\"text\":\"poweroff\""), std::string::npos);
  }
}

TEST_F(Window, T91_one_that_ends_by_itself_is_not_stopped) {
  const auto printed = daemon_.run("vmkeep", {"gui", "--fg", "quick"}, {"DISPLAY=:7"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find("the window was closed"), std::string::npos);
  EXPECT_EQ(asked("gui"), 1U);
  EXPECT_EQ(asked("gui_end"), 0U);
  // It may have come and gone between two looks of vmkeepd's.
  EXPECT_EQ(asked("gui_closed"), 1U);
}

TEST_F(Window, InTheBackgroundItReturnsWhenTheWindowIsThere) {
  const auto printed = daemon_.run("vmkeep", {"gui", "vm1"}, {"DISPLAY=:7"});
  EXPECT_EQ(printed.code, 0);
  const size_t at = printed.out.find("process ");
  ASSERT_NE(at, std::string::npos) << printed.err;
  const pid_t shown = std::stoi(printed.out.substr(at + 8));
  EXPECT_EQ(::kill(shown, 0), 0);
  ::kill(shown, SIGKILL);  // its keeper goes with it, and tells of it
  const Instant deadline = now() + Instant(30'000);
  while (asked("gui_closed") == 0 && now() < deadline) {
    (void)daemon_.run("vmkeep", {"status", "vm1"});
  }
  EXPECT_EQ(asked("gui_closed"), 1U);
}

TEST_F(Window, WhatCannotBeShownIsTold) {
  const auto refused = daemon_.run("vmkeep", {"gui", "refused"}, {"DISPLAY=:7"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, "vmkeep: svc:/site/xvm/vbox:refused: It cannot be saved.\n");
  for (const char* where : {"--fg", "--bg"}) {
    const size_t before = asked("gui_end");
    const auto broken = daemon_.run("vmkeep", {"gui", where, "broken"}, {"DISPLAY=:7"});
    EXPECT_EQ(broken.code, 1) << where;
    EXPECT_NE(broken.err.find("/nonexistent/program"), std::string::npos) << broken.err;
    EXPECT_EQ(asked("gui_end"), before + 1) << "the lease is given back";
  }
}

TEST_F(Window, LinksThatAreCalledAfterAVm) {
  const std::string link = folder_ + "/vbox-startgui-fg:quick:savestate";
  ASSERT_EQ(::symlink(kVmkeep, link.c_str()), 0);
  // No xterm on this PATH: it runs where it is.
  auto with_path = environment();
  with_path.emplace_back("PATH=/nonexistent");
  Running window(link, {"ignored"}, with_path);
  EXPECT_TRUE(window.says("the window was closed"));
  EXPECT_EQ(window.ended(), 0);
  ::unlink(link.c_str());
  const std::string empty = folder_ + "/vbox-startgui:";
  ASSERT_EQ(::symlink(kVmkeep, empty.c_str()), 0);
  EXPECT_EQ(Running(empty, {}, with_path).ended(), 1);
  ::unlink(empty.c_str());
}

TEST_F(Window, LastLinesOfALog) {
  ASSERT_TRUE(write("/vm1.log", "one\ntwo\nthree\n"));
  ASSERT_TRUE(write("/VBox.log", "own\nlast without an end"));
  EXPECT_EQ(daemon_.run("vmkeep", {"log", "-n", "2", "vm1"}).out, "two\nthree\n");
  EXPECT_EQ(daemon_.run("vmkeep", {"log", "-n2", "--vm", "vm1"}).out, "own\nlast without an end");
  EXPECT_EQ(daemon_.run("vmkeep", {"log", "--vm", "-n", "1", "vm1"}).out, "last without an end");
  EXPECT_EQ(daemon_.run("vmkeep", {"log", "quick"}).code, 1);
  EXPECT_EQ(daemon_.run("vmkeep", {"log", "--vm", "quick"}).code, 1);
}

TEST_F(Window, ALogIsFollowedIntoItsSuccessor) {
  ASSERT_TRUE(write("/vm1.log", "one\ntwo\n"));
  Running log(kVmkeep, {"log", "-f", "-n", "1", "vm1"}, environment());
  ASSERT_TRUE(log.says("two\n"));
  ASSERT_TRUE(write("/vm1.log", "three\n"));
  ASSERT_TRUE(log.says("three\n"));
  ASSERT_EQ(::rename((folder_ + "/vm1.log").c_str(), (folder_ + "/VBox.log").c_str()), 0);
  ASSERT_TRUE(write("/vm1.log", "four\n"));
  EXPECT_TRUE(log.says("four\n"));
  EXPECT_EQ(log.said(), "two\nthree\nfour\n");
}

TEST_F(Window, FilesOfAVm) {
  const auto printed = daemon_.run("vmkeep", {"dirs", "vm1"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find("  disk        " + folder_ + "/disk one.vdi\n              on "),
            std::string::npos);
  EXPECT_NE(daemon_.run("vmkeep", {"dirs", "quick"}).out.find("nothing is known"), std::string::npos);
}

}  // namespace
}  // namespace vmkeep::tools
