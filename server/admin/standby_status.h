#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "server/stream/delivery.h"
#include "server/wal/lsn.h"

namespace server::admin {

// One session at one moment: a row of pg_stat_replication. A plain value, copied out of its loop.
struct StandbyStatus {
  std::uint32_t process_id = 0;
  std::string user;
  std::string application_name;
  std::string client;
  runtime::WallMicros backend_start = 0;
  std::string_view state;  // startup, catchup, streaming or stopping
  wal::TimelineId timeline{};
  wal::Lsn sent;
  wal::Lsn write;
  wal::Lsn flush;
  wal::Lsn apply;
  std::uint64_t lag_bytes = 0;   // of what could be sent, not acknowledged
  runtime::Duration lag{};       // how long that has been waiting
  std::uint64_t bytes_sent = 0;  // of WAL, since the connection began
  stream::DeliveryStatus delivery = {};
};

}  // namespace server::admin
