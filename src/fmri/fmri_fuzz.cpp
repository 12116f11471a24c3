#include "fmri/fmri_fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmkeep::fmri::fuzz_fmri({reinterpret_cast<const char*>(data), size});
  return 0;
}
