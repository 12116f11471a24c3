// The states of a VM as the hypervisor tells them (facts 18; behaviour spec 3.1), and what a look at it
// found.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace vmkeep::vm {

enum class VmState {
  poweroff,
  saved,
  aborted,
  aborted_saved,
  teleported,  // down, stable
  running,
  paused,
  gurumeditation,  // up, stable
  starting,
  stopping,
  saving,
  restoring,
  livesnapshotting,
  onlinesnapshotting,
  deletingsnapshotlive,
  deletingsnapshotlivepaused,
  teleporting,
  teleportingpausedvm,
  teleportingin,  // up, passing
  snapshotting,
  restoringsnapshot,
  deletingsnapshot,
  settingup,  // down, passing
  unknown,    // the hypervisor answered something else, or the answer and the process disagree
  missing,    // the hypervisor knows no such VM
  inaccessible,
};

std::string_view to_string(VmState state);  // "aborted-saved": VirtualBox's own words
std::string_view in_words(VmState state);   // for a sentence: "powered off"; else VirtualBox's own
std::optional<VmState> vm_state(
    std::string_view word);         // of VirtualBox's words; never missing or inaccessible
bool is_up(VmState state);          // a VM process belongs to it
bool is_passing(VmState state);     // it will change by itself
bool is_restorable(VmState state);  // down, and its next start restores what was saved

// The process of the VM: the second witness.
enum class Witness { absent, present, unsure };
std::string_view to_string(Witness witness);

// What is heard of the guest inside (hook.h): its owner's check, since the last verdict, and its heartbeat.
enum class HookMeaning { okay, failure, reboot, maintenance };
struct HookNews {
  HookMeaning meaning = HookMeaning::okay;
  int code = 0;
  bool timed_out = false;
};
struct HeartbeatNews {
  bool lost = false;
  Instant since{};
  bool moves = false;  // its disks or its network moved since then
};
struct GuestNews {
  std::optional<HookNews> hook;
  std::optional<HeartbeatNews> heartbeat;  // absent: nobody hears one
};

struct Observation {
  VmState state = VmState::unknown;
  Witness process = Witness::unsure;
  // The hypervisor's own words where something was wrong.  With `unknown`: the word that we do not know, or
  // what was missing; empty if the hypervisor said literally "unknown".
  std::string detail;
  // False: nothing was learned; the state is unknown, and `detail` says what went wrong with the question.
  // Silence is no state of a VM: nothing is done to a VM because its hypervisor says nothing (B1).
  bool answered = true;
  GuestNews guest{};
  // How it went down, as vmkeepd itself knows, where that was no way for a VM to go: "the host went down
  // under it".  A hypervisor that was not there to see it says "poweroff" of such a VM.
  std::string fell{};

  // The two witnesses put together: a VM that is said to be down while its process lives, or up while it is
  // gone, is unknown (facts 6).  Exceptions, each measured: see state.cpp.
  VmState agreed() const;
  // It is said to be off and to have gone down in order, and did not.
  bool fallen() const;

  // What it says of a VM that fell, with what we know better; else the agreed state's word.
  std::string how_it_is() const;

  // Guru meditation, or what VirtualBox 4 said instead of it: literally "unknown" of a live process.
  bool stuck() const;

  // The hypervisor gave an answer, and the process (or our not seeing it) speaks against it.
  bool disagree() const;
};

// What a look that came to nothing leaves behind.
Observation no_answer(std::string why);

// What `vmkeep status` prints and exits with (behaviour spec 1.7).  word: the hypervisor's own, or "no
// answer", "not registered", "inaccessible".  code: 0 running, starting, restoring; 1 paused; 2 saving; 3
// saved; 10 poweroff; 20 aborted; 125 one of those three; 126 anything else, also where the two witnesses
// disagree.
struct StatusWord {
  std::string word;
  int code = 126;
};
StatusWord status_word(const Observation& observed);

}  // namespace vmkeep::vm
