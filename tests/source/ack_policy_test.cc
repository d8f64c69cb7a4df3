#include "server/source/ack_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace server::source {
namespace {

using Kind = AckPolicy::Kind;
using testing::HasSubstr;

struct Written {
  const char* text;
  AckPolicy policy;
  const char* shown;
};

const std::vector<Written>& written() {
  static const std::vector<Written> all{
      {"spool", {}, "spool"},
      {" SPOOL\n", {}, "spool"},
      {"any 2 (a, b,c)", {Kind::kAny, 2, {"a", "b", "c"}}, "any 2 (a, b, c)"},
      {"ANY 1(*)", {Kind::kAny, 1, {"*"}}, "any 1 (*)"},
      {"ANY 3 (\"*\")", {Kind::kAny, 3, {"*"}}, "any 3 (*)"},
      {"Any 1 (\"node-1\")", {Kind::kAny, 1, {"node-1"}}, "any 1 (\"node-1\")"},
      {"ANY 1 (\"a\"\"b\")", {Kind::kAny, 1, {"a\"b"}}, "any 1 (\"a\"\"b\")"},
      {"ANY 1 (\"a, b\")", {Kind::kAny, 1, {"a, b"}}, "any 1 (\"a, b\")"},
      {"ANY 1 (\"any\", \"First\")",
       {Kind::kAny, 1, {"any", "First"}},
       "any 1 (\"any\", \"First\")"},
      {"ANY 1 (\"\")", {Kind::kAny, 1, {""}}, "any 1 (\"\")"},
      {"ANY 1 (Node1, node$1, _n, \xc3\xa4)",
       {Kind::kAny, 1, {"Node1", "node$1", "_n", "\xc3\xa4"}},
       "any 1 (Node1, node$1, _n, \xc3\xa4)"},
      {"ANY 1 (2, 03)", {Kind::kAny, 1, {"2", "03"}}, "any 1 (2, 03)"},
      {"FIRST 2 (a, b)", {Kind::kFirst, 2, {"a", "b"}}, "first 2 (a, b)"},
      {"2 (a, b)", {Kind::kFirst, 2, {"a", "b"}}, "first 2 (a, b)"},
      {"a", {Kind::kFirst, 1, {"a"}}, "first 1 (a)"},
      {"*", {Kind::kFirst, 1, {"*"}}, "first 1 (*)"},
      {"7", {Kind::kFirst, 1, {"7"}}, "first 1 (7)"},
      {"anyone, firstborn",
       {Kind::kFirst, 1, {"anyone", "firstborn"}},
       "first 1 (anyone, firstborn)"},
      {"\"spool\"", {Kind::kFirst, 1, {"spool"}}, "first 1 (spool)"},
      {"spool, b", {Kind::kFirst, 1, {"spool", "b"}}, "first 1 (spool, b)"},
      {"all", {Kind::kFirst, 1, {"all"}}, "first 1 (all)"},
      {"all ( east , west )", {Kind::kAll, 0, {"east", "west"}}, "all (east, west)"},
  };
  return all;
}

TEST(AckPolicyTest, IsReadAsSynchronousStandbyNames) {
  for (const Written& one : written()) {
    const auto policy = parse_ack_policy(one.text);
    ASSERT_TRUE(policy.has_value()) << one.text << ": " << policy.error().what;
    EXPECT_EQ(*policy, one.policy) << one.text;
    EXPECT_EQ(show_ack_policy(*policy), one.shown);
    EXPECT_EQ(*parse_ack_policy(one.shown), *policy) << one.shown;
  }
}

TEST(AckPolicyTest, SaysWhereTheSyntaxIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "syntax error at end of input"},
      {"spool (a)", "syntax error at or near \"(\""},
      {"any", "syntax error at end of input"},
      {"any (a)", "syntax error at or near \"(\""},
      {"any 0 (a)", "number of standbys (0) must be greater than zero"},
      {"any -1 (a)", "syntax error at or near \"-\""},
      {"any x (a)", "syntax error at or near \"x\""},
      {"any 1", "syntax error at end of input"},
      {"any 1 ()", "syntax error at or near \")\""},
      {"any 1 (a,)", "syntax error at or near \")\""},
      {"any 1 (a", "syntax error at end of input"},
      {"any 1 ((a))", "syntax error at or near \"(\""},
      {"any 1 (a b)", "syntax error at or near \"b\""},
      {"any 1 (a) b", "syntax error at or near \"b\""},
      {"any 1 (node-1)", "syntax error at or near \"-\""},
      {"any 1 (any)", "syntax error at or near \"any\""},
      {"any 1 (first, a)", "syntax error at or near \"first\""},
      {"any 1 (\"a)", "unterminated quoted identifier at or near \"\"a)\""},
      {"all ()", "syntax error at or near \")\""},
      {"all 1 (a)", "syntax error at or near \"1\""},
      {"some (a)", "syntax error at or near \"(\""},
      {"a,", "syntax error at end of input"}};
  for (const auto& [text, what] : wrong) {
    const auto policy = parse_ack_policy(text);
    ASSERT_FALSE(policy.has_value()) << text;
    EXPECT_EQ(policy.error().what, what) << text;
  }
}

TEST(AckPolicyTest, MoreStandbysThanNamesAreRefused) {
  const std::pair<const char*, const char*> wrong[] = {
      {"any 3 (a, b)", "3 standbys are asked for, but only 2 names are given"},
      {"any 2 (a, A)", "2 standbys are asked for, but only 1 name is given"},
      {"first 2 (a)", "2 standbys are asked for, but only 1 name is given"},
      {"2 (a)", "2 standbys are asked for, but only 1 name is given"},
      {"any 99999999999999999999 (a)", "standbys are asked for, but only 1 name is given"}};
  for (const auto& [text, what] : wrong) {
    const auto policy = parse_ack_policy(text);
    ASSERT_FALSE(policy.has_value()) << text;
    EXPECT_THAT(policy.error().what, HasSubstr(what)) << text;
  }
  EXPECT_TRUE(parse_ack_policy("any 3 (a, *)").has_value()) << "* is any number of standbys";
}

TEST(AckPolicyTest, NamesCountWithoutRegardToCase) {
  const AckPolicy policy = *parse_ack_policy("any 1 (East, west, \"node-1\")");
  EXPECT_TRUE(policy.counts("east"));
  EXPECT_TRUE(policy.counts("WEST"));
  EXPECT_TRUE(policy.counts("Node-1"));
  EXPECT_FALSE(policy.counts("eastern"));
  EXPECT_TRUE(parse_ack_policy("all (*)")->counts("whoever"));
  EXPECT_FALSE(AckPolicy{}.counts("east"));
}

}  // namespace
}  // namespace server::source
