// The text of org.vmkeep.varlink, put into the program by the build.
#pragma once

namespace vmkeep::control {

extern const char kDescription[];

}  // namespace vmkeep::control
