#pragma once

#include <memory>
#include <string>
#include <utility>

#include "server/stats/snapshot.h"

namespace tests {

// A snapshot of a relay that is well, whose WAL ends at 10,000, to be changed before it is shown.
inline server::stats::Snapshot planted_snapshot() {
  using server::wal::Lsn;
  server::stats::Snapshot snapshot;
  snapshot.taken_wall = 1'000'000'000;
  snapshot.is_ready = true;
  snapshot.end = Lsn(10'000);
  snapshot.timeline = server::wal::TimelineId{1};
  snapshot.major_version = 15;
  snapshot.identity.system_identifier = 42;
  snapshot.stages = std::make_shared<server::stream::StageSnapshot>();
  snapshot.settings = std::make_shared<server::settings::Settings>();
  snapshot.upstream.state = server::stats::UpstreamState::kStreaming;
  snapshot.upstream.text = "host=h port=5432";
  snapshot.upstream.latest_end = Lsn(10'000);
  snapshot.upstream.receipt_time = snapshot.taken_wall - 1'000'000;
  return snapshot;
}

inline server::stats::SessionStatus planted_standby(std::string name, std::uint64_t lag_bytes = 0) {
  server::stats::SessionStatus standby;
  standby.process_id = 7;
  standby.kind = server::stats::SessionKind::kWalSender;
  standby.application_name = std::move(name);
  standby.client_host = "10.0.0.1";
  standby.client_port = 40000;
  standby.state = "streaming";
  standby.streams = true;
  standby.apply = server::wal::Lsn(10'000 - lag_bytes);
  standby.lag_bytes = lag_bytes;
  standby.bytes_sent = 500;
  return standby;
}

}  // namespace tests
