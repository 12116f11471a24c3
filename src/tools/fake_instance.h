// For tests: an instance as the fake daemon tells of it.
#pragma once

#include <string>

#include "control/messages.h"

namespace vmkeep::tools {

// Long ago: its column says the year, whatever the time is now.
inline constexpr double kLongAgo = 1247766575;  // Thu Jul 16 17:49:35 2009 UTC

inline control::InstanceMessage instance(const std::string& fmri, const std::string& state) {
  control::InstanceMessage message;
  message.fmri = fmri;
  message.state = state;
  message.next_state = "none";
  message.reason = "none";
  message.state_time = kLongAgo;
  message.configured = true;
  message.enabled = state != "disabled";
  message.enabled_permanent = message.enabled;
  message.restarter = "svc:/system/svc/restarter:default";
  message.log = "/log/" + state;
  message.dependencies.emplace();
  return message;
}

}  // namespace vmkeep::tools
