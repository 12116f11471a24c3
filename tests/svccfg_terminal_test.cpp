// svccfg as somebody sees it who sits at a terminal: the prompt, completion, history.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class Terminal : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vmkeep-terminal-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const winsize size{24, 200, 0, 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      const std::string repository = folder_ / "repository.db";
      setenv("SVCCFG_REPOSITORY", repository.c_str(), 1);
      setenv("TERM", "vt100", 1);
      execl(VMKEEP_BIN_DIR "/svccfg", "svccfg", nullptr);
      _exit(127);
    }
  }
  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    if (terminal_ >= 0) ::close(terminal_);
    fs::remove_all(folder_);
  }

  void type(const std::string& text) {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  // What is shown from now on, up to this text; the whole of it if the text does not come.
  ::testing::AssertionResult shows(const std::string& text) {
    for (const auto deadline = Clock::now() + std::chrono::seconds(60); Clock::now() < deadline;) {
      if (const size_t at = seen_.find(text); at != std::string::npos) {
        seen_.erase(0, at + text.size());
        return ::testing::AssertionSuccess();
      }
      pollfd ready{terminal_, POLLIN, 0};
      if (::poll(&ready, 1, 1000) <= 0) continue;
      char buffer[4096];
      const ssize_t got = ::read(terminal_, buffer, sizeof buffer);
      if (got <= 0) break;
      seen_.append(buffer, static_cast<size_t>(got));
    }
    return ::testing::AssertionFailure() << "\"" << text << "\" did not come; there is \"" << seen_ << "\"";
  }

  int ended() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

  fs::path folder_;
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string seen_;
};

TEST_F(Terminal, PromptCompletionAndHistory) {
  ASSERT_TRUE(shows("svc:> "));
  type("add site/alpha\n");
  ASSERT_TRUE(shows("svc:> "));
  type("select site/al\t\n");
  ASSERT_TRUE(shows("svc:/site/alpha> "));
  type("add one\n");
  ASSERT_TRUE(shows("svc:/site/alpha> "));
  type("select o\t\n");
  ASSERT_TRUE(shows("svc:/site/alpha:one> "));
  type("addpg vm application\n");
  ASSERT_TRUE(shows(":one> "));
  type("setp\tvm/n = cou\t5\n");
  ASSERT_TRUE(shows("(vm/n is in effect after refresh)"));
  ASSERT_TRUE(shows(":one> "));
  // The line before, changed at its end.
  type("\x1b[A\b7\n");
  ASSERT_TRUE(shows("(vm/n is in effect after refresh)"));
  ASSERT_TRUE(shows(":one> "));
  type("listprop vm/\t\n");
  ASSERT_TRUE(shows("vm/n  count    7"));
  ASSERT_TRUE(shows(":one> "));
  type("nonsense\n");
  ASSERT_TRUE(shows("Unknown command \"nonsense\"."));
  ASSERT_TRUE(shows(":one> "));
  type("setprop vm/n = (\n");
  ASSERT_TRUE(shows("\n> "));
  type("8 )\n");
  ASSERT_TRUE(shows(":one> "));
  type("end\n");
  EXPECT_EQ(ended(), 0);
}

}  // namespace
