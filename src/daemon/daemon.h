// vmkeepd: wires the rooms to the loop.
//
//   calls.cpp      the control socket            -> events, answers
//   contracts      processes that end            -> events
//   owners.cpp     guards: verdicts, method steps-> events, answers
//   the brain      one event at a time through the restarter, its actions carried out before the next
#pragma once

#include <memory>
#include <set>
#include <string>

#include "daemon/actions.h"
#include "daemon/calls.h"
#include "daemon/core.h"
#include "daemon/files.h"
#include "daemon/instances.h"
#include "daemon/methods.h"
#include "daemon/owners.h"
#include "daemon/rights.h"
#include "daemon/scope.h"

namespace vmkeep::daemon {

class Daemon {
 public:
  Daemon(Executor executor, Options options, Reaper& reaper);

  // Opens everything and starts all coroutines; after it the loop does the rest.  The VMs of an earlier
  // daemon are found again before anybody can ask.
  Result<> open();
  // SIGTERM came.  While everything goes down that is carried on with, to its end; nothing else is done to
  // what runs (T62: the end of the daemon is not the end of what it keeps).
  Task<> leave(asio::io_context& loop);

 private:
  Result<> open_stores();
  Result<> open_contracts();
  Task<> tell_systemd();
  Task<> brain();
  Task<> decide(const restarter::Event& event, bool at_once);
  Task<> carry_out(const restarter::Event& event, bool at_once);
  bool is_stale(const restarter::Event& event);
  Task<> follow_contracts();
  Task<> follow_host();
  void on_member_ended(const contract::MemberEnded& event);
  void on_emptied(const contract::Emptied& event);

  Core core_;
  Owners owners_;
  Methods methods_;
  Instances instances_;
  Files files_;
  Scope scope_;
  Actions actions_;
  Rights rights_;
  VmCalls vms_;
  Calls calls_;
  std::unique_ptr<control::Server> server_;
  size_t handled_ = 0;             // events and actions since memory was given back
  std::set<std::string> removed_;  // deleted from the repository, perhaps not yet stopped
};

}  // namespace vmkeep::daemon
