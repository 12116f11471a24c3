// In words: what would happen to a VM now, and why.
//
// The sentences come from the very tables that decide (start_plan, stop_plan, judge), so that they cannot say
// anything else; the property that decides is told together with where its value comes from:
//
//   it is saved; start_saved_vm is true (from the service); so start would restore it
#pragma once

#include <string>
#include <vector>

#include "vm/policy.h"

namespace vmkeep::vm {

struct Explanation {
  std::string next;   // by itself
  std::string start;  // what the start method would do
  std::string stop;   // what the stop method would do
};

// `instance`: the state of the VM's instance.  Nothing happens by itself to a VM whose instance is not up.
Explanation explain(const ConfigReading& reading, const Observation& observed, const History& history,
                    graph::State instance, Instant now);

// The text, and behind every property that it names where its value comes from: "(from the service)".
std::string with_origins(std::string text, const std::vector<Setting>& settings);

}  // namespace vmkeep::vm
