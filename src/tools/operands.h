// Operands of the tools: names and patterns, resolved with the messages that scripts know (spec, 1.2
// and 1.3).
#pragma once

#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "tools/tool.h"

namespace vmkeep::tools {

// The instances that the operands name, each once, in the order of the operands.  What matches nothing is
// told on stderr and raises the exit status; the other operands still count.
std::vector<std::string> select_instances(const Arguments& operands, const std::vector<fmri::Entry>& entries,
                                          Output& output);

// The same for tools that change things: a partial name must not be ambiguous.
std::vector<std::string> select_unambiguously(const Arguments& operands,
                                              const std::vector<fmri::Entry>& entries, Output& output);

}  // namespace vmkeep::tools
