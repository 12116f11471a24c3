// A result without an error, for coroutines to return.  GCC 12 takes Result<>() there for a result whose
// error is not initialised (-Wmaybe-uninitialized) when it can see into it.
#pragma once

#include "base/result.h"

namespace vmkeep::hypervisor {

Result<> done();

}  // namespace vmkeep::hypervisor
