// The simulated hypervisor's memory: a folder with a few small files.
//
//   <uuid>.json   {"name": "vm1", "state": "running"}; replaced as a whole by whoever changes the state.
//                 "then" and "at" beside it: the state that it turns into by itself at that Instant
//   <uuid>.lock   locked (fcntl, by open file) by the VM's process as long as it lives; holds its pid.  A
//                 state that needs a process while nobody holds the lock means that the process was killed:
//                 the VM is aborted, or aborted-saved if it was being restored
//   <uuid>.pid    the process that was born last for the VM, which may not hold the lock yet
//   <uuid>.sock   where the VM's process takes a word (savestate, poweroff, ...); it answers "ok" or "error:
//                 why", after "NN%" lines where that takes long
//   <uuid>.log    the VM's log, in the words of VBox.log: changes of state, the guest's heartbeat
//   <uuid>.serialN  where the VM listens as serial port N, and echoes what it hears
//   actions.log   every action called, one JSON line each: {"time": ms, "action": "savestate", "vm": name,
//                 "uuid", "uid", "gid", "groups": [...], "home", "pid"}.  Looks and lists are not in it.  The
//                 actions: launch (or front_end), of the VM's own process; savestate, acpipowerbutton,
//                 acpisleepbutton, poweroff, reset, emergencystop, resume, pause, snapshot, screenshot, of
//                 the driver; "signal TERM" and the like, of the VM's process when it takes one
//   script.json   what shall go wrong or slowly; may be missing, may change at any time
//
// script.json holds the keys of Script below, for all VMs; under "vms" it may hold an object per VM name with
// the same keys, which win:  {"delays": {"savestate": 200}, "vms": {"vm2": {"deaf": true}}}
//
// Any state and any trouble, as a test wants them:
//
//   the VM is really in state W      vmkeep-simulated-vm --state NAME --set W --home DIR.  A VM that is down
//                                    gets a process (behind our back) if W needs one, also if W is "unknown"
//                                    or no state at all; one that is up is told; "missing" and "inaccessible"
//                                    are states too
//   ... and leaves it by itself      --then W2 --after MS with it
//   the hypervisor says W            {"say": "W"}, whatever is true: a live process that is said to be off, a
//                                    word that is no state, "" for an answer without VMState; "say_looks": N
//                                    for the next N looks only
//   no answer, half, garbage, late   hang_looks, half_looks, garbage_looks: N; {"silent": true};
//                                    {"broken": "words"}: every call fails; {"delays": {"look": ms}}
//   an action is refused             {"refuse": {"savestate": "VirtualBox's words"}}.  "launch": the VM's
//                                    process says the words and ends with launch_exit (else 1)
//   an action never ends             {"never": ["savestate"]}: the VM stays in the passing state (saving,
//                                    stopping, starting, restoring), the call gets no answer
//   an answer that lies              {"lie": {"savestate": "ok"}}: "ok", and nothing was done;
//                                    {"lie": {"savestate": "error"}}: an error, and it was done
//   the VM dies in the middle        {"die_during": "savestate"}; of restore: aborted-saved
//   a full disk                      {"full_disk": true}: a save fails after its delay, with VirtualBox's
//                                    words, and the VM goes on as before
//   the guest falls silent           {"flatline_after": ms}, or --say flatline UUID; --say heartbeat UUID
//   a process that hears no signal   {"ignores": true} (TERM, INT, HUP, QUIT)
//   a process that lingers           {"delays": {"exit": ms}}: its state is down already
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "vm/state.h"

namespace vmkeep::hypervisor::simulated {

struct StoredVm {
  std::string uuid;
  std::string name;
  std::string state = "poweroff";  // the word, which need not be one of VirtualBox's
  std::string then;                // what it turns into by itself; empty: it stays
  Instant at = kNever;             // when
};

struct Script {
  // Milliseconds that an action takes: launch, restore, savestate, poweroff, acpi, snapshot, pause, resume,
  // reset, look, list, screenshot; lock: before the VM's process holds its lock; exit: before it ends.
  std::map<std::string, int64_t> delays;
  int64_t hang_looks = 0;            // the next so many looks get no answer; counted down in the file
  int64_t garbage_looks = 0;         // the next so many looks get an answer that means nothing; likewise
  int64_t half_looks = 0;            // ... half an answer
  std::optional<std::string> say;    // what looks are told instead of the truth
  std::optional<int64_t> say_looks;  // for so many looks; absent: for ever
  bool silent = false;               // no call gets an answer
  std::string broken;                // every call fails with these words
  bool deaf = false;                 // the guest does not hear the power button
  bool ignores = false;              // the process does not hear signals
  bool full_disk = false;
  std::optional<int64_t> launch_exit;             // the VM's process ends with this status at once
  int64_t die_after = 0;                          // its process is killed so many ms after it runs; 0: never
  int64_t halt_after = 0;                         // the guest switches itself off
  int64_t stuck_after = 0;                        // guru meditation
  int64_t flatline_after = 0;                     // the guest's heartbeat is lost
  std::map<std::string, std::string> refuse;      // action: words
  std::map<std::string, std::string> lie;         // action: "ok" or "error"
  std::set<std::string> never;                    // actions
  std::string die_during;                         // an action
  std::map<std::string, std::string> properties;  // of the guest
  int64_t moved = 0;                              // bytes that disks and cards have moved ...
  int64_t moves = 0;                              // ... and move every second
  int64_t serial = 0;                             // how many serial ports it has
  std::vector<std::string> disks;

  std::chrono::milliseconds delay(const std::string& action) const;
};

// Of a VM as it is stored: an invented word is unknown.
vm::VmState state_of(const std::string& word);
// Whether a process belongs to it.  One does to an unknown or invented state: such a VM is stuck.
bool needs_process(const std::string& word);

class Store {
 public:
  explicit Store(std::string home) : home_(std::move(home)) {}

  const std::string& home() const { return home_; }
  Result<> make() const;  // the folder
  Result<std::vector<StoredVm>> all() const;
  // ErrorKind::not_found: there is no such VM.
  Result<StoredVm> read(const std::string& uuid) const;
  Result<> write(const StoredVm& vm) const;
  Result<StoredVm> create(const std::string& name) const;
  // The process that holds the VM's lock; -1 if it does not say who it is.  Nothing: nobody does.
  std::optional<pid_t> holder(const std::string& uuid) const;
  // The process that called note_birth() last, dead or alive.
  Result<> note_birth(const std::string& uuid) const;
  std::optional<pid_t> born(const std::string& uuid) const;
  // What the VM is in, time and the lock taken into account.
  std::string state(const StoredVm& vm) const;

  // A script that cannot be read is an error: what a test asked for would not happen.
  Result<Script> script(const std::string& vm_name) const;
  // One of hang_looks, garbage_looks, half_looks, say_looks has come true.
  Result<> count_down(const std::string& vm_name, const char* key) const;

  // Adds a line to actions.log.  A record that cannot be written is an error of the action.
  Result<> record(const std::string& action, const StoredVm& vm, const std::string& owner_home) const;

  std::string path(const std::string& uuid, const char* suffix) const { return home_ + "/" + uuid + suffix; }
  std::string log(const std::string& uuid) const { return path(uuid, ".log"); }

 private:
  std::string home_;
};

}  // namespace vmkeep::hypervisor::simulated
