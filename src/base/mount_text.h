// How fstab(5) and /proc/PID/mountinfo write paths: blanks, tabs and backslashes as \040 and the like.
#pragma once

#include <string>

namespace vmkeep {

std::string unescape_mount(const std::string& text);

}  // namespace vmkeep
