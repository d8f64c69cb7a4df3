#include "server/stream/lag_clock.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

#include "tests/support/random_seed.h"

namespace tests {

using runtime::Duration;
using runtime::Instant;
using server::stream::LagClock;
using server::wal::Lsn;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

Instant at(std::int64_t ms) { return Instant(std::chrono::hours(1) + milliseconds(ms)); }

// The same by a plain list.
class Model {
 public:
  void sample(Lsn end, Instant now) {
    while (!samples_.empty() && samples_.back().first > end) samples_.pop_back();
    if (!samples_.empty() && now - samples_.back().second < milliseconds(1)) {
      samples_.back().first = end;
      return;
    }
    samples_.emplace_back(end, now);
    if (samples_.size() > LagClock::kSamples) samples_.pop_front();
  }
  std::optional<Duration> behind(Lsn position, Instant now) const {
    for (const auto& [end, time] : samples_) {
      if (end > position) return now - time;
    }
    return std::nullopt;
  }

 private:
  std::deque<std::pair<Lsn, Instant>> samples_;
};

}  // namespace

TEST(LagClockTest, NoStandbyIsBehindWhereThereIsNoWal) {
  const auto clock = std::make_unique<LagClock>();
  EXPECT_EQ(clock->behind(Lsn(100), at(0)), std::nullopt);
  clock->sample(Lsn(100), at(0));
  EXPECT_EQ(clock->behind(Lsn(100), at(5)), std::nullopt);
  EXPECT_EQ(clock->behind(Lsn(99), at(5)), milliseconds(5));
}

TEST(LagClockTest, WhatComesWithinAMillisecondKeepsTheOlderTime) {
  const auto clock = std::make_unique<LagClock>();
  clock->sample(Lsn(100), at(0));
  clock->sample(Lsn(200), at(0) + microseconds(999));
  EXPECT_EQ(clock->behind(Lsn(150), at(10)), milliseconds(10));
  clock->sample(Lsn(300), at(1));
  EXPECT_EQ(clock->behind(Lsn(200), at(10)), milliseconds(9));
}

TEST(LagClockTest, AStandbyFurtherBehindThanAllSamplesIsAsOldAsTheOldest) {
  const auto clock = std::make_unique<LagClock>();
  const auto count = static_cast<std::int64_t>(LagClock::kSamples);
  for (std::int64_t i = 1; i <= count + 10; ++i) {
    clock->sample(Lsn(static_cast<std::uint64_t>(i) * 10), at(i));
  }
  EXPECT_EQ(clock->behind(Lsn(5), at(count + 10)), milliseconds(count - 1));
}

// Samples were searched as if they were sorted, although a fork had taken the end back.
TEST(LagClockTest, AnEndThatGoesBackTakesWhatLayBeyondWithIt) {
  const auto clock = std::make_unique<LagClock>();
  clock->sample(Lsn(100), at(0));
  clock->sample(Lsn(900), at(10));
  clock->sample(Lsn(300), at(20));
  EXPECT_EQ(clock->behind(Lsn(300), at(30)), std::nullopt);
  EXPECT_EQ(clock->behind(Lsn(200), at(30)), milliseconds(10));
  EXPECT_EQ(clock->behind(Lsn(50), at(30)), milliseconds(30));
}

TEST(LagClockTest, AgreesWithAPlainListOverALongLife) {
  const auto seed = tests::random_seed();
  std::mt19937_64 random(seed);
  const auto clock = std::make_unique<LagClock>();
  Model model;
  std::uint64_t end = 1000;
  Instant now = at(0);
  for (int i = 0; i < 12'000; ++i) {
    end = random() % 500 == 0 ? end - std::min<std::uint64_t>(end, random() % 5000)
                              : end + random() % 100;
    now += microseconds(random() % 4000);
    clock->sample(Lsn(end), now);
    model.sample(Lsn(end), now);
    if (i % 16 != 0) continue;
    const Lsn position(end - std::min<std::uint64_t>(end, random() % 400'000));
    ASSERT_EQ(clock->behind(position, now), model.behind(position, now)) << i;
  }
}

}  // namespace tests
