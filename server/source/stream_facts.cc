#include "server/source/stream_facts.h"

#include <utility>
#include <variant>

namespace server::source {

void StreamBoard::note_stream(Place place, wal::Lsn start, wal::TimelineId timeline) {
  const runtime::Lock lock(mutex_);
  place_ = std::move(place);
  start_ = start;
  start_timeline_ = timeline;
}

void StreamBoard::note_message(const wire::PrimaryMessage& message, runtime::WallMicros now) {
  const auto [wal_end, send_time] = std::visit(
      [](const auto& told) { return std::pair(wal::Lsn(told.wal_end), told.send_time); }, message);
  if (wal_end > latest_end_.load()) {
    latest_end_.store(wal_end);
    latest_end_time_.store(now);
  }
  sent_time_.store(wire::to_unix_micros(send_time));
  receipt_time_.store(now);
}

void StreamBoard::note_positions(const wal::StandbyPositions& kept) {
  written_.store(kept.write);
  flushed_.store(kept.flush);
}

StreamFacts StreamBoard::facts() const {
  StreamFacts facts;
  facts.written = written_.load();
  facts.flushed = flushed_.load();
  facts.latest_end = latest_end_.load();
  facts.latest_end_time = latest_end_time_.load();
  facts.sent_time = sent_time_.load();
  facts.receipt_time = receipt_time_.load();
  const runtime::Lock lock(mutex_);
  facts.host = place_.host;
  facts.port = place_.port;
  facts.start = start_;
  facts.start_timeline = start_timeline_;
  return facts;
}

}  // namespace server::source
