#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "runtime/clock.h"
#include "server/wal/directory.h"
#include "server/wal/fault.h"
#include "server/wal/growing_pages.h"
#include "server/wal/next_xid.h"
#include "server/wal/record_reader.h"
#include "server/wal/second_look.h"
#include "server/wal/tail.h"

namespace server::wal {

// Follows WAL as it grows: proves record after record and raises the tail.
//   Owner: DirectorySource, AttachSource, or a relay's Writer.  Thread: the source's; blocks as the
//   pages do.
//   Borrows: the pages, the clock and the tail.
//   Invariant: everything between where it began and position() has been proven.
class Reader {
 public:
  Reader(GrowingPages& pages, const Identity& identity, const runtime::Clock& clock, WalTail& tail)
      : pages_(pages), identity_(identity), clock_(clock), tail_(tail) {}

  // Goes on at `position` along the tail's current timelines. The begin of the record before it may
  // be unknown. What comes next comes at `end` if that is behind the position: the pages between
  // the two are there.
  void seek(Lsn position, Lsn previous_record, Lsn end = Lsn());
  // Goes on at position(), where other WAL than that which was read behind `end` will come.
  // REQUIRES: seek() was called.
  void restart(Lsn end);

  // Begins with a segment whose first record may have begun before it. What comes before the first
  // that begins in it cannot be proven, and is published with it.
  void seek_first(Lsn segment_begin, Lsn end = Lsn());

  // Goes on where the WAL of a directory was found to end. It may be that no record begins there
  // yet. What comes next comes behind the pages of a record that is not whole.
  void resume(Lsn end, Lsn last_record, Lsn incomplete_to);

  // Reads the pages again from where it stands, and publishes the records that have become whole
  // and end at `limit` at the latest. It stops there with kRecord. A long record that was wrong is
  // not read again at each call, but when its files have changed, or after a while (second_look.h).
  Outcome advance(Lsn limit = Lsn::max());

  // The end of the WAL that was proven. REQUIRES: seek() was called.
  Lsn position() const { return searched_from_.value_or(records_->position()); }
  Lsn previous_record() const { return records_->previous_record(); }
  // The next transaction id, as far as the records show that were proven.
  const NextXid& next_xid() const { return xids_.next(); }
  // Why the last advance() went no further.
  Fault fault() const { return records_->fault(); }
  // How far bytes are there that WAL may go on with: where the last advance() met none, in the
  // midst of a record or at its begin. REQUIRES: advance() returned kEndOfWal.
  Lsn bytes_end() const { return std::max(position(), records_->stopped_at()); }
  // Whether the last advance() went no further because the bytes end there, and not because one of
  // them is wrong.
  bool is_cut_short() const { return records_->is_cut_short(); }
  // If a file could not be read, the error.
  const std::optional<runtime::Error>& problem() const { return records_->problem(); }

 private:
  // So much WAL is published at once while a backlog is read.
  static constexpr std::uint64_t kBatchBytes = 256 * 1024;

  bool is_worth_reading_again() const;
  Outcome next_record(Lsn limit);
  void publish(Lsn begin);

  GrowingPages& pages_;
  const Identity identity_;
  const runtime::Clock& clock_;
  WalTail& tail_;
  std::optional<RecordReader> records_;
  bool stopped_by_limit_ = false;     // the last advance()
  std::optional<SecondLook> again_;   // of the record at position(), which was wrong
  std::optional<Lsn> searched_from_;  // until the first record is found
  XidClock xids_;
};

}  // namespace server::wal
