// For the tests of the tools: a vmkeepd that only pretends, in a process of its own, and the tools as they
// are installed, run against it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "tools/config_plan.h"
#include "tools/world.h"

namespace vmkeep::tools {

struct FakeWorld {
  World world;
  std::map<std::string, repository::Levels> levels;   // editing view, by FMRI
  std::map<std::string, repository::Levels> running;  // the snapshot, by FMRI
  std::map<std::string, std::vector<control::ProcessMessage>> processes;
  std::vector<OwnedVm> vms;  // what VmList answers
};

// Act does at once what it says, except on instances whose name begins with "forbidden" (PermissionDenied),
// "broken" (comes up in maintenance), "stuck" (stays offline) or "slow" (gets there a while after somebody
// began to watch). Commit adds and deletes instances and puts groups into the editing view.  VmMethod plays
// the scenario that the instance is named after; fake_daemon_test.cpp has them.
class FakeDaemon {
 public:
  explicit FakeDaemon(const FakeWorld& world);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  bool started() const { return pid_ > 0; }
  const std::string& folder() const { return folder_; }

  struct Printed {
    int code = -1;  // -1: it did not end in time, or died
    std::string out, err;
  };
  Printed run(const std::string& tool, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment = {}) const;

 private:
  std::string folder_;
  pid_t pid_ = -1;
};

// The same without anybody who listens.
FakeDaemon::Printed run_tool(const std::string& run_folder, const std::string& tool,
                             const std::vector<std::string>& arguments,
                             const std::vector<std::string>& environment);

}  // namespace vmkeep::tools
