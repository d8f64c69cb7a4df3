#pragma once

#include <cstdint>

#include "server/wal/standby_positions.h"
#include "server/wire/replication.h"

namespace server::stream {

// What a standby last reported (walsender.c, ProcessStandbyReplyMessage).
struct Feedback : wal::StandbyPositions {
  wire::PgTimestamp reply_time = 0;  // by the standby's clock; 0: none yet

  void take(const wire::StandbyStatus& status) {
    write = wal::Lsn(status.write);
    flush = wal::Lsn(status.flush);
    apply = wal::Lsn(status.apply);
    reply_time = status.send_time;
  }
};

}  // namespace server::stream
