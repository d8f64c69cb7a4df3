#include "server/console/types.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "server/console/binary.h"
#include "server/console/lexer.h"
#include "server/console/pattern.h"
#include "server/console/sizes.h"

namespace tests {

using server::console::read_binary;
using server::console::read_text;
using server::console::Type;
using server::console::write_binary;
using server::console::write_text;

TEST(ConsoleTypesTest, ATextIsWrittenAsPostgresWritesIt) {
  struct Case {
    Type type;
    std::string_view in;
    std::string_view out;
  };
  const Case kCases[]{
      {Type::kBool, " yes ", "t"},
      {Type::kInt4, " +12 ", "12"},
      {Type::kOid, "-1", "4294967295"},
      {Type::kFloat8, "1e3", "1000"},
      {Type::kNumeric, "123456789012345678", "123456789012345678"},
      {Type::kNumeric, "0.25", "0.25"},
      {Type::kLsn, "16/b374d848", "16/B374D848"},
      {Type::kInet, "::0001", "::1"},
      {Type::kInet, "10.0.0.0/8", "10.0.0.0/8"},
      {Type::kTimestamptz, "2026-02-28 23:59:59.123456-01:30", "2026-03-01 01:29:59.123456+00"},
      {Type::kTimestamptz, "infinity", "infinity"},
      {Type::kTimestamptz, "1999-12-31T23:59:59Z", "1999-12-31 23:59:59+00"},
      {Type::kDate, "2024-02-29", "2024-02-29"},
      {Type::kInterval, "1 day 2 hours 3 minutes 4.5 seconds", "1 day 02:03:04.5"},
      {Type::kInterval, "-90 minutes", "-01:30:00"},
      {Type::kInterval, "PT1H30M", "01:30:00"},
      {Type::kInterval, "5 minutes ago", "-00:05:00"},
      {Type::kTextArray, "{a, \"b c\" ,NULL}", "{a,\"b c\",NULL}"},
  };
  for (const Case& one : kCases) {
    const auto value = read_text(one.type, one.in);
    ASSERT_TRUE(value.has_value()) << one.in << ": " << value.error().what;
    EXPECT_EQ(write_text(one.type, *value), one.out);
    const auto again = read_binary(one.type, write_binary(one.type, *value));
    ASSERT_TRUE(again.has_value()) << one.in << ": " << again.error().what;
    EXPECT_EQ(write_text(one.type, *again), one.out) << one.in;
  }
}

TEST(ConsoleTypesTest, WhatIsNoValueIsRefused) {
  const std::pair<Type, std::string_view> kCases[]{
      {Type::kBool, "maybe"},
      {Type::kInt2, "32768"},
      {Type::kInt4, ""},
      {Type::kInt4, "1.5"},
      {Type::kLsn, "0"},
      {Type::kLsn, "1/123456789"},
      {Type::kInet, "256.0.0.1"},
      {Type::kInet, "10.0.0.1/33"},
      {Type::kDate, "2023-02-29"},
      {Type::kTimestamptz, "today!"},
      {Type::kInterval, "3 moons"},
      {Type::kTextArray, "{a"},
      {Type::kTextArray, "a"},
  };
  for (const auto& [type, text] : kCases) EXPECT_FALSE(read_text(type, text).has_value()) << text;
}

TEST(ConsoleTypesTest, BytesThatAreTooFewOrTooManyAreRefused) {
  EXPECT_FALSE(read_binary(Type::kInt4, std::string_view("\0\0\0", 3)).has_value());
  EXPECT_FALSE(read_binary(Type::kInt4, std::string_view("\0\0\0\0\0", 5)).has_value());
  EXPECT_FALSE(read_binary(Type::kInet, std::string_view("\2\x20\0\4\x7f", 5)).has_value());
  EXPECT_FALSE(
      read_binary(Type::kNumeric, std::string_view("\0\1\0\0\1\0\0\0\0\1", 10)).has_value());
  EXPECT_FALSE(read_binary(Type::kTextArray, std::string_view("\0\0\0\1\0\0\0\0", 8)).has_value());
}

TEST(ConsolePatternTest, PercentsAndUnderscoresAreMatched) {
  using server::console::is_like;
  EXPECT_TRUE(*is_like("abcabd", "%ab_", false, "\\"));
  EXPECT_FALSE(*is_like("abcabd", "%ac_", false, "\\"));
  EXPECT_TRUE(*is_like("10%", "10\\%", false, "\\"));
  EXPECT_FALSE(*is_like("105", "10\\%", false, "\\"));
  EXPECT_TRUE(*is_like("\xC3\xA4", "_", false, "\\"));
  EXPECT_TRUE(*is_like("", "%%", false, ""));
  EXPECT_FALSE(is_like("a", "\\", false, "\\").has_value());
  EXPECT_FALSE(*is_like(std::string(10000, 'a'), "%a%a%a%a%a%a%b", false, "\\"));
}

TEST(ConsoleSizesTest, SizesAreRoundedAsPostgresRounds) {
  using server::console::size_bytes;
  using server::console::size_pretty;
  EXPECT_EQ(size_pretty(std::int64_t{10239}), "10239 bytes");
  EXPECT_EQ(size_pretty(std::int64_t{10240}), "10 kB");
  EXPECT_EQ(size_pretty(std::int64_t{1536} * 1024), "1536 kB");
  EXPECT_EQ(size_pretty(std::int64_t{-16777216}), "-16 MB");
  EXPECT_EQ(size_pretty(std::int64_t{1} << 50), "1024 TB");
  EXPECT_EQ(*size_bytes("1.5 GB"), 1610612736);
  EXPECT_FALSE(size_bytes("1 XB").has_value());
}

TEST(ConsoleLexerTest, TokensAreCutAsPostgresCutsThem) {
  using server::console::tokenize;
  const auto kinds = [](std::string_view text) {
    std::string joined;
    const auto tokens = tokenize(text);
    if (!tokens) return tokens.error().what;
    for (const auto& token : *tokens) joined += token.text + "|";
    return joined;
  };
  EXPECT_EQ(kinds("a.B::c"), "a|.|b|::|c||");
  EXPECT_EQ(kinds("1.5e3 $12 \"A\"\"b\""), "1.5e3|12|A\"b||");
  EXPECT_EQ(kinds("a<>-1 a!=b"), "a|<>|-|1|a|<>|b||");
  EXPECT_EQ(kinds("'a' -- x\n/* /* y */ */ b"), "a|b||");
  EXPECT_EQ(kinds("$x$ ' $x$"), " ' ||");
  EXPECT_EQ(kinds("1a"), "trailing junk after numeric literal at or near \"1a\"");
  EXPECT_EQ(kinds("/* x"), "unterminated /* comment at or near \"/* x\"");
  EXPECT_EQ(kinds("\"\""), "zero-length delimited identifier at or near \"\"\"\"");
}

}  // namespace tests
