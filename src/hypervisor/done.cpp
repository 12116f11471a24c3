#include "hypervisor/done.h"

namespace vmkeep::hypervisor {

Result<> done() {
  return {};
}

}  // namespace vmkeep::hypervisor
