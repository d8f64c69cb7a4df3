#include "server/admin/attribution.h"

#include <algorithm>
#include <array>

namespace server::admin {

using runtime::Duration;
using stream::DeliveryStatus;
using stream::index_of;
using stream::Obstacle;
using stream::Stage;
using stream::StageFigure;

namespace {

Cause cause_of(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::kSocketFull:
      return Cause::kSocketFull;
    case Obstacle::kColdRead:
      return Cause::kColdRead;
    case Obstacle::kNone:
      break;
  }
  return Cause::kBusyLoop;
}

// What the deliveries to the socket have met most.
Cause cause_of_sending(const DeliveryStatus& status) {
  const StageFigure& sent = status.stages[index_of(Stage::kSent)];
  const Duration all = sent.mean * static_cast<Duration::rep>(sent.count);
  const Duration full = status.socket_full.delayed;
  const Duration cold = status.cold_read.delayed;
  if (std::max(full, cold) < all - full - cold) return Cause::kBusyLoop;
  return full >= cold ? Cause::kSocketFull : Cause::kColdRead;
}

Cause cause_of(Stage stage, const DeliveryStatus& status, bool goes_on) {
  switch (stage) {
    case Stage::kReceived:
      return Cause::kReceiver;
    case Stage::kStored:
      return Cause::kSpoolDisk;
    case Stage::kProven:
      return Cause::kProof;
    case Stage::kPublished:
      return Cause::kPublishing;
    case Stage::kTaken:
      return Cause::kBusyLoop;
    case Stage::kGathered:
      return Cause::kSendDelay;
    case Stage::kSent:
      return goes_on ? cause_of(status.obstacle) : cause_of_sending(status);
    case Stage::kWritten:
      return Cause::kStandbyReceiver;
    case Stage::kFlushed:
      return Cause::kStandbyDisk;
    case Stage::kApplied:
      return Cause::kStandbyReplay;
  }
  return Cause::kNone;
}

Attribution attribute_catching_up(const DeliveryStatus& status) {
  const Duration full = status.socket_full.stood_still;
  const Duration cold = status.cold_read.stood_still;
  if (full + cold == Duration::zero()) return {.cause = Cause::kCatchingUp};
  return {.cause = full >= cold ? Cause::kSocketFull : Cause::kColdRead,
          .took = std::max(full, cold),
          .goes_on = status.obstacle != Obstacle::kNone};
}

}  // namespace

std::string_view name_of(Cause cause) {
  constexpr std::array<std::string_view, 13> kNames{"nothing yet",
                                                    "receiver busy",
                                                    "spool's disk",
                                                    "waiting for proof",
                                                    "publishing",
                                                    "loop busy",
                                                    "send_delay",
                                                    "socket full",
                                                    "cold read",
                                                    "catching up",
                                                    "standby's receiver or network",
                                                    "standby's disk",
                                                    "standby's replay"};
  return kNames.at(static_cast<std::size_t>(cause));
}

Attribution attribute(const DeliveryStatus& status) {
  if (!status.is_live) return attribute_catching_up(status);
  Attribution longest;
  for (std::size_t i = 0; i < stream::kStages; ++i) {
    const StageFigure& figure = status.stages[i];
    const bool goes_on = figure.pending > figure.mean;
    const Duration took = std::max(figure.mean, figure.pending);
    if (took <= longest.took) continue;
    longest = {.cause = cause_of(static_cast<Stage>(i), status, goes_on),
               .took = took,
               .goes_on = goes_on};
  }
  const bool stands_still = longest.goes_on && status.obstacle == Obstacle::kSocketFull;
  if (longest.cause == Cause::kStandbyReceiver && stands_still) longest.cause = Cause::kSocketFull;
  return longest;
}

}  // namespace server::admin
