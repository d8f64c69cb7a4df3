#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "server/stream/delivery.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::stats {

// What a connection is, as far as its client has come.
enum class SessionKind : std::uint8_t {
  kStartup,    // it has not logged in yet
  kWalSender,  // a replication connection
  kConsole,    // a normal connection, for SQL
};
// As pg_stat_activity.backend_type: "startup", "walsender", "client backend".
constexpr std::string_view name_of(SessionKind kind) {
  switch (kind) {
    case SessionKind::kStartup:
      break;
    case SessionKind::kWalSender:
      return "walsender";
    case SessionKind::kConsole:
      return "client backend";
  }
  return "startup";
}

// The TLS of a connection: a row of pg_stat_ssl.
struct TlsStatus {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // "TLS_AES_256_GCM_SHA384"
  int bits = 0;         // of its key
  // The distinguished name of the client's certificate, as RFC 2253 writes it; empty: there is
  // none.
  std::string client_dn;

  friend bool operator==(const TlsStatus&, const TlsStatus&) = default;
};

// What a standby's word is worth, as pg_stat_replication.sync_state says it. walcast takes
// upstream_ack for synchronous_standby_names.
enum class SyncState : std::uint8_t { kAsync, kPotential, kSync, kQuorum };
constexpr std::string_view name_of(SyncState state) {
  switch (state) {
    case SyncState::kAsync:
      break;
    case SyncState::kPotential:
      return "potential";
    case SyncState::kSync:
      return "sync";
    case SyncState::kQuorum:
      return "quorum";
  }
  return "async";
}

// One session at one moment: a row of pg_stat_replication, and more. A plain value, copied out of
// its loop. Positions that are invalid are unknown, and NULL where PostgreSQL's columns are shown.
struct SessionStatus {
  std::uint32_t process_id = 0;
  SessionKind kind = SessionKind::kStartup;
  std::string user = {};      // empty before the login
  std::string database = {};  // empty of a replication connection that names none
  std::string application_name = {};
  std::string client = {};        // "127.0.0.1:40000", or "[local]"
  std::string client_host = {};   // "127.0.0.1"; empty of a Unix socket (client_addr is NULL)
  std::int32_t client_port = -1;  // -1 of a Unix socket, as PostgreSQL has it
  std::optional<TlsStatus> tls = std::nullopt;  // none: the connection is not encrypted
  runtime::WallMicros backend_start = 0;
  std::string_view state = {};  // startup, catchup, streaming or stopping; a constant
  bool paused = false;          // an admin has its WAL wait (walcast_pause)
  bool streams = false;         // a stream runs: what follows means something
  wal::TimelineId timeline{};
  wal::Lsn sent = {};
  wal::Lsn write = {};
  wal::Lsn flush = {};
  wal::Lsn apply = {};
  runtime::WallMicros reply_time = 0;  // by the standby's clock; 0: it has said nothing yet
  // How long WAL has taken from being published to the standby's word that it is written, flushed
  // and applied: a mean of the last minute or two, or for how long the oldest has waited, if that
  // is longer. None: nothing was sent lately and nothing waits (NULL, as an idle standby's).
  std::optional<runtime::Duration> write_lag = std::nullopt;
  std::optional<runtime::Duration> flush_lag = std::nullopt;
  std::optional<runtime::Duration> replay_lag = std::nullopt;
  std::uint64_t lag_bytes = 0;   // of what could be sent, not acknowledged
  runtime::Duration lag{};       // how long that has been waiting
  std::uint64_t bytes_sent = 0;  // of WAL, since the connection began
  double bytes_per_second = 0;   // of WAL sent, since about a second before the snapshot
  SyncState sync_state = SyncState::kAsync;
  std::int32_t sync_priority = 0;  // 0: its word does not count
  std::string slot_name = {};      // of the stream; empty: it has none
  wal::Xmin xmin = {};             // by hot standby feedback without a slot; a slot has its own
  stream::DeliveryStatus delivery = {};  // stage by stage; admin::attribute() names the cause
};

}  // namespace server::stats
