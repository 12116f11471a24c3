#include "base/clock.h"

#include <ctime>

#include "base/fd.h"

namespace vmkeep {

Instant now() {
  timespec ts{};
  ::clock_gettime(CLOCK_BOOTTIME, &ts);
  return std::chrono::duration_cast<Instant>(std::chrono::seconds(ts.tv_sec) +
                                             std::chrono::nanoseconds(ts.tv_nsec));
}

WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
  if (!text) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

}  // namespace vmkeep
