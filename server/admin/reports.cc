#include "server/admin/reports.h"

#include <iterator>
#include <utility>

#include "runtime/format.h"

namespace server::admin {

void Reports::start(runtime::Instant now, runtime::Duration table_interval, bool terminal) {
  loop_.assert_in_thread();
  running_ = true;
  started_ = now;
  table_interval_ = table_interval;
  if (table_interval.count() == 0) return;
  table_.emplace(StandbyTable::Options{.terminal = terminal});
  timer_.arm(started_ + table_interval);
}

void Reports::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  request_table();
  timer.arm(loop_.now() + table_interval_);
}

void Reports::request_table() {
  if (rows_awaited_ > 0 || !running_) return;
  rows_awaited_ = answerers_.size();
  for (Answerer* answerer : answerers_) {
    answerer->post_standbys([this](std::vector<StandbyStatus> rows) {
      auto answer = std::make_unique<std::vector<StandbyStatus>>(std::move(rows));
      loop_.mailbox().post([this, owned = std::move(answer)] {
        loop_.assert_in_thread();
        take_table(std::move(*owned));
      });
    });
  }
}

void Reports::take_table(std::vector<StandbyStatus> rows) {
  rows_.insert(rows_.end(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
  if (--rows_awaited_ > 0) return;
  output_.write(table_->render(std::exchange(rows_, {}), tail_.position(), loop_.now()));
}

void Reports::print_latency(LatencySpan span) {
  loop_.assert_in_thread();
  if (!running_) return;
  latency_span_ = span;
  if (latency_awaited_ > 0) return;
  latency_awaited_ = answerers_.size();
  for (Answerer* answerer : answerers_) {
    answerer->post_latency([this](std::unique_ptr<LatencySnapshot> snapshot) {
      loop_.mailbox().post([this, owned = std::move(snapshot)] {
        loop_.assert_in_thread();
        take_latency(std::move(*owned));
      });
    });
  }
}

void Reports::take_latency(LatencySnapshot snapshot) {
  latency_.add(std::move(snapshot));
  if (--latency_awaited_ > 0) return;
  output_.write(render_latency(latency_, latency_span_, loop_.now() - started_));
  latency_ = {};
}

void Reports::print_total() {
  loop_.assert_in_thread();
  if (!table_.has_value()) return;
  std::uint64_t bytes = 0;
  for (Answerer* answerer : answerers_) bytes += answerer->bytes_sent();
  const runtime::Duration elapsed = loop_.now() - started_;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  output_.write(runtime::format("walcast: sent {} of WAL in {}, {}/s\n",
                                human_bytes(static_cast<double>(bytes)), human_duration(elapsed),
                                human_bytes(static_cast<double>(bytes) / seconds)));
}

}  // namespace server::admin
