#include "server/settings/units.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace server::settings {
namespace {

using std::chrono::milliseconds;

// What a text stands for, if it stands for anything.
template <typename Value>
std::optional<Value> any(const runtime::Result<Value>& parsed) {
  return parsed ? std::optional(*parsed) : std::nullopt;
}
std::optional<std::uint64_t> bytes_of(std::string_view text, Unit bare = Unit::kBytes) {
  return any(parse_bytes("x", text, bare));
}
std::optional<std::uint64_t> rate_of(std::string_view text) { return any(parse_rate("x", text)); }
std::optional<runtime::Duration> duration_of(std::string_view text,
                                             Unit bare = Unit::kMilliseconds) {
  return any(parse_duration("x", text, bare));
}

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
  for (const auto& [text, bytes] : cases) EXPECT_EQ(bytes_of(text), bytes) << text;
}

TEST(UnitsTest, ABareNumberIsInTheUnitOfItsSetting) {
  EXPECT_EQ(bytes_of("16", Unit::kMegabytes), 16u << 20);
  EXPECT_EQ(bytes_of("16kB", Unit::kMegabytes), 16u << 10);
}

TEST(UnitsTest, ReadsRates) {
  EXPECT_EQ(rate_of("50MB/s"), 50u << 20);
  EXPECT_EQ(rate_of(" 50 MB/s "), 50u << 20);
  EXPECT_EQ(rate_of("50MB"), 50u << 20);
  EXPECT_EQ(rate_of("1000"), 1000u);
  EXPECT_EQ(rate_of("/s"), std::nullopt);
  EXPECT_EQ(rate_of("50MB/h"), std::nullopt);
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
  for (const auto& [text, duration] : cases) EXPECT_EQ(duration_of(text), duration) << text;
}

TEST(UnitsTest, ReadsNothingElse) {
  for (const char* text : {"", " ", "MB", "x", "-1", "-1MB", "1mb", "1Mb", "1 M B", "1MBs", "1,5MB",
                           "0b1", "16MB 1", "++1", "1e30", "99999999999TB"}) {
    EXPECT_EQ(bytes_of(text), std::nullopt) << text;
  }
  for (const char* text : {"", "s", "1S", "1sec", "-1s", "1MB", "1e30d", "1 s s"}) {
    EXPECT_EQ(duration_of(text), std::nullopt) << text;
  }
}

// std::from_chars takes these for numbers, and a standby could make its own timeout of one.
TEST(UnitsTest, WhatIsNoNumberIsNone) {
  for (const char* text : {"nan", "NaN", "nans", "inf", "infinity", "-inf", "nan(1)"}) {
    EXPECT_EQ(duration_of(text), std::nullopt) << text;
    EXPECT_EQ(bytes_of(text), std::nullopt) << text;
  }
}

TEST(UnitsTest, ShowsBytesInTheLargestWholeUnit) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0"},           {1, "1B"},           {1000, "1000B"},    {1024, "1kB"},
      {1536, "1536B"},    {65536, "64kB"},     {1 << 20, "1MB"},   {(1 << 20) + 1024, "1025kB"},
      {16 << 20, "16MB"}, {1ull << 30, "1GB"}, {3ull << 40, "3TB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(show_bytes(bytes), text);
}

TEST(UnitsTest, ShowsDurationsInTheLargestWholeUnit) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0"},        {1, "1ms"},        {1500, "1500ms"},   {5000, "5s"},        {60'000, "1min"},
      {90'000, "90s"}, {3'600'000, "1h"}, {86'400'000, "1d"}, {5'400'000, "90min"}};
  for (const auto& [count, text] : cases) EXPECT_EQ(show_duration(milliseconds(count)), text);
}

// The number is read as strtod reads it, as PostgreSQL does with a real one.
TEST(UnitsTest, ANumberMayHaveASignOrBeHexadecimal) {
  EXPECT_EQ(bytes_of("+1kB"), 1024u);
  EXPECT_EQ(bytes_of("0x10"), 16u);
  EXPECT_EQ(bytes_of("010"), 10u) << "which would be octal to strtol";
  EXPECT_EQ(bytes_of("-0"), 0u);
  EXPECT_EQ(bytes_of("-0.4"), std::nullopt);
}

