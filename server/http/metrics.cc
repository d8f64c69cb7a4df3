#include "server/http/metrics.h"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "server/http/families.h"
#include "server/http/standby_metrics.h"
#include "server/stream/stages.h"

namespace server::http {

using stats::Snapshot;

namespace {

// A histogram's buckets end at these powers of two of nanoseconds: 8 us to 34 s, each twice as
// large as the one before.
constexpr unsigned kPowerMin = 13;
constexpr unsigned kPowerMax = 35;

using StageHistogram = stream::StageHistograms<std::uint64_t>::Histogram;

double seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
double unix_seconds(runtime::WallMicros time) { return static_cast<double>(time) / 1e6; }
double number(std::uint64_t value) { return static_cast<double>(value); }
double number(wal::Lsn lsn) { return static_cast<double>(lsn.value()); }

prometheus::ClientMetric::Histogram classic(const StageHistogram& times) {
  prometheus::ClientMetric::Histogram histogram{
      .sample_count = times.count(), .sample_sum = number(times.sum()) / 1e9, .bucket = {}};
  for (unsigned power = kPowerMin; power <= kPowerMax; ++power) {
    histogram.bucket.push_back(
        {.cumulative_count = times.count_below_power(power),
         .upper_bound = static_cast<double>(std::uint64_t{1} << power) / 1e9});
  }
  return histogram;
}

void add_server(const Snapshot& snapshot, Families& families) {
  const auto build = families.gauge("walcast_build_info", "Which walcast this is; always 1");
  families.set(build, 1,
               {{"version", WALCAST_VERSION},
                {"wal_version", std::to_string(snapshot.major_version)},
                {"system_identifier", std::to_string(snapshot.identity.system_identifier)}});
  families.add_gauge("walcast_ready", "Whether sessions are taken", snapshot.is_ready ? 1 : 0);
  families.add_gauge("walcast_start_time_seconds", "When the server has started",
                     unix_seconds(snapshot.start_time));
  families.add_gauge("walcast_config_load_time_seconds", "When its configuration was read last",
                     unix_seconds(snapshot.config_load_time));
  families.add_gauge("walcast_timeline", "The timeline that is served",
                     static_cast<double>(wal::value(snapshot.timeline)));
  families.add_gauge("walcast_wal_end_bytes", "End of the WAL that may be sent",
                     number(snapshot.end));
  families.add_counter("walcast_sent_bytes_total", "WAL sent to all standbys",
                       number(snapshot.bytes_sent));
  families.add_gauge("walcast_loops_silent", "Loops that have not answered for these metrics",
                     number(snapshot.loops_silent));
}

void add_upstream(const Snapshot& snapshot, Families& families) {
  const stats::UpstreamStatus& upstream = snapshot.upstream;
  if (!upstream.has_primary()) return;
  const auto state = families.gauge("walcast_upstream_state", "1 for the state that it is in");
  for (const auto one : {stats::UpstreamState::kConnecting, stats::UpstreamState::kStreaming,
                         stats::UpstreamState::kPaused, stats::UpstreamState::kFailing}) {
    families.set(state, upstream.state == one ? 1 : 0,
                 {{"state", std::string(stats::name_of(one))}});
  }
  families.add_gauge("walcast_upstream_up", "Whether WAL comes from the primary",
                     upstream.state == stats::UpstreamState::kStreaming ? 1 : 0);
  families.add_gauge("walcast_upstream_state_since_seconds", "Since when it is in its state",
                     unix_seconds(upstream.since));
  families.add_gauge("walcast_upstream_written_bytes", "WAL received and written up to here",
                     number(upstream.written));
  families.add_gauge("walcast_upstream_flushed_bytes", "WAL received and durable up to here",
                     number(upstream.flushed));
  families.add_gauge("walcast_upstream_end_bytes", "End of the primary's WAL as it said last",
                     number(upstream.latest_end));
  const bool is_behind = snapshot.end < upstream.latest_end;
  families.add_gauge("walcast_upstream_lag_bytes", "The primary's WAL that may not be sent yet",
                     is_behind ? number(upstream.latest_end - snapshot.end) : 0);
  if (upstream.receipt_time == 0) return;
  families.add_gauge("walcast_upstream_last_message_seconds",
                     "When the primary's last message came", unix_seconds(upstream.receipt_time));
}

void add_spool(const Snapshot& snapshot, Families& families) {
  const stats::SpoolStatus& spool = snapshot.spool;
  families.add_gauge("walcast_spool_oldest_bytes", "Position of the oldest WAL that is there",
                     number(spool.oldest));
  families.add_gauge("walcast_spool_bytes", "WAL that is there", number(spool.bytes));
  families.add_gauge("walcast_spool_segments", "Segments that are there", number(spool.segments));
  families.add_gauge("walcast_spool_free_bytes", "Free space where the WAL lies",
                     number(spool.free_bytes));
  families.add_gauge("walcast_spool_size_bytes", "Size of the file system where the WAL lies",
                     number(spool.size_bytes));
  if (spool.bytes_per_second.has_value()) {
    families.add_gauge("walcast_wal_bytes_per_second", "How fast WAL comes, over a minute or so",
                       *spool.bytes_per_second);
  }
  if (spool.lasts.has_value()) {
    families.add_gauge("walcast_spool_full_in_seconds",
                       "When the disk is full if WAL goes on to come so fast and none is removed",
                       seconds(*spool.lasts));
  }
  const auto held = families.gauge("walcast_hold_bytes", "WAL that is kept, by what keeps it");
  const auto since = families.gauge("walcast_hold_since_seconds", "Since when it keeps just this");
  for (const stats::HoldStatus& hold : snapshot.holds) {
    const Labels labels{{"holder", hold.who}, {"reason", hold.why}};
    families.set(held, number(hold.bytes), labels);
    families.set(since, unix_seconds(hold.since_wall), labels);
  }
}

// A slot has no database, as a physical one in PostgreSQL.
void add_slots(const Snapshot& snapshot, Families& families) {
  const auto active =
      families.gauge("pg_replication_slots_active", "Flag indicating if the slot is active");
  const auto diff =
      families.gauge("pg_replication_slots_pg_wal_lsn_diff", "Replication lag in bytes");
  const auto retained = families.gauge("walcast_slot_retained_bytes", "WAL that the slot keeps");
  const auto safe = families.gauge("walcast_slot_safe_bytes",
                                   "WAL that may come before the slot is in danger of "
                                   "max_slot_wal_keep_size");
  const auto status = families.gauge("walcast_slot_wal_status", "1 for the state of its WAL");
  for (const stats::SlotStatus& slot : snapshot.slots) {
    const Labels labels{{"slot_name", slot.name}};
    const Labels of_exporter{{"database", ""}, {"slot_name", slot.name}};
    families.set(active, slot.active_pid != 0 ? 1 : 0, of_exporter);
    if (slot.restart_lsn.valid()) families.set(diff, number(slot.retained_bytes), of_exporter);
    families.set(retained, number(slot.retained_bytes), labels);
    if (slot.safe_wal_bytes.has_value()) {
      families.set(safe, static_cast<double>(*slot.safe_wal_bytes), labels);
    }
    for (const auto one : {stats::WalStatus::kReserved, stats::WalStatus::kExtended,
                           stats::WalStatus::kUnreserved, stats::WalStatus::kLost}) {
      families.set(status, slot.wal_status == one ? 1 : 0,
                   {{"slot_name", slot.name}, {"status", std::string(stats::name_of(one))}});
    }
  }
}

// Of all deliveries since the start, also of those to standbys that have left.
void add_latency(const Snapshot& snapshot, Families& families) {
  const auto stage = families.histogram("walcast_delivery_stage_seconds",
                                        "Time of live deliveries in each stage of their way");
  const auto server = families.histogram(
      "walcast_delivery_seconds", "Time of live deliveries from their arrival to the socket");
  const auto& all = snapshot.stages->all;
  for (std::size_t i = 0; i < stream::kStages; ++i) {
    const auto name = std::string(name_of(static_cast<stream::Stage>(i)));
    if (all.stages[i].count() > 0) families.set(stage, classic(all.stages[i]), {{"stage", name}});
  }
  families.set(server, classic(all.server), {});
}

void add_limits(const Snapshot& snapshot, Families& families) {
  const auto used = families.gauge("walcast_limit_used", "What is used of a limit");
  const auto max = families.gauge("walcast_limit_max", "The limit; 0: there is none");
  for (const stats::LimitStatus& limit : snapshot.limits) {
    const Labels labels{{"limit", std::string(limit.name)}};
    families.set(used, number(limit.used), labels);
    families.set(max, number(limit.max), labels);
  }
}

// Threads of one name count together: the threads of the pool have no numbers.
void add_threads(const Snapshot& snapshot, Families& families) {
  std::map<std::string, double> cpu_times;
  for (const stats::ThreadStatus& thread : snapshot.threads) {
    cpu_times[thread.name] += seconds(thread.cpu_time);
  }
  const auto cpu = families.counter("walcast_thread_cpu_seconds_total",
                                    "Processor time of the threads of a name that live");
  for (const auto& [name, time] : cpu_times) families.set(cpu, time, {{"thread", name}});
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, std::size_t standbys_max) {
  Families families;
  add_server(snapshot, families);
  add_upstream(snapshot, families);
  add_standby_metrics(snapshot, standbys_max, families);
  add_slots(snapshot, families);
  add_spool(snapshot, families);
  add_latency(snapshot, families);
  add_limits(snapshot, families);
  add_threads(snapshot, families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families.take());
  return std::move(text).str();
}

}  // namespace server::http
