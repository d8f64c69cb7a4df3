# What every folder's CMakeLists.txt is made of: the flags, the libraries that Debian provides, and
# one function each for a library, a test binary and a benchmark.

option(WALCAST_WERROR "Treat warnings as errors" ON)
option(WALCAST_JEMALLOC "Link jemalloc into the binaries and tests" OFF)
set(WALCAST_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what ccache asks for where a precompiled header is used.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(TBB REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
find_path(CONCURRENTQUEUE_INCLUDE concurrentqueue/concurrentqueue.h REQUIRED)
find_path(READERWRITERQUEUE_INCLUDE readerwriterqueue/readerwriterqueue.h REQUIRED)
# The test that counts allocations always links it; a sanitizer brings an allocator of its own.
if(WALCAST_JEMALLOC OR NOT WALCAST_SANITIZE)
  pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
endif()

add_library(walcast_flags INTERFACE)
target_include_directories(walcast_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_include_directories(walcast_flags SYSTEM INTERFACE
  ${CONCURRENTQUEUE_INCLUDE} ${READERWRITERQUEUE_INCLUDE})
target_compile_definitions(walcast_flags INTERFACE WALCAST_VERSION="${PROJECT_VERSION}")
target_compile_options(walcast_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -fno-omit-frame-pointer)
target_link_libraries(walcast_flags INTERFACE Threads::Threads fmt::fmt)
if(WALCAST_WERROR)
  target_compile_options(walcast_flags INTERFACE -Werror)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O3, and under a sanitizer, g++ 12 warns falsely about std::string and std::variant.
  target_compile_options(walcast_flags INTERFACE
    -Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(walcast_flags INTERFACE -Wthread-safety)
endif()
if(WALCAST_SANITIZE)
  target_compile_options(walcast_flags INTERFACE -fsanitize=${WALCAST_SANITIZE})
  target_link_options(walcast_flags INTERFACE -fsanitize=${WALCAST_SANITIZE})
  if(WALCAST_SANITIZE MATCHES "undefined")
    target_compile_options(walcast_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  if(WALCAST_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(walcast_flags INTERFACE -Wno-tsan)
  endif()
endif()

# walcast_library(NAME [SOURCES a.cc ...] HEADERS a.h ... [DEPENDS lib ...])
# One static library per folder of a floor; header-only folders become interface libraries. Every
# header is compiled alone by the target all_verify_interface_header_sets.
function(walcast_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_sources(${name} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ARG_HEADERS})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${name} ${scope} walcast_flags ${ARG_DEPENDS})
endfunction()

# Half of a test's compile time would be GoogleTest's headers: all tests have them compiled once.
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT "")
add_library(walcast_test_headers OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/test_headers.cc)
target_link_libraries(walcast_test_headers PRIVATE walcast_flags GTest::gmock)
target_compile_options(walcast_test_headers PRIVATE -O1)
target_precompile_headers(walcast_test_headers PRIVATE <gmock/gmock.h>)

# walcast_test(NAME LABEL unit|stress SOURCES a_test.cc ... [DEPENDS lib ...])
# One GoogleTest binary per folder; each TEST is a test of its own for ctest.
function(walcast_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM walcast_test_headers)
  target_compile_options(${name} PRIVATE -O1)  # most of what is left would be -O3
  if(WALCAST_JEMALLOC)
    target_link_libraries(${name} PRIVATE PkgConfig::jemalloc)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# walcast_bench(NAME SOURCES a_bench.cc [DEPENDS lib ...])
# A Google Benchmark binary, which ctest also runs for a moment (label bench) so that none rots.
function(walcast_bench name)
  if(WALCAST_SANITIZE)
    return()  # a sanitizer's figures say nothing
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  add_test(NAME bench.${name} COMMAND ${name} --benchmark_min_time=0.01)
  set_tests_properties(bench.${name} PROPERTIES LABELS bench TIMEOUT 120)
endfunction()
include(GoogleTest)
