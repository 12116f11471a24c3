#include "tools/svccfg/lexer_fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmkeep::svccfg::fuzz_lexer({reinterpret_cast<const char*>(data), size});
  return 0;
}
