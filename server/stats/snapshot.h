#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/recent_lines.h"
#include "server/settings/settings.h"
#include "server/slot/slot.h"
#include "server/stats/session_status.h"
#include "server/stream/stage_clock.h"
#include "server/wal/holds.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"

namespace server::stats {

// Whether a slot's WAL is there, as pg_replication_slots.wal_status says it (slotfuncs.c).
enum class WalStatus : std::uint8_t {
  kNone,        // the slot keeps no WAL (NULL)
  kReserved,    // within wal_keep_size
  kExtended,    // the slot keeps more than that
  kUnreserved,  // beyond max_slot_wal_keep_size: its WAL may go at any moment
  kLost,        // some of its WAL is gone
};
constexpr std::string_view name_of(WalStatus status) {
  switch (status) {
    case WalStatus::kNone:
      break;
    case WalStatus::kReserved:
      return "reserved";
    case WalStatus::kExtended:
      return "extended";
    case WalStatus::kUnreserved:
      return "unreserved";
    case WalStatus::kLost:
      return "lost";
  }
  return "";
}

// A row of pg_replication_slots. All slots are physical, and of no database.
struct SlotStatus : slot::SlotInfo {
  WalStatus wal_status = WalStatus::kNone;
  // WAL that may still be written before the slot is in danger (safe_wal_size), below 0 if it is;
  // none: there is no limit, or the slot keeps no WAL.
  std::optional<std::int64_t> safe_wal_bytes = std::nullopt;
  std::uint64_t retained_bytes = 0;  // from its restart_lsn to the end of WAL
};

// Where WAL comes from.
enum class UpstreamState : std::uint8_t {
  kNone,        // no primary: a directory, or WAL that is generated
  kConnecting,  // no stream has run yet
  kStreaming,
  kPaused,   // connected, and its WAL cannot be kept
  kFailing,  // there is no stream; `text` says why
};
constexpr std::string_view name_of(UpstreamState state) {
  switch (state) {
    case UpstreamState::kNone:
      break;
    case UpstreamState::kConnecting:
      return "connecting";
    case UpstreamState::kStreaming:
      return "streaming";
    case UpstreamState::kPaused:
      return "paused";
    case UpstreamState::kFailing:
      return "failing";
  }
  return "none";
}

// The connection to the primary: a row of pg_stat_wal_receiver. Positions that are invalid, times
// that are 0 and texts that are empty are unknown.
struct UpstreamStatus {
  UpstreamState state = UpstreamState::kNone;
  std::string text;                  // "host=... port=..." of a stream, or what is wrong
  runtime::WallMicros since = 0;     // the state is what it is
  std::string conninfo;              // without passwords (walreceiver.c, libpqrcv_get_conninfo)
  std::string host;                  // of the server that WAL comes from
  std::int32_t port = 0;             // of it; 0: unknown
  std::string slot_name;             // primary_slot_name
  wal::Lsn start;                    // where the stream has begun (receive_start_lsn)
  wal::TimelineId start_timeline{};  // receive_start_tli
  wal::Lsn written;                  // received and written
  wal::Lsn flushed;                  // ... and durable
  wal::TimelineId timeline{};        // received_tli
  wal::Lsn latest_end;               // of the primary's WAL, as it has said last
  runtime::WallMicros latest_end_time = 0;  // when it has said so
  runtime::WallMicros sent_time = 0;        // of its last message, by its clock
  runtime::WallMicros receipt_time = 0;     // of its last message, by this server's

  bool has_primary() const { return state != UpstreamState::kNone; }
};

// What lies on disk.
struct SpoolStatus {
  std::string directory;
  wal::Lsn oldest;  // of the oldest segment; invalid: there is none
  wal::Lsn newest;  // the end of the newest segment that there is a file of
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;           // that the segments have
  std::uint64_t free_bytes = 0;      // of its file system, for this process
  std::uint64_t size_bytes = 0;      // of its file system
  std::uint64_t min_free_bytes = 0;  // min_free_space
  // How fast WAL comes: over the last minute, or since the first look. None: there was one look.
  std::optional<double> bytes_per_second = std::nullopt;
  // How long the free space lasts if WAL goes on to come so fast and none is removed; none: it does
  // not come, or its rate is unknown.
  std::optional<runtime::Duration> lasts = std::nullopt;
  bool grows = false;  // walcast writes there, so that the disk may fill
};

// One reason why WAL stays.
struct HoldStatus : wal::Hold {
  runtime::WallMicros since_wall = 0;
  std::uint64_t bytes = 0;  // from there to the end of WAL
};

struct ThreadStatus {
  std::int32_t id = 0;           // as the kernel has it
  std::string name;              // "loop-0"
  char state = '?';              // R, S, D, ... of /proc/PID/task/ID/stat
  runtime::Duration cpu_time{};  // user and system
  bool is_loop = false;          // one that has sessions
  std::int64_t sessions = 0;     // of a loop
};

// A figure and what it may be at most; 0: there is no limit.
struct LimitStatus {
  std::string_view name;  // of the option; a constant
  std::uint64_t used = 0;
  std::uint64_t max = 0;
};

// A row of pg_backend_memory_contexts, of one of the loops.
struct MemoryContextStatus {
  std::string thread;  // "loop-0"
  std::string name;
  std::string parent;  // empty: it is the root
  std::int32_t level = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t total_blocks = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t used_bytes() const { return total_bytes - free_bytes; }
};

// The server at one moment, as every window shows it. Made by Collector; never changed then, and
// shared by whoever reads it on whatever thread.
//   Limits: what is costly is not made anew for each snapshot: `stages` once in a second, `spool`
//   and `threads` too, `memory` once in five seconds.
struct Snapshot {
  runtime::Instant taken{};
  runtime::WallMicros taken_wall = 0;

  std::vector<SessionStatus> sessions;  // by process id
  std::vector<SlotStatus> slots;        // by name
  UpstreamStatus upstream;
  SpoolStatus spool;
  std::vector<HoldStatus> holds;                        // the oldest WAL first
  std::shared_ptr<const stream::StageSnapshot> stages;  // of all loops; never null
  std::vector<ThreadStatus> threads;
  std::vector<LimitStatus> limits;
  std::vector<MemoryContextStatus> memory;
  std::shared_ptr<const settings::Settings> settings;  // as SHOW has them; never null

  wal::Identity identity;
  int major_version = 0;                     // of the PostgreSQL whose WAL it is
  wal::TimelineId timeline{};                // invalid: no WAL yet
  wal::Lsn end;                              // of the WAL that may be sent
  std::uint64_t bytes_sent = 0;              // of WAL, to all standbys since the start
  std::uint64_t sessions_taken = 0;          // connections since the start
  std::uint32_t process_id = 0;              // of the server
  runtime::WallMicros start_time = 0;        // pg_postmaster_start_time()
  runtime::WallMicros config_load_time = 0;  // pg_conf_load_time()
  bool is_ready = false;                     // sessions are taken
  bool is_stopping = false;                  // a shutdown has begun
  std::size_t loops_silent = 0;  // that have not answered in time; their sessions are missing

  std::vector<runtime::RecentLine> log;  // the last lines, the oldest first

  // Null: there is none.
  const SlotStatus* find_slot(std::string_view name) const {
    for (const SlotStatus& slot : slots) {
      if (slot.name == name) return &slot;
    }
    return nullptr;
  }
  const LimitStatus* find_limit(std::string_view name) const {
    for (const LimitStatus& limit : limits) {
      if (limit.name == name) return &limit;
    }
    return nullptr;
  }
};

using SnapshotRef = std::shared_ptr<const Snapshot>;

}  // namespace server::stats
