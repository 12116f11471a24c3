// svcs -l: everything about one instance, a line each (spec of the facility, 7.1).  Pure.
#pragma once

#include <string>
#include <vector>

#include "tools/world.h"

namespace vmkeep::tools {

// How a member of a dependency stands: its state, or multiple, absent, invalid, unknown, "-".
std::string standing(const World& world, const std::string& text);

// `processes` are told with -lp only, `zone` with -z and -Z.
std::string list_instance(const World& world, const control::InstanceMessage& instance,
                          const std::vector<control::ProcessMessage>& processes, bool zone = false);

// -lv: the groups of type application.
std::string list_application_groups(const repository::Levels& running);

}  // namespace vmkeep::tools
