// JSON written as text at once, for answers that may be long.
//
// A tree of JSON values that is thrown away when it was printed takes most of the time of listing ten
// thousand instances.  What is written here is the same as what control/messages.h makes, and always UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "control/messages.h"
#include "control/server.h"

namespace vmkeep::control {

// A JSON string; bytes that are no UTF-8 become U+FFFD (control/text.h).
void append_json(std::string& out, std::string_view text);
void append_json(std::string& out, const InstanceMessage& instance);

// Call::reply() with parameters that are such a text already: an object, in UTF-8.
void reply_text(const Call& call, std::string_view parameters);

}  // namespace vmkeep::control
