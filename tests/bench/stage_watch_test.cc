#include "bench/live/stage_watch.h"

#include <gtest/gtest.h>

namespace bench::live {
namespace {

using server::wal::Lsn;

StageWatch::Look look(const std::string& name, std::uint64_t written, std::uint64_t applied) {
  return {
      .name = name,
      .stages = {{{Lsn(written), 70, 0}, {Lsn(written), std::nullopt, 5}, {Lsn(applied), 90, 9}}}};
}

const results::RealStandby::Stage& stage(const results::RealStandbys& real, std::size_t index) {
  return real.standbys.at(0).stages.at(index);
}

class StageWatchTest : public ::testing::Test {
 protected:
  // Two commits, whose stamps end at 100 and 200.
  void commit() {
    log_.add({.due = 1'000'000, .stamped = Lsn(100)});
    log_.add({.due = 2'000'000, .stamped = Lsn(200)});
  }

  CommitLog log_;
  StageWatch watch_{{.conninfo = "", .fleet_name = "walbench", .interval = {}}, log_};
};

TEST_F(StageWatchTest, ACommitHasComeWithTheFirstLookBehindItsStamp) {
  watch_.take({look("a", 50, 50)}, 500'000);
  commit();
  watch_.take({look("a", 200, 100)}, 3'000'000);  // of the second commit the record is to come
  watch_.take({look("a", 240, 240)}, 5'000'000);
  const auto real = watch_.result();
  ASSERT_EQ(real.standbys.size(), 1u);
  EXPECT_EQ(stage(real, 0).name, "written");
  EXPECT_EQ(stage(real, 0).from_due.count, 2u);
  EXPECT_NEAR(stage(real, 0).from_due.p50_us.value_or(0), 2'000, 32);
  EXPECT_EQ(stage(real, 0).from_due.max_us, 3'000);
  EXPECT_EQ(stage(real, 2).name, "applied");
  EXPECT_EQ(stage(real, 2).from_due.max_us, 4'000);
}

TEST_F(StageWatchTest, ThePrimarysOwnLagCountsOnlyWhenTheStandbyHasMoved) {
  for (const std::uint64_t written : {100, 100, 150}) watch_.take({look("a", written, 1)}, 1);
  const auto real = watch_.result();
  EXPECT_EQ(stage(real, 0).from_local_flush.count, 2u);
  EXPECT_EQ(stage(real, 0).from_local_flush.max_us, 70);
  EXPECT_EQ(stage(real, 1).from_local_flush.count, 0u);  // it has said nothing
  EXPECT_EQ(stage(real, 1).lag_bytes_max, 5);
}

TEST_F(StageWatchTest, AStandbyThatComesLaterHasNoPartInWhatWasBefore) {
  watch_.take({look("a", 50, 50)}, 500'000);
  commit();
  watch_.take({look("a", 240, 240), look("b", 240, 240)}, 3'000'000);
  EXPECT_EQ(watch_.result().standbys.at(0).stages.at(0).from_due.count, 2u);
  EXPECT_EQ(watch_.result().standbys.at(1).stages.at(0).from_due.count, 0u);
}

TEST_F(StageWatchTest, TheResolutionIsTheTimeBetweenLooks) {
  for (const WallNanos at : {1'000'000, 2'000'000, 3'000'000}) watch_.take({}, at);
  EXPECT_EQ(watch_.result().resolution_us, 1'000);
  EXPECT_EQ(watch_.result().looks, 2u);
}

TEST_F(StageWatchTest, ThereAreNoMoreStandbysThanTheLimit) {
  std::vector<StageWatch::Look> looks;
  for (std::size_t i = 0; i < StageWatch::kStandbysMax + 5; ++i) {
    looks.push_back(look(std::to_string(i), 1, 1));
  }
  watch_.take(looks, 1);
  EXPECT_EQ(watch_.result().standbys.size(), StageWatch::kStandbysMax);
  EXPECT_EQ(watch_.result().unwatched, 5u);
  // Those that are watched stay, and those that the server does not show count too.
  looks.erase(looks.begin(), looks.begin() + 3);
  watch_.take(looks, 2, 10);
  EXPECT_EQ(watch_.result().standbys.size(), StageWatch::kStandbysMax);
  EXPECT_EQ(watch_.result().unwatched, 15u);
  watch_.take({}, 3);
  EXPECT_EQ(watch_.result().unwatched, 15u);
}

}  // namespace
}  // namespace bench::live
