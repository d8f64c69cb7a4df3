#include "server/wal/source_clock.h"

#include <gtest/gtest.h>

namespace server::wal {
namespace {

using runtime::Duration;
using runtime::Instant;
using std::chrono::milliseconds;

constexpr Instant kBegin{std::chrono::hours(1)};

Instant at(int millis) { return kBegin + milliseconds(millis); }

// What each stage of a source has taken.
struct Stages {
  Duration received, stored, proven, published;

  bool operator==(const Stages&) const = default;
};

Stages stages_of(const SourceTimes& times) {
  return {.received = times.found - times.arrived,
          .stored = times.stored - times.found,
          .proven = times.proven - times.stored,
          .published = times.published - times.proven};
}

Stages in_millis(int received, int stored, int proven, int published) {
  return {milliseconds(received), milliseconds(stored), milliseconds(proven),
          milliseconds(published)};
}

void PrintTo(const Stages& stages, std::ostream* out) {
  const auto millis = [](Duration one) { return one.count() / 1'000'000; };
  *out << millis(stages.received) << " + " << millis(stages.stored) << " + "
       << millis(stages.proven) << " + " << millis(stages.published);
}

// A piece of WAL on its way; the last time is that of its publishing.
SourceTimes play(SourceClock& clock, int arrived, int found, int stored, int proven,
                 int published) {
  clock.received(at(arrived), at(found));
  clock.stored(at(stored));
  clock.proven(at(proven));
  return clock.published(at(published));
}

TEST(SourceClockTest, EachStageBeginsWhereTheOneBeforeEnds) {
  SourceClock clock;
  const SourceTimes times = play(clock, 10, 11, 13, 17, 25);
  EXPECT_EQ(stages_of(times), in_millis(1, 2, 4, 8));
  EXPECT_EQ(times.published - times.arrived, milliseconds(15));
}

TEST(SourceClockTest, ASourceThatSaysNothingFindsWhatItPublishes) {
  SourceClock clock;
  clock.stored(at(1));
  clock.proven(at(2));
  EXPECT_EQ(stages_of(clock.published(at(3))), in_millis(0, 0, 0, 0));
}

TEST(SourceClockTest, AStageThatIsNotNamedTakesNoTime) {
  SourceClock clock;
  clock.received(at(0), at(1));
  clock.proven(at(5));
  EXPECT_EQ(stages_of(clock.published(at(6))), in_millis(1, 0, 4, 1));
}

TEST(SourceClockTest, WhatComesToAThreadThatSleepsWaitsForItToWake) {
  SourceClock clock;
  play(clock, 0, 1, 100, 101, 102);
  EXPECT_EQ(stages_of(play(clock, 103, 150, 151, 152, 153)), in_millis(47, 1, 1, 1));
}

TEST(SourceClockTest, WhatComesMeanwhileWaitsInTheStageThatHoldsUpThePieceBefore) {
  SourceClock disk;
  play(disk, 0, 1, 100, 102, 103);
  EXPECT_EQ(stages_of(play(disk, 10, 104, 105, 107, 110)), in_millis(0, 95, 2, 3));
  SourceClock proof;
  play(proof, 0, 1, 2, 100, 103);
  EXPECT_EQ(stages_of(play(proof, 10, 104, 105, 107, 110)), in_millis(0, 1, 96, 3));
  SourceClock names;
  play(names, 0, 1, 2, 3, 100);
  EXPECT_EQ(stages_of(play(names, 10, 104, 105, 107, 110)), in_millis(0, 1, 2, 97));
}

TEST(SourceClockTest, TheWaitOfALongQueueStaysWithItsCause) {
  SourceClock clock;
  play(clock, 0, 1, 1000, 1001, 1002);
  // Of its own, each is proven longest.
  EXPECT_EQ(stages_of(play(clock, 10, 1003, 1004, 1009, 1010)), in_millis(0, 994, 5, 1));
  EXPECT_EQ(stages_of(play(clock, 20, 1010, 1011, 1016, 1017)), in_millis(0, 991, 5, 1));
  EXPECT_EQ(stages_of(play(clock, 30, 1017, 1018, 1023, 1024)), in_millis(0, 988, 5, 1));
  // The queue is empty, and the thread asleep.
  EXPECT_EQ(stages_of(play(clock, 1030, 1031, 1032, 1037, 1038)), in_millis(1, 1, 5, 1));
}

// A record that comes in two messages: the first one is written, and nothing can be published.
TEST(SourceClockTest, APieceThatIsNotPublishedHoldsUpTheNext) {
  SourceClock clock;
  play(clock, 0, 1, 2, 3, 4);
  clock.received(at(10), at(11));
  clock.stored(at(500));
  EXPECT_EQ(stages_of(play(clock, 20, 501, 502, 503, 504)), in_millis(0, 482, 1, 1));
}

TEST(SourceClockTest, WhateverWaitsTheStagesAddUp) {
  SourceClock clock;
  int now = 0;
  for (int i = 0; i < 1000; ++i) {
    const int arrived = now - i * 7 % 40;
    const int found = now + 1;
    now += 4 + i * 31 % 50;
    const SourceTimes times = play(clock, arrived, found, found + i % 2, now - i * 13 % 3, now);
    EXPECT_EQ(times.arrived, at(arrived));
    EXPECT_EQ(times.published, at(now));
    EXPECT_LE(times.arrived, times.found);
    EXPECT_LE(times.found, times.stored);
    EXPECT_LE(times.stored, times.proven);
    EXPECT_LE(times.proven, times.published);
  }
}

TEST(SourceClockTest, APieceMayBePublishedInParts) {
  SourceClock clock;
  clock.received(at(0), at(1));
  clock.stored(at(2));
  clock.proven(at(10));
  EXPECT_EQ(stages_of(clock.published(at(11))), in_millis(1, 1, 8, 1));
  clock.proven(at(20));
  EXPECT_EQ(stages_of(clock.published(at(22))), in_millis(1, 1, 18, 2));
}

}  // namespace
}  // namespace server::wal
