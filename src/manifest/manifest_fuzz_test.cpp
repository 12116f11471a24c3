#include "manifest/manifest_fuzz.h"

#include <gtest/gtest.h>

#include "base/fuzz_replay.h"

namespace vmkeep::manifest {
namespace {

TEST(FuzzReplay, Manifest) {
  EXPECT_GT(replay_corpus(VMKEEP_SOURCE_DIR "/src/manifest/corpus", 4000, fuzz_manifest), 4000U);
}

}  // namespace
}  // namespace vmkeep::manifest
