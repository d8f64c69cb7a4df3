# What every folder's CMakeLists.txt is made of: the flags, the libraries that Debian provides, and
# one function each for a library, a test binary and a benchmark.

option(WALCAST_WERROR "Treat warnings as errors" ON)
option(WALCAST_JEMALLOC "Link jemalloc into the binaries and tests" OFF)
option(WALCAST_HARDEN "Build what makes a fault of memory hard to use; needs optimisation" OFF)
option(WALCAST_TIMED "Time WAL on its way, and have probes; OFF only to measure what that costs" ON)
set(WALCAST_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
set(WALCAST_UNITY "" CACHE STRING
  "What is compiled six files at a time, for a build that happens once: empty, tests or all")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what ccache asks for where a precompiled header is used. By the compiler's own
  # list of what was included, ccache does without preprocessing each file first.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${CCACHE})
endif()

# -pthread for all, as some libraries want it: a precompiled header is of one set of options.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(TBB REQUIRED COMPONENTS tbb)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib)
find_package(prometheus-cpp REQUIRED CONFIG)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
# What benchmarks are compared with.
pkg_check_modules(libisal REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(liburing REQUIRED IMPORTED_TARGET liburing)
find_path(CONCURRENTQUEUE_INCLUDE concurrentqueue/concurrentqueue.h REQUIRED)
find_path(READERWRITERQUEUE_INCLUDE readerwriterqueue/readerwriterqueue.h REQUIRED)
find_path(CALLGRIND_INCLUDE valgrind/callgrind.h REQUIRED)
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
if(NOT WALCAST_TIMED)
  target_compile_definitions(walcast_flags INTERFACE WALCAST_UNTIMED)
endif()
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
if(WALCAST_HARDEN)
  # What Debian builds its servers with, and more: addresses that no attacker knows, no table of
  # functions that can be written, stacks that are looked at, and jumps to where one may jump.
  # tests/e2e/test_hardening.py looks for each in the binary. _FORTIFY_SOURCE is left out: its names
  # for libc's calls would pass by the layers in which tests have files fail.
  target_compile_options(walcast_flags INTERFACE
    -fPIE -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(walcast_flags INTERFACE -fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_compile_options(walcast_flags INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(walcast_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro,-z,now,-z,noexecstack)
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

# What tests are compiled with: most of the time that is left would be that of -O3. Undefined
# behaviour is looked for in what they test, and not in their own text: each EXPECT is many checks.
# It is linked last, as the last of two options counts.
add_library(walcast_test_flags INTERFACE)
target_compile_options(walcast_test_flags INTERFACE -O1)
if(WALCAST_SANITIZE MATCHES "undefined")
  target_compile_options(walcast_test_flags INTERFACE -fno-sanitize=undefined)
endif()

# GoogleTest's headers, compiled once for all tests. For a library's files it does not pay: g++ is
# slower with the standard library's headers precompiled than without.
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/walcast_test_headers.cc CONTENT "")
add_library(walcast_test_headers OBJECT EXCLUDE_FROM_ALL
  ${PROJECT_BINARY_DIR}/walcast_test_headers.cc)
target_link_libraries(walcast_test_headers PRIVATE walcast_flags GTest::gmock walcast_test_flags)
target_precompile_headers(walcast_test_headers PRIVATE <gmock/gmock.h>)

# walcast_unity(NAME [a.cc ...])
# Half of a compiler's time goes into the headers that the files of a folder have in common. The
# files named define something for themselves that another one has under the same name.
function(walcast_unity name)
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  if(ARGN)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# walcast_library(NAME [SOURCES a.cc ...] HEADERS a.h ... [DEPENDS lib ...] [ALONE a.cc ...])
# One static library per folder of a floor; header-only folders become interface libraries. Every
# header is compiled alone by the target all_verify_interface_header_sets.
function(walcast_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPENDS;ALONE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    if(WALCAST_UNITY STREQUAL "all")
      walcast_unity(${name} ${ARG_ALONE})
    endif()
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

# walcast_test(NAME LABEL unit|stress [TIMEOUT seconds] SOURCES a_test.cc ... [DEPENDS lib ...]
#   [ALONE a_test.cc ...])
# One GoogleTest binary per folder; each TEST is a test of its own for ctest. Under a sanitizer a
# process takes longer to start than most tests take, so there one runs those of about four files.
function(walcast_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS;ALONE" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE
    ${ARG_DEPENDS} GTest::gmock GTest::gtest_main walcast_test_flags)
  target_precompile_headers(${name} REUSE_FROM walcast_test_headers)
  if(WALCAST_UNITY)
    walcast_unity(${name} ${ARG_ALONE})
  endif()
  if(WALCAST_JEMALLOC)
    target_link_libraries(${name} PRIVATE PkgConfig::jemalloc)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(NOT WALCAST_SANITIZE)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
    return()
  endif()
  list(LENGTH ARG_SOURCES files)
  math(EXPR shards "(${files} + 3) / 4")
  math(EXPR timeout "4 * ${ARG_TIMEOUT}")
  foreach(shard RANGE 1 ${shards})
    math(EXPR index "${shard} - 1")
    add_test(NAME ${name}.${shard} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name}.${shard} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${timeout}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}")
  endforeach()
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
