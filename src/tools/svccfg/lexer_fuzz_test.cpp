#include "tools/svccfg/lexer_fuzz.h"

#include <gtest/gtest.h>

#include "base/fuzz_replay.h"

namespace vmkeep::svccfg {
namespace {

TEST(FuzzReplay, Lexer) {
  EXPECT_GT(replay_corpus(VMKEEP_SOURCE_DIR "/src/tools/svccfg/corpus", 20000, fuzz_lexer), 20000U);
}

}  // namespace
}  // namespace vmkeep::svccfg
