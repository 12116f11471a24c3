// Text as it may stand in an XML document, in an element or in an attribute of either quote.  Reading XML is
// another matter, and another room's (manifest/).
#pragma once

#include <string>
#include <string_view>

namespace vmkeep {

std::string xml_escaped(std::string_view text);

}  // namespace vmkeep
