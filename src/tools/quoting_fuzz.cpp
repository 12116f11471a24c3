#include "tools/quoting_fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmkeep::tools::fuzz_quoting({reinterpret_cast<const char*>(data), size});
  return 0;
}
