#include "server/stream/wal_view.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::stream {

using wal::Lsn;
using wal::SegmentNo;

WalView::WalView(runtime::Loop& loop, runtime::Pool& pool, wal::Segments& segments, Options options)
    : loop_(loop),
      segments_(segments),
      spans_(options.span_queue_items, loop.doorbell()),
      held_files_(segments.pins(), options.find_place),
      slices_(loop, pool, segments, walk_, options.segments_max, options.held_max) {}

Lsn WalView::start_max() const {
  const Lsn end = this->end();
  if (promised() == Lsn::max()) return end + identity().segment_size.bytes();
  return std::max(end, promised());
}

bool WalView::take_spans() {
  loop_.assert_in_thread();
  bool moved = false;
  wal::WalSpan span;
  while (spans_.pop(span)) {
    take(span);
    moved = true;
  }
  return moved;
}

void WalView::take(const wal::WalSpan& span) {
  const wal::SegmentSize size = identity().segment_size;
  const bool timelines_changed = span.timelines != walk_.timelines();
  walk_.take(span);
  promised_ = span.promised;
  next_xid_ = span.next_xid;
  lag_clock_.sample(span.end, span.published);
  stages_.pop(span);
  if (timelines_changed || span.file_replaced) {
    // Behind a fork, WAL is in the files of another timeline: any that is open is not of it.
    const Lsn last = timelines_changed ? Lsn::max() : span.end;
    slices_.forget(size.segment_of(span.begin), size.segment_of(last));
    tail_.clear();
  }
  held_files_.hold_from(span.held_from);
}

runtime::Result<std::span<const std::byte>> WalView::bytes(const wal::Segment& segment, Lsn from,
                                                           Lsn to, bool held) {
  loop_.assert_in_thread();
  const TailBuffer::Bytes read = TRY(tail_.read(segment, from, to));
  // A file is renamed before it is overwritten. What it held under its name is what was read.
  if (read.from_file && !held && !segments_.is_current(segment)) {
    tail_.clear();
    return wal::segment_removed(segment.timeline(), segment.no(), identity().segment_size);
  }
  return read.bytes;
}

void WalView::forget(SegmentNo no) {
  loop_.assert_in_thread();
  walk_.forget(identity().segment_size.end(no));
  tail_.clear();
  slices_.forget(no, no);
  slices_.release(no);
}

}  // namespace server::stream
