// svcs -l: everything about one instance, a line each (spec of the facility, 7.1).  Pure.
#pragma once

#include <string>
#include <vector>

#include "tools/world.h"

namespace vmkeep::tools {

// `processes` are told with -lp only.
std::string list_instance(const World& world, const control::InstanceMessage& instance,
                          const std::vector<control::ProcessMessage>& processes);

// -lv: the groups of type application.
std::string list_application_groups(const repository::Levels& running);

}  // namespace vmkeep::tools
