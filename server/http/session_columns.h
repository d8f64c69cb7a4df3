#pragma once

#include <nlohmann/json.hpp>

#include <span>
#include <string_view>

#include "server/stats/session_status.h"

namespace server::http {

using Json = nlohmann::ordered_json;

// What JSON shows of a standby: pg_stat_replication's columns first.
struct SessionColumn {
  std::string_view name;
  Json (*value)(const stats::SessionStatus& session);
};
std::span<const SessionColumn> session_columns();

// Seconds since the epoch; null of 0.
Json json_time(runtime::WallMicros time);
// Seconds.
Json json_duration(runtime::Duration duration);
// "0/3000060"; null of an invalid one.
Json json_lsn(wal::Lsn lsn);
// Null of an empty text.
Json json_text(std::string_view text);

}  // namespace server::http
