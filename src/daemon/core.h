// What the parts of the daemon share: the store, the restarter, the contracts, the queue of events, and one
// record for each instance.
//
// Data flows one way: control calls, contracts, timers and guards push events; the brain (daemon.cpp) hands
// them one by one to the restarter; actions.cpp carries out what it answers.  Nothing else changes a state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/reaper.h"
#include "contract/contract.h"
#include "control/messages.h"
#include "daemon/durations.h"
#include "daemon/logs.h"
#include "daemon/options.h"
#include "daemon/run_marks.h"
#include "host/facts.h"
#include "repository/repository.h"
#include "restarter/restarter.h"

namespace vmkeep::daemon {

struct MethodRun {
  uid_t uid = static_cast<uid_t>(-1);
  restarter::MethodName method = restarter::MethodName::start;
  contract::ContractId contract = 0;
  pid_t pid = -1;
  Instant started{};
  std::optional<std::chrono::seconds> timeout;
  bool commanded = false;
  std::optional<Instant> until;  // a stop that has to be over by then, by force if need be
  bool kept = false;             // a stop that leaves its VM running, as it is meant to (T54)
};

struct Record {
  fmri::Fmri fmri;
  repository::Levels running;  // as last loaded or refreshed
  restarter::ConfigPtr config = restarter::ConfigPool::none();
  std::optional<bool> enabled;  // as the restarter knows it
  graph::State state = graph::State::uninitialized;
  graph::State next_state = graph::State::none;
  graph::Reason reason = graph::Reason::none;
  std::string why;
  WallTime state_time{};
  contract::ContractId contract = 0;  // 0: none
  // Contracts of earlier starts in which the VM may still live, until a start adopts it.
  std::set<contract::ContractId> previous_contracts;
  bool removed = false;             // from the repository; it may still be stopping
  std::optional<int> start_status;  // of the last start method, as wait(2) has it
  std::optional<WallTime> start_ended;
  pid_t start_pid = -1;  // of the last start method; of a child service this is the service
  std::map<uint64_t, MethodRun> runs;
  bool claimed = false;  // a VM instance
  std::string owner;     // key of its guard
  vm::History history;
  // What svcprop -p vm_monitor/... tells of the last death: when it was seen, when the restart was issued,
  // and when the VM ran again.
  std::optional<WallTime> process_ended, restart_issued, running_again;
  std::set<std::string> told;  // what is told once only
  uint64_t starts = 0;         // start methods that this daemon ran
  std::string waits_for;       // what keeps the start method that runs from going on
  std::string method_said;     // why the VM's last method failed, in its own words
  int64_t stop_timeout = 0;  // seconds that somebody gives the next stop in place of vm/stop_timeout; 0: none
  bool giving_back = false;  // the lease of its window is over, and being ended
  std::string transitions;   // the last lines of note, each with a null behind it, for VmStatus
  // How the last process of its contract ended: "process 42 died on signal KILL (9)".
  std::string process_end;
  std::string dossier;                    // folder of the last crash dossier of this boot; may be empty
  restarter::Requests waiting;            // what is asked of it and not done yet
  restarter::Requests waiting_on_record;  // of this, what the store has
  std::string requested_by;  // the instance whose method asked for its maintenance; empty: an administrator
  bool owed = false;         // its state is to be published before this turn of the loop is over
  bool bearing = false;      // a method of it is prepared, and begins at the end of the turn
  // Why the store refused the last thing that was published of it; empty: what is on record is true.
  std::string unrecorded;
  uint64_t version = 0;  // of its last change that Watch tells of; 0: none yet
};

// A line that VmStatus shows among the last ten.
void note(Record& record, std::string_view text);

// What a contract was made for.
struct Origin {
  std::string fmri;
  restarter::MethodName method = restarter::MethodName::start;
};

struct Core {
  Executor executor;
  Options options;
  Reaper& reaper;
  Logs logs;
  std::unique_ptr<repository::Repository> store;
  std::unique_ptr<contract::Contracts> contracts;
  std::unique_ptr<host::HostFacts> host;
  restarter::Restarter restarter;
  Queue<restarter::Event> events;
  Signal changed;         // some record's version grew
  Signal pacing;          // somebody starts or waits for its turn
  Signal handled;         // the queue of events was worked off
  bool deciding = false;  // an event is out of the queue and not worked off yet
  Signal committed;       // the repository changed
  Durations durations;
  RunMarks marks;
  std::map<std::string, Record> records;  // by FMRI
  // Whose a contract is that a start made.  An entry may be older than what its record says, which counts.
  std::map<contract::ContractId, std::string> contract_owners;
  contract::ContractId next_contract = 1;
  contract::ContractId reserved_contracts = 1;       // those below are on record as given
  std::map<contract::ContractId, Origin> abandoned;  // those that had somebody in them when they were let go
  // Versions are given in one row over all records: who follows changes looks at those since the last one
  // that he saw, however many records there are.
  uint64_t last_version = 0;
  std::map<uint64_t, Record*> latest;  // by version, each record that ever changed once
  uint64_t removals = 0;               // of records
  // What this turn of the loop owes the store (Methods::settle); a record may be in there more than once.
  std::vector<Record*> owed;
  std::vector<Record*> asked;       // whose requests wait, or do not any more (publish_requests)
  std::vector<fmri::Fmri> started;  // of which the snapshot `start` is to be taken
  bool shutting_down = false;
  bool shut_down = false;
  // A shutdown that an earlier daemon began is taken up: nothing is started, and what the restarter says of
  // that before it knows any instance is not the end of it.
  bool takes_up_shutdown = false;
  std::vector<std::string> left_up;  // by a shutdown whose budget was used up

  Core(Executor e, Options o, Reaper& r)
      : executor(e),
        options(std::move(o)),
        reaper(r),
        logs(options.log_folder),
        events(e),
        changed(e),
        pacing(e),
        handled(e),
        committed(e),
        durations(e) {}

  Record* record(const std::string& fmri) {
    const auto found = records.find(fmri);
    return found == records.end() ? nullptr : &found->second;
  }
  Record* owner_of(contract::ContractId id) {
    const auto owner = contract_owners.find(id);
    return owner == contract_owners.end() ? nullptr : record(owner->second);
  }
  void touch(Record& record) {
    latest.erase(record.version);
    record.version = ++last_version;
    latest.emplace(record.version, &record);
    changed.notify();
  }
  void owe(Record& record) {
    if (!std::exchange(record.owed, true)) owed.push_back(&record);
  }
  // The oldest change first.  Nobody may keep these over a wait.
  std::vector<Record*> changed_since(uint64_t version) const {
    std::vector<Record*> found;
    for (auto at = latest.upper_bound(version); at != latest.end(); ++at) found.push_back(at->second);
    return found;
  }
  void remove(const std::string& fmri) {
    if (Record* gone = record(fmri)) {
      latest.erase(gone->version);
      std::erase(owed, gone);
      std::erase(asked, gone);
    }
    removals += records.erase(fmri);
    changed.notify();
  }
  // A contract that is no instance's any more.
  void release(contract::ContractId id) {
    contract_owners.erase(id);
    contracts->release(id);
  }
};

}  // namespace vmkeep::daemon
