// One verb to several VMs at once: a connection each, so that nobody waits for another, and the progress of
// all.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/progress.h"

namespace vmkeep::tools {

struct VmOutcome {
  std::string fmri;
  // What vmkeepd said last ("done"); absent: `error`.
  std::optional<boost::json::object> answer;
  Error error;

  bool ok() const { return answer && code() == 0; }
  int code() const;          // the verb's; 1 if there was no answer
  std::string text() const;  // for people, what came of it
};

// The verb and its `parameters`, without the fmri.  Comes back when every VM has answered, however long that
// takes: a verb has its own limits, and vmkeepd keeps them.  Outcomes in the order of the FMRIs.
// `watch`, if there is one, is asked at every turn what else is known of a VM that has not answered yet.
using Watch = std::function<void(const std::string& fmri, Progress& progress)>;
std::vector<VmOutcome> tell_vms(const std::vector<std::string>& fmris, const boost::json::object& parameters,
                                Progress& progress, const Watch& watch = {});

// VmStatus of each; `answer` is the object "vm".  Who says nothing for two minutes (a hook may take its time)
// is given up with ErrorKind::timeout.
std::vector<VmOutcome> look_at_vms(const std::vector<std::string>& fmris, bool hook, bool details,
                                   Progress& progress);

// "vm1" of svc:/site/xvm/vbox:vm1.
std::string short_name(const std::string& fmri);

}  // namespace vmkeep::tools
