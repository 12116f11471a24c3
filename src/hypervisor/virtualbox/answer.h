// What a call of VBoxManage came to, for a person.
#pragma once

#include <string>
#include <vector>

#include "base/command.h"
#include "base/result.h"

namespace vmkeep::hypervisor::virtualbox {

std::string joined(const std::vector<std::string>& words);

// VirtualBox's own words and the call's end: "Machine 'x' is not currently running. (VBoxManage exited with
// status 1)".
std::string told(const CommandResult& result);

// The call `words` failed; the kind is that of the trouble with it.
Error failed(const std::vector<std::string>& words, const CommandResult& result);

}  // namespace vmkeep::hypervisor::virtualbox
