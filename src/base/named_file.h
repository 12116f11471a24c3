// Files that the user named on a command line, opened as a shell's < and > would: links are followed, and it
// may be a pipe, a terminal or a device, so nothing is renamed over it.  A file that is there keeps its
// owner, its mode and its other names.  Our own files are base/fd.h's; fd.cpp has both.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace vmkeep {

// At most `limit` bytes, else ErrorKind::invalid.
Result<std::string> read_named_file(const std::string& path, size_t limit = 16U << 20U);
// `mode`: of a file that was not there.
Result<> write_named_file(const std::string& path, std::string_view text, unsigned mode = 0644);

}  // namespace vmkeep
