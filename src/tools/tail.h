// The end of a file that others write to.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace vmkeep::tools {

// The last lines of what is behind the descriptor, which stands at the end afterwards.
Result<std::string> last_lines(const Fd& file, int lines);

}  // namespace vmkeep::tools
