#include "vm/state.h"

#include <gtest/gtest.h>

#include <vector>

namespace vmkeep::vm {
namespace {

const std::vector<VmState> kDown{VmState::poweroff, VmState::saved, VmState::aborted, VmState::aborted_saved,
                                 VmState::teleported};
const std::vector<VmState> kUp{VmState::running, VmState::paused, VmState::gurumeditation};
const std::vector<VmState> kPassingUp{VmState::starting,
                                      VmState::stopping,
                                      VmState::saving,
                                      VmState::restoring,
                                      VmState::livesnapshotting,
                                      VmState::onlinesnapshotting,
                                      VmState::deletingsnapshotlive,
                                      VmState::deletingsnapshotlivepaused,
                                      VmState::teleporting,
                                      VmState::teleportingpausedvm,
                                      VmState::teleportingin};
const std::vector<VmState> kPassingDown{VmState::snapshotting, VmState::restoringsnapshot,
                                        VmState::deletingsnapshot, VmState::settingup};
const std::vector<VmState> kNone{VmState::missing, VmState::inaccessible};

VmState agreed(VmState state, Witness process) {
  return Observation{state, process, ""}.agreed();
}

TEST(VmState, EveryWordOfVirtualBoxIsReadAndWritten) {
  // facts 18
  for (const char* word : {"poweroff",
                           "saved",
                           "aborted",
                           "aborted-saved",
                           "teleported",
                           "running",
                           "paused",
                           "gurumeditation",
                           "starting",
                           "stopping",
                           "saving",
                           "restoring",
                           "restoringsnapshot",
                           "deletingsnapshot",
                           "deletingsnapshotlive",
                           "deletingsnapshotlivepaused",
                           "onlinesnapshotting",
                           "livesnapshotting",
                           "snapshotting",
                           "teleporting",
                           "teleportingpausedvm",
                           "teleportingin",
                           "settingup",
                           "unknown"}) {
    const auto state = vm_state(word);
    ASSERT_TRUE(state) << word;
    EXPECT_EQ(to_string(*state), word);
  }
}

TEST(VmState, OtherWordsAreNoState) {
  for (const char* word : {"", "Running", "running ", "missing", "inaccessible", "faulttolerantsyncing"}) {
    EXPECT_FALSE(vm_state(word)) << word;
  }
}

TEST(VmState, UpAndPassingFollowTheTable) {
  const auto check = [](const std::vector<VmState>& states, bool up, bool passing) {
    for (const VmState state : states) {
      EXPECT_EQ(is_up(state), up) << to_string(state);
      EXPECT_EQ(is_passing(state), passing) << to_string(state);
    }
  };
  check(kDown, false, false);
  check(kUp, true, false);
  check(kPassingUp, true, true);
  check(kPassingDown, false, true);
  check(kNone, false, false);
  check({VmState::unknown}, false, false);
}

TEST(Agreed, FollowsTheTable) {
  struct {
    const std::vector<VmState>& states;
    bool present, absent, unsure;  // whether it is as said; else unknown
  } const rows[] = {
      {kDown, false, true, false},       {kUp, true, false, true},    {kPassingUp, true, false, true},
      {kPassingDown, false, true, true}, {kNone, false, true, false},
  };
  for (const auto& row : rows) {
    for (const VmState state : row.states) {
      const auto expect = [&](bool as_said) { return as_said ? state : VmState::unknown; };
      EXPECT_EQ(agreed(state, Witness::present), expect(row.present)) << to_string(state);
      EXPECT_EQ(agreed(state, Witness::absent), expect(row.absent)) << to_string(state);
      EXPECT_EQ(agreed(state, Witness::unsure), expect(row.unsure)) << to_string(state);
    }
  }
  for (const Witness w : {Witness::present, Witness::absent, Witness::unsure}) {
    EXPECT_EQ(agreed(VmState::unknown, w), VmState::unknown);
  }
}

TEST(Stuck, IsGuruMeditationOrALiteralUnknownOfALiveProcess) {
  EXPECT_TRUE((Observation{VmState::gurumeditation, Witness::present, ""}.stuck()));
  EXPECT_TRUE((Observation{VmState::unknown, Witness::present, ""}.stuck()));
  EXPECT_FALSE((Observation{VmState::unknown, Witness::present, "VMState=\"dancing\""}.stuck()));
  EXPECT_FALSE((Observation{VmState::unknown, Witness::absent, ""}.stuck()));
  EXPECT_FALSE((Observation{VmState::unknown, Witness::unsure, ""}.stuck()));
  EXPECT_FALSE((Observation{VmState::gurumeditation, Witness::absent, ""}.stuck()));
  EXPECT_FALSE((Observation{VmState::running, Witness::present, ""}.stuck()));
}

TEST(Disagree, NeedsAnAnswer) {
  EXPECT_TRUE((Observation{VmState::poweroff, Witness::present, ""}.disagree()));
  EXPECT_TRUE((Observation{VmState::running, Witness::absent, ""}.disagree()));
  EXPECT_FALSE((Observation{VmState::unknown, Witness::present, ""}.disagree()));
  EXPECT_FALSE((Observation{VmState::poweroff, Witness::absent, ""}.disagree()));
}

}  // namespace
}  // namespace vmkeep::vm
