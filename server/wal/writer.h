#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/file.h"
#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/flusher.h"
#include "server/wal/identity.h"
#include "server/wal/reader.h"
#include "server/wal/received_pages.h"
#include "server/wal/retention.h"
#include "server/wal/segment_output.h"
#include "server/wal/spool_bound.h"
#include "server/wal/spool_hold.h"
#include "server/wal/spool_mark.h"
#include "server/wal/spool_positions.h"
#include "server/wal/spool_room.h"
#include "server/wal/tail.h"

namespace server::wal {

// A spool that grows by WAL from outside: each piece is appended to the segment files and proven,
// from memory, record by record; what is proven is published, and a flusher makes it durable behind
// that.
//   Owner: RelaySource.  Thread: the owner's, one at a time; blocks on files.
//   Borrows: clock, tail, the holds, and the doorbell, which rings when flushed() has moved.
//   Invariant: positions() are in their order after each call. No loop and no standby has heard of
//   a byte from proven() on.
class Writer {
 public:
  struct Options {
    std::string directory;
    Identity identity;
    RetentionOptions retention = {};
    std::uint64_t free_bytes_min = 0;  // as the next two, of SpoolRoom
    std::function<runtime::Result<std::uint64_t>(const std::string&)> free_bytes =
        runtime::free_bytes;
    std::function<void(SegmentNo)> on_removed = [](SegmentNo) {};
    // Where to say how far WAL is on disk for sure; null: nowhere.
    SpoolMark* mark = nullptr;
    runtime::Duration mark_interval = std::chrono::seconds(1);  // it is written so often at most
    // A sync that takes less may be made on the writer's thread (flusher.h); 0: none is.
    runtime::Duration quick_sync = std::chrono::microseconds(100);
  };

  Writer(Options options, const runtime::Clock& clock, WalTail& tail, runtime::Doorbell& doorbell);

  // Goes on behind what is there of a spool: its records end at `end`, and the pages of one that is
  // not whole at `incomplete_to`. What lies behind is set aside. A failure is of the disk; what is
  // written next tries again. REQUIRES: the tail has timelines; all of the spool is durable.
  runtime::Result<void> start(Lsn end, Lsn last_record, Lsn incomplete_to = Lsn());
  // Begins a spool that has no WAL yet, at a segment's start. After a failure it may be begun
  // elsewhere.
  runtime::Result<void> start_empty(Lsn begin);
  // A history file that is not there yet. It is durable when this returns.
  runtime::Result<void> add_history_file(TimelineId timeline, const std::string& text);
  // Makes the segment in which `timeline` forks at proven() begin as its parent's does.
  // REQUIRES: flushed() == proven().
  runtime::Result<void> prepare_timeline(TimelineId parent, TimelineId timeline);
  // Goes on at proven() on the tail's newest timeline, which was prepared. A failure is of the
  // disk; what is written next tries again.
  runtime::Result<void> follow_timeline();

  // WAL that continues end(). runtime::kDataCorrupted if a record of it is wrong: take_back()
  // then.
  // Other errors are of the disk, which cannot be written or read again: what was written stays,
  // and is proven if it can be. The rest, which may be none, may be tried again from end() on,
  // which makes sense for is_full_disk, when no old WAL may go, and for is_out_of_resources.
  runtime::Result<void> write(std::span<const std::byte> wal);
  // Takes back what was written from `from` on, durable or not. A failure is of the disk; what is
  // written next tries again. REQUIRES: proven() <= from <= end(); not is_flushing().
  //   1. A primary sends the first pages of a long record at 0/5000100 and dies. The pages are
  //      written and durable: flushed() is at 0/5006000, proven() at 0/5000100.
  //   2. The standby that was promoted has another record at 0/5000100.
  //   3. take_back() sets flushed() to 0/5000100, has the reader forget the pages, and makes them
  //      zeros in the file. Only then the other record is written over them: otherwise the new
  //      primary would hear that it is durable up to 0/5006000 before a sync has covered it, and
  //      the reader would join the halves of two records.
  runtime::Result<void> take_back(Lsn from);
  // Asks the flusher to make durable what was written, which may be so, or have failed, at once.
  // Does nothing while the flusher is at work.
  void request_flush();
  // Whether the flusher is at work. The doorbell rings when it is done.
  bool is_flushing() const { return flusher_.is_at_work(); }
  // When request_flush() is due for the mark's sake, though there may be nothing to flush.
  runtime::Instant mark_due() const { return bound_.due(); }
  // The last call, if start() or start_empty() was made: all that was written becomes durable,
  // unless it cannot, and the mark says of all records that they are. A second time it does
  // nothing. It may hang with the disk. REQUIRES: nothing else waits for the doorbell any more.
  void finish();

  // Whether no byte was ever written to the spool.
  bool empty() const { return end() == begin_; }
  SpoolPositions positions() const {
    return SpoolPositions({.written = end(), .proven = proven(), .flushed = flushed()});
  }
  Lsn end() const { return output_->end(); }
  Lsn proven() const { return reader_.position(); }
  Lsn flushed() const { return flusher_.flushed(); }
  // Of the transactions in what was proven since start().
  const NextXid& next_xid() const { return reader_.next_xid(); }
  // Why nothing can be made durable any more; none if it can.
  std::optional<runtime::Error> flush_failure() const { return flusher_.failure(); }
  // Its flusher does. Any thread may ask.
  void log_memory_contexts() { flusher_.log_memory_contexts(); }

 private:
  TimelineId tip() const { return tail_.timelines()->history.tip(); }
  void open_output();
  runtime::Result<void> start_output(Lsn end, Leftover leftover);
  runtime::Result<void> append(std::span<const std::byte> wal);
  runtime::Result<void> append_to_segment(std::span<const std::byte> wal);
  runtime::Result<void> prove();
  void note_positions();

  const Directory directory_;
  const Identity identity_;
  const runtime::Clock& clock_;
  WalTail& tail_;
  ReceivedPages pages_;
  Reader reader_;
  std::optional<SegmentOutput> output_;
  Flusher flusher_;
  SpoolBound bound_;
  SpoolHold hold_;
  SpoolRoom room_;
  Lsn begin_;  // of a spool that had no WAL
};

}  // namespace server::wal
