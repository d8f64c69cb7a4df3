#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/result.h"
#include "server/wal/files.h"
#include "server/wal/flusher.h"
#include "server/wal/identity.h"
#include "server/wal/reader.h"
#include "server/wal/retention.h"
#include "server/wal/segment_output.h"
#include "server/wal/tail.h"

namespace server::wal {

// A spool that grows by WAL from outside: each piece is appended to the segment files and proven
// record by record; what is proven is published, and a flusher makes it durable behind that.
//   Owner: RelaySource.  Thread: the owner's; blocks on files.
//   Borrows: clock, tail, and the doorbell, which rings when flushed() has moved.
//   Invariant: proven() <= end(). Nobody was ever told of a byte from proven() on.
class Writer {
 public:
  struct Options {
    std::string directory;
    Identity identity;
    RetentionOptions retention = {};
    // So much of the file system is left free behind a new segment, for which old WAL makes room;
    // 0: old WAL stays.
    std::uint64_t free_bytes_min = 0;
    std::function<runtime::Result<std::uint64_t>(const std::string&)> free_bytes = wal::free_bytes;
    // A segment was removed. Who has it open still keeps its room.
    std::function<void(SegmentNo)> on_removed = [](SegmentNo) {};
  };

  Writer(Options options, const runtime::Clock& clock, WalTail& tail, runtime::Doorbell& doorbell);

  // Goes on at `end`, where the records of the spool end. REQUIRES: the tail has timelines; all of
  // the spool is durable.
  runtime::Result<void> start(Lsn end, Lsn last_record);
  // Begins a spool that has no WAL yet, at a segment's start.
  runtime::Result<void> start_empty(Lsn begin);
  // A history file that is not there yet. It is durable when this returns.
  runtime::Result<void> add_history_file(TimelineId timeline, const std::string& text);
  // Makes the segment in which `timeline` forks at proven() begin as its parent's does.
  // REQUIRES: flushed() == proven().
  runtime::Result<void> prepare_timeline(TimelineId parent, TimelineId timeline);
  // Goes on at proven() on the tail's newest timeline, which was prepared. A failure is of the
  // disk; what is written next tries again.
  runtime::Result<void> follow_timeline();

  // WAL that continues end(). runtime::kDataCorrupted if a record of it is wrong: rewind() then.
  // Other errors are of the disk, which cannot be written or read again: what was written stays,
  // and the rest may be tried again from end() on, which makes sense for is_full_disk, when no old
  // WAL may go, and for is_out_of_resources.
  runtime::Result<void> write(std::span<const std::byte> wal);
  // Takes back what was written and not proven, durable or not. A failure is of the disk; what is
  // written next tries again. REQUIRES: not is_flushing().
  runtime::Result<void> rewind();
  // Asks for what was written to be made durable, if nobody is at it.
  void request_flush();
  // Whether somebody is at it. The doorbell rings at the end.
  bool is_flushing() const { return flusher_.is_at_work(); }

  // Whether nothing was ever written to it.
  bool empty() const { return end() == begin_; }
  Lsn end() const { return output_->end(); }
  Lsn proven() const { return reader_.position(); }
  // Of the transactions in what was proven since start().
  TransactionId newest_xid() const { return reader_.newest_xid(); }
  Lsn flushed() const { return flusher_.flushed(); }
  // Why nothing can be made durable any more; none if it can.
  std::optional<runtime::Error> flush_failure() const { return flusher_.failure(); }
  // Its flusher does. Any thread may ask.
  void log_memory_contexts() { flusher_.log_memory_contexts(); }

 private:
  TimelineId tip() const { return tail_.timelines()->history.tip(); }
  void open_output();
  runtime::Result<void> append(std::span<const std::byte> wal);
  runtime::Result<void> append_to_segment(std::span<const std::byte> wal);
  runtime::Result<void> prove();
  runtime::Result<void> remove_old_segments();
  runtime::Result<void> remove_before(SegmentNo keep_from);
  runtime::Result<void> make_room();
  SegmentNo wanted_from() const;
  bool is_needed(SegmentNo no) const;
  runtime::Result<bool> give_up_oldest_segment();

  const Options options_;
  WalTail& tail_;
  Reader reader_;
  std::optional<SegmentOutput> output_;
  Flusher flusher_;
  Lsn begin_;  // of a spool that had no WAL
  const Retention retention_;
  SegmentNo removed_before_{};
  // Segments before this one went for want of space, which wal_keep_size would have kept.
  std::optional<SegmentNo> gave_up_before_;
};

}  // namespace server::wal
