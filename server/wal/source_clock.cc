#include "server/wal/source_clock.h"

#include "runtime/check.h"

namespace server::wal {

using runtime::Duration;
using runtime::Instant;

void SourceClock::received(Instant arrived, Instant found) {
  DCHECK(arrived <= found);
  const bool was_busy = times_.has_value() && arrived < busy_until_;
  held_up_by_ = was_busy ? longest() : Work::kStoring;
  waited_ = was_busy ? found - arrived : Duration::zero();
  times_.emplace(SourceTimes{.arrived = arrived, .found = found - waited_});
  stored(found);
}

void SourceClock::stored(Instant at) {
  if (!times_.has_value()) return;
  times_->stored = at - shift_behind(Work::kStoring);
  proven(at);
}

void SourceClock::proven(Instant at) {
  if (!times_.has_value()) return;
  times_->proven = at - shift_behind(Work::kProving);
  times_->published = busy_until_ = at;
}

SourceTimes SourceClock::published(Instant at) {
  if (!times_.has_value()) return {at, at, at, at, at};
  times_->published = busy_until_ = at;
  return *times_;
}

SourceClock::Work SourceClock::longest() const {
  const Duration storing = times_->stored - times_->found;
  const Duration proving = times_->proven - times_->stored;
  const Duration publishing = times_->published - times_->proven;
  if (storing > proving && storing >= publishing) return Work::kStoring;
  return proving >= publishing ? Work::kProving : Work::kPublishing;
}

}  // namespace server::wal
