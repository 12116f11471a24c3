# A room is a folder of src/: one static library of everything in it that is neither a test, a benchmark, a
# fuzzer nor a main, and one test program of its *_test.cpp files.
#
#   vmkeep_room(NAME USES other rooms and libraries...)      the library vmkeep_NAME and the test NAME_test; with
#                                                            VMKEEP_FUZZ a fuzzer of each *_fuzz.cpp, too
#   vmkeep_program(NAME SOURCE main.cpp USES ...)            a program

if(VMKEEP_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

function(vmkeep_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC 12 sees overlapping copies inside std::string's operator+ that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()

# What is tested is compiled with every check; the tests' own code, which is half of all, at half the cost: without
# optimisation and without UBSan.
function(vmkeep_test_flags target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Dev>:-O0 -fno-sanitize=undefined>)
endfunction()

function(vmkeep_fuzzers library)
  if(VMKEEP_FUZZ)
    foreach(source ${ARGN})
      cmake_path(GET source STEM fuzzer)
      add_executable(${fuzzer} ${source})
      vmkeep_flags(${fuzzer})
      target_link_libraries(${fuzzer} PRIVATE ${library})
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${fuzzer})
    endforeach()
  endif()
endfunction()

function(vmkeep_room name)
  cmake_parse_arguments(ROOM "" "" "USES;TEST_USES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$|_main\\.cpp$|/main\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  add_library(vmkeep_${name} STATIC ${sources})
  set_target_properties(vmkeep_${name} PROPERTIES LINKER_LANGUAGE CXX)
  vmkeep_flags(vmkeep_${name})
  target_link_libraries(vmkeep_${name} PUBLIC ${ROOM_USES})
  vmkeep_fuzzers(vmkeep_${name} ${fuzzers})
  if(VMKEEP_TESTS AND tests)
    add_executable(${name}_test ${tests})
    vmkeep_flags(${name}_test)
    vmkeep_test_flags(${name}_test)
    target_link_libraries(${name}_test PRIVATE vmkeep_${name} ${ROOM_TEST_USES} GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE VMKEEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}." PROPERTIES TIMEOUT 120)
  endif()
endfunction()

function(vmkeep_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCE;USES" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCE})
  vmkeep_flags(${name})
  target_link_libraries(${name} PRIVATE ${PROGRAM_USES})
endfunction()
