#include "server/source/xmin_horizon.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "tests/support/logged.h"
#include "tests/support/random_seed.h"

namespace server::source {
namespace {

using std::chrono::seconds;

const runtime::Instant kStart{seconds(1000)};
constexpr TransactionId kUnknown = wal::kInvalidTransactionId;

// A horizon that is told of the transaction that began last.
struct Horizon : XminHorizon {
  using XminHorizon::oldest;
  Xmin oldest(runtime::Instant now, TransactionId newest) {
    return oldest(now, wal::NextXid{.id = newest == kUnknown ? kUnknown : newest + 1});
  }
};

Xmin oldest_of(Horizon& horizon) { return horizon.oldest(kStart, kUnknown); }

TEST(XminHorizonTest, IsTheOldestOfAllAndNoneIfNobodyHasAny) {
  Horizon horizon;
  EXPECT_EQ(oldest_of(horizon), Xmin{});
  horizon.report(1, "a", {.data = 700, .catalog = 0});
  horizon.report(2, "b", {.data = 500, .catalog = 900});
  horizon.report(3, "c", {.data = 0, .catalog = 800});
  EXPECT_EQ(oldest_of(horizon), (Xmin{.data = 500, .catalog = 800}));
  horizon.report(2, "b", {.data = 600, .catalog = 900});
  EXPECT_EQ(oldest_of(horizon), (Xmin{.data = 600, .catalog = 800}));
  horizon.remove(2);
  horizon.report(3, "c", {});
  EXPECT_EQ(oldest_of(horizon), (Xmin{.data = 700, .catalog = 0}));
  horizon.remove(1);
  EXPECT_EQ(oldest_of(horizon), Xmin{});
}

TEST(XminHorizonTest, AnEarlierEpochIsOlderWhateverTheId) {
  Horizon horizon;
  const Xmin late{.data = (std::uint64_t{1} << 32) | 3};
  const Xmin early{.data = 0xFFFFFFF0};
  horizon.report(1, "a", late);
  horizon.report(2, "b", early);
  EXPECT_EQ(oldest_of(horizon), early);
}

TEST(XminHorizonTest, AStandbyThatStaysBehindForTooLongIsLeftOutUntilItMoves) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "slow", {.data = 500});
  EXPECT_EQ(horizon.oldest(kStart, kUnknown).data, 500u);
  horizon.report(2, "", {.data = 700});
  EXPECT_EQ(horizon.oldest(kStart + seconds(30), kUnknown).data, 500u);
  horizon.report(1, "slow", {.data = 500});  // the same again
  const std::string log = tests::logged([&] {
    EXPECT_EQ(horizon.oldest(kStart + seconds(90), kUnknown).data, 500u);
    EXPECT_EQ(horizon.oldest(kStart + seconds(91), kUnknown).data, 700u);
    EXPECT_EQ(horizon.oldest(kStart + seconds(92), kUnknown).data, 700u);
  });
  EXPECT_EQ(tests::count_of(log,
                            "hot standby feedback of process 1 (standby \"slow\") is older "
                            "than max_feedback_age"),
            1u)
      << log;
  EXPECT_EQ(tests::count_of(log, "hot standby feedback"), 1u) << log;
  horizon.report(1, "slow", {.data = 600});
  EXPECT_EQ(horizon.oldest(kStart + seconds(93), kUnknown).data, 600u);
}

// It was dropped with a warning, and each that came was again: on an idle primary no xmin moves.
TEST(XminHorizonTest, OnAnIdlePrimaryNobodyIsBehind) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "a", {.data = 500, .catalog = 500});
  horizon.report(2, "b", {.data = 500});
  const std::string log = tests::logged([&] {
    for (const TransactionId newest : {kUnknown, TransactionId{499}}) {
      for (const seconds later : {seconds(0), seconds(61), seconds(10'000)}) {
        EXPECT_EQ(horizon.oldest(kStart + later, newest).data, 500u);
      }
    }
  });
  EXPECT_EQ(log, "");
}

TEST(XminHorizonTest, TheTimeOfAnIdlePrimaryDoesNotCount) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "a", {.data = 500});
  EXPECT_EQ(horizon.oldest(kStart, 499).data, 500u);
  EXPECT_EQ(horizon.oldest(kStart + seconds(1000), 500).data, 500u) << "it has just begun";
  EXPECT_EQ(horizon.oldest(kStart + seconds(1060), 510).data, 500u);
  EXPECT_EQ(horizon.oldest(kStart + seconds(1061), 510).data, 0u);
  horizon.report(1, "a", {.data = 511});
  EXPECT_EQ(horizon.oldest(kStart + seconds(2000), 510).data, 511u);
}

