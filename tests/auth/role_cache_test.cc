#include "server/auth/role_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/auth/verifier.h"
#include "tests/auth/role_cache_rig.h"

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(RoleCacheTest, ANewRoleIsKnownAtOnce) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(knows("ann"));
  EXPECT_THAT(asked, ElementsAre("ann"));
}

TEST_F(RoleCacheTest, AllThatWaitForANameShareOneAnswer) {
  primary["ann"] = role("ann");
  std::vector<std::shared_ptr<const Role>> given;
  for (int i = 0; i < 50; ++i) {
    cache().ask("ann", RoleWish::kCached, [&](const RoleAnswer& a) { given.push_back(a.role); });
  }
  EXPECT_EQ(cache().next(), "ann");
  // Also one that comes while the question is on its way.
  cache().ask("ann", RoleWish::kCached, [&](const RoleAnswer& a) { given.push_back(a.role); });
  EXPECT_THAT(given, IsEmpty());
  cache().take("ann", std::optional(role("ann")));
  EXPECT_THAT(given, SizeIs(51));
  EXPECT_THAT(given, testing::Each(testing::NotNull()));
  EXPECT_EQ(cache().next(), std::nullopt);
}

TEST_F(RoleCacheTest, ARoleIsRefreshedAtHalfOfItsTimeAndNoLoginWaits) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  EXPECT_EQ(cache().time_to_next(), 30s);
  clock.advance(29s);
  serve();
  EXPECT_THAT(asked, SizeIs(1));
  primary.clear();
  clock.advance(1s);
  EXPECT_EQ(cache().time_to_next(), 0s);
  EXPECT_NE(cache().find("ann", RoleWish::kCached)->role, nullptr);
  serve();
  EXPECT_THAT(asked, SizeIs(2));
  EXPECT_FALSE(knows("ann"));
}

TEST_F(RoleCacheTest, ARoleThatWasNotRefreshedInTimeIsAskedForFirst) {
  primary["ann"] = role("ann", 1);
  EXPECT_TRUE(knows("ann"));
  primary["ann"] = role("ann", 2);
  clock.advance(60s);
  EXPECT_EQ(cache().find("ann", RoleWish::kCached), std::nullopt);
  EXPECT_EQ(look_up("ann").role->connection_limit, 2);
}

TEST_F(RoleCacheTest, WithoutACacheTimeEachLoginAsks) {
  options.cache_time = 0s;
  primary["ann"] = role("ann");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(knows("ann"));
  EXPECT_THAT(asked, SizeIs(3));
  EXPECT_EQ(cache().next(), std::nullopt) << "nothing grows old";
}

TEST_F(RoleCacheTest, AFailedPasswordHasTheRoleAskedForOnceASecond) {
  primary["ann"] = role("ann", 1);
  EXPECT_TRUE(knows("ann"));
  clock.advance(2s);
  primary["ann"] = role("ann", 2);
  EXPECT_EQ(look_up("ann").role->connection_limit, 1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(look_up("ann", RoleWish::kAgain).role->connection_limit, 2);
  }
  EXPECT_THAT(asked, SizeIs(2));
}

TEST_F(RoleCacheTest, AStrangersNameIsRememberedForAWhile) {
  EXPECT_FALSE(knows("bob"));
  EXPECT_FALSE(knows("bob"));
  EXPECT_FALSE(knows("bob", RoleWish::kAgain));
  EXPECT_THAT(asked, SizeIs(1));
  primary["bob"] = role("bob");
  clock.advance(4s);
  EXPECT_FALSE(knows("bob"));
  EXPECT_TRUE(knows("bob", RoleWish::kAgain));
  EXPECT_THAT(asked, SizeIs(2));
}

