// Which VMs were up when the host went down: what no hypervisor knows after a power cut.
//
// A VM that comes up gets a mark in the persistent folder, with the life of the host that it is of
// (publish.h); the mark goes when the VM is known to be down, however that came about.  One of another life
// is of a VM that nobody has seen go down: the host went down under it.  Such a mark stays until the VM runs
// again, or until an administrator disables or clears its instance.
//
// A restart after a death keeps its mark: between the two the VM should be up, and the way of a restart costs
// no write to disk.
//
//   STATE/running/<FMRI, its slashes as %2F>    the life
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace vmkeep::daemon {

class RunMarks {
 public:
  // Reads what is there; the folder is made if it is missing.
  Result<> open(std::string folder, std::string life);

  bool host_fell_under(const std::string& fmri) const;
  // When an instance is loaded: the same; but of one that is disabled the mark goes.  Until somebody enables
  // it the VM is its user's, who may run it and shut it down, and nobody would see that.
  bool taken_up(const std::string& fmri, bool enabled);
  // Durable when it returns, unless it is an error.
  Result<> came_up(const std::string& fmri);
  void went_down(const std::string& fmri);  // in this life
  void forget(const std::string& fmri);     // whichever it is of

 private:
  std::string path(const std::string& fmri) const;

  std::string folder_;
  std::string life_;
  std::map<std::string, std::string> marks_;  // FMRI: life
};

}  // namespace vmkeep::daemon
