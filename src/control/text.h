// Bytes on a wire that only carries UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkeep::control {

bool is_utf8(std::string_view text);

// The text with every byte that belongs to no UTF-8 character replaced by U+FFFD: for what people read.
std::string as_utf8(std::string_view text);

std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace vmkeep::control