TEST(XminHorizonTest, TransactionsOfTheWalComeRoundAgain) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "a", {.data = (std::uint64_t{1} << 32) | 3});
  EXPECT_EQ(horizon.oldest(kStart, 0xFFFFFFF0).data, (std::uint64_t{1} << 32) | 3);
  EXPECT_NE(horizon.oldest(kStart + seconds(61), 0xFFFFFFF0).data, 0u);
  horizon.report(1, "a", {.data = 0xFFFFFFF0});
  EXPECT_EQ(horizon.oldest(kStart + seconds(61), 3).data, 0xFFFFFFF0u);
  EXPECT_EQ(horizon.oldest(kStart + seconds(122), 3).data, 0u);
}

TEST(XminHorizonTest, SlotsCountLikeStandbysAndAreNamedInTheLog) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "a", {.data = 700});
  horizon.report_slot("s", {.data = 500, .catalog = 400});
  EXPECT_EQ(horizon.oldest(kStart, 600), (Xmin{.data = 500, .catalog = 400}));
  const std::string log = tests::logged([&] {
    EXPECT_EQ(horizon.oldest(kStart + seconds(61), 600), (Xmin{.data = 700}));
    EXPECT_EQ(horizon.oldest(kStart + seconds(62), 600), (Xmin{.data = 700}));
  });
  EXPECT_EQ(tests::count_of(log, "of slot \"s\" is older than max_feedback_age"), 1u) << log;
  horizon.report_slot("s", {.data = 601});
  EXPECT_EQ(horizon.oldest(kStart + seconds(64), 600), (Xmin{.data = 601}));
  horizon.report_slot("s", {});
  EXPECT_EQ(horizon.oldest(kStart + seconds(64), 600), (Xmin{.data = 700}));
}

// The primary would ignore the whole message, and what all others need with it.
TEST(XminHorizonTest, WhatThePrimaryWouldNotTakeIsNotPassedOn) {
  const std::uint64_t epoch = std::uint64_t{5} << 32;
  const wal::NextXid next{.id = 1000, .epoch = 5};
  Horizon horizon;
  horizon.report(1, "right", {.data = epoch | 800, .catalog = epoch | 700});
  horizon.report(2, "behind", {.data = 900});
  horizon.report_slot("ahead", {.data = 0, .catalog = (epoch << 1) | 3});
  const std::string log = tests::logged([&] {
    EXPECT_EQ(horizon.oldest(kStart, {.id = 1000}).data, 900u) << "the epoch is not known yet";
    EXPECT_EQ(horizon.oldest(kStart, next), (Xmin{.data = epoch | 800, .catalog = epoch | 700}));
    horizon.remove(1);
    EXPECT_EQ(horizon.oldest(kStart, next), Xmin{}) << "and what is ahead is no better";
    EXPECT_EQ(horizon.oldest(kStart, next), Xmin{});
  });
  const std::string words = " is of no transaction of the recent past";
  EXPECT_EQ(tests::count_of(log, "process 2 (standby \"behind\")" + words), 1u) << log;
  EXPECT_EQ(tests::count_of(log, "slot \"ahead\"" + words), 1u) << log;
  horizon.report(2, "behind", {.data = epoch | 999});
  EXPECT_EQ(horizon.oldest(kStart, next).data, epoch | 999) << "it has come to its senses";
}

// A standby may know of transactions that have no record; the primary may know of none.
TEST(XminHorizonTest, WhatIsALittleAheadIsPassedOnAsTheNextTransaction) {
  const std::uint64_t epoch = std::uint64_t{5} << 32;
  Horizon horizon;
  horizon.report(1, "a", {.data = epoch | 1010, .catalog = 0});
  EXPECT_EQ(horizon.oldest(kStart, {.id = 1000, .epoch = 5}), (Xmin{.data = epoch | 1000}));
  EXPECT_EQ(horizon.oldest(kStart, {.id = 1020, .epoch = 5}), (Xmin{.data = epoch | 1010}));
  horizon.report_slot("s", {.data = epoch | 1015, .catalog = epoch | 1012});
  EXPECT_EQ(horizon.oldest(kStart, {.id = 1000, .epoch = 5}),
            (Xmin{.data = epoch | 1000, .catalog = epoch | 1000}));
  EXPECT_EQ(horizon.oldest(kStart, {.id = 1020, .epoch = 5}),
            (Xmin{.data = epoch | 1010, .catalog = epoch | 1012}));
}

TEST(XminHorizonTest, TellsItsListenerOfChangesOnly) {
  Horizon horizon;
  int told = 0;
  horizon.set_listener([&told] { ++told; }, {});
  horizon.report(1, "a", {.data = 5});
  horizon.report(1, "a", {.data = 5});
  EXPECT_EQ(told, 1);
  horizon.report(1, "a", {.data = 6});
  horizon.remove(1);
  horizon.remove(1);
  EXPECT_EQ(told, 3);
  horizon.set_listener({}, {});
  horizon.report(1, "a", {.data = 7});
  EXPECT_EQ(told, 3);
}

