#include "server/admin/attribution.h"

#include <gtest/gtest.h>

namespace server::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using stream::DeliveryStatus;
using stream::index_of;
using stream::Obstacle;
using stream::Stage;

// Every stage of a live standby takes a millisecond.
DeliveryStatus healthy() {
  DeliveryStatus status;
  status.is_live = true;
  for (auto& figure : status.stages) {
    figure = {.count = 10, .mean = milliseconds(1), .max = milliseconds(2)};
  }
  return status;
}

TEST(AttributionTest, TheLongestStageIsNamed) {
  const std::pair<Stage, Cause> cases[]{
      {Stage::kReceived, Cause::kReceiver},   {Stage::kStored, Cause::kSpoolDisk},
      {Stage::kProven, Cause::kProof},        {Stage::kPublished, Cause::kPublishing},
      {Stage::kTaken, Cause::kBusyLoop},      {Stage::kGathered, Cause::kSendDelay},
      {Stage::kSent, Cause::kBusyLoop},       {Stage::kWritten, Cause::kStandbyReceiver},
      {Stage::kFlushed, Cause::kStandbyDisk}, {Stage::kApplied, Cause::kStandbyReplay}};
  for (const auto& [stage, cause] : cases) {
    DeliveryStatus slow = healthy();
    slow.stages.at(index_of(stage)).mean = milliseconds(50);
    const Attribution most = attribute(slow);
    EXPECT_EQ(most.cause, cause) << stream::name_of(stage);
    EXPECT_EQ(most.took, milliseconds(50));
    EXPECT_FALSE(most.goes_on);
  }
}

TEST(AttributionTest, AWaitThatHasNotEndedCountsLikeAMean) {
  for (const Stage stage : {Stage::kWritten, Stage::kFlushed, Stage::kApplied}) {
    DeliveryStatus stuck = healthy();
    stuck.stages.at(index_of(Stage::kProven)).mean = milliseconds(50);
    stuck.stages.at(index_of(stage)).pending = seconds(9);
    const Attribution most = attribute(stuck);
    EXPECT_NE(most.cause, Cause::kProof);
    EXPECT_EQ(most.took, seconds(9));
    EXPECT_TRUE(most.goes_on);
  }
}

TEST(AttributionTest, ASocketStageNamesWhatItsDeliveriesMet) {
  DeliveryStatus slow = healthy();
  slow.stages.at(index_of(Stage::kSent)).mean = milliseconds(50);
  slow.socket_full.delayed = milliseconds(400);
  EXPECT_EQ(attribute(slow).cause, Cause::kSocketFull);
  slow.cold_read.delayed = milliseconds(60);
  EXPECT_EQ(attribute(slow).cause, Cause::kSocketFull);
  slow.socket_full.delayed = milliseconds(40);
  slow.cold_read.delayed = milliseconds(400);
  EXPECT_EQ(attribute(slow).cause, Cause::kColdRead);
  slow.cold_read.delayed = milliseconds(40);
  EXPECT_EQ(attribute(slow).cause, Cause::kBusyLoop);
}

TEST(AttributionTest, ADeliveryThatWaitsNamesTheObstacleOfNow) {
  DeliveryStatus stuck = healthy();
  stuck.stages.at(index_of(Stage::kSent)).pending = seconds(3);
  EXPECT_EQ(attribute(stuck).cause, Cause::kBusyLoop);
  stuck.obstacle = Obstacle::kSocketFull;
  EXPECT_EQ(attribute(stuck).cause, Cause::kSocketFull);
  stuck.obstacle = Obstacle::kColdRead;
  EXPECT_EQ(attribute(stuck).cause, Cause::kColdRead);
}

TEST(AttributionTest, AReceiverThatDoesNotReadIsNamedByItsSocket) {
  DeliveryStatus stuck = healthy();
  stuck.stages.at(index_of(Stage::kWritten)).pending = seconds(9);
  stuck.stages.at(index_of(Stage::kSent)).pending = seconds(3);
  EXPECT_EQ(attribute(stuck).cause, Cause::kStandbyReceiver);
  stuck.obstacle = Obstacle::kSocketFull;
  EXPECT_EQ(attribute(stuck).cause, Cause::kSocketFull);
  EXPECT_EQ(attribute(stuck).took, seconds(9));
  stuck.stages.at(index_of(Stage::kApplied)).pending = seconds(30);
  EXPECT_EQ(attribute(stuck).cause, Cause::kStandbyReplay);
}

TEST(AttributionTest, AStandbyThatCatchesUpHasItsObstacles) {
  DeliveryStatus behind = healthy();
  behind.is_live = false;
  EXPECT_EQ(attribute(behind).cause, Cause::kCatchingUp);
  behind.cold_read.stood_still = seconds(2);
  behind.obstacle = Obstacle::kColdRead;
  EXPECT_EQ(attribute(behind).cause, Cause::kColdRead);
  EXPECT_EQ(attribute(behind).took, seconds(2));
  EXPECT_TRUE(attribute(behind).goes_on);
  behind.socket_full.stood_still = seconds(5);
  EXPECT_EQ(attribute(behind).cause, Cause::kSocketFull);
}

TEST(AttributionTest, NothingIsNamedWhereNothingWasDelivered) {
  DeliveryStatus fresh;
  fresh.is_live = true;
  EXPECT_EQ(attribute(fresh).cause, Cause::kNone);
}

}  // namespace
}  // namespace server::admin
