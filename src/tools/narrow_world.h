// Less than the whole world, for who does not need more.
#pragma once

#include "tools/world.h"

namespace vmkeep::tools {

// Of those only that operands match: for who resolves these operands in it, the same as the whole one.
Result<World> fetch_world_of(control::Client& client, const std::vector<std::string>& operands);
// Of all, what a list of states needs: nothing that control::InstanceMessage may leave empty.
Result<World> fetch_brief_world(control::Client& client);

}  // namespace vmkeep::tools
