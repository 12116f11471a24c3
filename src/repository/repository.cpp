#include "repository/repository.h"

namespace vmkeep::repository {

Result<Levels> Repository::read_running(const fmri::Fmri& instance) {
  auto levels = read_snapshot(instance, kRunning);
  if (levels || levels.error().kind != ErrorKind::not_found) return levels;
  return read(instance);  // no snapshot yet, or no such instance, which this then says
}

}  // namespace vmkeep::repository
