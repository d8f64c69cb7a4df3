#include "server/http/session_columns.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/admin/attribution.h"
#include "server/wal/lsn.h"

namespace server::http {

using stats::SessionStatus;
using stream::index_of;
using stream::Stage;

namespace {

Json optional_duration(const std::optional<runtime::Duration>& duration) {
  return duration.has_value() ? json_duration(*duration) : Json();
}

// Walcast's own share of a delivery: the means of its stages.
Json server_mean(const SessionStatus& session) {
  if (session.delivery.stages[index_of(Stage::kSent)].count == 0) return {};
  runtime::Duration all{};
  for (std::size_t i = 0; i < stream::kServerStages; ++i) all += session.delivery.stages[i].mean;
  return json_duration(all);
}

Json own_mean(const SessionStatus& session, Stage stage) {
  const stream::StageFigure& figure = session.delivery.stages[index_of(stage)];
  return figure.count == 0 ? Json() : json_duration(figure.mean);
}

// What most of the standby's time goes to, in words.
Json cause(const SessionStatus& session) {
  if (!session.streams) return {};
  return std::string(admin::name_of(admin::attribute(session.delivery).cause));
}

constexpr SessionColumn kColumns[]{
    {"pid", [](const SessionStatus& s) { return Json(s.process_id); }},
    {"usename", [](const SessionStatus& s) { return json_text(s.user); }},
    {"application_name", [](const SessionStatus& s) { return Json(s.application_name); }},
    {"client_addr", [](const SessionStatus& s) { return json_text(s.client_host); }},
    {"client_port", [](const SessionStatus& s) { return Json(s.client_port); }},
    {"backend_start", [](const SessionStatus& s) { return json_time(s.backend_start); }},
    {"state", [](const SessionStatus& s) { return Json(s.paused ? "paused" : s.state); }},
    {"sent_lsn", [](const SessionStatus& s) { return json_lsn(s.sent); }},
    {"write_lsn", [](const SessionStatus& s) { return json_lsn(s.write); }},
    {"flush_lsn", [](const SessionStatus& s) { return json_lsn(s.flush); }},
    {"replay_lsn", [](const SessionStatus& s) { return json_lsn(s.apply); }},
    {"write_lag", [](const SessionStatus& s) { return optional_duration(s.write_lag); }},
    {"flush_lag", [](const SessionStatus& s) { return optional_duration(s.flush_lag); }},
    {"replay_lag", [](const SessionStatus& s) { return optional_duration(s.replay_lag); }},
    {"sync_state", [](const SessionStatus& s) { return Json(name_of(s.sync_state)); }},
    {"sync_priority", [](const SessionStatus& s) { return Json(s.sync_priority); }},
    {"reply_time", [](const SessionStatus& s) { return json_time(s.reply_time); }},
    {"slot_name", [](const SessionStatus& s) { return json_text(s.slot_name); }},
    {"timeline", [](const SessionStatus& s) { return Json(wal::value(s.timeline)); }},
    {"lag_bytes", [](const SessionStatus& s) { return Json(s.lag_bytes); }},
    {"lag", [](const SessionStatus& s) { return json_duration(s.lag); }},
    {"bytes_sent", [](const SessionStatus& s) { return Json(s.bytes_sent); }},
    {"bytes_per_second", [](const SessionStatus& s) { return Json(s.bytes_per_second); }},
    {"walcast_mean", server_mean},
    {"written_mean", [](const SessionStatus& s) { return own_mean(s, Stage::kWritten); }},
    {"flushed_mean", [](const SessionStatus& s) { return own_mean(s, Stage::kFlushed); }},
    {"applied_mean", [](const SessionStatus& s) { return own_mean(s, Stage::kApplied); }},
    {"waits_for", cause},
    {"tls", [](const SessionStatus& s) { return s.tls ? Json(s.tls->version) : Json(); }},
};

}  // namespace

std::span<const SessionColumn> session_columns() { return kColumns; }

Json json_time(runtime::WallMicros time) {
  return time == 0 ? Json() : Json(static_cast<double>(time) / 1e6);
}

Json json_duration(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Json json_lsn(wal::Lsn lsn) { return lsn.valid() ? Json(wal::to_string(lsn)) : Json(); }

Json json_text(std::string_view text) { return text.empty() ? Json() : Json(text); }

}  // namespace server::http
