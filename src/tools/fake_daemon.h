// For the tests of the tools: a vmkeepd that only pretends, in a process of its own, and the tools as they
// are installed, run against it.
#pragma once

#include <sys/types.h>

#include <boost/json/object.hpp>
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
  // What VmStatus tells, by FMRI; one that has the member "closed" lets nobody run its hook.
  std::map<std::string, boost::json::object> statuses;
  // What Vm answers, by "VERB FMRI"; the last one is done.  Without an entry: done, code 0, text "VERB done".
  // One that has the member "error" is a PermissionDenied; "hang": nothing is answered.
  std::map<std::string, std::vector<boost::json::object>> verbs;
  std::vector<OwnedVm> vms;  // what VmList answers
};

// Act does at once what it says, except on instances whose name begins with "forbidden" (PermissionDenied),
// "broken" (comes up in maintenance), "stuck" (stays offline) or "slow" (gets there a while after somebody
// began to watch). Who watches everybody is told of these, of the end of instances called "gone", and then of
// the daemon's own.  AwaitGroup gives the group the property "changed".  Commit adds and deletes instances
// and puts groups into the editing view.  VmMethod plays the scenario that the instance is named after;
// fake_daemon_test.cpp has them.
class FakeDaemon {
 public:
  explicit FakeDaemon(const FakeWorld& world);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  bool started() const { return pid_ > 0; }
  const std::string& folder() const { return folder_; }
  // Every call of VmStatus, Vm, VmList and Act, in their order: "Vm {parameters}".
  std::vector<std::string> calls() const;

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
