#include "server/stats/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace server::stats {
namespace {

using testing::Optional;

runtime::Instant at(int milliseconds) {
  return runtime::Instant(std::chrono::milliseconds(milliseconds));
}

double rate_of(Rates& rates, std::uint64_t bytes_sent, int milliseconds,
               std::uint32_t process_id = 1) {
  std::vector<SessionStatus> sessions(1);
  sessions[0].process_id = process_id;
  sessions[0].bytes_sent = bytes_sent;
  rates.rate(sessions, at(milliseconds));
  return sessions[0].bytes_per_second;
}

TEST(RatesTest, ASessionsRateIsOfASecondOrMore) {
  Rates rates;
  EXPECT_EQ(rate_of(rates, 1000, 0), 0);
  EXPECT_EQ(rate_of(rates, 1500, 500), 0) << "too soon to say";
  EXPECT_EQ(rate_of(rates, 3000, 2000), 1000);
  EXPECT_EQ(rate_of(rates, 9000, 2500), 1000) << "what was found last";
  EXPECT_EQ(rate_of(rates, 13000, 4000), 5000);
}

TEST(RatesTest, AnotherSessionOfTheSameProcessIdBeginsAnew) {
  Rates rates;
  rate_of(rates, 1000, 0);
  EXPECT_EQ(rate_of(rates, 1, 2000), 0);
  EXPECT_EQ(rate_of(rates, 2001, 4000), 1000);
}

TEST(RatesTest, ASessionThatHasLeftIsForgotten) {
  Rates rates;
  rate_of(rates, 1000, 0);
  rate_of(rates, 1, 1000, 2);
  EXPECT_EQ(rate_of(rates, 2000, 2000), 0);
}

TEST(RatesTest, WalComesAsFastAsInTheLastMinute) {
  Rates rates;
  EXPECT_EQ(rates.wal_rate(), std::nullopt);
  rates.note_end(wal::Lsn(1000), at(0));
  EXPECT_EQ(rates.wal_rate(), std::nullopt);
  rates.note_end(wal::Lsn(3000), at(2000));
  EXPECT_THAT(rates.wal_rate(), Optional(1000.0));
  for (int second = 3; second <= 180; ++second) rates.note_end(wal::Lsn(3000), at(second * 1000));
  EXPECT_THAT(rates.wal_rate(), Optional(0.0)) << "what came three minutes ago counts no more";
}

// A scrape each two minutes has two samples, however old the first is.
TEST(RatesTest, RareLooksHaveARateToo) {
  Rates rates;
  rates.note_end(wal::Lsn(1), at(0));
  rates.note_end(wal::Lsn(120'001), at(120'000));
  EXPECT_THAT(rates.wal_rate(), Optional(1000.0));
  rates.note_end(wal::Lsn(360'001), at(240'000));
  EXPECT_THAT(rates.wal_rate(), Optional(2000.0));
}

TEST(RatesTest, AnEndThatGoesBackBeginsAnew) {
  Rates rates;
  rates.note_end(wal::Lsn(5000), at(0));
  rates.note_end(wal::Lsn(9000), at(2000));
  rates.note_end(wal::Lsn(6000), at(4000));
  EXPECT_EQ(rates.wal_rate(), std::nullopt);
  rates.note_end(wal::Lsn(8000), at(6000));
  EXPECT_THAT(rates.wal_rate(), Optional(1000.0));
}

}  // namespace
}  // namespace server::stats
