#include <utility>

#include "server/admin/attribution.h"
#include "server/console/relations.h"
#include "server/stream/stages.h"

namespace server::console {

namespace {

using stats::SessionStatus;
template <typename Item>
using Columns = std::vector<typename TableOf<Item>::Definition>;

// All of something that the snapshot has a list of.
template <typename Item>
void add_list(Catalog& catalog, std::string_view name, std::vector<Item> stats::Snapshot::*list,
              Columns<Item> columns) {
  catalog.add(std::make_unique<TableOf<Item>>(
      name,
      [list](const ReadContext& context, std::span<const Value>) { return context.snapshot.*list; },
      std::move(columns)));
}

std::vector<SessionStatus> standbys(const ReadContext& context, std::span<const Value>) {
  std::vector<SessionStatus> found;
  for (const SessionStatus& session : context.snapshot.sessions) {
    if (session.streams) found.push_back(session);
  }
  return found;
}

Columns<SessionStatus> standby_columns() {
  using S = SessionStatus;
  using C = ReadContext;
  return {
      {"pid", Type::kInt4, [](const S& s, const C&) { return integer(s.process_id); }},
      {"role", Type::kText, [](const S& s, const C&) { return text(s.user); }},
      {"application_name", Type::kText,
       [](const S& s, const C&) { return text(s.application_name); }},
      {"client", Type::kText, [](const S& s, const C&) { return text(s.client); }},
      {"state", Type::kText, [](const S& s, const C&) { return text(s.state); }},
      {"sync_state", Type::kText, [](const S& s, const C&) { return text(name_of(s.sync_state)); }},
      {"slot_name", Type::kText, [](const S& s, const C&) { return text_or_null(s.slot_name); }},
      {"timeline", Type::kInt8, [](const S& s, const C&) { return integer(value(s.timeline)); }},
      {"sent_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.sent); }},
      {"write_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.write); }},
      {"flush_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.flush); }},
      {"replay_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.apply); }},
      {"lag_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.lag_bytes); }},
      {"lag", Type::kInterval, [](const S& s, const C&) { return interval(s.lag); }},
      {"bytes_sent", Type::kInt8, [](const S& s, const C&) { return count_of(s.bytes_sent); }},
      {"bytes_per_second", Type::kFloat8,
       [](const S& s, const C&) { return Value(s.bytes_per_second); }},
      {"cause", Type::kText,
       [](const S& s, const C&) {
         return text(admin::name_of(admin::attribute(s.delivery).cause));
       }},
      {"cause_took", Type::kInterval,
       [](const S& s, const C&) { return interval(admin::attribute(s.delivery).took); }},
  };
}

// One stage of WAL on its way, in the last two minutes or since the start.
struct StageRow {
  std::string_view stage;
  std::string_view span;
  std::uint64_t count;
  runtime::Duration mean, p50, p90, p99, p999, max;
};

template <typename Histogram>
StageRow stage_row(std::string_view stage, std::string_view span, const Histogram& histogram) {
  const auto at = [&histogram](double fraction) {
    return runtime::Duration(static_cast<std::int64_t>(histogram.percentile(fraction)));
  };
  return {stage,
          span,
          histogram.count(),
          runtime::Duration(static_cast<std::int64_t>(histogram.mean())),
          at(0.5),
          at(0.9),
          at(0.99),
          at(0.999),
          runtime::Duration(static_cast<std::int64_t>(histogram.max()))};
}

std::vector<StageRow> stages(const ReadContext& context, std::span<const Value>) {
  std::vector<StageRow> rows;
  const stream::StageSnapshot& known = *context.snapshot.stages;
  for (const auto& [span, histograms] : {std::pair{std::string_view("recent"), &known.recent},
                                         {std::string_view("all"), &known.all}}) {
    for (std::size_t i = 0; i < stream::kStages; ++i) {
      rows.push_back(
          stage_row(stream::name_of(static_cast<stream::Stage>(i)), span, histograms->stages[i]));
    }
    rows.push_back(stage_row("server", span, histograms->server));
  }
  return rows;
}

Columns<StageRow> stage_columns() {
  using S = StageRow;
  using C = ReadContext;
  return {
      {"stage", Type::kText, [](const S& s, const C&) { return text(s.stage); }},
      {"span", Type::kText, [](const S& s, const C&) { return text(s.span); }},
      {"deliveries", Type::kInt8, [](const S& s, const C&) { return count_of(s.count); }},
      {"mean", Type::kInterval, [](const S& s, const C&) { return interval(s.mean); }},
      {"p50", Type::kInterval, [](const S& s, const C&) { return interval(s.p50); }},
      {"p90", Type::kInterval, [](const S& s, const C&) { return interval(s.p90); }},
      {"p99", Type::kInterval, [](const S& s, const C&) { return interval(s.p99); }},
      {"p999", Type::kInterval, [](const S& s, const C&) { return interval(s.p999); }},
      {"max", Type::kInterval, [](const S& s, const C&) { return interval(s.max); }},
  };
}

Columns<stats::SpoolStatus> spool_columns() {
  using S = stats::SpoolStatus;
  using C = ReadContext;
  return {
      {"directory", Type::kText, [](const S& s, const C&) { return text(s.directory); }},
      {"oldest_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.oldest); }},
      {"newest_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.newest); }},
      {"segments", Type::kInt8, [](const S& s, const C&) { return count_of(s.segments); }},
      {"bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.bytes); }},
      {"free_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.free_bytes); }},
      {"size_bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.size_bytes); }},
      {"min_free_bytes", Type::kInt8,
       [](const S& s, const C&) { return count_of(s.min_free_bytes); }},
      {"bytes_per_second", Type::kFloat8,
       [](const S& s, const C&) {
         return s.bytes_per_second ? Value(*s.bytes_per_second) : null();
       }},
      {"lasts", Type::kInterval,
       [](const S& s, const C&) { return s.lasts ? interval(*s.lasts) : null(); }},
      {"grows", Type::kBool, [](const S& s, const C&) { return flag(s.grows); }},
  };
}

Columns<stats::HoldStatus> hold_columns() {
  using S = stats::HoldStatus;
  using C = ReadContext;
  return {
      {"who", Type::kText, [](const S& s, const C&) { return text(s.who); }},
      {"why", Type::kText, [](const S& s, const C&) { return text(s.why); }},
      {"from_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.from); }},
      {"since", Type::kTimestamptz, [](const S& s, const C&) { return time(s.since_wall); }},
      {"bytes", Type::kInt8, [](const S& s, const C&) { return count_of(s.bytes); }},
  };
}

Columns<stats::UpstreamStatus> upstream_columns() {
  using S = stats::UpstreamStatus;
  using C = ReadContext;
  return {
      {"state", Type::kText, [](const S& s, const C&) { return text(name_of(s.state)); }},
      {"since", Type::kTimestamptz, [](const S& s, const C&) { return time(s.since); }},
      {"text", Type::kText, [](const S& s, const C&) { return text_or_null(s.text); }},
      {"host", Type::kText, [](const S& s, const C&) { return text_or_null(s.host); }},
      {"port", Type::kInt4,
       [](const S& s, const C&) { return s.port == 0 ? null() : integer(s.port); }},
      {"slot_name", Type::kText, [](const S& s, const C&) { return text_or_null(s.slot_name); }},
      {"timeline", Type::kInt8, [](const S& s, const C&) { return integer(value(s.timeline)); }},
      {"written_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.written); }},
      {"flushed_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.flushed); }},
      {"latest_end_lsn", Type::kLsn, [](const S& s, const C&) { return position(s.latest_end); }},
      {"last_message", Type::kTimestamptz,
       [](const S& s, const C&) { return time(s.receipt_time); }},
      {"conninfo", Type::kText, [](const S& s, const C&) { return text_or_null(s.conninfo); }},
  };
}

Columns<stats::ThreadStatus> thread_columns() {
  using S = stats::ThreadStatus;
  using C = ReadContext;
  return {
      {"id", Type::kInt4, [](const S& s, const C&) { return integer(s.id); }},
      {"name", Type::kText, [](const S& s, const C&) { return text(s.name); }},
      {"state", Type::kText,
       [](const S& s, const C&) { return text(std::string_view(&s.state, 1)); }},
      {"cpu_time", Type::kInterval, [](const S& s, const C&) { return interval(s.cpu_time); }},
      {"sessions", Type::kInt8,
       [](const S& s, const C&) { return s.is_loop ? integer(s.sessions) : null(); }},
  };
}

Columns<stats::LimitStatus> limit_columns() {
  using S = stats::LimitStatus;
  using C = ReadContext;
  return {
      {"name", Type::kText, [](const S& s, const C&) { return text(s.name); }},
      {"used", Type::kInt8, [](const S& s, const C&) { return count_of(s.used); }},
      {"max", Type::kInt8,
       [](const S& s, const C&) { return s.max == 0 ? null() : count_of(s.max); }},
  };
}

Columns<runtime::RecentLine> log_columns() {
  using S = runtime::RecentLine;
  using C = ReadContext;
  return {
      {"number", Type::kInt8, [](const S& s, const C&) { return count_of(s.number); }},
      {"time", Type::kTimestamptz, [](const S& s, const C&) { return time(s.time); }},
      {"level", Type::kText, [](const S& s, const C&) { return text(s.level); }},
      {"text", Type::kText, [](const S& s, const C&) { return text(s.text); }},
  };
}

struct HelpRow {
  std::string_view statement;
  std::string_view answers;
};

std::vector<HelpRow> help(const ReadContext&, std::span<const Value>) {
  return {
      {"SHOW STANDBYS",
       "walcast_standbys: each standby, its positions, lag, and what it waits for"},
      {"SHOW SLOTS", "pg_replication_slots"},
      {"SHOW UPSTREAM", "walcast_upstream: where WAL comes from"},
      {"SHOW SPOOL", "walcast_spool: what lies on disk, and how long its room lasts"},
      {"SHOW HOLDS", "walcast_holds: what keeps WAL"},
      {"SHOW LATENCY", "walcast_latency: how long WAL takes, stage by stage"},
      {"SHOW THREADS", "walcast_threads"},
      {"SHOW LIMITS", "walcast_limits"},
      {"SHOW ALL, SHOW name", "settings"},
      {"RELOAD", "the configuration is read again; for admins"},
      {"SELECT ... FROM pg_stat_replication",
       "also pg_replication_slots, pg_stat_wal_receiver, pg_stat_activity, pg_settings, "
       "pg_stat_ssl, pg_backend_memory_contexts, pg_ls_waldir(), pg_control_system(), "
       "walcast_log"},
      {"SELECT pg_terminate_backend(pid)",
       "for admins; also pg_cancel_backend(pid), pg_reload_conf(), "
       "pg_create_physical_replication_slot(name), pg_drop_replication_slot(name), "
       "walcast_pause(standby), walcast_resume(standby), walcast_switch_upstream(conninfo)"},
  };
}

}  // namespace

void add_own_relations(Catalog& catalog) {
  catalog.add(
      std::make_unique<TableOf<SessionStatus>>("walcast_standbys", standbys, standby_columns()));
  catalog.add(std::make_unique<TableOf<StageRow>>("walcast_latency", stages, stage_columns()));
  catalog.add(std::make_unique<TableOf<stats::SpoolStatus>>(
      "walcast_spool",
      [](const ReadContext& c, std::span<const Value>) { return std::vector{c.snapshot.spool}; },
      spool_columns()));
  catalog.add(std::make_unique<TableOf<stats::UpstreamStatus>>(
      "walcast_upstream",
      [](const ReadContext& c, std::span<const Value>) { return std::vector{c.snapshot.upstream}; },
      upstream_columns()));
  add_list(catalog, "walcast_holds", &stats::Snapshot::holds, hold_columns());
  add_list(catalog, "walcast_threads", &stats::Snapshot::threads, thread_columns());
  add_list(catalog, "walcast_limits", &stats::Snapshot::limits, limit_columns());
  add_list(catalog, "walcast_log", &stats::Snapshot::log, log_columns());
  catalog.add(std::make_unique<TableOf<HelpRow>>(
      "walcast_help", help,
      Columns<HelpRow>{{"statement", Type::kText,
                        [](const HelpRow& row, const ReadContext&) { return text(row.statement); }},
                       {"answers", Type::kText, [](const HelpRow& row, const ReadContext&) {
                          return text(row.answers);
                        }}}));
}

}  // namespace server::console