// convert_to_base_unit: 30.1 GB are no whole number of bytes.
TEST(UnitsTest, FractionsAreRoundedToTheNextSmallerUnit) {
  EXPECT_EQ(bytes_of("30.1GB"), 30822ull << 20);
  EXPECT_EQ(bytes_of("1.5B"), 2u);
  EXPECT_EQ(duration_of("1.0004s"), milliseconds(1000));
  EXPECT_EQ(duration_of("0.3us"), std::chrono::nanoseconds(300)) << "there is no smaller unit";
}

TEST(UnitsTest, TheUnitOfABareNumberIsTheSettings) {
  EXPECT_EQ(duration_of("7", Unit::kSeconds), std::chrono::seconds(7));
  EXPECT_EQ(duration_of("1.5", Unit::kSeconds), milliseconds(1500));
  EXPECT_EQ(duration_of("7ms", Unit::kSeconds), milliseconds(7));
}

TEST(UnitsTest, ANumberIsInItsRangeWhenItHasBeenRounded) {
  const NumberType type{.unit = Unit::kSeconds, .least = 1, .most = 600};
  EXPECT_EQ(parse_number(type, "x", "600400ms").value(), 600);
  EXPECT_EQ(parse_number(type, "x", "600600ms").error().what,
            "601 s is outside the valid range for parameter \"x\" (1 .. 600)");
}

TEST(UnitsTest, ARealNumberIsShownInTheSmallestUnitWhereNoneLeavesItWhole) {
  const NumberType type{.whole = false, .unit = Unit::kMilliseconds, .most = 100};
  EXPECT_EQ(show_number(type, 2), "2ms");
  EXPECT_EQ(show_number(type, 0.001), "1us");
  EXPECT_EQ(show_number(type, 0.0015), "1.5us");
  EXPECT_EQ(show_number(type, 0), "0");
}

// What is shown is read as the same again, so that a file can be written from SHOW.
TEST(UnitsTest, WhatIsShownIsReadAsTheSame) {
  for (const std::uint64_t bytes :
       {1ull, 1023ull, 1024ull, 1025ull, 5ull << 19, (1ull << 53) - 1, 1ull << 62}) {
    EXPECT_EQ(bytes_of(show_bytes(bytes)), bytes);
  }
  for (const auto& duration : {milliseconds(1), milliseconds(59'999), milliseconds(86'400'001)}) {
    EXPECT_EQ(duration_of(show_duration(duration)), duration);
  }
}

// The ends of a range are those of PostgreSQL: in the unit of a bare number.
TEST(UnitsTest, ASizeOrTimeThatIsNoneSaysWhichUnitsThereAre) {
  for (const char* text : {"1G", "16mb", "10sec", "1 K"}) {
    const auto size = parse_bytes("wal_keep_size", text, Unit::kMegabytes);
    ASSERT_FALSE(size.has_value()) << text;
    EXPECT_EQ(size.error().what,
              "invalid value for parameter \"wal_keep_size\": \"" + std::string(text) + "\"");
    EXPECT_EQ(size.error().hint,
              "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
  }
  EXPECT_EQ(parse_duration("run_for", "10sec", Unit::kSeconds).error().hint,
            "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and "
            "\"d\".");
  EXPECT_EQ(parse_bytes("x", "129kB", Unit::kBytes, 128 << 10).error().what,
            "132096 B is outside the valid range for parameter \"x\" (0 .. 131072)");
  EXPECT_EQ(parse_bytes("x", "1023", Unit::kKilobytes, 4 << 20, 1 << 20).error().what,
            "1023 kB is outside the valid range for parameter \"x\" (1024 .. 4096)");
  EXPECT_EQ(parse_bytes("x", "1MB", Unit::kKilobytes, 4 << 20, 1 << 20).value(), 1u << 20);
  EXPECT_EQ(parse_duration("x", "-1s", Unit::kSeconds).error().what,
            "-1 s is outside the valid range for parameter \"x\" (0 .. 9000000000)");
  EXPECT_EQ(
      parse_bytes("x", "10000000TB", Unit::kMegabytes).error().what,
      "10485760000000 MB is outside the valid range for parameter \"x\" (0 .. 8583068847656)");
}

}  // namespace
}  // namespace server::settings
