#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "runtime/check.h"
#include "server/wal/segment.h"
#include "server/wal/tail.h"

namespace server::stream {

constexpr wal::Lsn slice_start(wal::Lsn lsn) {
  return wal::Lsn(lsn.value() - lsn.value() % wal::kSliceBytes);
}

// The reader's walk through the WAL, as one loop has heard of it: on which timelines, from where,
// and to where. The source's thread has proven [from, end) in the files that bear its names now.
//   Owner: WalView.  Thread: the loop's.
//   Invariant: neither position goes back while the timelines stay the same. `from` lies beyond the
//   end after a change of the file in which the walk ends. A record that begins before `from` ends
//   in its slice.
//   Limits: kLongStretchesMax stretches with long records. Before those that are known, nothing
//   counts as proven.
class Walk {
 public:
  // Null before the first span.
  const wal::Timelines* timelines() const { return timelines_; }
  wal::Lsn from() const { return from_; }
  wal::Lsn end() const { return end_; }

  void take(const wal::WalSpan& span) {
    CHECK(span.begin <= span.end);
    if (span.timelines != timelines_) {
      const bool same =
          timelines_ != nullptr && timelines_->history.tip() == span.timelines->history.tip();
      // On a new timeline, WAL before its begin is in another file, which the reader has not read.
      if (!same || span.begin > end_) {
        from_ = span.begin;
        long_.clear();
      }
      timelines_ = span.timelines;
    } else {
      CHECK(span.end >= end_);
    }
    if (span.long_end.valid()) long_.push_back({span.long_begin, span.long_end});
    if (long_.size() > kLongStretchesMax) {
      from_ = std::max(from_, long_.front().end);
      long_.pop_front();
    }
    // A merged span covers WAL of two files, of which only the later part is from the new file.
    if (span.file_replaced) from_ = std::max(from_, span.end);
    end_ = span.end;
  }

  // A file has changed that ends at `file_end`: what the reader found in it proves nothing of it,
  // nor of the rest of a record that began in it, or was to begin there, and fills later slices.
  void forget(wal::Lsn file_end) {
    from_ = std::max(from_, file_end);
    for (const Stretch& stretch : long_) {
      if (stretch.begin <= file_end && file_end < stretch.end) from_ = std::max(from_, stretch.end);
    }
    std::erase_if(long_, [this](const Stretch& stretch) { return stretch.end <= from_; });
  }

  // Whether WAL is so near to the end that its bytes are proven, and surely cached: the slice of
  // the end and the one before it.
  bool is_hot(wal::Lsn lsn) const {
    return lsn >= from_ && slice_start(lsn) + 2 * std::uint64_t{wal::kSliceBytes} > end_;
  }

  // Whether the whole slice that holds `lsn` lies in the walk. The slice in which the walk began
  // counts as outside: its first bytes may be the rest of a record that began before.
  bool has_proven_slice(wal::Lsn lsn) const {
    return slice_start(lsn) > from_ && slice_start(lsn) < end_;
  }

 private:
  static constexpr std::size_t kLongStretchesMax = 1024;
  struct Stretch {
    wal::Lsn begin;
    wal::Lsn end;
  };

  const wal::Timelines* timelines_ = nullptr;
  wal::Lsn from_;
  wal::Lsn end_;
  std::deque<Stretch> long_;  // with records that may be longer than a slice, oldest first
};

}  // namespace server::stream
