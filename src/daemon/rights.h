// Asks whether a caller may do what he calls for.  What permits what is restarter/rights.h; here is who he
// is: his user and groups as the kernel knows them, and what the file of authorizations gives to these.
//
// The file is read anew for each question that hangs on it, so that it is never out of date; root and the
// daemon's own user need none.  One that somebody else than root (or the daemon's user) owns or may write to
// gives nothing.
#pragma once

#include <optional>
#include <string>

#include "control/server.h"
#include "daemon/core.h"
#include "restarter/grants.h"
#include "restarter/rights.h"

namespace vmkeep::daemon {

class Rights {
 public:
  explicit Rights(Core& core) : core_(core) {}

  // What is wrong with the file is told in the log, once until it is something else.
  restarter::Grants read();
  // Why a call that changes something is refused; nothing: it is not.  What makes no sense is let through,
  // for whoever answers the call to say so.
  std::optional<Error> refusal(const control::Call& call);
  // Takes out the values that the peer may not read.
  void hide(const control::Peer& peer, const fmri::Fmri& entity, repository::Levels& levels);
  bool may_read(const control::Peer& peer, const Record& record, const std::string& group);

 private:
  restarter::Caller caller(const control::Peer& peer, const Record* record);
  restarter::Ruling judge(const control::Call& call);
  restarter::Ruling judge_act(const control::Call& call);
  restarter::Ruling judge_vm(const control::Call& call);
  restarter::Ruling judge_changes(const control::Peer& peer, const repository::ChangeSet& changes);

  Core& core_;
  std::string complained_;
};

}  // namespace vmkeep::daemon
