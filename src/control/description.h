// What the build knows: the text of org.vmkeep.varlink and the version of this release.
#pragma once

namespace vmkeep::control {

extern const char kDescription[];
extern const char kVersion[];

}  // namespace vmkeep::control
