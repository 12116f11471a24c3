// What a simulation has to tell: lines with their virtual times, for people or as JSON, and whether what the
// scenario expected came about.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vmkeep::simulate {

struct Line {
  Instant at{};
  std::string kind;  // script, state, vm, method, log, note
  std::string fmri;  // empty: of nobody
  std::string text;
  boost::json::object more;  // of kind state: state, next_state, reason, why
};

struct Held {
  int line = 0;  // of the scenario
  std::string text;
  bool held = false;
  std::string found;  // what was there instead
};

struct Ending {
  std::string fmri, state, reason, why;
  std::string vm;    // empty: no VM
  int launches = 0;  // of the VM
};

struct Report {
  std::vector<Line> lines;
  std::vector<Held> expectations;
  std::vector<Ending> endings;
  Instant ended{};

  bool good() const;
  // `all`: also the lines of the instances' logs.
  std::string text(bool all) const;
  boost::json::object json() const;
};

std::string clock_text(Instant at);               // "0:12:30.250"
std::string short_name(const std::string& fmri);  // without "svc:/"

}  // namespace vmkeep::simulate
