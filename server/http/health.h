#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/stats/snapshot.h"

namespace server::http {

// An answer to a question of health: 200 or 503, and why.
struct Health {
  bool is_good = false;
  std::string why;  // of one line

  int status() const { return is_good ? 200 : 503; }
};

// What /readyz may be asked for.
struct ReadyLimits {
  std::optional<std::uint64_t> lag_bytes;  // behind the primary's end of WAL
  // The primary's last message is no older; a primary that is idle sends one each 10 s or so.
  runtime::Duration silence = std::chrono::seconds(60);
};

// Whether standbys find WAL here, and new WAL comes: it has some, takes sessions, and if it has a
// primary streams from it.
Health ready(const stats::Snapshot& snapshot, const ReadyLimits& limits);

// Whether a standby of this name streams, and has acknowledged all but `lag_bytes` of WAL, as
// Patroni's /replica?lag=: for a load balancer that asks here whether a standby may be read from.
Health standby(const stats::Snapshot& snapshot, std::string_view name,
               std::optional<std::uint64_t> lag_bytes);

// "16MB" or a number of bytes. The error is PostgreSQL's.
runtime::Result<std::uint64_t> parse_lag(std::string_view text);

}  // namespace server::http
