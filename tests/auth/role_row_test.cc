#include "server/auth/role_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kMd5 = "md52aea419619857e8a27f0f7aa641db0c6";

runtime::Result<Role> role_of(std::vector<RowValue> row) {
  row.push_back({"rolname", "a"});
  return role_of_row(row);
}

std::string error_of(std::vector<RowValue> row) {
  const auto role = role_of(std::move(row));
  return role ? "" : role.error().what;
}

std::vector<std::string> groups_of(std::string_view text) {
  const auto role = role_of({{"groups", text}});
  EXPECT_TRUE(role) << text;
  return role ? role->groups : std::vector<std::string>();
}

TEST(RoleRowTest, EveryColumnIsRead) {
  const auto role = role_of({{"rolpassword", kMd5},
                             {"rolcanlogin", "t"},
                             {"rolreplication", "t"},
                             {"rolsuper", "f"},
                             {"valid_until", "1000000"},
                             {"rolconnlimit", "5"},
                             {"groups", "{b,c}"},
                             {"another", "x"}});
  ASSERT_TRUE(role) << role.error().what;
  EXPECT_EQ(role->name, "a");
  EXPECT_EQ(text_of(role->verifier).reveal(), kMd5);
  EXPECT_TRUE(role->can_login && role->can_replicate && !role->superuser);
  EXPECT_EQ(role->valid_until, 1'000'000);
  EXPECT_EQ(role->connection_limit, 5);
  EXPECT_THAT(role->groups, ElementsAre("b", "c"));
}

// As pgbouncer's auth_query has them.
TEST(RoleRowTest, TwoColumnsAreEnoughToLogIn) {
  const auto role = role_of({{"rolpassword", kMd5}});
  ASSERT_TRUE(role);
  EXPECT_TRUE(role->can_login && !may_replicate(*role));
  EXPECT_EQ(role->valid_until, std::nullopt);
  EXPECT_EQ(role->connection_limit, -1);
  EXPECT_THAT(role->groups, IsEmpty());
}

TEST(RoleRowTest, NullsGrantNothing) {
  const auto role = role_of({{"rolpassword", std::nullopt},
                             {"rolcanlogin", std::nullopt},
                             {"rolreplication", std::nullopt},
                             {"rolsuper", std::nullopt},
                             {"valid_until", std::nullopt},
                             {"rolconnlimit", std::nullopt},
                             {"groups", std::nullopt}});
  ASSERT_TRUE(role);
  EXPECT_TRUE(std::holds_alternative<NoPassword>(role->verifier));
  EXPECT_FALSE(role->can_login || role->can_replicate || role->superuser);
  EXPECT_EQ(role->valid_until, std::nullopt);
}

TEST(RoleRowTest, APasswordInTheClearLetsNoClientIn) {
  const auto role = role_of({{"rolpassword", "secret"}});
  ASSERT_TRUE(role);
  EXPECT_TRUE(std::holds_alternative<UnknownVerifier>(role->verifier));
}

TEST(RoleRowTest, AnErrorNamesTheColumn) {
  EXPECT_EQ(role_of_row({}).error().what, "auth_query: column \"rolname\" is missing");
  const RowValue null[] = {{"rolname", std::nullopt}};
  EXPECT_EQ(role_of_row(null).error().what, "auth_query: column \"rolname\" is missing");
  EXPECT_EQ(error_of({{"rolname", ""}}), "auth_query: column \"rolname\" is no role's name");
  EXPECT_EQ(error_of({{"rolname", std::string(64, 'x')}}),
            "auth_query: column \"rolname\" is no role's name");
  for (const char* column : {"rolcanlogin", "rolreplication", "rolsuper"}) {
    EXPECT_EQ(error_of({{column, "hunter2"}}),
              "auth_query: column \"" + std::string(column) + "\" is no boolean");
  }
  for (const char* column : {"valid_until", "rolconnlimit"}) {
    for (const char* text : {"", "x", "1x", " 1", "infinity", "1.5", "9223372036854775808"}) {
      EXPECT_EQ(error_of({{column, text}}),
                "auth_query: column \"" + std::string(column) + "\" is no integer");
    }
  }
}

TEST(RoleRowTest, GroupsAreAnArrayOfText) {
  EXPECT_THAT(groups_of("{}"), IsEmpty());
  EXPECT_THAT(groups_of("{a}"), ElementsAre("a"));
  EXPECT_THAT(groups_of(R"({a,"b c","d\"e","f\\g","","h,i","{}"})"),
              ElementsAre("a", "b c", "d\"e", "f\\g", "", "h,i", "{}"));
  for (const char* text : {"", "a", "{", "{a", "{a,", "{a,}", "{,a}", "{a}b", "{{a}}", "{\"a}",
                           "{\"a\"b}", "{a\"b\"}", "{\"a\\", "}", "[0:0]={a}"}) {
    EXPECT_EQ(error_of({{"groups", text}}), "auth_query: column \"groups\" is no array of text")
        << text;
  }
}

}  // namespace
}  // namespace server::auth
