# A room is a folder of src/: one static library of everything in it that is neither a test, a benchmark, a
# fuzzer nor a main, and one test program of its *_test.cpp files.
#
#   vmkeep_room(NAME USES other rooms and libraries...)      the library vmkeep_NAME and the test NAME_test; with
#                                                            VMKEEP_FUZZ a fuzzer of each *_fuzz.cpp, too
#                                                            (PURE: its tests share a process, a suite each)
#   vmkeep_program(NAME SOURCE main.cpp USES ...)            a program (BRIEF: one that lives for tenths of a second)

if(VMKEEP_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# The heavy headers of others are compiled once for all, which takes a fifth to a half off each file (tried): for the rooms that
# live in the loop with Boost.Asio, for all others without (whatever includes it has to link it), and both again for tests.
# Only in the tests' build: the others show that each file includes what it uses, and with -O2 GCC 12 warns of what is
# inlined from such headers as if it were ours.
set(VMKEEP_LOOP_ROOMS contract host hypervisor guard daemon)
set(VMKEEP_PRECOMPILED OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE STREQUAL Dev)
  set(VMKEEP_PRECOMPILED ON)
endif()

# GCC refuses them to whoever does not have the same macros.
function(vmkeep_use_headers target headers)
  if(NOT VMKEEP_PRECOMPILED)
    return()
  endif()
  string(REGEX REPLACE "^vmkeep_|_test$" "" room ${target})
  if(room IN_LIST VMKEEP_LOOP_ROOMS)
    string(APPEND headers _loop)
  endif()
  target_compile_definitions(${target} PRIVATE $<TARGET_PROPERTY:${headers},COMPILE_DEFINITIONS>)
  target_compile_options(${target} PRIVATE -fpch-preprocess)  # without it ccache keeps out
  set_property(TARGET ${target} PROPERTY PRECOMPILE_HEADERS_REUSE_FROM ${headers})
  add_dependencies(${target} ${headers})
endfunction()

function(vmkeep_headers_target name)
  if(NOT EXISTS ${CMAKE_BINARY_DIR}/${name}.cpp)
    file(WRITE ${CMAKE_BINARY_DIR}/${name}.cpp "")
  endif()
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/${name}.cpp)
  target_compile_options(${name} PRIVATE -fpch-preprocess -Wall -Wextra -Wpedantic)  # the macros depend on -Wpedantic
  target_compile_definitions(${name} PRIVATE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
    $<TARGET_PROPERTY:Boost::json,INTERFACE_COMPILE_DEFINITIONS> $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
  target_precompile_headers(${name} PRIVATE <algorithm> <array> <chrono> <filesystem> <fstream> <functional> <map>
    <memory> <optional> <set> <sstream> <string> <string_view> <utility> <variant> <vector>
    <fmt/format.h> <boost/json/array.hpp> <boost/json/object.hpp> <boost/json/parse.hpp> <boost/json/serialize.hpp>
    <boost/json/value.hpp> ${ARGN})
endfunction()

if(VMKEEP_PRECOMPILED)
  set(loop <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
    <boost/asio/posix/stream_descriptor.hpp> <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>)
  vmkeep_headers_target(vmkeep_headers)
  vmkeep_headers_target(vmkeep_headers_loop ${loop})
  if(VMKEEP_TESTS)
    vmkeep_headers_target(vmkeep_test_headers <gtest/gtest.h>)
    vmkeep_headers_target(vmkeep_test_headers_loop <gtest/gtest.h> ${loop})
    foreach(headers vmkeep_test_headers vmkeep_test_headers_loop)
      target_compile_options(${headers} PRIVATE $<$<CONFIG:Dev>:-O0 -fno-sanitize=undefined>)
      target_link_libraries(${headers} PRIVATE GTest::gtest)
    endforeach()
  endif()
endif()

function(vmkeep_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC 12 sees overlapping copies inside std::string's operator+ that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  vmkeep_use_headers(${target} vmkeep_headers)
endfunction()

# What is tested is compiled with every check; the tests' own code, which is half of all, at half the cost: without
# optimisation and without UBSan.
function(vmkeep_test_flags target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Dev>:-O0 -fno-sanitize=undefined>)
  vmkeep_use_headers(${target} vmkeep_test_headers)
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

function(vmkeep_suites room)
  set(program ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${room}_test)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/suites.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/suites.cmake @ONLY)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/suites.cmake)
endfunction()

function(vmkeep_room name)
  cmake_parse_arguments(ROOM "PURE" "" "USES;TEST_USES" ${ARGN})
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
    if(ROOM_PURE)
      vmkeep_suites(${name})
    else()
      gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}." PROPERTIES TIMEOUT 120)
    endif()
  endif()
endfunction()

function(vmkeep_program name)
  cmake_parse_arguments(PROGRAM "BRIEF" "" "SOURCE;USES" ${ARGN})
  if(PROGRAM_BRIEF AND CMAKE_BUILD_TYPE STREQUAL Dev)
    list(APPEND PROGRAM_SOURCE ${CMAKE_SOURCE_DIR}/cmake/brief_program.cpp)
  endif()
  add_executable(${name} ${PROGRAM_SOURCE})
  vmkeep_flags(${name})
  target_link_libraries(${name} PRIVATE ${PROGRAM_USES})
endfunction()
