#include "server/source/trace_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace server::source {
namespace {

using std::chrono::milliseconds;

struct TraceReplayTest : ::testing::Test {
  void write(const std::vector<wal::TraceMessage>& messages, runtime::Duration duration) {
    auto writer = wal::TraceWriter::create(file, {});
    ASSERT_TRUE(writer.has_value());
    for (const auto& message : messages) ASSERT_TRUE((*writer)->add(message).has_value());
    ASSERT_TRUE((*writer)->finish(duration).has_value());
  }
  std::unique_ptr<TraceReplay> open(double speed, bool loops) const {
    auto replay = TraceReplay::open({.file = file, .speed = speed, .loops = loops});
    EXPECT_TRUE(replay.has_value());
    return std::move(replay).value();
  }
  static void expect_step(TraceReplay& replay, runtime::Duration due, std::uint64_t bytes_end) {
    ASSERT_TRUE(replay.step().has_value());
    EXPECT_EQ(replay.step()->due, due);
    EXPECT_EQ(replay.step()->bytes_end, bytes_end);
    ASSERT_TRUE(replay.advance().has_value());
  }

  const tests::TempDir directory;
  const std::string file = directory.file("trace");
};

TEST_F(TraceReplayTest, GivesBytesInAllAtTheTimesOfTheTrace) {
  write({{milliseconds(2), 100}, {milliseconds(3), 50}}, milliseconds(10));
  const auto replay = open(/*speed=*/1, /*loops=*/false);
  expect_step(*replay, milliseconds(2), 100);
  expect_step(*replay, milliseconds(3), 150);
  EXPECT_FALSE(replay->step().has_value());
}

TEST_F(TraceReplayTest, BeginsAgainWhenTheTraceIsOverAndNotAtItsLastMessage) {
  write({{milliseconds(2), 100}, {milliseconds(3), 50}}, milliseconds(10));
  const auto replay = open(/*speed=*/1, /*loops=*/true);
  for (int round = 0; round < 3; ++round) {
    const auto bytes = static_cast<std::uint64_t>(150 * round);
    expect_step(*replay, milliseconds(10 * round + 2), bytes + 100);
    expect_step(*replay, milliseconds(10 * round + 3), bytes + 150);
  }
}

TEST_F(TraceReplayTest, IsFasterOrSlowerInAllOfItsTimes) {
  write({{milliseconds(2), 100}, {milliseconds(4), 50}}, milliseconds(10));
  const auto fast = open(/*speed=*/2, /*loops=*/true);
  expect_step(*fast, milliseconds(1), 100);
  expect_step(*fast, milliseconds(2), 150);
  expect_step(*fast, milliseconds(6), 250);
  const auto slow = open(/*speed=*/0.5, /*loops=*/true);
  expect_step(*slow, milliseconds(4), 100);
  expect_step(*slow, milliseconds(8), 150);
  expect_step(*slow, milliseconds(24), 250);
}

TEST_F(TraceReplayTest, ATraceWithoutWalIsRefused) {
  for (const bool has_messages : {false, true}) {
    write(has_messages ? std::vector<wal::TraceMessage>{{milliseconds(1), 0}}
                       : std::vector<wal::TraceMessage>{},
          milliseconds(10));
    const auto replay = TraceReplay::open({.file = file});
    ASSERT_FALSE(replay.has_value());
    EXPECT_EQ(replay.error().what, "trace file \"" + file + "\" has no WAL in it");
  }
}

TEST_F(TraceReplayTest, ATraceThatIsDamagedIsRefused) {
  const auto replay = TraceReplay::open({.file = directory.file("none")});
  ASSERT_FALSE(replay.has_value());
}

}  // namespace
}  // namespace server::source
