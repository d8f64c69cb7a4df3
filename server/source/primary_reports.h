#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/quorum.h"
#include "server/source/wal_sink.h"
#include "server/source/xmin_horizon.h"

namespace server::source {

// What a walreceiver tells its primary on a stream, and when (walreceiver.c, XLogWalRcvSendReply
// and XLogWalRcvSendHSFeedback): positions, the oldest xmin of the standbys, and a ping where the
// primary is silent.
//   Owner: Receiver.  Thread: the receiver's.
//   Borrows: clock, sink and horizon.
//   Invariant: a turn in which nothing has changed costs no system call, no lock, and no look at
//   the standbys. A position that has changed is reported in the same turn.
//   Invariant: between two reports that say nothing new, kRepeatInterval passes. A primary that
//   stops asks again as soon as it is answered (walsender.c, WalSndDone), and so would both sides
//   be busy for as long as a standby is slow to confirm.
class PrimaryReports {
 public:
  struct Options {
    runtime::Duration status_interval{};  // 0: only when something has changed, or is asked for
    runtime::Duration timeout{};          // silence of the primary that ends the stream; 0: none
    XminHorizon* xmin_horizon = nullptr;  // null: what standbys report is not passed on
    runtime::Duration feedback_age_max{};
  };

  // Sends the body of one CopyData.
  using Send = std::function<runtime::Result<void>(std::span<const std::byte> body)>;

  PrimaryReports(Options options, const runtime::Clock& clock, WalSink& sink, Send send)
      : options_(options), clock_(clock), sink_(sink), send_(std::move(send)) {}

  // A stream has begun, on which the primary has heard nothing yet.
  runtime::Result<void> begin(runtime::Instant now);
  // All that is due. kUpstreamLost if the primary has been silent for too long.
  runtime::Result<void> send_due(runtime::Instant now);
  // When something will be due that no event announces.
  runtime::Instant next_due() const;
  // The part of send_due() that has the positions: if they have changed, or if they are wanted and
  // may be repeated.
  runtime::Result<void> send_status_due(runtime::Instant now);

  // Until now the primary's silence does not count, for this server did not listen.
  void note_heard(runtime::Instant now);
  // The primary has sent a message.
  void note_message(runtime::Instant now);
  // The positions are to be sent though they may be what the primary knows: at the end of this
  // turn, or as soon as they may be repeated. Any report that is sent meanwhile will do.
  void want_status() { status_wanted_ = true; }

 private:
  // The time between two looks for feedback that has become too old.
  static constexpr runtime::Duration kAgeCheckInterval = std::chrono::seconds(1);
  static constexpr runtime::Duration kRepeatInterval = std::chrono::milliseconds(100);

  // The positions, if they have changed; in any case if that is forced.
  runtime::Result<void> send_status(runtime::Instant now, bool forced,
                                    bool reply_requested = false);
  runtime::Result<void> send_positions(const Quorum::Positions& positions, bool reply_requested);
  runtime::Result<void> move_slot();
  runtime::Result<void> send_feedback(runtime::Instant now);
  runtime::Result<void> keep_connection_alive(runtime::Instant now);

  const Options options_;
  const runtime::Clock& clock_;
  WalSink& sink_;
  const Send send_;

  Quorum::Positions reported_;
  wal::Lsn slot_position_;  // the one that was reported last
  std::optional<Xmin> reported_xmin_;
  std::uint64_t xmin_version_ = 0;                       // of the horizon, when it was asked last
  bool epoch_known_ = false;                             // of the next transaction id, at that time
  runtime::Instant ages_due_ = runtime::Instant::max();  // the next look for feedback's age
  runtime::Instant status_sent_{};
  runtime::Instant heard_{};  // the primary's silence counts from here on; never goes back
  bool ping_sent_ = false;    // since the primary's last message
  bool status_wanted_ = false;
  runtime::Instant repeat_due_{};  // when positions that the primary knows may be sent again
};

}  // namespace server::source
