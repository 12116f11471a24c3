#include <memory>

#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

Error at_line(const std::string& name, int line, const Error& error) {
  return {error.kind, name + ":" + std::to_string(line) + ": " + error.message};
}

// Does it, and does it again.
void put(World& world, Instant when, const Statement& statement, const Schedule::What& what) {
  world.schedule.at(when, [&world, when, statement, what] {
    world.tell("script", "", statement.text);
    what();
    if (statement.every) put(world, when + *statement.every, statement, what);
  });
}

}  // namespace

Result<Report> simulate(const std::string& name, Scenario scenario) {
  World world(std::move(scenario.configuration));
  for (const auto& assumed : scenario.assumed) {
    world.tell("note", assumed, "is not described: assumed to be there and to work");
  }
  for (const auto& statement : scenario.given) {
    auto what = compile_act(world, statement.words);
    if (!what) return at_line(name, statement.line, what.error());
    (*what)();
  }
  for (const auto& statement : scenario.acts) {
    auto what = compile_act(world, statement.words);
    if (!what) return at_line(name, statement.line, what.error());
    put(world, *statement.at, statement, *what);
  }
  std::vector<std::pair<size_t, Check>> at_the_end;
  for (const auto& statement : scenario.expectations) {
    auto check = compile_expectation(world, statement.words);
    if (!check) return at_line(name, statement.line, check.error());
    const std::string when = statement.at ? "at " + clock_text(*statement.at) + " " : "";
    world.report.expectations.push_back({statement.line, when + statement.text, false, "never looked at"});
    const size_t index = world.report.expectations.size() - 1;
    if (!statement.at) {
      at_the_end.emplace_back(index, *check);
      continue;
    }
    world.schedule.finally_at(*statement.at, [&world, index, check = *check] {
      auto& held = world.report.expectations[index];
      held.found.clear();
      held.held = check(held.found);
    });
  }
  world.boot(scenario.facts);
  world.run(scenario.until);
  for (const auto& [index, check] : at_the_end) {
    auto& held = world.report.expectations[index];
    held.found.clear();
    held.held = check(held.found);
  }
  world.finish();
  return std::move(world.report);
}

}  // namespace vmkeep::simulate
