// The facts of the host as systemd's targets tell them (facts.h).
#pragma once

#include <memory>

#include "host/facts.h"

namespace vmkeep::host {

// Errors: as connect_to_systemd().  A connection that is lost later (systemd executes itself anew) is made
// again; meanwhile the facts stay as they were.
Result<std::unique_ptr<HostFacts>> watch_targets(const Executor& executor);

}  // namespace vmkeep::host
