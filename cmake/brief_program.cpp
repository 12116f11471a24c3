// Linked to programs that live for tenths of a second, in the tests' build alone: looking for leaks at their end would
// take two fifths of their time, which tests spend some thousand times over.  What they are made of is tested in the
// rooms' test programs, which do look, as vmkeepd and its guards do.  ASAN_OPTIONS overrules it.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
