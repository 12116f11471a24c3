// Two clocks, never mixed.  Decisions use Instant: milliseconds since boot, unmoved by clock changes, good
// until the next boot, which is as long as the volatile store lives.  What people read uses WallTime.
#pragma once

#include <chrono>
#include <string>

namespace vmkeep {

using Instant = std::chrono::duration<int64_t, std::milli>;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

Instant now();          // CLOCK_BOOTTIME
WallTime wall_now();    // CLOCK_REALTIME
std::string boot_id();  // /proc/sys/kernel/random/boot_id without its newline; empty where there is none

}  // namespace vmkeep
