// What the tests of the commands share: a real store with a few services, and the program run as a whole.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "repository/store.h"
#include "repository/store_test_support.h"
#include "tools/svccfg/engine.h"

namespace vmkeep::svccfg {

using repository::PutGroup;
using repository::ValueType;
using repository::testing::name;

struct World {
  World() : store(repository::testing::open_or_die(folder.options())) {}
  repository::testing::TemporaryFolder folder;
  repository::testing::Store store;
  std::vector<std::string> refreshed;
  std::set<std::string> running;
  std::vector<std::string> taken_down;
};

class TestBackend : public Backend {
 public:
  explicit TestBackend(World& world) : world_(world) {}
  repository::Repository& repository() override { return *world_.store; }
  Result<> refresh(const fmri::Fmri& instance) override {
    world_.refreshed.push_back(instance.str());
    return {};
  }
  Result<bool> may_be_running(const fmri::Fmri& instance) override {
    return world_.running.contains(instance.str());
  }
  Result<> take_down(const fmri::Fmri& instance) override {
    world_.running.erase(instance.str());
    world_.taken_down.push_back(instance.str());
    return {};
  }

 private:
  World& world_;
};

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class Svccfg : public ::testing::Test {
 protected:
  Svccfg() {
    commit(
        {repository::AddService{"site/vm"}, repository::AddInstance{"site/vm", "vm1"},
         repository::AddInstance{"site/vm", "vm2"}, repository::AddService{"net"},
         PutGroup{
             name("svc:/site/vm"), {"vm", "application", true, 0, {{"freq", {ValueType::count, {"50"}}}}}, 0},
         PutGroup{name("svc:/site/vm:vm1"),
                  {"vm",
                   "application",
                   true,
                   0,
                   {{"stop_method", {ValueType::astring, {"savestate"}}},
                    {"words", {ValueType::astring, {"a", "b c"}}}}},
                  0},
         PutGroup{name("svc:/site/vm:vm1"),
                  {"general", "framework", true, 0, {{"enabled", {ValueType::boolean, {"true"}}}}},
                  0},
         PutGroup{name("svc:/site/vm:vm1"),
                  {"restarter", "framework", false, 0, {{"state", {ValueType::astring, {"online"}}}}},
                  0}});
  }

  void commit(const repository::ChangeSet& changes) {
    const auto done = world_.store->commit(changes);
    ASSERT_TRUE(done) << done.error().message;
  }

  Ran run(const std::vector<std::string>& arguments, const std::string& input = "",
          const ReadLine& typed = {}) {
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(input);
    const Program program{out, err, in, typed, [this]() -> Result<std::unique_ptr<Backend>> {
                            return std::unique_ptr<Backend>(std::make_unique<TestBackend>(world_));
                          }};
    const int code = run_program(program, arguments);
    return {code, out.str(), err.str()};
  }

  // Somebody who types these lines.
  static ReadLine typing(std::vector<std::string> lines) {
    auto left = std::make_shared<std::vector<std::string>>(lines.rbegin(), lines.rend());
    return [left](const std::string&) -> std::optional<std::string> {
      if (left->empty()) return std::nullopt;
      std::string line = left->back() + "\n";
      left->pop_back();
      return line;
    };
  }

  struct Row {
    std::vector<std::string> arguments;
    std::string input;
    int code;
    std::string out;
    std::string err;
  };
  void expect(const std::vector<Row>& table) {
    for (const Row& row : table) {
      const Ran ran = run(row.arguments, row.input);
      std::string what = row.input;
      for (const std::string& word : row.arguments) what += word + " ";
      EXPECT_EQ(ran.code, row.code) << what;
      EXPECT_EQ(ran.out, row.out) << what;
      EXPECT_EQ(ran.err, row.err) << what;
    }
  }

  std::string write_file(const std::string& file, const std::string& text) {
    std::string path = world_.folder.file(file);
    std::ofstream(path) << text;
    return path;
  }

  World world_;
};

// A document of this type with these services.
inline std::string bundle(const std::string& type, const std::string& services) {
  return "<?xml version='1.0'?>\n"
         "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
         "<service_bundle type='" +
         type + "' name='lab'>\n" + services + "</service_bundle>\n";
}

}  // namespace vmkeep::svccfg
