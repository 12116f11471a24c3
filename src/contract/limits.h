// What a contract's processes may take of the host, written to its cgroup: the protected and the soft limit
// of memory, and the weights by which processors and disks are shared when they are short (Linux's
// cgroup-v2.rst).
//
// A controller has files in a cgroup only if everybody above handed it down; where one is missing its limit
// is not in force, and whoever asked is told so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vmkeep::contract {

struct Limits {
  std::optional<uint64_t> memory_low;   // bytes; up to this it is reclaimed last
  std::optional<uint64_t> memory_high;  // bytes; above it the kernel reclaims and slows down, kills nothing
  std::optional<unsigned> cpu_weight;   // 1 to 10000; the others have 100
  std::optional<unsigned> io_weight;    // likewise
};

// Sets them, and what is absent back to the kernel's default.  Answers with a sentence for each that is not
// in force.
std::vector<std::string> write_limits(const std::string& folder, const Limits& limits);

}  // namespace vmkeep::contract
