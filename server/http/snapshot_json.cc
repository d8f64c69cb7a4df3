#include "server/http/snapshot_json.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "server/http/session_columns.h"
#include "server/stream/stages.h"

namespace server::http {

using stats::Snapshot;

namespace {

constexpr std::size_t kLogLinesMax = 60;

bool is_standby(const stats::SessionStatus& session) {
  return session.kind == stats::SessionKind::kWalSender;
}

Json server_of(const Snapshot& snapshot) {
  return {{"version", WALCAST_VERSION},
          {"wal_version", snapshot.major_version},
          {"system_identifier", std::to_string(snapshot.identity.system_identifier)},
          {"pid", snapshot.process_id},
          {"start_time", json_time(snapshot.start_time)},
          {"config_load_time", json_time(snapshot.config_load_time)},
          {"ready", snapshot.is_ready},
          {"stopping", snapshot.is_stopping},
          {"timeline", wal::value(snapshot.timeline)},
          {"wal_end", json_lsn(snapshot.end)},
          {"wal_end_bytes", snapshot.end.value()},
          {"bytes_sent", snapshot.bytes_sent},
          {"loops_silent", snapshot.loops_silent}};
}

Json upstream_of(const Snapshot& snapshot) {
  const stats::UpstreamStatus& upstream = snapshot.upstream;
  Json json{{"state", name_of(upstream.state)}};
  if (!upstream.has_primary()) return json;
  const bool is_behind = snapshot.end < upstream.latest_end;
  json.update(Json{{"text", upstream.text},
                   {"since", json_time(upstream.since)},
                   {"conninfo", upstream.conninfo},
                   {"host", json_text(upstream.host)},
                   {"port", upstream.port == 0 ? Json() : Json(upstream.port)},
                   {"slot_name", json_text(upstream.slot_name)},
                   {"receive_start_lsn", json_lsn(upstream.start)},
                   {"written_lsn", json_lsn(upstream.written)},
                   {"flushed_lsn", json_lsn(upstream.flushed)},
                   {"timeline", wal::value(upstream.timeline)},
                   {"latest_end_lsn", json_lsn(upstream.latest_end)},
                   {"latest_end_time", json_time(upstream.latest_end_time)},
                   {"last_message_time", json_time(upstream.receipt_time)},
                   {"lag_bytes", is_behind ? upstream.latest_end - snapshot.end : 0}});
  return json;
}

Json spool_of(const stats::SpoolStatus& spool) {
  return {{"directory", spool.directory},
          {"oldest_lsn", json_lsn(spool.oldest)},
          {"newest_lsn", json_lsn(spool.newest)},
          {"segments", spool.segments},
          {"bytes", spool.bytes},
          {"free_bytes", spool.free_bytes},
          {"size_bytes", spool.size_bytes},
          {"min_free_bytes", spool.min_free_bytes},
          {"grows", spool.grows},
          {"bytes_per_second", spool.bytes_per_second ? Json(*spool.bytes_per_second) : Json()},
          {"full_in", spool.lasts ? json_duration(*spool.lasts) : Json()}};
}

Json slots_of(const Snapshot& snapshot) {
  Json slots = Json::array();
  for (const stats::SlotStatus& slot : snapshot.slots) {
    slots.push_back({{"slot_name", slot.name},
                     {"temporary", slot.persistence == slot::Persistence::kTemporary},
                     {"active", slot.active_pid != 0},
                     {"active_pid", slot.active_pid == 0 ? Json() : Json(slot.active_pid)},
                     {"restart_lsn", json_lsn(slot.restart_lsn)},
                     {"wal_status", json_text(name_of(slot.wal_status))},
                     {"safe_wal_size", slot.safe_wal_bytes ? Json(*slot.safe_wal_bytes) : Json()},
                     {"retained_bytes", slot.retained_bytes},
                     {"owner", json_text(slot.owner)}});
  }
  return slots;
}

Json holds_of(const Snapshot& snapshot) {
  Json holds = Json::array();
  for (const stats::HoldStatus& hold : snapshot.holds) {
    holds.push_back({{"holder", hold.who},
                     {"reason", hold.why},
                     {"from_lsn", json_lsn(hold.from)},
                     {"since", json_time(hold.since_wall)},
                     {"bytes", hold.bytes}});
  }
  return holds;
}

template <typename Histogram>
Json histogram_of(std::string_view name, const Histogram& times) {
  const auto at = [&](double fraction) {
    return static_cast<double>(times.percentile(fraction)) / 1e9;
  };
  return {{"stage", name},
          {"count", times.count()},
          {"mean", times.mean() / 1e9},
          {"p50", at(0.5)},
          {"p99", at(0.99)},
          {"p999", at(0.999)},
          {"max", static_cast<double>(times.max()) / 1e9}};
}

// Of the last minute or two; stages without deliveries are left out.
Json latency_of(const Snapshot& snapshot) {
  Json latency = Json::array();
  const auto& recent = snapshot.stages->recent;
  for (std::size_t i = 0; i < stream::kStages; ++i) {
    const auto stage = static_cast<stream::Stage>(i);
    if (stage == stream::Stage::kWritten && recent.server.count() > 0) {
      latency.push_back(histogram_of("walcast", recent.server));
    }
    if (recent.stages[i].count() == 0) continue;
    latency.push_back(histogram_of(name_of(stage), recent.stages[i]));
  }
  return latency;
}

Json limits_of(const Snapshot& snapshot) {
  Json limits = Json::array();
  for (const stats::LimitStatus& limit : snapshot.limits) {
    limits.push_back({{"limit", limit.name}, {"used", limit.used}, {"max", limit.max}});
  }
  return limits;
}

Json threads_of(const Snapshot& snapshot) {
  Json threads = Json::array();
  for (const stats::ThreadStatus& thread : snapshot.threads) {
    threads.push_back({{"thread", thread.name},
                       {"id", thread.id},
                       {"state", std::string(1, thread.state)},
                       {"cpu_time", json_duration(thread.cpu_time)},
                       {"sessions", thread.is_loop ? Json(thread.sessions) : Json()}});
  }
  return threads;
}

// The last lines, the oldest first.
Json log_of(const Snapshot& snapshot) {
  Json log = Json::array();
  const std::size_t skipped = snapshot.log.size() - std::min(snapshot.log.size(), kLogLinesMax);
  for (const runtime::RecentLine& line : std::span(snapshot.log).subspan(skipped)) {
    log.push_back({{"number", line.number},
                   {"time", json_time(line.time)},
                   {"level", line.level},
                   {"text", line.text}});
  }
  return log;
}

Json all_but_standbys(const Snapshot& snapshot) {
  return {{"time", json_time(snapshot.taken_wall)},
          {"server", server_of(snapshot)},
          {"upstream", upstream_of(snapshot)},
          {"spool", spool_of(snapshot.spool)},
          {"slots", slots_of(snapshot)},
          {"holds", holds_of(snapshot)},
          {"latency", latency_of(snapshot)},
          {"limits", limits_of(snapshot)},
          {"threads", threads_of(snapshot)},
          {"log", log_of(snapshot)}};
}

// A client's text may be no UTF-8.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string snapshot_json(const Snapshot& snapshot) {
  Json json = all_but_standbys(snapshot);
  Json standbys = Json::array();
  for (const stats::SessionStatus& session : snapshot.sessions) {
    if (!is_standby(session)) continue;
    Json standby;
    for (const SessionColumn& column : session_columns()) {
      standby[std::string(column.name)] = column.value(session);
    }
    standbys.push_back(std::move(standby));
  }
  json["standbys"] = std::move(standbys);
  return text_of(json);
}

std::string event_json(const Snapshot& snapshot) {
  Json json = all_but_standbys(snapshot);
  Json columns = Json::array();
  for (const SessionColumn& column : session_columns()) columns.push_back(column.name);
  Json rows = Json::array();
  for (const stats::SessionStatus& session : snapshot.sessions) {
    if (!is_standby(session)) continue;
    Json row = Json::array();
    for (const SessionColumn& column : session_columns()) row.push_back(column.value(session));
    rows.push_back(std::move(row));
  }
  json["columns"] = std::move(columns);
  json["standbys"] = std::move(rows);
  return text_of(json);
}

}  // namespace server::http
