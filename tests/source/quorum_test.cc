#include "server/source/quorum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/random_seed.h"

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

// A fleet reports all the time; the receiver wakes only if the primary may be told more.
TEST(QuorumTest, AReportThatConfirmsNothingMoreTellsNothing) {
  Quorum quorum(*parse_ack_policy("any 1 (*)"));
  int told = 0;
  quorum.set_listener([&told] { ++told; });
  quorum.report(1, "a", at(100, 100, 100));
  for (std::uint64_t lsn = 1; lsn <= 100; ++lsn) quorum.report(2, "b", at(lsn, lsn, lsn));
  EXPECT_EQ(told, 1);
  quorum.report(2, "b", at(101, 101, 101));
  EXPECT_EQ(told, 2);
}

// Against a look at all standbys for each answer.
TEST(QuorumTest, WhateverComesAndGoesItConfirmsWhatThePolicySays) {
  std::mt19937 random(tests::random_seed());
  const std::vector<std::string> names{"a", "b", "c"};
  for (const std::size_t count : {1u, 2u, 5u}) {
    Quorum quorum(*parse_ack_policy("any " + std::to_string(count) + " (*)"));
    Quorum all(*parse_ack_policy("all (a, b, *)"));
    std::map<std::uint32_t, std::pair<std::string, std::uint64_t>> standbys;
    for (int i = 0; i < 2000; ++i) {
      const auto id = static_cast<std::uint32_t>(random() % 12);
      if (random() % 4 == 0) {
        quorum.remove(id);
        all.remove(id);
        standbys.erase(id);
      } else {
        const std::uint64_t lsn = random() % 20 + 1;
        standbys.try_emplace(id, names[random() % 3], 0).first->second.second = lsn;
        quorum.report(id, standbys[id].first, at(lsn, lsn, lsn));
        all.report(id, standbys[id].first, at(lsn, lsn, lsn));
      }
      std::vector<std::uint64_t> order;
      std::map<std::string, std::uint64_t> furthest{{"a", 0}, {"b", 0}};
      for (const auto& [process_id, standby] : standbys) {
        order.push_back(standby.second);
        std::uint64_t& most = furthest[standby.first];
        most = std::max(most, standby.second);
      }
      std::sort(order.rbegin(), order.rend());
      const std::uint64_t nth = order.size() < count ? 0 : order[count - 1];
      ASSERT_EQ(quorum.confirmed(), at(nth, nth, nth));
      const std::uint64_t least = std::min(furthest["a"], furthest["b"]);
      ASSERT_EQ(all.confirmed(), at(least, least, least));
    }
  }
}

}  // namespace
}  // namespace server::source
