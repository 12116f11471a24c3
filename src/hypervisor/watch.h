// Hints that a VM may have changed: its process ended (pidfd), or a file that tells of it was written
// (inotify).
//
// A hint proves nothing: it says that a look is worth it.  What comes between two hints is kept, so that
// nothing is missed while the caller looks.  A file that is written live, much of it no news, is read as it
// grows, and only what a filter calls news is a hint.
//
// One inotify instance and one epoll for all VMs, because a user has few of the former.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor {

// Whether whole lines that were added to a file are worth a look.
using NewsFilter = bool (*)(std::string_view lines);

class Watch {
 public:
  explicit Watch(Executor executor);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // What is watched of a VM from now on.  Both may be told again and again; a folder that is not there has to
  // be.
  // The file: written to, made, or renamed to that name.  Without a filter, every such event is a hint.
  void file(const std::string& uuid, const std::string& folder, const std::string& name, NewsFilter filter);
  void process(const std::string& uuid, const std::optional<VmProcess>& process);

  // True at the next hint (or if there was one since the last call), false at the deadline.
  Task<bool> hint(std::string uuid, Instant deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep::hypervisor
