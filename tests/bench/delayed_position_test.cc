#include "bench/behaviour/delayed_position.h"

#include <gtest/gtest.h>

namespace bench::behaviour {
namespace {

using server::wal::Lsn;
using std::chrono::milliseconds;

constexpr milliseconds kDelay(160);
constexpr milliseconds kStep = kDelay / DelayedPosition::kSteps;

TEST(DelayedPositionTest, NothingIsThereBeforeTheDelayHasPassed) {
  runtime::FakeClock clock;
  DelayedPosition position(kDelay);
  EXPECT_EQ(position.get(clock.now()), Lsn());
  position.note(clock.now(), Lsn(100));
  clock.advance(kDelay - milliseconds(1));
  EXPECT_EQ(position.get(clock.now()), Lsn());
  clock.advance(milliseconds(1) + kStep);
  EXPECT_EQ(position.get(clock.now()), Lsn(100));
}

// Whatever came, and whenever it is asked: never early, and late by a step at most.
TEST(DelayedPositionTest, ItIsWhatWasThereSoLongAgo) {
  runtime::FakeClock clock;
  DelayedPosition position(kDelay);
  const runtime::Instant begin = clock.now();
  const auto had_at = [&](runtime::Instant at) {
    return at < begin ? Lsn() : Lsn(static_cast<std::uint64_t>((at - begin).count()) + 1);
  };
  for (int i = 0; i < 2000; ++i, clock.advance(milliseconds(1))) {
    position.note(clock.now(), had_at(clock.now()));
    const Lsn said = position.get(clock.now());
    EXPECT_LE(said, had_at(clock.now() - kDelay)) << i;
    EXPECT_GE(said, had_at(clock.now() - kDelay - kStep)) << i;
  }
}

TEST(DelayedPositionTest, ADelayOfANanosecondIsOne) {
  runtime::FakeClock clock;
  DelayedPosition position(runtime::Duration(1));
  position.note(clock.now(), Lsn(7));
  EXPECT_EQ(position.get(clock.now()), Lsn());
  clock.advance(runtime::Duration(2));
  EXPECT_EQ(position.get(clock.now()), Lsn(7));
}

}  // namespace
}  // namespace bench::behaviour