TEST_F(RoleCacheTest, ARoleThatCannotBeReadSilencesNoOther) {
  for (const char* name : {"ann", "bob"}) primary[name] = role(name, 1);
  EXPECT_TRUE(knows("ann"));
  EXPECT_TRUE(knows("bob"));
  unreadable = {"ann", "eve"};
  for (const char* name : {"ann", "bob"}) primary[name] = role(name, 2);
  clock.advance(60s);
  const RoleAnswer old = look_up("ann");
  EXPECT_EQ(old.role->connection_limit, 1);
  EXPECT_EQ(old.doubt, "What the primary has of the role could not be read.");
  EXPECT_EQ(look_up("bob").role->connection_limit, 2);
  EXPECT_EQ(look_up("bob").doubt, "");
  EXPECT_EQ(look_up("eve").role, nullptr);
  EXPECT_TRUE(cache().find("eve", RoleWish::kCached).has_value()) << "as a stranger";
  asked.clear();
  serve();
  EXPECT_THAT(asked, IsEmpty()) << "ann is not asked for before her time";
  unreadable.clear();
  clock.advance(30s);
  serve();
  EXPECT_EQ(look_up("ann").role->connection_limit, 2);
}

// A question for one role may be what makes the primary silent, as by a query that hangs for it.
TEST_F(RoleCacheTest, ASilentPrimaryIsTriedWithOneRoleAfterTheOther) {
  for (const char* name : {"ann", "bob", "cid"}) {
    primary[name] = role(name);
    EXPECT_TRUE(knows(name));
  }
  is_down = true;
  clock.advance(60s);
  asked.clear();
  for (int i = 0; i < 4; ++i) {
    serve();
    clock.advance(5s);
  }
  EXPECT_THAT(asked, ElementsAre("ann", "bob", "cid", "ann"));
}

TEST_F(RoleCacheTest, ACacheThatIsClosedAnswersWithWhatItKnows) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  int answers = 0;
  cache().ask("bob", RoleWish::kCached, [&](const RoleAnswer& given) {
    ++answers;
    EXPECT_EQ(given.role, nullptr);
  });
  cache().close();
  EXPECT_EQ(answers, 1);
  clock.advance(24h);
  EXPECT_NE(cache().find("ann", RoleWish::kAgain)->role, nullptr);
  EXPECT_EQ(cache().find("bob", RoleWish::kAgain)->role, nullptr);
}

TEST_F(RoleCacheTest, KnownRolesGoBeforeStrangers) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  clock.advance(60s);
  const auto ignore = [](const RoleAnswer&) {};
  cache().ask("x", RoleWish::kCached, ignore);
  cache().ask("ann", RoleWish::kCached, ignore);
  EXPECT_EQ(cache().next(), "ann");
  EXPECT_EQ(cache().next(), "x");
}

TEST_F(RoleCacheTest, WhatIsKnownGoesOnWhileThePrimaryIsSilent) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  is_down = true;
  clock.advance(24h);
  const RoleAnswer old = look_up("ann");
  EXPECT_NE(old.role, nullptr);
  EXPECT_EQ(old.doubt, "The primary could not be asked for the role.");
  EXPECT_THAT(asked, SizeIs(2));
  // From now on no login waits, and the primary is tried at intervals.
  EXPECT_TRUE(cache().find("ann", RoleWish::kCached).has_value());
  EXPECT_TRUE(cache().find("ann", RoleWish::kAgain).has_value());
  EXPECT_EQ(cache().find("bob", RoleWish::kCached)->role, nullptr);
  EXPECT_EQ(cache().time_to_next(), 5s);
  clock.advance(5s);
  serve();
  EXPECT_THAT(asked, SizeIs(3));
  is_down = false;
  primary["ann"] = role("ann", 3);
  clock.advance(5s);
  serve();
  EXPECT_EQ(look_up("ann").role->connection_limit, 3);
  EXPECT_EQ(look_up("ann").doubt, "");
}

TEST_F(RoleCacheTest, AllThatWaitAreAnsweredByOneSilence) {
  is_down = true;
  int answers = 0;
  for (const char* name : {"a", "b", "c"}) {
    cache().ask(name, RoleWish::kCached, [&](const RoleAnswer&) { ++answers; });
  }
  serve();
  EXPECT_EQ(answers, 3);
  EXPECT_THAT(asked, ElementsAre("a"));
}

TEST_F(RoleCacheTest, WithoutAKnownRoleALoginTriesASilentPrimary) {
  is_down = true;
  EXPECT_FALSE(knows("ann"));
  EXPECT_FALSE(knows("ann"));
  EXPECT_THAT(asked, SizeIs(1));
  is_down = false;
  primary["ann"] = role("ann");
  clock.advance(5s);
  EXPECT_TRUE(knows("ann"));
}

