#include "server/stats/reports.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "runtime/format.h"

namespace server::stats {

namespace {

// All sessions but those for SQL.
std::vector<SessionStatus> standbys_of(const Snapshot& snapshot) {
  std::vector<SessionStatus> standbys;
  std::copy_if(snapshot.sessions.begin(), snapshot.sessions.end(), std::back_inserter(standbys),
               [](const SessionStatus& session) { return session.kind != SessionKind::kConsole; });
  return standbys;
}

}  // namespace

void Reports::start(Collector& collector, runtime::Instant now, runtime::Duration table_interval,
                    bool terminal) {
  loop_.assert_in_thread();
  collector_ = &collector;
  running_ = true;
  started_ = now;
  table_interval_ = table_interval;
  if (table_interval.count() == 0) return;
  table_.emplace(StandbyTable::Options{.terminal = terminal});
  timer_.arm(started_ + table_interval);
}

void Reports::stop(bool report_all) {
  loop_.assert_in_thread();
  if (!std::exchange(running_, false) || !report_all) return;
  const runtime::Instant deadline =
      loop_.now() + Collector::kAnswerTimeMax + Collector::kIntervalMin;
  const SnapshotRef snapshot = collector_->wait_for(Freshness::kAllNew, deadline);
  if (snapshot != nullptr) write_latency(*snapshot, LatencySpan::kAll);
}

void Reports::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  request_table();
  timer.arm(loop_.now() + table_interval_);
}

void Reports::request_table() {
  if (!running_ || std::exchange(table_awaited_, true)) return;
  collector_->request(Freshness::kUsual, [this](const SnapshotRef& snapshot) {
    loop_.mailbox().post([this, snapshot] {
      loop_.assert_in_thread();
      print_table(*snapshot);
    });
  });
}

void Reports::print_table(const Snapshot& snapshot) {
  table_awaited_ = false;
  output_.write(table_->render(standbys_of(snapshot), snapshot.end, loop_.now()));
}

void Reports::print_latency(LatencySpan span) {
  loop_.assert_in_thread();
  if (!running_) return;
  latency_span_ = span;
  if (std::exchange(latency_awaited_, true)) return;
  collector_->request(Freshness::kAllNew, [this](const SnapshotRef& snapshot) {
    loop_.mailbox().post([this, snapshot] {
      loop_.assert_in_thread();
      latency_awaited_ = false;
      write_latency(*snapshot, latency_span_);
    });
  });
}

void Reports::write_latency(const Snapshot& snapshot, LatencySpan span) {
  output_.write(render_latency({.standbys = standbys_of(snapshot), .stages = *snapshot.stages},
                               span, loop_.now() - started_));
}

void Reports::print_total() {
  loop_.assert_in_thread();
  if (!table_.has_value()) return;
  const auto bytes = static_cast<double>(collector_->bytes_sent());
  const runtime::Duration elapsed = loop_.now() - started_;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  output_.write(runtime::format("walcast: sent {} of WAL in {}, {}/s\n", human_bytes(bytes),
                                human_duration(elapsed), human_bytes(bytes / seconds)));
}

}  // namespace server::stats
