// Times as the tools print them, in the caller's time zone and the C locale.
#pragma once

#include <ctime>
#include <string>

namespace vmkeep::tools {

// The column STIME: the time of day within 24 hours, "Nov_21" within 360 days, else the year; "-" of 0.
std::string short_time(std::time_t time, std::time_t now);

// "Sat Nov 21 18:47:35 2026"
std::string long_time(std::time_t time);

}  // namespace vmkeep::tools
