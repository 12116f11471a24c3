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

TEST(VmState, OnlyWhatWasSavedIsRestored) {
  for (const auto* states : {&kDown, &kUp, &kPassingUp, &kPassingDown, &kNone}) {
    for (const VmState state : *states) {
      EXPECT_EQ(is_restorable(state), to_string(state).ends_with("saved")) << to_string(state);
    }
  }
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

TEST(StatusWord, T01_T02_every_state_has_its_code) {
  struct {
    VmState state;
    int code;
  } const rows[] = {{VmState::running, 0},   {VmState::starting, 0}, {VmState::restoring, 0},
                    {VmState::paused, 1},    {VmState::saving, 2},   {VmState::saved, 3},
                    {VmState::poweroff, 10}, {VmState::aborted, 20}};
  for (const auto& row : rows) {
    const StatusWord word =
        status_word({row.state, is_up(row.state) ? Witness::present : Witness::absent, ""});
    EXPECT_EQ(word.code, row.code) << word.word;
    EXPECT_EQ(word.word, to_string(row.state));
  }
}

TEST(StatusWord, T03_no_answer_not_registered_and_inaccessible_are_told_apart) {
  for (const auto& [observed, word] :
       {std::pair{no_answer("VBoxManage hangs"), "no answer"},
        std::pair{Observation{VmState::unknown, Witness::absent, "no VMState"}, "no answer"},
        std::pair{Observation{VmState::missing, Witness::absent, "x"}, "not registered"},
        std::pair{Observation{VmState::inaccessible, Witness::absent, "x"}, "inaccessible"}}) {
    EXPECT_EQ(status_word(observed).word, word);
    EXPECT_EQ(status_word(observed).code, 125);
  }
}

TEST(StatusWord, T04_any_other_word_is_told_as_it_is) {
  for (const VmState state : {VmState::gurumeditation, VmState::stopping}) {
    EXPECT_EQ(status_word({state, Witness::present, ""}).code, 126);
    EXPECT_EQ(status_word({state, Witness::present, ""}).word, to_string(state));
  }
  EXPECT_EQ(status_word({VmState::aborted_saved, Witness::absent, ""}).code, 126);
  const StatusWord invented = status_word({VmState::unknown, Witness::present, "VMState is \"dancing\""});
  EXPECT_EQ(invented.word, "dancing");
  EXPECT_EQ(invented.code, 126);
  // Two witnesses that disagree are no answer that one could act on.
  EXPECT_EQ(status_word({VmState::poweroff, Witness::present, ""}).code, 126);
}

// After a power cut VirtualBox says "poweroff" of what ran; it was not there to see the end.
TEST(VmState, WhatFellIsAbortedOnlyWhereNobodyKnowsBetter) {
  for (const VmState state : kDown) {
    Observation observed{state, Witness::absent, ""};
    observed.fell = "the host went down under it";
    EXPECT_EQ(observed.agreed(), state == VmState::poweroff ? VmState::aborted : state);
    EXPECT_EQ(observed.fallen(), state == VmState::poweroff);
  }
  for (const VmState state : kUp) {
    Observation observed{state, Witness::present, ""};
    observed.fell = "the host went down under it";
    EXPECT_EQ(observed.agreed(), state);
  }
  // Of a process that lives nobody says that it fell.
  Observation lives{VmState::poweroff, Witness::present, ""};
  lives.fell = "the host went down under it";
  EXPECT_EQ(lives.agreed(), VmState::unknown);
  EXPECT_TRUE(lives.disagree());
}

TEST(StatusWord, OfAVmThatFellIsAborted) {
  Observation observed{VmState::poweroff, Witness::absent, ""};
  EXPECT_EQ(status_word(observed).code, 10);
  observed.fell = "the host went down under it";
  EXPECT_EQ(status_word(observed).word, "aborted");
  EXPECT_EQ(status_word(observed).code, 20);
}

}  // namespace
}  // namespace vmkeep::vm
