#pragma once

#include <cstdint>
#include <optional>

#include "bench/behaviour/delayed_position.h"
#include "bench/walbench/frontend.h"
#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// What a standby says of itself: how far it is, or was, as write, flush and apply at once, and the
// transactions that it still looks at.
//   Owner: Standby.  Thread: the owner's.
class Acknowledgement {
 public:
  // Without a delay it says how far it is; without an xmin it sends no feedback.
  Acknowledgement(runtime::Duration delay, std::optional<std::uint64_t> xmin) : xmin_(xmin) {
    if (delay.count() > 0) delayed_.emplace(delay);
  }

  // All before `lsn` is there now.
  void note(runtime::Instant now, server::wal::Lsn lsn) {
    received_ = lsn;
    if (delayed_.has_value()) delayed_->note(now, lsn);
  }
  // A status update.
  Bytes status(runtime::Instant now, server::wire::PgTimestamp time, bool reply_requested) {
    const server::wal::Lsn lsn = delayed_.has_value() ? delayed_->get(now) : received_;
    const auto message = status_update(lsn, time, reply_requested);
    return {message.begin(), message.end()};
  }
  // The same, and hot standby feedback behind it from a standby that sends it.
  Bytes periodic(runtime::Instant now, server::wire::PgTimestamp time, bool reply_requested) {
    Bytes messages = status(now, time, reply_requested);
    if (xmin_.has_value()) {
      const auto feedback = hot_standby_feedback(*xmin_, time);
      messages.insert(messages.end(), feedback.begin(), feedback.end());
    }
    return messages;
  }

 private:
  const std::optional<std::uint64_t> xmin_;
  server::wal::Lsn received_;
  std::optional<behaviour::DelayedPosition> delayed_;
};

}  // namespace bench::walbench
