#include "fmri/fmri_fuzz.h"

#include <gtest/gtest.h>

#include "base/fuzz_replay.h"

namespace vmkeep::fmri {
namespace {

TEST(FuzzReplay, Fmri) {
  EXPECT_GT(replay_corpus(VMKEEP_SOURCE_DIR "/src/fmri/corpus", 20000, fuzz_fmri), 20000U);
}

}  // namespace
}  // namespace vmkeep::fmri
