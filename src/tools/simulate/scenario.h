// A scenario: the configuration that is tried, what happens to it and when, and what is expected of it.  The
// text is described in vmkeep-simulate(7).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "restarter/script.h"
#include "tools/simulate/configuration.h"

namespace vmkeep::simulate {

struct Statement {
  int line = 0;
  std::string text;
  restarter::Words words;     // without given, at, expect and their times
  std::optional<Instant> at;  // of expect: absent: at the end
  std::optional<Instant> every;
};

struct Scenario {
  Configuration configuration;
  std::vector<std::string> assumed;   // what is needed, is nowhere, and was put there
  std::map<std::string, bool> facts;  // of the host, at the boot
  std::vector<Statement> given, acts, expectations;
  Instant until{};
};

// Where configurations come from.
struct Sources {
  std::function<Result<>(Configuration&, const std::string& file)> manifest;
  std::function<Result<>(Configuration&, const std::vector<std::string>& patterns)> running;
};

// Errors: ErrorKind::invalid, "NAME:LINE: what is wrong".
Result<Scenario> read_scenario(const std::string& name, const std::string& text, const Sources& sources);

}  // namespace vmkeep::simulate
