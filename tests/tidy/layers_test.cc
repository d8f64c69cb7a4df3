#include "tests/tidy/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> breaches(const std::string& path, const std::string& includes) {
  return layer_breaches({path, "#pragma once\n\n" + includes + "\nint x;\n"});
}

TEST(LayersTest, TheTreeKeepsItsFloors) {
  for (const SourceFile& file : read_source_tree()) {
    EXPECT_THAT(layer_breaches(file), IsEmpty());
  }
}

TEST(LayersTest, AFileIncludesFromItsFolderAndBelow) {
  EXPECT_THAT(breaches("server/stream/sender.h",
                       "#include \"server/stream/chunk.h\"\n#include \"server/wal/lsn.h\"\n"
                       "#include \"server/wire/codec.h\"\n#include \"runtime/fd.h\"\n"
                       "#include \"memctx/arena.h\"\n#include <vector>\n#include <sys/uio.h>"),
              IsEmpty());
  EXPECT_THAT(breaches("server/main.cc", "#include \"server/admin/check.h\""), IsEmpty());
  EXPECT_THAT(breaches("bench/walbench/main.cc", "#include \"server/wire/codec.h\""), IsEmpty());
}

TEST(LayersTest, NamesAPlantedIncludeUpward) {
  EXPECT_THAT(breaches("memctx/arena.h", "#include \"runtime/check.h\""),
              ElementsAre("memctx/arena.h includes upward \"runtime/check.h\""));
  EXPECT_THAT(breaches("runtime/loop.cc", "#include \"server/wal/lsn.h\""),
              ElementsAre("runtime/loop.cc includes upward \"server/wal/lsn.h\""));
  EXPECT_THAT(breaches("server/stream/sender.cc", "#include \"server/session/session.h\""),
              ElementsAre("server/stream/sender.cc includes upward \"server/session/session.h\""));
}

TEST(LayersTest, NamesAPlantedIncludeSideways) {
  EXPECT_THAT(breaches("server/wal/reader.cc", "#include \"server/wire/codec.h\""),
              ElementsAre("server/wal/reader.cc includes sideways \"server/wire/codec.h\""));
  EXPECT_THAT(breaches("server/command/start.cc", "#include \"server/admin/attribution.h\""),
              ElementsAre("server/command/start.cc includes sideways "
                          "\"server/admin/attribution.h\""));
}

TEST(LayersTest, BenchmarksMayUseWhatTestsShare) {
  EXPECT_THAT(breaches("bench/a_bench.cc", "#include \"tests/support/temp_dir.h\""), IsEmpty());
  EXPECT_THAT(breaches("bench/walbench.cc", "#include \"bench/walbench/fleet.h\""), IsEmpty());
  EXPECT_THAT(
      breaches("server/session/session.cc", "#include \"tests/support/temp_dir.h\""),
      ElementsAre("server/session/session.cc includes upward \"tests/support/temp_dir.h\""));
  EXPECT_THAT(breaches("bench/walbench/worker.cc", "#include \"server/server.h\""),
              ElementsAre("bench/walbench/worker.cc includes sideways \"server/server.h\""));
}

TEST(LayersTest, NamesAnIncludeThatHasNoFloor) {
  EXPECT_THAT(breaches("server/session/session.cc", "#include \"session.h\""),
              ElementsAre("server/session/session.cc includes from a folder that has no floor "
                          "\"session.h\""));
  EXPECT_THAT(breaches("server/session/session.cc", "#include \"tests/wal/samples.h\""),
              ElementsAre("server/session/session.cc includes from a folder that has no floor "
                          "\"tests/wal/samples.h\""));
  EXPECT_THAT(breaches("server/new/a.h", "#include \"runtime/fd.h\""),
              ElementsAre("server/new/a.h is in a folder that has no floor \"runtime/fd.h\""));
}

TEST(LayersTest, NamesALibraryOutOfItsPlace) {
  const std::pair<const char*, const char*> places[] = {
      {"<fmt/core.h>", "runtime/format.h"},
      {"<concurrentqueue/concurrentqueue.h>", "runtime/mailbox.h"},
      {"<readerwriterqueue/readerwriterqueue.h>", "runtime/span_queue.h"},
      {"<CLI/CLI.hpp>", "bench/walbench/options.cc"},
      {"<benchmark/benchmark.h>", "bench/crc32c_bench.cc"},
      {"<atomic>", "runtime/doorbell.h"},
      {"<mutex>", "runtime/mutex.h"}};
  for (const auto& [include, place] : places) {
    const std::string line = std::string("#include ") + include;
    EXPECT_THAT(breaches(place, line), IsEmpty());
    EXPECT_THAT(breaches("server/stream/sender.cc", line),
                ElementsAre("server/stream/sender.cc may not include " + std::string(include)));
  }
  EXPECT_THAT(breaches("runtime/loop.h", "#include <condition_variable>"),
              ElementsAre("runtime/loop.h may not include <condition_variable>"));
}

TEST(LayersTest, TestsMayIncludeAnything) {
  EXPECT_THAT(breaches("tests/wal/a_test.cc", "#include <atomic>\n#include \"server/server.h\""),
              IsEmpty());
}

}  // namespace
}  // namespace tests
