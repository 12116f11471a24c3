#include "vm/state.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vmkeep::vm {
namespace {

enum class Kind { down, up, passing_up, passing_down, none };

struct Row {
  VmState state;
  std::string_view word;
  Kind kind;
};

// VirtualBox's own words (facts 18), then our own three.
constexpr std::array kRows{
    Row{VmState::poweroff, "poweroff", Kind::down},
    Row{VmState::saved, "saved", Kind::down},
    Row{VmState::aborted, "aborted", Kind::down},
    Row{VmState::aborted_saved, "aborted-saved", Kind::down},
    Row{VmState::teleported, "teleported", Kind::down},
    Row{VmState::running, "running", Kind::up},
    Row{VmState::paused, "paused", Kind::up},
    Row{VmState::gurumeditation, "gurumeditation", Kind::up},
    Row{VmState::starting, "starting", Kind::passing_up},
    Row{VmState::stopping, "stopping", Kind::passing_up},
    Row{VmState::saving, "saving", Kind::passing_up},
    Row{VmState::restoring, "restoring", Kind::passing_up},
    Row{VmState::livesnapshotting, "livesnapshotting", Kind::passing_up},
    Row{VmState::onlinesnapshotting, "onlinesnapshotting", Kind::passing_up},
    Row{VmState::deletingsnapshotlive, "deletingsnapshotlive", Kind::passing_up},
    Row{VmState::deletingsnapshotlivepaused, "deletingsnapshotlivepaused", Kind::passing_up},
    Row{VmState::teleporting, "teleporting", Kind::passing_up},
    Row{VmState::teleportingpausedvm, "teleportingpausedvm", Kind::passing_up},
    Row{VmState::teleportingin, "teleportingin", Kind::passing_up},
    Row{VmState::snapshotting, "snapshotting", Kind::passing_down},
    Row{VmState::restoringsnapshot, "restoringsnapshot", Kind::passing_down},
    Row{VmState::deletingsnapshot, "deletingsnapshot", Kind::passing_down},
    Row{VmState::settingup, "settingup", Kind::passing_down},
    Row{VmState::unknown, "unknown", Kind::none},
    Row{VmState::missing, "missing", Kind::none},
    Row{VmState::inaccessible, "inaccessible", Kind::none},
};

const Row& row(VmState state) {
  return *std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.state == state; });
}

}  // namespace

std::string_view to_string(VmState state) {
  return row(state).word;
}

std::string_view to_string(Witness witness) {
  switch (witness) {
    case Witness::absent:
      return "absent";
    case Witness::present:
      return "present";
    case Witness::unsure:
      break;
  }
  return "unsure";
}

std::string_view in_words(VmState state) {
  return state == VmState::poweroff ? "powered off" : to_string(state);
}

std::optional<VmState> vm_state(std::string_view word) {
  for (const Row& r : kRows) {
    if (r.word == word && r.state != VmState::missing && r.state != VmState::inaccessible) return r.state;
  }
  return std::nullopt;
}

bool is_up(VmState state) {
  const Kind kind = row(state).kind;
  return kind == Kind::up || kind == Kind::passing_up;
}

bool is_restorable(VmState state) {
  return state == VmState::saved || state == VmState::aborted_saved;
}

bool is_passing(VmState state) {
  const Kind kind = row(state).kind;
  return kind == Kind::passing_up || kind == Kind::passing_down;
}

// What the hypervisor says, against what the process table says:
//
//                     process present       absent              unsure
//   down, stable      unknown (a)           as said             unknown (b)
//   up, stable        as said               unknown (c)         as said
//   up, passing       as said               unknown (c)         as said
//   down, passing     unknown (a)           as said (d)         as said
//   missing           unknown (a)           as said             unknown (b)
//   inaccessible      unknown (a)           as said             unknown (b)
//   unknown           unknown               unknown             unknown
//
// (a) Either the process is in its last moments, or VBoxSVC was killed and its successor does not know its
// VMs
//     (facts 6: it says poweroff, for 14 s).  In both cases a second look settles it, and to start something
//     now would be to start it on top of a live process.
// (b) Down is never guessed: it takes two witnesses.
// (c) The process is gone and VBoxSVC has not noticed yet; the next look says aborted, saved or poweroff.
// (d) VBoxSVC itself works on the snapshots of a VM that is down: there is no process, and should be none.
//
// A VM that fell is aborted where the hypervisor says poweroff: all that it knows is what it wrote before.
//
// In the last row an answer that is "unknown" stays so; whether it is a stuck VM is told by stuck().
VmState Observation::agreed() const {
  switch (row(state).kind) {
    case Kind::down:
      if (fallen()) return VmState::aborted;
      return process == Witness::absent ? state : VmState::unknown;
    case Kind::up:
    case Kind::passing_up:
      return process == Witness::absent ? VmState::unknown : state;
    case Kind::passing_down:
      return process == Witness::present ? VmState::unknown : state;
    case Kind::none:
      break;
  }
  return process == Witness::absent ? state : VmState::unknown;
}

bool Observation::fallen() const {
  return state == VmState::poweroff && process == Witness::absent && !fell.empty();
}

std::string Observation::how_it_is() const {
  std::string word(to_string(agreed()));
  if (fallen()) word += " (" + fell + "; the hypervisor only says that it is off)";
  return word;
}

bool Observation::stuck() const {
  if (agreed() == VmState::gurumeditation) return true;
  return state == VmState::unknown && detail.empty() && process == Witness::present;
}

bool Observation::disagree() const {
  return state != VmState::unknown && agreed() == VmState::unknown;
}

Observation no_answer(std::string why) {
  return {VmState::unknown, Witness::unsure, std::move(why), false};
}

namespace {

// The word in a driver's `VMState is "dancing"`: one that this version does not know.
std::string strange_word(const std::string& detail) {
  constexpr std::string_view kBefore = "VMState is \"";
  if (detail.compare(0, kBefore.size(), kBefore) != 0) return {};
  return detail.substr(kBefore.size(), detail.find('"', kBefore.size()) - kBefore.size());
}

int status_code(VmState state) {
  switch (state) {
    case VmState::running:
    case VmState::starting:
    case VmState::restoring:
      return 0;
    case VmState::paused:
      return 1;
    case VmState::saving:
      return 2;
    case VmState::saved:
      return 3;
    case VmState::poweroff:
      return 10;
    case VmState::aborted:
      return 20;
    case VmState::missing:
    case VmState::inaccessible:
      return 125;
    default:
      return 126;
  }
}

}  // namespace

StatusWord status_word(const Observation& observed) {
  if (!observed.answered) return {"no answer", 125};
  if (observed.state == VmState::missing) return {"not registered", 125};
  if (observed.state == VmState::unknown && !observed.detail.empty()) {
    const std::string word = strange_word(observed.detail);
    return word.empty() ? StatusWord{"no answer", 125} : StatusWord{word, 126};
  }
  const VmState state = observed.fallen() ? VmState::aborted : observed.state;
  return {std::string(to_string(state)), observed.disagree() ? 126 : status_code(state)};
}

}  // namespace vmkeep::vm
