// The simulated hypervisor's memory: a folder with a few small files.
//
//   <uuid>.json   {"name": "vm1", "state": "running"}; replaced as a whole by whoever changes the state
//   <uuid>.lock   locked (fcntl, by open file) by the VM's process as long as it lives.  A state that needs a
//   process while nobody
//                 holds the lock means that the process was killed: the VM is aborted
//   <uuid>.sock   where the VM's process takes a word (savestate, poweroff, ...) and answers "ok" or "error:
//   why" script.json   what shall go wrong or slowly; may be missing, may change at any time
//
// script.json holds the keys of Script below, for all VMs; under "vms" it may hold an object per VM name with
// the same keys, which win:  {"delays": {"savestate": 200}, "vms": {"vm2": {"deaf": true}}}
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "vm/state.h"

namespace vmkeep::hypervisor::simulated {

struct StoredVm {
  std::string uuid;
  std::string name;
  vm::VmState state = vm::VmState::poweroff;
};

struct Script {
  // Milliseconds that an action takes: launch, restore, savestate, poweroff, acpi, look, list.
  std::map<std::string, int64_t> delays;
  int64_t hang_looks = 0;              // the next so many looks get no answer; counted down in the file
  int64_t garbage_looks = 0;           // the next so many looks get an answer that means nothing; likewise
  bool silent = false;                 // no call gets an answer
  bool deaf = false;                   // the guest does not hear the power button
  std::optional<int64_t> launch_exit;  // the VM's process ends with this status at once
  int64_t die_after = 0;               // its process is killed so many ms after it runs; 0: never
  int64_t halt_after = 0;              // the guest switches itself off
  int64_t stuck_after = 0;             // guru meditation

  std::chrono::milliseconds delay(const std::string& action) const;
};

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
  // Whether a process holds the VM's lock.
  bool is_locked(const std::string& uuid) const;
  // What the VM is in, the lock taken into account.
  vm::VmState state(const StoredVm& vm) const;

  // A script that cannot be read is an error: what a test asked for would not happen.
  Result<Script> script(const std::string& vm_name) const;
  // One of hang_looks, garbage_looks has come true.
  Result<> count_down(const std::string& vm_name, const char* key) const;

  std::string path(const std::string& uuid, const char* suffix) const { return home_ + "/" + uuid + suffix; }

 private:
  std::string home_;
};

}  // namespace vmkeep::hypervisor::simulated
