// What systemd wants to hear from a service of Type=notify (sd_notify(3)).  Without a systemd that listens
// ($NOTIFY_SOCKET is not set) nothing is sent, and that is no error.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace vmkeep::host {

// True: somebody was told.  Errors: ErrorKind of the failing system call.
Result<bool> notify_ready();
Result<bool> notify_reloading();
Result<bool> notify_stopping();
// The loop turns.  watchdog_interval(): how often that is to be told; 0 where no watchdog waits for us.
Result<bool> notify_watchdog();
Instant watchdog_interval();
// One line for `systemctl status`: "12 of 14 instances online".
Result<bool> notify_status(const std::string& text);

}  // namespace vmkeep::host
