#include "server/source/quorum.h"

#include <gtest/gtest.h>

namespace server::source {
namespace {

using wal::Lsn;

Quorum::Positions at(std::uint64_t write, std::uint64_t flush, std::uint64_t apply) {
  return {.write = Lsn(write), .flush = Lsn(flush), .apply = Lsn(apply)};
}

TEST(AckPolicyTest, IsWrittenAsSynchronousStandbyNames) {
  const std::pair<const char*, const char*> same[] = {{"spool", "spool"},
                                                      {" SPOOL ", "spool"},
                                                      {"any 2 (a, b,c)", "any 2 (a, b, c)"},
                                                      {"ANY 1(*)", "any 1 (*)"},
                                                      {"all ( east , west )", "all (east, west)"}};
  for (const auto& [text, shown] : same) {
    const auto policy = parse_ack_policy(text);
    ASSERT_TRUE(policy.has_value()) << text;
    EXPECT_EQ(show_ack_policy(*policy), shown);
    EXPECT_EQ(parse_ack_policy(shown), policy);
  }
  for (const char* text :
       {"", "spool (a)", "any", "any (a)", "any 0 (a)", "any -1 (a)", "any x (a)", "any 1",
        "any 1 ()", "any 1 (a,)", "any 1 (a", "any 1 ((a))", "all", "all ()", "all 1 (a)",
        "some (a)", "any 1 (a) b"}) {
    EXPECT_FALSE(parse_ack_policy(text).has_value()) << text;
  }
}

TEST(AckPolicyTest, NamesCountWithoutRegardToCase) {
  const AckPolicy policy = *parse_ack_policy("any 1 (East, west)");
  EXPECT_TRUE(policy.counts("east"));
  EXPECT_TRUE(policy.counts("WEST"));
  EXPECT_FALSE(policy.counts("eastern"));
  EXPECT_TRUE(parse_ack_policy("all (*)")->counts("whoever"));
  EXPECT_FALSE(AckPolicy{}.counts("east"));
}

TEST(QuorumTest, AnyTakesTheFastestForEachPosition) {
  Quorum quorum(*parse_ack_policy("any 2 (a, b, c)"));
  EXPECT_EQ(quorum.confirmed(), at(0, 0, 0));
  quorum.report(1, "a", at(100, 90, 10));
  EXPECT_EQ(quorum.confirmed(), at(0, 0, 0)) << "one is too few";
  quorum.report(2, "b", at(80, 80, 80));
  EXPECT_EQ(quorum.confirmed(), at(80, 80, 10));
  quorum.report(3, "c", at(95, 0, 70));
  EXPECT_EQ(quorum.confirmed(), at(95, 80, 70));
  quorum.remove(1);
  EXPECT_EQ(quorum.confirmed(), at(80, 0, 70));
}

TEST(QuorumTest, AllNeedsOneOfEachName) {
  Quorum quorum(*parse_ack_policy("all (a, b)"));
  quorum.report(1, "A", at(100, 90, 10));
  EXPECT_EQ(quorum.confirmed(), at(0, 0, 0));
  quorum.report(2, "b", at(80, 80, 80));
  EXPECT_EQ(quorum.confirmed(), at(80, 80, 10));
  quorum.report(3, "b", at(200, 200, 5));
  EXPECT_EQ(quorum.confirmed(), at(100, 90, 10)) << "one of two of a name is enough";
}

TEST(QuorumTest, TellsItsListenerOfChangesOnly) {
  Quorum quorum(*parse_ack_policy("any 1 (*)"));
  int told = 0;
  quorum.set_listener([&told] { ++told; });
  quorum.report(1, "a", at(1, 1, 1));
  quorum.report(1, "a", at(1, 1, 1));
  EXPECT_EQ(told, 1);
  quorum.report(1, "a", at(2, 1, 1));
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace server::source
