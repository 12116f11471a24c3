// The folders that vmkeepd works in are its own (contract: T100): nobody else can have put anything there
// that it would follow, and what it must not tell everybody lies in one of mode 0700.
#pragma once

#include <string>

#include "base/result.h"

namespace vmkeep::daemon {

// Makes the folder, or takes one that is there: a real folder (no link) that belongs to the daemon's user and
// that nobody else can write to.  What lies above it is the administrator's choice. Errors:
// ErrorKind::permission: somebody else's; they say what to do.
Result<> own_folder(const std::string& path, unsigned mode);

}  // namespace vmkeep::daemon
