#include "server/http/standby_metrics.h"

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "server/stats/session_status.h"

namespace server::http {

using stats::SessionStatus;

namespace {

// What tells one series from another.
using Key = std::tuple<std::string, std::string, std::string, std::string>;

Key key_of(const SessionStatus& standby) {
  return {standby.application_name, standby.client_host, std::string(standby.state),
          standby.slot_name};
}

// In the order, and with the names, of postgres_exporter.
Labels labels_of(const SessionStatus& standby) {
  return {{"application_name", standby.application_name},
          {"client_addr", standby.client_host},
          {"slot_name", standby.slot_name},
          {"state", std::string(standby.state)}};
}

double seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double bytes_behind(const stats::Snapshot& snapshot, wal::Lsn lsn) {
  return lsn < snapshot.end ? static_cast<double>(snapshot.end - lsn) : 0;
}

// One row for each series: of several standbys of one key the one that is furthest behind.
std::map<Key, const SessionStatus*> rows_of(const stats::Snapshot& snapshot,
                                            std::size_t standbys_max, std::size_t& left_out) {
  std::map<Key, const SessionStatus*> rows;
  std::size_t taken = 0;
  for (const SessionStatus& session : snapshot.sessions) {
    if (session.kind != stats::SessionKind::kWalSender) continue;
    if (++taken > standbys_max) {
      ++left_out;
      continue;
    }
    const SessionStatus*& row = rows[key_of(session)];
    if (row == nullptr || row->lag_bytes < session.lag_bytes) row = &session;
  }
  return rows;
}

void add_states(const stats::Snapshot& snapshot, Families& families) {
  std::map<std::string_view, int> counts{
      {"startup", 0}, {"catchup", 0}, {"streaming", 0}, {"stopping", 0}};
  for (const SessionStatus& session : snapshot.sessions) {
    if (session.kind == stats::SessionKind::kWalSender) ++counts[session.state];
  }
  const auto standbys = families.gauge("walcast_standbys", "Standbys that are connected, by state");
  for (const auto& [state, count] : counts) {
    families.set(standbys, count, {{"state", std::string(state)}});
  }
}

}  // namespace

void add_standby_metrics(const stats::Snapshot& snapshot, std::size_t standbys_max,
                         Families& families) {
  add_states(snapshot, families);
  const auto end =
      families.gauge("pg_stat_replication_pg_current_wal_lsn_bytes", "WAL position in bytes");
  const auto diff = families.gauge("pg_stat_replication_pg_wal_lsn_diff",
                                   "Lag in bytes between this server and the standby's replay");
  const auto reply = families.gauge("pg_stat_replication_reply_time",
                                    "Time of the standby's last report by its clock, in seconds "
                                    "since the epoch");
  const auto lag_bytes =
      families.gauge("walcast_standby_lag_bytes", "WAL that the standby has not acknowledged");
  const auto lag = families.gauge("walcast_standby_lag_seconds",
                                  "How long the oldest WAL has been there that the standby has not "
                                  "acknowledged");
  const std::array lags{
      families.gauge("walcast_standby_write_lag_seconds", "As pg_stat_replication.write_lag"),
      families.gauge("walcast_standby_flush_lag_seconds", "As pg_stat_replication.flush_lag"),
      families.gauge("walcast_standby_replay_lag_seconds", "As pg_stat_replication.replay_lag")};
  const auto sent = families.counter("walcast_standby_sent_bytes_total",
                                     "WAL sent to the standby since it connected");
  const auto paused =
      families.gauge("walcast_standby_paused", "Whether an admin has the standby's WAL wait");

  std::size_t left_out = 0;
  for (const auto& [key, standby] : rows_of(snapshot, standbys_max, left_out)) {
    const Labels labels = labels_of(*standby);
    families.set(sent, static_cast<double>(standby->bytes_sent), labels);
    if (!standby->streams) continue;
    families.set(end, static_cast<double>(snapshot.end.value()), labels);
    families.set(diff, bytes_behind(snapshot, standby->apply), labels);
    if (standby->reply_time != 0) {
      families.set(reply, static_cast<double>(standby->reply_time) / 1e6, labels);
    }
    families.set(lag_bytes, static_cast<double>(standby->lag_bytes), labels);
    families.set(lag, seconds(standby->lag), labels);
    families.set(paused, standby->paused ? 1 : 0, labels);
    const std::array durations{standby->write_lag, standby->flush_lag, standby->replay_lag};
    for (std::size_t i = 0; i < lags.size(); ++i) {
      if (durations[i].has_value()) families.set(lags[i], seconds(*durations[i]), labels);
    }
  }
  families.add_gauge("walcast_standbys_left_out",
                     "Standbys beyond http_metrics_standbys, which have no metrics of their own",
                     static_cast<double>(left_out));
}

}  // namespace server::http
