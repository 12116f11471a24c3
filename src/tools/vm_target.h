// Which instances the operands of `vmkeep VERB VM...` name.
//
// An operand is, in this order: an FMRI, an abbreviation of one, or a pattern (as everywhere, fmri::resolve);
// else the name or UUID that an instance's vm/name and vm/uuid say; else a VM of the caller's that the
// hypervisor knows, if it belongs to an instance.  Where an instance and the VM of another instance bear the
// same name, the operand is ambiguous.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/client.h"
#include "tools/tool.h"
#include "tools/world.h"

namespace vmkeep::tools {

// What an instance's vm/* group says of its VM.
struct NamedVm {
  std::string fmri, name, uuid;
};

enum class Resolution { found, nothing, ambiguous };
struct Resolved {
  Resolution resolution = Resolution::nothing;
  std::vector<std::string> fmris;  // several only for patterns and for the full name of a service
  std::string message;             // of ambiguous
};

// Pure.  `named` may be empty if it is not known.
Resolved resolve_vm(const std::string& operand, const std::vector<fmri::Entry>& entries,
                    const std::vector<NamedVm>& named);

// All operands or none: an error tells of every one that names nothing, before anything is done.  Instances
// each once, in the order of the operands.
Result<std::vector<std::string>> resolve_vms(control::Client& client, const World& world,
                                             const Arguments& operands);

}  // namespace vmkeep::tools
