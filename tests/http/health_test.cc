#include "server/http/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/http/planted_snapshot.h"

namespace server::http {
namespace {

using stats::UpstreamState;
using std::chrono::seconds;
using testing::HasSubstr;
using tests::planted_snapshot;
using tests::planted_standby;

TEST(HealthTest, AServerThatStreamsIsReady) {
  EXPECT_EQ(ready(planted_snapshot(), {}).status(), 200);
}

TEST(HealthTest, OneWithoutAPrimaryNeedsWalAlone) {
  auto snapshot = planted_snapshot();
  snapshot.upstream = {};
  EXPECT_TRUE(ready(snapshot, {}).is_good);
  snapshot.end = {};
  EXPECT_EQ(ready(snapshot, {}).status(), 503);
}

TEST(HealthTest, OneThatStartsOrStopsIsNot) {
  auto snapshot = planted_snapshot();
  snapshot.is_ready = false;
  EXPECT_THAT(ready(snapshot, {}).why, HasSubstr("starting"));
  snapshot.is_stopping = true;
  EXPECT_THAT(ready(snapshot, {}).why, HasSubstr("stopping"));
}

TEST(HealthTest, OneWithoutAStreamSaysWhy) {
  auto snapshot = planted_snapshot();
  for (const auto state :
       {UpstreamState::kConnecting, UpstreamState::kPaused, UpstreamState::kFailing}) {
    snapshot.upstream.state = state;
    snapshot.upstream.text = "no room";
    const Health health = ready(snapshot, {});
    EXPECT_FALSE(health.is_good);
    EXPECT_THAT(health.why, HasSubstr("no room"));
  }
}

TEST(HealthTest, APrimaryThatIsSilentOrFarAheadIsNone) {
  auto snapshot = planted_snapshot();
  EXPECT_TRUE(ready(snapshot, {.lag_bytes = std::nullopt, .silence = seconds(2)}).is_good);
  snapshot.upstream.receipt_time -= 2'000'000;
  EXPECT_FALSE(ready(snapshot, {.lag_bytes = std::nullopt, .silence = seconds(2)}).is_good);
  snapshot.upstream.latest_end = wal::Lsn(10'100);
  EXPECT_TRUE(ready(snapshot, {.lag_bytes = 100}).is_good);
  EXPECT_FALSE(ready(snapshot, {.lag_bytes = 99}).is_good);
}

TEST(HealthTest, AStandbyIsKnownByItsName) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a")};
  EXPECT_EQ(standby(snapshot, "a", std::nullopt).status(), 200);
  EXPECT_EQ(standby(snapshot, "b", std::nullopt).status(), 503);
  snapshot.sessions[0].streams = false;
  EXPECT_EQ(standby(snapshot, "a", std::nullopt).status(), 503);
}

TEST(HealthTest, AStandbyIsToBeNear) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a", 100)};
  EXPECT_TRUE(standby(snapshot, "a", 100).is_good);
  EXPECT_FALSE(standby(snapshot, "a", 99).is_good);
  snapshot.sessions[0].state = "catchup";
  EXPECT_TRUE(standby(snapshot, "a", 100).is_good) << "it is near, in whatever state";
  EXPECT_FALSE(standby(snapshot, "a", std::nullopt).is_good);
  snapshot.sessions[0].paused = true;
  EXPECT_FALSE(standby(snapshot, "a", 100).is_good);
}

// The first connection of a standby that has come back may not be known to be dead yet.
TEST(HealthTest, OfTwoOfANameTheNearerOneSpeaks) {
  auto snapshot = planted_snapshot();
  snapshot.sessions = {planted_standby("a", 5000), planted_standby("a", 1)};
  EXPECT_TRUE(standby(snapshot, "a", 10).is_good);
}

TEST(HealthTest, LagIsASize) {
  EXPECT_EQ(*parse_lag("16MB"), 16u << 20);
  EXPECT_EQ(*parse_lag("1000"), 1000u);
  EXPECT_FALSE(parse_lag("much"));
  EXPECT_FALSE(parse_lag("-1"));
}

}  // namespace
}  // namespace server::http
