// Operands of the tools: names and patterns, resolved with the messages that scripts know (spec, 1.2
// and 1.3).
#pragma once

#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "tools/tool.h"

namespace vmkeep::tools {

// Too long for a name, or a script's of old, which we have none of: told on stderr, and left out.  `legacy`:
// these may be asked for, and are not found.
bool is_refused(const std::string& operand, Output& output, bool legacy = false);

// The instances that the operands name, each once, in the order of the operands.  What matches nothing is
// told on stderr and raises the exit status; the other operands still count.
std::vector<std::string> select_instances(const Arguments& operands, const std::vector<fmri::Entry>& entries,
                                          Output& output, bool legacy = false);

// The same for tools that change things: a partial name must not be ambiguous.
std::vector<std::string> select_unambiguously(const Arguments& operands,
                                              const std::vector<fmri::Entry>& entries, Output& output);

}  // namespace vmkeep::tools
