#pragma once

#include <cstdint>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/wal/lsn.h"
#include "server/wal/standby_positions.h"
#include "server/wire/replication.h"

namespace server::source {

// A server that WAL comes from.
struct Place {
  std::string host;       // or the directory of a Unix socket
  std::int32_t port = 0;  // 0: unknown
};

// What is known of a stream from a primary (walreceiver.h, WalRcvData). Positions that are invalid,
// and times that are 0, are unknown.
struct StreamFacts {
  std::string conninfo;  // without secrets; empty: it is primary_conninfo
  std::string host;
  std::int32_t port = 0;
  wal::Lsn start;  // where the stream has begun, and on which timeline
  wal::TimelineId start_timeline{};
  wal::Lsn written;                         // received and written
  wal::Lsn flushed;                         // ... and durable
  wal::Lsn latest_end;                      // of the primary's WAL, as it has said last
  runtime::WallMicros latest_end_time = 0;  // when that came, if it was news
  runtime::WallMicros sent_time = 0;        // of the last message, by the primary's clock
  runtime::WallMicros receipt_time = 0;     // of the last message, by this server's
};

// Where a receiver notes that, for whoever looks.
//   Owner: Receiver.  Thread: the receiver's notes, any reads. What is read may be of two messages.
//   A message costs a few stores, and no lock.
class StreamBoard {
 public:
  void note_stream(Place place, wal::Lsn start, wal::TimelineId timeline) EXCLUDES(mutex_);
  void note_message(const wire::PrimaryMessage& message, runtime::WallMicros now);
  void note_positions(const wal::StandbyPositions& kept);

  StreamFacts facts() const EXCLUDES(mutex_);

 private:
  mutable runtime::Mutex mutex_;
  Place place_ GUARDED_BY(mutex_);
  wal::Lsn start_ GUARDED_BY(mutex_);
  wal::TimelineId start_timeline_ GUARDED_BY(mutex_){};
  runtime::Published<wal::Lsn> written_;
  runtime::Published<wal::Lsn> flushed_;
  runtime::Published<wal::Lsn> latest_end_;
  runtime::Published<runtime::WallMicros> latest_end_time_;
  runtime::Published<runtime::WallMicros> sent_time_;
  runtime::Published<runtime::WallMicros> receipt_time_;
};

}  // namespace server::source
