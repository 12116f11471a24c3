// Which instances there are: keeps the restarter in step with the repository.
#pragma once

#include "daemon/core.h"
#include "daemon/owners.h"

namespace vmkeep::daemon {

// What svcadm enable and disable change.
repository::ChangeSet switching(const fmri::Fmri& instance, bool enabled, bool temporary);

class Instances {
 public:
  Instances(Core& core, Owners& owners) : core_(core), owners_(owners) {}

  // All of them at the daemon's start, with what an earlier daemon left in this boot.
  Result<> load_all();
  // After a commit: whatever it added, deleted, enabled or disabled.  An instance that it made is held down
  // by a milestone that does without it (5.6), unless somebody asked for just this instance.
  void follow(const repository::ChangeSet& changes, bool asked = false);
  // svcadm refresh: takes `running` and rereads it.
  Result<> refresh(const fmri::Fmri& instance);

  // svcadm enable and disable.  The comment stays until the next of them.
  Result<> enable(const fmri::Fmri& instance, bool enabled, bool temporary,
                  const std::optional<std::string>& comment = {});
  // Only what came by itself counts against a VM: an administrator's word begins a new window, as it empties
  // SMF's ring of starts (6.11).
  void forget_aborts(Record& record);

  // brief: what a list of states needs and nothing that has to be looked up.
  enum class Detail { brief, plain, dependencies };
  control::InstanceMessage describe(const Record& record, Detail detail);

 private:
  Result<> add_comment(const fmri::Fmri& instance, bool temporary, const std::optional<std::string>& comment,
                       repository::ChangeSet& changes);
  bool sync(const fmri::Fmri& instance);
  void follow_restarter(Record& record, const repository::Levels& current);
  void take_running(const std::vector<fmri::Fmri>& instances);
  // Of an earlier daemon's; found by a commit; asked for by name.
  enum class Origin { recovered, created, asked };
  void load_batch(const std::vector<fmri::Fmri>& instances, Origin origin);
  Result<std::optional<restarter::Loaded>> load(const fmri::Fmri& instance, Origin origin);
  Core& core_;
  Owners& owners_;
};

}  // namespace vmkeep::daemon