TEST_F(RoleCacheTest, TheRoleThatWasNotUsedForTheLongestTimeGoes) {
  options.roles_max = 2;
  for (const char* name : {"a", "b", "c"}) primary[name] = role(name);
  EXPECT_TRUE(knows("a"));
  clock.advance(1s);
  EXPECT_TRUE(knows("b"));
  clock.advance(1s);
  EXPECT_TRUE(knows("a"));
  clock.advance(1s);
  EXPECT_TRUE(knows("c"));
  EXPECT_TRUE(cache().find("a", RoleWish::kCached).has_value());
  EXPECT_FALSE(cache().find("b", RoleWish::kCached).has_value());
  EXPECT_EQ(cache().size_for_test(), 2u);
}

TEST_F(RoleCacheTest, RolesWithMuchOfGroupsAreFewer) {
  options.bytes_max = 20'000;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "r" + std::to_string(i);
    primary[name] = role(name);
    primary[name].groups = {std::string(4000, 'g')};
    EXPECT_TRUE(knows(name));
    clock.advance(1s);
  }
  EXPECT_LT(cache().size_for_test(), 5u);
  EXPECT_TRUE(cache().find("r9", RoleWish::kCached).has_value());
}

TEST_F(RoleCacheTest, StrangersAreForgottenWhenTheyAreMany) {
  options.strangers_burst = 1e6;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(knows("x" + std::to_string(i)));
  EXPECT_EQ(cache().size_for_test(), 100u);
}

TEST_F(RoleCacheTest, AReloadForgetsStrangersAndAnotherPlaceAll) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  EXPECT_FALSE(knows("bob"));
  cache().forget_strangers();
  EXPECT_FALSE(cache().find("bob", RoleWish::kCached).has_value());
  EXPECT_TRUE(cache().find("ann", RoleWish::kCached).has_value());
  // An answer of the old place comes too late, and the login that waits for it is told by the new
  // one.
  clock.advance(2s);
  std::optional<RoleAnswer> given;
  cache().ask("ann", RoleWish::kAgain, [&](RoleAnswer answer) { given = std::move(answer); });
  EXPECT_EQ(cache().next(), "ann");
  cache().clear();
  cache().take("ann", std::optional(role("ann")));
  EXPECT_EQ(cache().size_for_test(), 0u);
  EXPECT_FALSE(given.has_value());
  primary["ann"] = role("ann", 8);
  serve();
  EXPECT_EQ(given.value().role->connection_limit, 8);
}

TEST_F(RoleCacheTest, WhatAnEarlierProcessKnewIsOldAndServesASilentPrimary) {
  std::vector<Role> known;
  known.push_back(role("ann", 4));
  cache().restore(std::move(known));
  EXPECT_EQ(cache().changed_roles(), std::nullopt);
  EXPECT_FALSE(cache().find("ann", RoleWish::kCached).has_value());
  EXPECT_EQ(cache().time_to_next(), 0s);
  is_down = true;
  EXPECT_EQ(look_up("ann").role->connection_limit, 4);
}

TEST_F(RoleCacheTest, OnlyChangesAreToBeKept) {
  primary["ann"] = role("ann");
  EXPECT_TRUE(knows("ann"));
  EXPECT_THAT(cache().changed_roles().value(), SizeIs(1));
  clock.advance(60s);
  EXPECT_TRUE(knows("ann"));
  EXPECT_FALSE(knows("bob"));
  EXPECT_EQ(cache().changed_roles(), std::nullopt);
  primary.clear();
  clock.advance(60s);
  EXPECT_FALSE(knows("ann"));
  EXPECT_THAT(cache().changed_roles().value(), IsEmpty());
}

TEST_F(RoleCacheTest, TheUsualCountOfIterationsIsThatOfTheRoles) {
  EXPECT_EQ(cache().usual_iterations(), kUsualIterations);
  primary["ann"] = role("ann");
  primary["ann"].verifier =
      ScramVerifier{.iterations = 777, .salt = "AAAA", .stored_key = {}, .server_key = {}};
  EXPECT_TRUE(knows("ann"));
  EXPECT_EQ(cache().usual_iterations(), 777);
  cache().clear();
  EXPECT_EQ(cache().usual_iterations(), kUsualIterations);
}

}  // namespace
}  // namespace server::auth
