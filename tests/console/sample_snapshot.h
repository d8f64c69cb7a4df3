#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "server/settings/settings.h"
#include "server/stats/snapshot.h"

namespace tests {

// A server of one standby and two slots, as of PostgreSQL 15.
inline server::stats::Snapshot sample_snapshot(int major = 15) {
  using namespace server;
  stats::Snapshot snapshot;
  stats::SessionStatus standby;
  standby.process_id = 100;
  standby.kind = stats::SessionKind::kWalSender;
  standby.user = "replicator";
  standby.application_name = "standby1";
  standby.client = "127.0.0.1:40000";
  standby.client_host = "127.0.0.1";
  standby.client_port = 40000;
  standby.backend_start = 1'700'000'000'000'000;
  standby.state = "streaming";
  standby.streams = true;
  standby.timeline = wal::TimelineId{1};
  standby.sent = standby.write = wal::Lsn(0x5000100);
  standby.flush = standby.apply = wal::Lsn(0x5000000);
  standby.reply_time = 1'700'000'001'500'000;
  standby.write_lag = std::chrono::milliseconds(2);
  standby.lag_bytes = 256;
  snapshot.sessions.push_back(standby);
  stats::SlotStatus slot;
  slot.name = "s1";
  slot.restart_lsn = wal::Lsn(0x4000000);
  slot.active_pid = 100;
  slot.wal_status = stats::WalStatus::kReserved;
  snapshot.slots.push_back(slot);
  slot.name = "s2";
  slot.restart_lsn = {};
  slot.active_pid = 0;
  slot.wal_status = stats::WalStatus::kNone;
  snapshot.slots.push_back(slot);
  snapshot.stages = std::make_shared<stream::StageSnapshot>();
  auto shown = std::make_shared<settings::Settings>();
  snapshot.identity.system_identifier = 7'000'000'000'000'000'001;
  settings::add_source_settings(snapshot.identity, *shown);
  shown->set("server_version", std::to_string(major) + ".0 (walcast 0.1)", "");
  shown->set("max_wal_senders", "100", "Sets how many.");
  shown->set("data_checksums", "on", "");
  snapshot.settings = std::move(shown);
  snapshot.major_version = major;
  snapshot.timeline = wal::TimelineId{1};
  snapshot.end = wal::Lsn(0x5000100);
  snapshot.start_time = 1'700'000'000'000'000;
  snapshot.spool.bytes = 48 << 20;
  return snapshot;
}

}  // namespace tests
