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

// syncrep.c: synchronous_standby_names = 'FIRST 2 (a, b, c)'.
TEST(QuorumTest, FirstTakesThoseWhoseNamesComeFirst) {
  Quorum quorum(*parse_ack_policy("FIRST 2 (a, b, c)"));
  quorum.report(3, "c", at(80, 80, 80));
  EXPECT_EQ(quorum.confirmed(), at(0, 0, 0)) << "one is too few";
  quorum.report(1, "a", at(90, 90, 90));
  EXPECT_EQ(quorum.confirmed(), at(80, 80, 80));
  quorum.report(2, "b", at(10, 20, 30));
  EXPECT_EQ(quorum.confirmed(), at(10, 20, 30)) << "b comes before c, which has more";
  quorum.remove(2);
  EXPECT_EQ(quorum.confirmed(), at(80, 80, 80));
}

TEST(QuorumTest, AStandbyHasThePriorityOfTheFirstNameThatMeansIt) {
  Quorum quorum(*parse_ack_policy("first 1 (a, *)"));
  quorum.report(2, "z", at(70, 70, 70));
  EXPECT_EQ(quorum.confirmed(), at(70, 70, 70));
  quorum.report(1, "A", at(50, 50, 50));
  EXPECT_EQ(quorum.confirmed(), at(50, 50, 50));
  Quorum two(*parse_ack_policy("2 (a, *)"));
  two.report(1, "a", at(50, 50, 50));
  EXPECT_EQ(two.confirmed(), at(0, 0, 0)) << "it counts once, though two names mean it";
  two.report(2, "a", at(60, 60, 60));
  EXPECT_EQ(two.confirmed(), at(50, 50, 50)) << "both of the name count";
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

// What "first COUNT (b, a, *)" confirms: by the order of the names, and of one name by positions.
std::uint64_t confirmed_by_first(
    std::size_t count,
    const std::map<std::uint32_t, std::pair<std::string, std::uint64_t>>& standbys) {
  std::vector<std::pair<int, std::uint64_t>> ranked;  // by priority, and how far behind the most
  for (const auto& [process_id, standby] : standbys) {
    const int priority = standby.first == "b" ? 1 : standby.first == "a" ? 2 : 3;
    ranked.emplace_back(priority, 100 - standby.second);
  }
  if (ranked.size() < count) return 0;
  std::sort(ranked.begin(), ranked.end());
  std::uint64_t least = 100;
  for (std::size_t i = 0; i < count; ++i) least = std::min(least, 100 - ranked[i].second);
  return least;
}

// Against a look at all standbys for each answer.
TEST(QuorumTest, WhateverComesAndGoesItConfirmsWhatThePolicySays) {
  std::mt19937 random(tests::random_seed());
  const std::vector<std::string> names{"a", "b", "c"};
  for (const std::size_t count : {1u, 2u, 5u}) {
    Quorum quorum(*parse_ack_policy("any " + std::to_string(count) + " (*)"));
    Quorum all(*parse_ack_policy("all (a, b, *)"));
    Quorum first(*parse_ack_policy("first " + std::to_string(count) + " (b, a, *)"));
    std::map<std::uint32_t, std::pair<std::string, std::uint64_t>> standbys;
    for (int i = 0; i < 2000; ++i) {
      const auto id = static_cast<std::uint32_t>(random() % 12);
      if (random() % 4 == 0) {
        quorum.remove(id);
        all.remove(id);
        first.remove(id);
        standbys.erase(id);
      } else {
        const std::uint64_t lsn = random() % 20 + 1;
        standbys.try_emplace(id, names[random() % 3], 0).first->second.second = lsn;
        quorum.report(id, standbys[id].first, at(lsn, lsn, lsn));
        all.report(id, standbys[id].first, at(lsn, lsn, lsn));
        first.report(id, standbys[id].first, at(lsn, lsn, lsn));
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
      const std::uint64_t chosen = confirmed_by_first(count, standbys);
      ASSERT_EQ(first.confirmed(), at(chosen, chosen, chosen));
    }
  }
}

}  // namespace
}  // namespace server::source
