#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/auth/role_cache_rig.h"

// How often the primary is asked for names that are not known, and whose names come first.

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class RolePaceTest : public RoleCacheTest {
 protected:
  // A client that waits for its answer as long as it takes; found in `told` by its name.
  void knock(const std::string& name, const std::string& origin = "192.0.2.1",
             RoleWish wish = RoleWish::kCached) {
    cache().ask(
        name, wish, [this, name](const RoleAnswer& given) { told[name] = given; }, origin);
  }
  void flood(int count, const std::string& prefix, const std::string& origin = "192.0.2.1") {
    for (int i = 0; i < count; ++i) knock(prefix + std::to_string(i), origin);
  }
  std::size_t refused_at_once() const {
    std::size_t count = 0;
    for (const auto& [name, given] : told) count += given.doubt == kTooMany ? 1 : 0;
    return count;
  }

  static constexpr std::string_view kTooMany = "Too many unknown roles were asked for.";
  std::map<std::string, RoleAnswer> told;
};

TEST_F(RolePaceTest, AThousandStrangersCostFewQuestionsFromTheFirstMomentOn) {
  for (int i = 0; i < 100; ++i) {
    flood(10, "x" + std::to_string(i) + "-");
    serve();
  }
  EXPECT_THAT(asked, SizeIs(10));
  EXPECT_EQ(refused_at_once(), 1000u - 10 - 10) << "ten were asked for, and ten wait";
  clock.advance(1s);
  serve();
  EXPECT_THAT(asked, SizeIs(12)) << "two more after a second";
  EXPECT_THAT(told, SizeIs(1000 - 8));
}

// As behind a restart without a state directory, when nothing is known.
TEST_F(RolePaceTest, AFloodOfOneAddressHoldsUpNoOther) {
  primary["ann"] = role("ann");
  flood(1000, "x");
  serve();
  EXPECT_THAT(asked, SizeIs(10));
  flood(1000, "y");
  knock("ann", "192.0.2.2");
  clock.advance(1s);
  serve();
  EXPECT_NE(told.at("ann").role, nullptr) << "the second after the first of the flood";
}

TEST_F(RolePaceTest, ANameThatAFloodWantsTooComesWithTheFirstTurn) {
  primary["ann"] = role("ann");
  flood(20, "x");
  serve();
  flood(9, "y");
  knock("ann");
  knock("ann", "192.0.2.2");
  clock.advance(1s);
  asked.clear();
  serve();
  EXPECT_THAT(asked, ElementsAre("y0", "ann"));
  clock.advance(10s);
  serve();
  EXPECT_THAT(asked, testing::Contains("ann").Times(1)) << "and once";
}

TEST_F(RolePaceTest, ANameThatWaitsForItsQuestionIsLookedAtInTime) {
  flood(12, "x");
  serve();
  flood(1, "y");
  EXPECT_GT(cache().time_to_next(), 400ms);
  EXPECT_LE(cache().time_to_next(), 501ms);
  clock.advance(501ms);
  EXPECT_EQ(cache().time_to_next(), 0s);
  serve();
  EXPECT_TRUE(told.contains("y0"));
  EXPECT_GT(cache().time_to_next(), 1s);
}

TEST_F(RolePaceTest, AFloodOfManyAddressesHasABoundToo) {
  options.waiting = {.names_max = 30, .names_per_origin_max = 10};
  for (int i = 0; i < 100; ++i) knock("x" + std::to_string(i), "192.0.2." + std::to_string(i));
  EXPECT_EQ(refused_at_once(), 70u);
}

TEST_F(RolePaceTest, ASilentPrimaryLetsNoNameWait) {
  is_down = true;
  flood(10, "x");
  serve();
  EXPECT_THAT(asked, ElementsAre("x0"));
  EXPECT_THAT(told, SizeIs(10));
  EXPECT_GT(cache().time_to_next(), 1s);
}

// Otherwise a client that has used up the permits could tell by the time that a refusal takes
// whether there is such a role.
TEST_F(RolePaceTest, ARoleThatIsAskedForAgainWaitsAsAStrangerDoes) {
  primary["ann"] = role("ann", 1);
  EXPECT_TRUE(knows("ann"));
  clock.advance(2s);
  primary["ann"] = role("ann", 2);
  flood(10, "x");
  serve();
  flood(9, "y");
  knock("ann", "192.0.2.1", RoleWish::kAgain);
  serve();
  EXPECT_FALSE(told.contains("ann"));
  knock("z", "192.0.2.1", RoleWish::kAgain);
  EXPECT_EQ(told.at("z").doubt, kTooMany);
  clock.advance(5s);
  serve();
  EXPECT_EQ(told.at("ann").role->connection_limit, 2);
}

TEST_F(RolePaceTest, ARoleThatIsAskedForAgainWhereTooManyWaitStaysAsItIs) {
  primary["ann"] = role("ann", 1);
  EXPECT_TRUE(knows("ann"));
  clock.advance(2s);
  flood(30, "x");
  knock("ann", "192.0.2.1", RoleWish::kAgain);
  EXPECT_EQ(told.at("ann").role->connection_limit, 1);
  EXPECT_EQ(told.at("ann").doubt, kTooMany);
}

TEST_F(RolePaceTest, KnownRolesWaitForNoPermit) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  clock.advance(60s);
  flood(30, "x");
  knock("ann");
  EXPECT_EQ(cache().next(), "ann");
}

// One wrong password of hers made all her logins wait as strangers do.
TEST_F(RolePaceTest, AKnownRoleWaitsForNoPermitThoughItsNameDoes) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  cache().set_cache_time(0s);  // each login asks
  clock.advance(60s);
  flood(20, "x");
  serve();
  clock.advance(100ms);
  flood(9, "y");
  knock("ann", "192.0.2.1", RoleWish::kAgain);
  asked.clear();
  knock("ann", "192.0.2.2");
  EXPECT_EQ(cache().time_to_next(), 0s);
  serve();
  EXPECT_EQ(asked.front(), "ann");
  EXPECT_NE(told.at("ann").role, nullptr);
  clock.advance(10s);
  serve();
  EXPECT_THAT(asked, testing::Contains("ann").Times(1)) << "and once";
}

}  // namespace
}  // namespace server::auth
