// Whose repository svccfg edits: that of a running vmkeepd, or a file of its own (SVCCFG_REPOSITORY,
// `repository`).
#pragma once

#include <memory>
#include <string>

#include "repository/repository.h"

namespace vmkeep::svccfg {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual repository::Repository& repository() = 0;
  // Makes the editing view of an instance its running configuration.
  virtual Result<> refresh(const fmri::Fmri& instance) = 0;
  // Whether deleting the instance could leave something running.
  virtual Result<bool> may_be_running(const fmri::Fmri& instance) = 0;
  // Disables the instance until the next boot, and waits until it is down.
  virtual Result<> take_down(const fmri::Fmri& instance) = 0;
};

// The daemon at VMKEEP_RUN or its usual place.
Result<std::unique_ptr<Backend>> open_daemon();
// Nobody runs anything from a file: refresh retakes the running snapshot, and nothing is ever running.
Result<std::unique_ptr<Backend>> open_file_repository(const std::string& path);

}  // namespace vmkeep::svccfg
