// The process of a simulated VM: a state, a few timers, and whoever tells it something.
//
// What takes time is a change: the VM is in a passing state (saving, starting) until the change's end and
// then in its last one; whoever asked for it is answered at the end.  While a change is under way other
// words are refused as VirtualBox refuses them.  The process ends when it arrives in a state that has none.
//
// As VBoxHeadless does, it saves its state on TERM, INT and HUP, ends with status 0 after a save or
// power-off, and tells the percent of a restore on stderr ("Restoring virtual machine: 10%...20%...").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "hypervisor/simulated/serial_ports.h"
#include "hypervisor/simulated/store.h"

namespace vmkeep::hypervisor::simulated {

// How the process begins.
struct Birth {
  std::string in;          // the state that it is in at once; empty: it boots, or restores what is saved
  bool front_end = false;  // it is the user's window
  int ready = -1;          // a descriptor that gets a byte when the VM is there
};

class LiveVm {
 public:
  // The working directory must be the store's folder: so the names of sockets are short enough anywhere.
  LiveVm(Store store, StoredVm vm, Script script, Birth birth);
  int run();  // to the VM's end; the process's exit status

 private:
  struct Change {
    Instant begun{};
    Instant until{};
    std::string last;
    std::string answer;
    Fd peer;
    int told = 0;  // percent
    bool on_stderr = false;
  };

  bool lock();
  Result<> listen();
  void boot();
  void loop();
  void log(const std::string& text);
  void set(const std::string& word);
  void begin(const std::string& passing, const std::string& last, const std::string& action, Fd peer = {},
             std::string answer = {});
  void arrive(const std::string& word);
  void finish();
  void tell_progress();
  Instant next_progress() const;
  void take_word();
  // The answer; nothing if it comes later, or never.
  std::optional<std::string> obey(const std::string& word, const std::string& rest, Fd& peer);
  std::optional<std::string> act(const std::string& word, Fd& peer);
  void set_by_hand(const std::string& rest);
  void save_by_signal();
  void beat(bool alive);
  void take_signal();
  int next_event() const;
  void timers();

  Store store_;
  StoredVm vm_;
  Script script_;
  Birth birth_;
  Instant born_;
  Fd lock_, listener_, signals_, log_;
  SerialPorts ports_;
  std::vector<Fd> unanswered_;  // peers of actions that never end
  std::optional<Change> change_;
  bool done_ = false;
  bool save_wanted_ = false;
  Instant halt_at_ = kNever, die_at_ = kNever, stuck_at_ = kNever, flat_at_ = kNever;
};

// The socket of a VM, seen from its folder.
std::string socket_name(const std::string& uuid);

}  // namespace vmkeep::hypervisor::simulated
