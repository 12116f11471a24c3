#pragma once

namespace vmkeep {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace vmkeep
