#include "server/wire/text.h"

#include <gtest/gtest.h>

namespace server::wire {
namespace {

TEST(TextTest, OnlyLettersOfAsciiHaveTwoCases) {
  EXPECT_TRUE(equal_ignoring_case("TimeZone", "tIMEzONE"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("ab", "a"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
}

TEST(TextTest, BlanksGo) {
  EXPECT_EQ(trim_left(" \t\n\v\f\rx y "), "x y ");
  EXPECT_EQ(trim(" \t x y \r\n"), "x y");
  EXPECT_EQ(trim("x"), "x");
  EXPECT_EQ(trim(" "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(TextTest, ABooleanIsAnyBeginningThatNoOtherShares) {
  for (const char* text : {"t", "TRUE", "tr", "y", "Yes", "on", "ON", "1"}) {
    EXPECT_EQ(parse_bool(text), true) << text;
  }
  for (const char* text : {"f", "False", "fals", "n", "no", "of", "OFF", "0"}) {
    EXPECT_EQ(parse_bool(text), false) << text;
  }
  for (const char* text : {"", "o", "truee", "yes ", " on", "01", "10", "2", "nein"}) {
    EXPECT_EQ(parse_bool(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace server::wire
