// What the statements of a scenario mean: each becomes something that is done to a World, and what makes no
// sense is refused before anything runs.
#pragma once

#include "tools/simulate/scenario.h"
#include "tools/simulate/world.h"

namespace vmkeep::simulate {

// Runs it to its end.  Errors: ErrorKind::invalid, "NAME:LINE: what is wrong".
Result<Report> simulate(const std::string& name, Scenario scenario);

// statements.cpp
Result<Schedule::What> compile_act(World& world, const restarter::Words& words);

// expectations.cpp.  Looks whether it holds now; `found` says what is there instead.
using Check = std::function<bool(std::string& found)>;
Result<Check> compile_expectation(World& world, const restarter::Words& words);

}  // namespace vmkeep::simulate
