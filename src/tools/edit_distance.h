// How far a word is from one that it may have been meant to be.
#pragma once

#include <cstddef>
#include <string_view>

namespace vmkeep::tools {

// How many letters have to be put in, taken out or replaced.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace vmkeep::tools
