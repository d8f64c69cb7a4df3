#include "server/settings/units.h"

#include <gtest/gtest.h>

namespace server::settings {
namespace {

using std::chrono::milliseconds;

TEST(UnitsTest, ReadsBytesInPostgresUnits) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"0", 0},
                                                         {"17", 17},
                                                         {"17B", 17},
                                                         {"16kB", 16 << 10},
                                                         {"16MB", 16 << 20},
                                                         {"2GB", 2ull << 30},
                                                         {"1TB", 1ull << 40},
                                                         {"1.5MB", 3 << 19},
                                                         {" 16 MB ", 16 << 20},
                                                         {"\t1kB", 1024},
                                                         {"1e3", 1000},
                                                         {"0.5", 0}};
  for (const auto& [text, bytes] : cases) EXPECT_EQ(parse_bytes(text), bytes) << text;
}

TEST(UnitsTest, ABareNumberIsInTheUnitOfItsSetting) {
  EXPECT_EQ(parse_bytes("16", 1 << 20), 16u << 20);
  EXPECT_EQ(parse_bytes("16kB", 1 << 20), 16u << 10);
}

TEST(UnitsTest, ReadsRates) {
  EXPECT_EQ(parse_rate("50MB/s"), 50u << 20);
  EXPECT_EQ(parse_rate(" 50 MB/s "), 50u << 20);
  EXPECT_EQ(parse_rate("50MB"), 50u << 20);
  EXPECT_EQ(parse_rate("1000"), 1000u);
  EXPECT_EQ(parse_rate("/s"), std::nullopt);
  EXPECT_EQ(parse_rate("50MB/h"), std::nullopt);
}

TEST(UnitsTest, ReadsDurations) {
  const std::pair<const char*, runtime::Duration> cases[] = {
      {"0", milliseconds(0)},
      {"250", milliseconds(250)},
      {"250ms", milliseconds(250)},
      {"60s", std::chrono::seconds(60)},
      {"5 min", std::chrono::minutes(5)},
      {"2h", std::chrono::hours(2)},
      {"1d", std::chrono::hours(24)},
      {"10us", std::chrono::microseconds(10)},
      {"0.5s", milliseconds(500)}};
  for (const auto& [text, duration] : cases) EXPECT_EQ(parse_duration(text), duration) << text;
}

TEST(UnitsTest, ReadsNothingElse) {
  for (const char* text : {"", " ", "MB", "x", "-1", "-1MB", "1mb", "1Mb", "1 M B", "1MBs", "1,5MB",
                           "0x10", "16MB 1", "+1", "1e30", "99999999999TB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
  for (const char* text : {"", "s", "1S", "1sec", "-1s", "1MB", "1e30d", "1 s s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

// std::from_chars takes these for numbers, and a standby could make its own timeout of one.
TEST(UnitsTest, WhatIsNoNumberIsNone) {
  for (const char* text : {"nan", "NaN", "nans", "inf", "infinity", "-inf", "nan(1)"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace server::settings
