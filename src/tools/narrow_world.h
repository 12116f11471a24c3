// A world of those only that operands match: for who resolves these operands in it, the same as the whole
// one.
#pragma once

#include "tools/world.h"

namespace vmkeep::tools {

Result<World> fetch_world_of(control::Client& client, const std::vector<std::string>& operands);

}  // namespace vmkeep::tools
