#pragma once

#include <cstdint>

#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace server::stream {

// What a standby last reported (walsender.c, ProcessStandbyReplyMessage). Positions are stored as
// given: they may go back, and even lie beyond what was sent.
struct Feedback {
  wal::Lsn write;
  wal::Lsn flush;
  wal::Lsn apply;
  wire::PgTimestamp reply_time = 0;  // by the standby's clock; 0: none yet

  void take(const wire::StandbyStatus& status) {
    write = wal::Lsn(status.write);
    flush = wal::Lsn(status.flush);
    apply = wal::Lsn(status.apply);
    reply_time = status.send_time;
  }

  // What the standby has for good: its flush position, or its write position if it never flushes,
  // as pg_receivewal without a slot (WalSndDone).
  wal::Lsn acknowledged() const { return flush.valid() ? flush : write; }
};

}  // namespace server::stream
