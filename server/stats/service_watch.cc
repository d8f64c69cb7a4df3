#include "server/stats/service_watch.h"

#include <algorithm>

namespace server::stats {

void ServiceWatch::start(Collector& collector, runtime::Duration watchdog_time) {
  loop_.assert_in_thread();
  if (!status_.heeded()) return;
  collector_ = &collector;
  watches_ = watchdog_time.count() > 0;
  // A word that is late by a whole interval still comes in time.
  if (watches_) interval_ = std::min(interval_, watchdog_time / 4);
  timer_.arm(loop_.now());
}

void ServiceWatch::stop() {
  loop_.assert_in_thread();
  timer_.disarm();
  collector_ = nullptr;
}

void ServiceWatch::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  look();
  if (watches_) ask_loops();
  timer.arm(loop_.now() + interval_);
}

// The answer comes on the collector's thread.
void ServiceWatch::look() {
  if (snapshot_awaited_) return;
  snapshot_awaited_ = true;
  collector_->request(Freshness::kUsual, [this](const SnapshotRef& snapshot) {
    loop_.mailbox().post([this, snapshot] {
      loop_.assert_in_thread();
      on_snapshot(*snapshot);
    });
  });
}

// Each answer comes on its loop's thread.
void ServiceWatch::ask_loops() {
  if (answers_awaited_ > 0) return;
  answers_awaited_ = answerers_.size();
  for (Collector::Answerer* const answerer : answerers_) {
    answerer->post_status(LoopQuestion{}, [this](const LoopStatus& /*status*/) {
      loop_.mailbox().post([this] {
        loop_.assert_in_thread();
        on_answer();
      });
    });
  }
}

void ServiceWatch::on_answer() {
  if (--answers_awaited_ == 0 && collector_ != nullptr) status_.on_alive();
}

void ServiceWatch::on_snapshot(const Snapshot& snapshot) {
  snapshot_awaited_ = false;
  if (collector_ == nullptr) return;
  admin::ServiceStatus::Look look{.end = snapshot.end};
  for (const SessionStatus& session : snapshot.sessions) {
    if (!session.streams) continue;
    ++look.standbys;
    look.lag_bytes = std::max(look.lag_bytes, session.lag_bytes);
    look.lag = std::max(look.lag, session.lag);
  }
  const wal::Lsn of_primary = snapshot.upstream.latest_end;
  if (snapshot.upstream.has_primary() && of_primary > snapshot.end) {
    look.behind_primary_bytes = of_primary - snapshot.end;
  }
  status_.on_look(look);
}

}  // namespace server::stats
