#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "runtime/result.h"
#include "server/wal/crc32c.h"
#include "server/wal/fault.h"
#include "server/wal/format.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/page_cursor.h"
#include "server/wal/pages.h"
#include "server/wal/xmin.h"

namespace server::wal {

// A record that was found whole.
struct Record {
  Lsn begin;
  // Where PostgreSQL's flush pointer stands after it: aligned; a page's start, not past its header,
  // if the record fills the page before; the segment's end after XLOG_SWITCH.
  Lsn end;
  std::uint32_t total_length = 0;
  TransactionId xid = kInvalidTransactionId;  // that wrote it; invalid: none did
  std::uint8_t rmid = 0;
  std::uint8_t info = 0;
};

enum class Outcome {
  kRecord,    // whole and right
  kEndOfWal,  // not, or not all, written yet
  kInvalid,   // the bytes are there, and wrong
};

// Reads WAL record by record and proves each (xlogreader.c, XLogDecodeNextRecord).
//   Owner: what follows or checks the WAL.  Thread: the owner's; blocks as the source does.
//   Borrows: PageSource, which nothing else uses between two calls that belong together.
//   Invariant: position() is where the last record ended; only a whole, right record moves it.
//   Limits: no copy of a record is made, so none is too long; nothing is allocated per record.
//
//   page   | header | ... record A ...    | record B, first part |
//   page   | header | B, the rest | pad | record C ...
//                                       ^ position() after B; C.begin unless a page starts here
class RecordReader {
 public:
  // So much of each record is kept, from its begin on, for callers that ask what it says.
  static constexpr std::size_t kHeadBytes = 64;

  RecordReader(PageSource& source, const Identity& identity);

  // The next record starts at `position`, which is a record's or a page's start. If `previous`, the
  // begin of the record before it, is not known, the record's xl_prev cannot be checked fully.
  void seek(Lsn position, Lsn previous = Lsn());

  // Goes to the first record that begins at or after `lsn`. Lengths and links on the way are
  // checked, checksums are not. Unless kRecord: goes as far as it gets, and must be called again
  // once there is more WAL, since position() may be no record's start. The same call then goes on
  // where this one stopped, so that a record that grows is walked through once.
  Outcome seek_first(Lsn lsn);

  // Goes to the record that `lsn` lies in, header of its first page and switch padding included:
  // backwards to a page where a record starts, then on as seek_first does. Of a long record and of
  // padding it reads a few pages of each segment, not all. What a record's length says of its end
  // is taken for true: next() will tell. If there is no earlier file, and the oldest begins inside
  // a record, it is seek_first: then position() > lsn.
  Outcome seek_covering(Lsn lsn);

  // Reads the record at position(). Unless kRecord the position stays; once there is more WAL, or
  // other, the same call tries again. A record that grows is not read from its begin each time.
  // Pages from `limit` on count as not there yet.
  Outcome next(Lsn limit = Lsn::max());

  // REQUIRES: the last call of next() returned kRecord.
  const Record& record() const { return record_; }
  // Its first bytes. Valid until the next call that reads. REQUIRES: as record().
  std::span<const std::byte> head() const {
    return std::span(candidate_.head).first(std::min(kHeadBytes, std::size_t{candidate_.got}));
  }

  Lsn position() const { return position_; }
  // The begin of the record before position(); invalid if unknown.
  Lsn previous_record() const { return previous_; }

  // The part that is there of a record that reaches further. Of a source whose bytes are final.
  struct Part {
    Lsn begin;
    std::uint32_t got = 0;  // bytes of the record
    RecordHeader header;    // as far as `got` reaches, its length at least
    Crc32c crc;             // of what follows the header
  };
  // None unless the last next() returned kEndOfWal in the midst of a record.
  std::optional<Part> part() const;
  // Goes over the record at position() without a look at its checksum, which next() found wrong.
  Outcome skip(Lsn limit = Lsn::max()) { return read(Checks::kAllButCrc, limit); }

  // Why the last call did not return kRecord. Allocates.
  Fault fault() const { return cursor_.describe(finding_); }
  // The same before it is put into words.
  const Finding& finding() const { return finding_; }
  // The page or the record at which it did not go on, as in fault().
  Lsn stopped_at() const { return finding_.lsn; }
  // Whether it was because the bytes end too early. Else they are there and say something else.
  bool is_cut_short() const { return finding_.kind == FaultKind::kShortFile; }
  // The operating error behind FaultKind::kUnreadable.
  const std::optional<runtime::Error>& problem() const { return cursor_.problem(); }

 private:
  // What is known of the record at position_ while it is read, also between two calls.
  struct Candidate {
    Lsn begin;              // invalid: nothing is known
    Lsn page;               // the last page of which all that belongs to the record was there
    Lsn end;                // where the part on that page ends, aligned
    std::uint32_t got = 0;  // the record's bytes up to there
    RecordHeader header;    // as far as `got` reaches
    std::array<std::byte, kHeadBytes> head;  // too
    Crc32c crc;                              // of what follows the header
    bool crc_current = false;
  };
  enum class Checks { kAll, kAllButCrc };

  bool take_usual();
  Outcome read(Checks checks, Lsn limit = Lsn::max());
  Finding find_record(Checks checks, Lsn limit);
  Finding start_at(Lsn position, Checks checks);
  Finding check_start(Lsn begin, std::uint32_t offset) const;
  Finding check_header(Lsn begin, const RecordHeader& header) const;
  Finding extend(Checks checks);
  Finding start_after_void(Lsn page, Checks checks);
  Lsn overwritten_lsn() const;
  void take_part(Lsn page, std::uint32_t offset, std::uint32_t size);
  Finding check_crc() const;
  Finding extend_switch();
  Outcome accept();
  void take_record(Lsn begin, Lsn end, const RecordHeader& header);
  Outcome reject(const Finding& finding);

  // A stretch of pages on which no record starts.
  struct Stretch {
    bool of_record;           // the middle of one record; else empty pages, such as padding
    Lsn page;                 // one of its pages
    std::uint64_t remaining;  // of the record, from that page on
  };
  Stretch stretch_at(Lsn page, const Finding& finding) const;
  Lsn first_in_segment(const Stretch& stretch);
  bool is_in(const Stretch& stretch, Lsn page);

  Finding find_start(Lsn& page);
  Lsn first_start(Lsn page) const;
  bool record_starts_by(Lsn lsn, Lsn page) const;
  Outcome walk_to(Lsn lsn, bool (*is_there)(const Record&, Lsn));
  bool says_it_reaches_beyond(Lsn lsn);

  PageCursor cursor_;
  Lsn position_;
  Lsn previous_;
  Candidate candidate_;
  // What the last seek_first() looked for, if it has not come to an end.
  struct Search {
    Lsn lsn;
    Lsn page;        // the one to be looked at next
    bool has_start;  // no page is to be looked at any more: position_ is a record's begin
  };
  std::optional<Search> search_;
  Record record_;
  Finding finding_;
};

}  // namespace server::wal
