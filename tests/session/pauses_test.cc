#include "server/session/pauses.h"

#include <gtest/gtest.h>

#include "server/wire/errors.h"

namespace server::session {
namespace {

TEST(PausesTest, ANameIsPausedWithoutRegardToCaseUntilItGoesOn) {
  Pauses pauses;
  ASSERT_TRUE(pauses.add("Db_A"));
  EXPECT_TRUE(pauses.contains("db_a"));
  EXPECT_FALSE(pauses.contains("db"));
  pauses.remove("DB_A");
  EXPECT_FALSE(pauses.contains("db_a"));
}

TEST(PausesTest, AStarIsAllOfThem) {
  Pauses pauses;
  ASSERT_TRUE(pauses.add("*"));
  ASSERT_TRUE(pauses.add("a"));
  EXPECT_TRUE(pauses.contains("whoever"));
  pauses.remove("*");
  EXPECT_FALSE(pauses.contains("a"));
}

TEST(PausesTest, ThereAreNoMoreThanTheLimit) {
  Pauses pauses;
  for (std::size_t i = 0; i < Pauses::kNamesMax; ++i) {
    ASSERT_TRUE(pauses.add("standby" + std::to_string(i)));
  }
  const auto refused = pauses.add("one more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, &wire::kConfigurationLimitExceeded);
}

}  // namespace
}  // namespace server::session
