#include "server/wal/spool_bound.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/log.h"

namespace server::wal {

SpoolBound::SpoolBound(SpoolMark* mark, runtime::Duration interval, SetAside set_aside,
                       SegmentSize segment_size, const runtime::Clock& clock, Flusher& flusher)
    : mark_(mark),
      interval_(interval),
      set_aside_(std::move(set_aside)),
      segment_size_(segment_size),
      clock_(clock),
      flusher_(flusher),
      kept_(mark == nullptr ? Lsn() : mark->content().kept_to) {}

void SpoolBound::on_sync_asked(Lsn proven, Lsn written) {
  DCHECK(!flusher_.is_at_work() && proven <= written);
  const Lsn safe = flusher_.flushed() == written ? proven : asked_;
  DCHECK(safe <= flusher_.flushed());
  asked_ = proven;
  if (mark_ != nullptr && safe > kept_) keep(safe);
}

// A mark that cannot be written says less than it could, which harms no WAL.
void SpoolBound::keep(Lsn safe) {
  const runtime::Instant now = clock_.now();
  if (now - kept_at_ < interval_) return;
  kept_ = safe;
  kept_at_ = now;
  flusher_.run([this, safe] {
    const auto kept = keep_on_disk(safe);
    if (!kept) runtime::log::warning("{}", kept.error().what);
  });
}

// What was set aside for the sake of this WAL has been received again.
runtime::Result<void> SpoolBound::keep_on_disk(Lsn safe) const {
  TRY(mark_->keep_to(safe));
  return set_aside_.remove_before(segment_size_.segment_of(safe), segment_size_);
}

}  // namespace server::wal
