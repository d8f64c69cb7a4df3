#include "server/source/primary_reports.h"

#include <algorithm>
#include <utility>

namespace server::source {

using runtime::Instant;
using runtime::Result;
using wal::Lsn;

Result<void> PrimaryReports::begin(Instant now) {
  reported_ = {};
  slot_position_ = {};
  reported_xmin_.reset();
  status_sent_ = heard_ = now;
  ping_sent_ = status_wanted_ = false;
  auto sent = send_status(now, /*forced=*/true);
  repeat_due_ = now;  // whatever the first report says, it is new
  return sent;
}

Result<void> PrimaryReports::send_due(Instant now) {
  TRY(send_status_due(now));
  TRY(send_feedback(now));
  return keep_connection_alive(now);
}

Result<void> PrimaryReports::send_status_due(Instant now) {
  return send_status(now, /*forced=*/status_wanted_ && now >= repeat_due_);
}

// A turn has one time. A message that is taken after a pause within the turn has the time from
// before the pause, and must not undo that the silence meanwhile was ours.
void PrimaryReports::note_heard(Instant now) { heard_ = std::max(heard_, now); }

void PrimaryReports::note_message(Instant now) {
  note_heard(now);
  ping_sent_ = false;
}

Instant PrimaryReports::next_due() const {
  Instant due = ages_due_;
  if (status_wanted_) due = std::min(due, repeat_due_);
  if (options_.status_interval.count() > 0) {
    due = std::min(due, status_sent_ + options_.status_interval);
  }
  const runtime::Duration timeout = options_.timeout;
  if (timeout.count() > 0) due = std::min(due, heard_ + (ping_sent_ ? timeout : timeout / 2));
  return due;
}

// A written position is reported at once, and not together with a flushed one later: a transaction
// may wait for it (synchronous_commit = remote_write).
Result<void> PrimaryReports::send_status(Instant now, bool forced, bool reply_requested) {
  const Quorum::Positions confirmed = sink_.confirmed(reported_);
  const bool slot_moves = sink_.slot_position() != slot_position_;
  const bool says_nothing_new = confirmed == reported_ && !slot_moves;
  if (says_nothing_new && !forced) return {};
  if (slot_moves) TRY(move_slot());
  if (says_nothing_new) repeat_due_ = now + kRepeatInterval;
  reported_ = confirmed;
  status_sent_ = now;
  status_wanted_ = false;
  return send_positions(confirmed, reply_requested);
}

// The primary moves its slot to a flush position, and leaves it where it is if there is none. A
// primary that stops waits until all WAL is flushed, or is written if no flush position was
// reported (walsender.c, ProcessStandbyReplyMessage, WalSndDone): so the report that moves the slot
// must not be the last.
Result<void> PrimaryReports::move_slot() {
  slot_position_ = sink_.slot_position();
  return send_positions({.write = reported_.write, .flush = slot_position_, .apply = Lsn()},
                        /*reply_requested=*/false);
}

Result<void> PrimaryReports::send_positions(const Quorum::Positions& positions,
                                            bool reply_requested) {
  return send_(wire::encode_standby_status({.write = positions.write.value(),
                                            .flush = positions.flush.value(),
                                            .apply = positions.apply.value(),
                                            .send_time = wire::to_pg_timestamp(clock_.wall_now()),
                                            .reply_requested = reply_requested}));
}

// Feedback is sent if it has changed. The first on a connection clears what an earlier one may have
// left in the primary's slot (walreceiver.c, XLogWalRcvSendHSFeedback).
Result<void> PrimaryReports::send_feedback(Instant now) {
  XminHorizon* const horizon = options_.xmin_horizon;
  const std::uint64_t version = horizon == nullptr ? 0 : horizon->version();
  const wal::NextXid next = sink_.next_xid();
  if (horizon != nullptr) horizon->show_next(next);
  // Once the epoch is known, what was taken for right before may turn out to be wrong.
  const bool judged = next.epoch.has_value() == epoch_known_;
  if (reported_xmin_ && judged && version == xmin_version_ && now < ages_due_) return {};
  xmin_version_ = version;
  epoch_known_ = next.epoch.has_value();
  const bool ages = horizon != nullptr && options_.feedback_age_max.count() > 0;
  ages_due_ = ages ? now + kAgeCheckInterval : Instant::max();
  const Xmin xmin = horizon == nullptr ? Xmin{} : horizon->oldest(now, next);
  if (std::exchange(reported_xmin_, xmin) == xmin) return {};
  const auto low = [](std::uint64_t id) { return static_cast<std::uint32_t>(id); };
  const auto high = [](std::uint64_t id) { return static_cast<std::uint32_t>(id >> 32); };
  return send_(
      wire::encode_hot_standby_feedback({.send_time = wire::to_pg_timestamp(clock_.wall_now()),
                                         .xmin = low(xmin.data),
                                         .xmin_epoch = high(xmin.data),
                                         .catalog_xmin = low(xmin.catalog),
                                         .catalog_xmin_epoch = high(xmin.catalog)}));
}

// A primary that is silent for half of the timeout gets a ping, and one that is silent for all of
// it has lost the stream.
Result<void> PrimaryReports::keep_connection_alive(Instant now) {
  const runtime::Duration timeout = options_.timeout;
  if (timeout.count() > 0 && now >= heard_ + timeout) {
    return runtime::Error{.kind = &kUpstreamLost, .what = "terminating walreceiver due to timeout"};
  }
  if (timeout.count() > 0 && !ping_sent_ && now >= heard_ + timeout / 2) {
    ping_sent_ = true;
    return send_status(now, /*forced=*/true, /*reply_requested=*/true);
  }
  const bool due =
      options_.status_interval.count() > 0 && now >= status_sent_ + options_.status_interval;
  return send_status(now, due);
}

}  // namespace server::source
