#include "server/source/xmin_horizon.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/logged.h"

namespace server::source {
namespace {

using std::chrono::seconds;

const runtime::Instant kStart{seconds(1000)};

TEST(XminHorizonTest, IsTheOldestOfAllAndNoneIfNobodyHasAny) {
  XminHorizon horizon;
  EXPECT_EQ(horizon.oldest(kStart), Xmin{});
  horizon.report(1, {.data = 700, .catalog = 0}, kStart);
  horizon.report(2, {.data = 500, .catalog = 900}, kStart);
  horizon.report(3, {.data = 0, .catalog = 800}, kStart);
  EXPECT_EQ(horizon.oldest(kStart), (Xmin{.data = 500, .catalog = 800}));
  horizon.report(2, {.data = 600, .catalog = 900}, kStart);
  EXPECT_EQ(horizon.oldest(kStart), (Xmin{.data = 600, .catalog = 800}));
  horizon.remove(2);
  horizon.report(3, {}, kStart);
  EXPECT_EQ(horizon.oldest(kStart), (Xmin{.data = 700, .catalog = 0}));
  horizon.remove(1);
  EXPECT_EQ(horizon.oldest(kStart), Xmin{});
}

TEST(XminHorizonTest, AnEarlierEpochIsOlderWhateverTheId) {
  XminHorizon horizon;
  const Xmin late{.data = (std::uint64_t{1} << 32) | 3};
  const Xmin early{.data = 0xFFFFFFF0};
  horizon.report(1, late, kStart);
  horizon.report(2, early, kStart);
  EXPECT_EQ(horizon.oldest(kStart), early);
}

TEST(XminHorizonTest, WhoHoldsItBackForTooLongIsLeftOutUntilHeMoves) {
  XminHorizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, {.data = 500}, kStart);
  horizon.report(2, {.data = 700}, kStart + seconds(30));
  EXPECT_EQ(horizon.oldest(kStart + seconds(60)).data, 500u);
  horizon.report(1, {.data = 500}, kStart + seconds(60));  // the same again
  const std::string log = tests::logged([&] {
    EXPECT_EQ(horizon.oldest(kStart + seconds(61)).data, 700u);
    EXPECT_EQ(horizon.oldest(kStart + seconds(62)).data, 700u);
  });
  EXPECT_EQ(tests::count_of(log, "process 1 is older than max_feedback_age"), 1u) << log;
  horizon.report(1, {.data = 600}, kStart + seconds(63));
  EXPECT_EQ(horizon.oldest(kStart + seconds(64)).data, 600u);
}

TEST(XminHorizonTest, SlotsCountLikeStandbysAndAreNamedInTheLog) {
  XminHorizon horizon;
  horizon.set_listener({}, seconds(60));
  horizon.report(1, {.data = 700}, kStart + seconds(50));
  horizon.report_slot("s", {.data = 500, .catalog = 400}, kStart);
  EXPECT_EQ(horizon.oldest(kStart + seconds(50)), (Xmin{.data = 500, .catalog = 400}));
  const std::string log = tests::logged([&] {
    EXPECT_EQ(horizon.oldest(kStart + seconds(61)), (Xmin{.data = 700}));
    EXPECT_EQ(horizon.oldest(kStart + seconds(62)), (Xmin{.data = 700}));
  });
  EXPECT_EQ(tests::count_of(log, "of slot \"s\" is older than max_feedback_age"), 1u) << log;
  horizon.report_slot("s", {.data = 600}, kStart + seconds(63));
  EXPECT_EQ(horizon.oldest(kStart + seconds(64)), (Xmin{.data = 600}));
  horizon.report_slot("s", {}, kStart + seconds(64));
  EXPECT_EQ(horizon.oldest(kStart + seconds(64)), (Xmin{.data = 700}));
}

TEST(XminHorizonTest, TellsItsListenerOfChangesOnly) {
  XminHorizon horizon;
  int told = 0;
  horizon.set_listener([&told] { ++told; }, {});
  horizon.report(1, {.data = 5}, kStart);
  horizon.report(1, {.data = 5}, kStart);
  EXPECT_EQ(told, 1);
  horizon.report(1, {.data = 6}, kStart);
  horizon.remove(1);
  horizon.remove(1);
  EXPECT_EQ(told, 3);
  horizon.set_listener({}, {});
  horizon.report(1, {.data = 7}, kStart);
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace server::source
