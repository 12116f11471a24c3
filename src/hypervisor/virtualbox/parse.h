// What VBoxManage prints, read without ever believing more than it says.  Pure.
//
// Sources: VirtualBox 7.2's real output (testdata/).  The traps: `list vms` escapes nothing, so a name may
// hold quotes and newlines; machine-readable output escapes `"` and `\` in values but not newlines, and not
// every line is key="value"; a call that fails half-way has printed the first half, VMState included;
// VBoxManage's messages are on stderr on success too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor::virtualbox {

// `list vms`, `list runningvms`.  Anything before the first line that begins with a quote is not part of it
// (the wrapper's warning about its driver).  Errors: ErrorKind::invalid if an entry is incomplete.
Result<std::vector<VmRef>> parse_list(std::string_view text);

// `showvminfo --machinereadable`: what of it we need.
struct MachineInfo {
  std::string uuid;  // in lower case
  std::string name;
  std::string settings_file;  // CfgFile
  std::string log_folder;     // LogFldr
  std::string state;          // VMState, as the word it is
};

// Errors: ErrorKind::invalid unless UUID and VMState are there, complete.
Result<MachineInfo> parse_info(std::string_view text);

// The same output: what belongs to the VM's settings.  Errors: ErrorKind::invalid unless UUID and CfgFile are
// there, complete.  Disks are files and devices: drives without a medium are none.
Result<VmDetails> parse_details(std::string_view text);

// `debugvm UUID statistics --pattern '/Public/*'`: the bytes that its disks and network cards have read,
// written, received and transmitted, together.  A counter that was never used may be missing.  Errors:
// ErrorKind::invalid if it is not whole.
Result<uint64_t> parse_moved_bytes(std::string_view xml);

// `guestproperty get`: "Value: x", or "No value set!".  Errors: ErrorKind::invalid if it is neither.
Result<std::optional<std::string>> parse_property(std::string_view text);

// The newest percent of a progress: "0%...10%...20%".
std::optional<int> last_percent(std::string_view err);

// Whether it says that something failed, whatever its status was (facts 10): text on stderr alone is none.
bool names_error(std::string_view err);

// Why a call failed.
enum class Trouble {
  not_registered,
  inaccessible,   // registered, but its settings cannot be read
  locked,         // another session holds it: passing
  not_ready,      // in the middle of a change: passing
  no_service,     // VBoxSVC is not there: passing
  invalid_state,  // not in this state
  not_running,
  session_closed,  // the VM's process ended before it could be powered on
  other,
};

std::string_view to_string(Trouble trouble);
ErrorKind kind_of(Trouble trouble);
bool is_passing(Trouble trouble);  // worth asking again

// Of what a call with a status other than 0 left on stderr.
Trouble classify(std::string_view err);

// The first error that it names, as one line for a person: without "VBoxManage: error:", details and context.
std::string first_error(std::string_view err);

// Whether lines of VBox.log tell of a change of the VM's state, or of a guest that fell silent or came back
// (facts 16).
bool is_news(std::string_view log);

// A UUID in lower case without braces; empty if the text is none.
std::string normal_uuid(std::string_view text);

}  // namespace vmkeep::hypervisor::virtualbox
