#include "control/message_fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmkeep::control::fuzz_message({reinterpret_cast<const char*>(data), size});
  return 0;
}
