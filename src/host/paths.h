// Whether paths are there, for dependencies on files (spec of the facility, 5.1); inotify tells when that
// changes, the mount table when something is mounted over a folder on the way, and nobody polls.
//
// A path may be away in many ways: the file, a folder above it, what a link on the way points to.  So what is
// watched is the way itself: every folder that is passed from "/" on, links followed by hand, as far as it
// goes.  Each folder is watched once, however many paths pass it, and of what happens in it only the names on
// somebody's way are looked at.  A path that is replaced (renamed over) is there before and after: no news.
//
// Invariant: a watch is there before the name in its folder is looked at, so nothing is missed in between.
//
// What lies on a file system that may not answer (remote.h) is looked at by a child, which is killed if it
// takes too long and sent again later.  Until the first answer such a path is not there; after that it is as
// the last answer said, also while nobody answers.
//
// A folder that cannot be watched (the user's limit of watches, no right to read it) is told once by
// trouble(); paths through it, and those of the other kind, are right as of the last
// retry().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/reaper.h"
#include "base/result.h"
#include "host/remote.h"

namespace vmkeep::host {

struct PathChange {
  std::string path;
  bool present = false;
};

class PathWatch {
 public:
  static Result<std::unique_ptr<PathWatch>> open(const Executor& executor, Reaper& reaper,
                                                 RemoteLook remote = {});
  ~PathWatch();
  PathWatch(const PathWatch&) = delete;
  PathWatch& operator=(const PathWatch&) = delete;

  // Whether an absolute path is there now; from now on its changes are told.
  bool follow(const std::string& path);
  bool follows(const std::string& path) const;
  void forget(const std::string& path);
  // Looks at those again that pass a folder that cannot be watched.
  void retry();
  // What could not be watched since it was last asked, one sentence each.
  std::vector<std::string> trouble();
  Queue<PathChange>& changes();
  size_t watches() const;  // folders that are watched now

 private:
  struct State;
  explicit PathWatch(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep::host
