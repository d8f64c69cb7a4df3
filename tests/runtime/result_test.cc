#include "runtime/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace runtime {
namespace {

constexpr ErrorKind kOne{"one", "00001"};
constexpr ErrorKind kSameText{"one", "00001"};

Error error_one() {
  return {.kind = &kOne, .what = "what", .detail = "detail", .hint = "hint", .sys_errno = 5};
}

Result<int> parse_digit(char c) {
  if (c < '0' || c > '9') return error_one();
  return c - '0';
}

// Counts how far it has come, so that a test sees where TRY has left.
Result<long> add_digits(char a, char b, int& steps) {
  const int first = TRY(parse_digit(a));
  ++steps;
  const int second = TRY(parse_digit(b));
  ++steps;
  return first + second;
}

Result<void> expect_digit(char c) {
  TRY(parse_digit(c));
  return {};
}

Result<std::unique_ptr<int>> boxed_digit(char c) {
  return std::make_unique<int>(TRY(parse_digit(c)));
}

TEST(ResultTest, HoldsAValue) {
  const Result<int> result = parse_digit('7');
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, 7);
  EXPECT_EQ(result.value(), 7);
}

TEST(ResultTest, HoldsAnErrorWithAllItsParts) {
  const Result<int> result = parse_digit('x');
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, &kOne);
  EXPECT_EQ(result.error().what, "what");
  EXPECT_EQ(result.error().detail, "detail");
  EXPECT_EQ(result.error().hint, "hint");
  EXPECT_EQ(result.error().sys_errno, 5);
}

TEST(ResultTest, KindsAreComparedByAddress) {
  EXPECT_NE(parse_digit('x').error().kind, &kSameText);
}

TEST(ResultTest, TryGivesValuesOn) {
  int steps = 0;
  EXPECT_EQ(add_digits('3', '4', steps).value(), 7);
  EXPECT_EQ(steps, 2);
}

TEST(ResultTest, TryLeavesAtTheFirstErrorAndKeepsIt) {
  int steps = 0;
  EXPECT_EQ(add_digits('x', '4', steps).error().what, "what");
  EXPECT_EQ(steps, 0);
  EXPECT_EQ(add_digits('3', 'x', steps).error().detail, "detail");
  EXPECT_EQ(steps, 1);
}

TEST(ResultTest, AnErrorPassesIntoAResultOfAnotherType) {
  EXPECT_EQ(expect_digit('x').error().kind, &kOne);
  EXPECT_EQ(boxed_digit('x').error().kind, &kOne);
}

TEST(ResultTest, CarriesWhatCanOnlyBeMoved) {
  auto boxed = boxed_digit('9');
  ASSERT_TRUE(boxed.has_value());
  const std::unique_ptr<int> taken = *std::move(boxed);
  EXPECT_EQ(*taken, 9);
}

TEST(ResultTest, OfVoidIsAValueOrAnError) {
  EXPECT_TRUE(expect_digit('1').has_value());
  EXPECT_FALSE(expect_digit('x').has_value());
}

TEST(ResultDeathTest, TheValueOfAnErrorIsABug) {
  EXPECT_DEATH(static_cast<void>(parse_digit('x').value()), "CHECK\\(has_value\\(\\)\\)");
  EXPECT_DEATH(expect_digit('x').value(), "CHECK\\(has_value\\(\\)\\)");
}

TEST(ResultDeathTest, TheErrorOfAValueIsABug) {
  EXPECT_DEATH(static_cast<void>(parse_digit('1').error()), "CHECK\\(!has_value\\(\\)\\)");
  EXPECT_DEATH(static_cast<void>(expect_digit('1').error()), "CHECK\\(failed_\\)");
}

}  // namespace
}  // namespace runtime
