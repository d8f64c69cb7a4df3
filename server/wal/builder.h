#pragma once

// Makes WAL that a PostgreSQL reader accepts: what the synthetic source, `walcast generate` and the
// tests are fed from.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::wal {

// Where a record lies: begin is its header's first byte, end the aligned byte after it, which is a
// page's start (and not past its header) where the record fills the page before.
struct RecordSpan {
  Lsn begin;
  Lsn end;
};

// Appends WAL in memory, as PostgreSQL lays it out (xlog.c, CopyXLogRecordToWAL).
//   Owner: the generator or the test that writes the WAL.  Thread: the owner's.
//   Invariant: bytes() is the WAL [begin(), end()), or up to a switch whose padding was omitted.
//   Limits: holds every byte until clear(), and keeps the capacity for the next ones.
class WalBuilder {
 public:
  // What append_switch leaves in bytes() for the rest of the segment.
  enum class Padding { kZeros, kOmitted };

  // The first byte made is the one at `start`: a page header if a page starts there, else a record
  // that goes on in the middle of a page. `previous_record` becomes the first record's xl_prev; it
  // is invalid only in a cluster's first WAL. REQUIRES: start is valid and aligned, and not inside
  // a page header.
  WalBuilder(const Identity& identity, TimelineId timeline, Lsn start, Lsn previous_record = {});

  // Appends one record with `main_data` and no block references; info and rmid as in rmgrlist.h.
  // REQUIRES: the record is no longer than kRecordBytesMax (format.h).
  RecordSpan append(std::uint8_t rmid, std::uint8_t info, std::span<const std::byte> main_data);

  // Appends an XLOG NOOP record, which every reader and standby takes and ignores.
  RecordSpan append_noop(std::span<const std::byte> main_data);

  // Ends the segment: an XLOG_SWITCH record, and nothing but zeros after it, page headers included.
  // The span ends where the record does; end() is then the segment's end. At a segment's start it
  // does nothing (xlog.c, ReserveXLogSwitch) and the span is empty.
  // With Padding::kOmitted the caller must take bytes() and clear() before it appends more.
  RecordSpan append_switch(Padding padding = Padding::kZeros);

  // Appends a record's first `pages_kept` pages, as a crash leaves it, and the page after them with
  // the overwrite flag and an XLOG_OVERWRITE_CONTRECORD (xlog.c, CreateOverwriteContrecordRecord).
  // The span runs from the void record's begin to the page that replaced its rest.
  // REQUIRES: the record would reach further than those pages.
  RecordSpan append_overwritten(std::span<const std::byte> main_data, std::uint32_t pages_kept = 1);

  // The bytes made since the last clear(). Valid until the next non-const call.
  std::span<const std::byte> bytes() const { return bytes_; }
  // The transaction of the records to come; 0: none.
  void set_xid(TransactionId xid) { xid_ = xid; }
  // Forgets bytes(), which begin at end() from now on.
  void clear();

  Lsn begin() const { return begin_; }
  Lsn end() const { return end_; }
  // The begin of the last record that counts: the next one's xl_prev.
  Lsn previous_record() const { return previous_record_; }

  const Identity& identity() const { return identity_; }
  TimelineId timeline() const { return timeline_; }

 private:
  // Lays out a record, but no byte at or after `cut`, and returns where it begins.
  Lsn put_record(std::uint8_t rmid, std::uint8_t info, std::span<const std::byte> main_data,
                 Lsn cut);
  void put_part(std::span<const std::byte> part, Lsn cut);
  void put_page_header(std::uint16_t flags);
  void put_raw(std::span<const std::byte> raw);
  void put_zeros(std::uint64_t count);
  bool contiguous() const { return begin_ + bytes_.size() == end_; }

  Identity identity_;
  TimelineId timeline_;
  std::vector<std::byte> bytes_;
  Lsn begin_;
  Lsn end_;
  Lsn previous_record_;
  TransactionId xid_ = kInvalidTransactionId;
  std::uint32_t record_left_ = 0;  // bytes of the current record that are not laid out yet
};

}  // namespace server::wal
