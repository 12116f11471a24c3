// Pressure stall information: how much of the last ten seconds somebody had to wait for processors, disks or
// memory (/proc/pressure, Linux 4.20 and later; absent where the kernel was built or started without it).
//
// It is read by whoever needs it while he needs it.  The kernel's own triggers would save that, but only root
// may set one with a window as short as ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkeep::host {

// Percent; absent: not known.
struct Pressure {
  std::optional<double> cpu, io, memory;
};

// The "some avg10" of such a file's text.
std::optional<double> some_avg10(std::string_view text);
Pressure read_pressure(const std::string& folder = "/proc/pressure");

}  // namespace vmkeep::host
