#include "manifest/manifest_fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmkeep::manifest::fuzz_manifest({reinterpret_cast<const char*>(data), size});
  return 0;
}
