// For tests: a loop that runs a task to its end, and a folder that goes away.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/loop.h"
#include "base/reaper.h"

namespace vmkeep::hypervisor {

class TestLoop {
 public:
  Executor executor() { return io_.get_executor(); }
  Reaper& reaper() { return reaper_; }

  void run(Task<> task, std::chrono::seconds limit = std::chrono::seconds(60)) {
    bool done = false;
    start(executor(), finish(std::move(task), done));
    const Instant deadline = now() + Instant(limit);
    while (!done && now() < deadline) io_.run_one_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(done) << "the test's task did not end";
  }

 private:
  static Task<> finish(Task<> task, bool& done) {
    co_await std::move(task);
    done = true;
  }

  asio::io_context io_;
  Reaper reaper_{io_.get_executor()};
};

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = testing::TempDir() + "vmkeep-hypervisor-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }
  void program(const std::string& name, const std::string& text) const {
    write(name, text);
    EXPECT_EQ(::chmod(file(name).c_str(), 0755), 0);
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(file(name)).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

}  // namespace vmkeep::hypervisor