// A fleet reports all the time; the receiver wakes, and looks, for the oldest alone.
TEST(XminHorizonTest, AReportThatLeavesTheOldestAsItIsTellsNothing) {
  Horizon horizon;
  int told = 0;
  horizon.set_listener([&told] { ++told; }, {});
  horizon.report(1, "a", {.data = 5, .catalog = 3});
  const std::uint64_t version = horizon.version();
  for (std::uint64_t id = 6; id < 100; ++id) horizon.report(2, "b", {.data = id, .catalog = id});
  horizon.report_slot("s", {.data = 7});
  horizon.remove(2);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(horizon.version(), version);
  horizon.report(1, "a", {.data = 5, .catalog = 4});
  EXPECT_EQ(told, 2);
  EXPECT_NE(horizon.version(), version);
}

TEST(XminHorizonTest, WhatIsLeftOutForItsAgeCountsAgainWhenItMoves) {
  Horizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, "a", {.data = 5});
  horizon.report(2, "b", {.data = 9});
  horizon.oldest(kStart, kUnknown);
  EXPECT_EQ(horizon.oldest(kStart + seconds(61), kUnknown).data, 9u);
  horizon.report(1, "a", {.data = 6});
  EXPECT_EQ(horizon.oldest(kStart + seconds(62), kUnknown).data, 6u);
  horizon.oldest(kStart + seconds(123), kUnknown);
  horizon.remove(1);
  EXPECT_EQ(horizon.oldest(kStart + seconds(124), kUnknown).data, 9u);
  horizon.remove(2);
  EXPECT_EQ(horizon.oldest(kStart + seconds(125), kUnknown), Xmin{});
}

// What one look at all holders says, as the horizon itself did it once.
class AllHolders {
 public:
  explicit AllHolders(runtime::Duration age_max) : age_max_(age_max) {}

  void report(std::uint32_t id, Xmin xmin) {
    if (xmin == Xmin{}) {
      holders_.erase(id);
    } else if (Holder& holder = holders_[id]; holder.xmin != xmin) {
      holder = {.xmin = xmin};
    }
  }
  Xmin oldest(runtime::Instant now, TransactionId newest) {
    std::uint64_t furthest = 0;
    for (const auto& [id, holder] : holders_) {
      furthest = std::max({furthest, holder.xmin.data, holder.xmin.catalog});
    }
    Xmin oldest;
    for (auto& [id, holder] : holders_) {
      const auto is_behind = [&](std::uint64_t xid) {
        return xid != 0 && (xid < furthest || newest >= xid);
      };
      const bool behind = is_behind(holder.xmin.data) || is_behind(holder.xmin.catalog);
      if (behind && !holder.behind_since) holder.behind_since = now;
      if (holder.behind_since && now - *holder.behind_since > age_max_) continue;
      keep_older(oldest.data, holder.xmin.data);
      keep_older(oldest.catalog, holder.xmin.catalog);
    }
    return oldest;
  }

 private:
  struct Holder {
    Xmin xmin;
    std::optional<runtime::Instant> behind_since = {};
  };
  static void keep_older(std::uint64_t& oldest, std::uint64_t xid) {
    if (xid != 0 && (oldest == 0 || xid < oldest)) oldest = xid;
  }

  const runtime::Duration age_max_;
  std::map<std::uint32_t, Holder> holders_;
};

TEST(XminHorizonTest, WhateverComesAndGoesItIsWhatALookAtAllHoldersSays) {
  std::mt19937 random(tests::random_seed());
  Horizon horizon;
  horizon.set_listener({}, seconds(10));
  AllHolders all(seconds(10));
  runtime::Instant now = kStart;
  TransactionId newest = 100;
  const std::string log = tests::logged([&] {  // each holder that is left out has a line there
    for (int i = 0; i < 5000; ++i) {
      const auto id = static_cast<std::uint32_t>(random() % 8);
      Xmin xmin;
      if (random() % 4 != 0) {
        if (random() % 3 != 0) xmin.data = newest - random() % 20;
        if (random() % 3 == 0) xmin.catalog = newest - random() % 20;
      }
      id % 2 == 0 ? horizon.report(id, "s", xmin) : horizon.report_slot(std::to_string(id), xmin);
      all.report(id, xmin);
      now += std::chrono::milliseconds(random() % 3000);
      if (random() % 2 == 0) ++newest;
      ASSERT_EQ(horizon.oldest(now, newest), all.oldest(now, newest)) << "step " << i;
    }
  });
  EXPECT_NE(log, "");
}

}  // namespace
}  // namespace server::source
