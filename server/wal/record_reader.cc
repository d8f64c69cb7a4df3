#include "server/wal/record_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "server/wal/record_room.h"

namespace server::wal {

namespace {

constexpr Lsn page_before(Lsn page) { return page > Lsn(kPageBytes) ? page - kPageBytes : Lsn(); }

constexpr bool begins_at_or_after(const Record& record, Lsn lsn) { return record.begin >= lsn; }
constexpr bool reaches_beyond(const Record& record, Lsn lsn) { return record.end > lsn; }

}  // namespace

RecordReader::RecordReader(PageSource& source, const Identity& identity)
    : cursor_(source, identity) {}

void RecordReader::seek(Lsn position, Lsn previous) {
  CHECK(position == position.aligned());
  cursor_.reset();
  candidate_ = {};
  search_.reset();
  position_ = position;
  previous_ = previous;
}

Outcome RecordReader::next(Lsn limit) {
  return take_usual() ? Outcome::kRecord : read(Checks::kAll, limit);
}

// The usual record lies all on the page at hand, behind one that was just read, and is right. It
// costs little but its checksum. What is not as usual is left as it is, for read() to say what.
bool RecordReader::take_usual() {
  const std::uint32_t offset = position_.page_offset();
  if (candidate_.begin.valid() || !previous_.valid() || offset < sizeof(LongPageHeader) ||
      !cursor_.is_at(position_.page_start()) ||
      offset + kRecordHeaderBytes > cursor_.bytes().size()) {
    return false;
  }
  const auto start = cursor_.bytes().subspan(offset);
  const auto header = load_header<RecordHeader>(start);
  const std::uint32_t length = header.total_length;
  const bool is_usual = length >= kRecordHeaderBytes && length <= start.size() &&
                        align_record(length) <= start.size() && Lsn(header.previous) == previous_ &&
                        is_rmgr(header.rmid, cursor_.major()) &&
                        !is_switch(header.rmid, header.info);
  if (!is_usual) return false;
  Crc32c crc;
  crc.update(start.subspan(kRecordHeaderBytes, length - kRecordHeaderBytes));
  crc.update(start.first(kRecordCrcOffset));
  if (crc.value() != header.crc) return false;

  // A fixed size is four moves and no loop; head() shows no more of it than the record has.
  if (start.size() >= kHeadBytes) std::memcpy(candidate_.head.data(), start.data(), kHeadBytes);
  if (start.size() < kHeadBytes) std::memcpy(candidate_.head.data(), start.data(), length);
  candidate_.got = length;
  take_record(position_, position_ + align_record(length), header);
  return true;
}

Outcome RecordReader::read(Checks checks, Lsn limit) {
  Finding finding = find_record(checks, limit);
  if (!is_fault(finding) && checks == Checks::kAll && !candidate_.crc_current) {
    candidate_ = {};  // it grew while we looked: now that it is whole, once more from its begin
    finding = find_record(checks, limit);
  }
  if (!is_fault(finding) && checks == Checks::kAll) finding = check_crc();
  if (!is_fault(finding)) finding = extend_switch();
  return is_fault(finding) ? reject(finding) : accept();
}

Finding RecordReader::find_record(Checks checks, Lsn limit) {
  if (!candidate_.begin.valid()) {
    const Finding finding = start_at(position_, checks);
    if (is_fault(finding)) return finding;
  }
  while (candidate_.got < candidate_.header.total_length) {
    const Lsn page = candidate_.page + kPageBytes;
    if (page >= limit) return {FaultKind::kShortFile, page, 0, kPageBytes};
    const Finding finding = extend(checks);
    if (is_fault(finding)) return finding;
  }
  return {};
}

// The part of the record on the page where it starts. At least its length is there.
Finding RecordReader::start_at(Lsn position, Checks checks) {
  const Lsn page = position.page_start();
  if (const Finding finding = cursor_.load(page); is_fault(finding)) return finding;
  const std::uint32_t header_bytes = cursor_.header_bytes();
  const std::uint32_t offset = std::max(position.page_offset(), header_bytes);
  const Lsn begin = page + offset;
  if (begin != position && position != page) return {FaultKind::kRecordOffset, position};
  if (offset == header_bytes && cursor_.has(kPageFirstIsContrecord)) {
    return {FaultKind::kContrecordRequested, begin};
  }

  if (const Finding finding = check_start(begin, offset); is_fault(finding)) return finding;
  const auto total_length = load_header<std::uint32_t>(cursor_.bytes().subspan(offset));
  const std::uint32_t size = std::min(total_length, kPageBytes - offset);
  if (const Finding finding = cursor_.need(offset + align_record(size)); is_fault(finding))
    return finding;
  candidate_ = {};
  candidate_.begin = begin;
  candidate_.crc_current = checks == Checks::kAll;
  take_part(page, offset, size);
  return {};
}

// What the current page tells of a record's header, before any more of the record is asked for: a
// length out of thin air must not make us wait for the rest.
Finding RecordReader::check_start(Lsn begin, std::uint32_t offset) const {
  constexpr std::uint32_t kLengthBytes = sizeof(RecordHeader::total_length);
  if (const Finding finding = cursor_.need(offset + kLengthBytes); is_fault(finding)) {
    return finding;
  }
  const auto start = cursor_.bytes().subspan(offset);
  const auto total_length = load_header<std::uint32_t>(start);
  if (total_length < kRecordHeaderBytes) return {FaultKind::kRecordLength, begin, total_length};
  if (total_length > kRecordBytesMax) return {FaultKind::kRecordTooLong, begin, total_length};

  if (offset + kRecordHeaderBytes > kPageBytes) return {};  // its rest is on the next page
  if (const Finding finding = cursor_.need(offset + kRecordHeaderBytes); is_fault(finding)) {
    return finding;
  }
  return check_header(begin, load_header<RecordHeader>(start));
}

Finding RecordReader::check_header(Lsn begin, const RecordHeader& header) const {
  if (!is_rmgr(header.rmid, cursor_.major())) return {FaultKind::kRmgr, begin, header.rmid};
  const Lsn previous(header.previous);
  const bool linked = previous_.valid() ? previous == previous_ : previous < begin;
  if (!linked) return {FaultKind::kPrevLink, begin, header.previous};
  return {};
}

// The part of the record on its next page.
Finding RecordReader::extend(Checks checks) {
  const Lsn page = candidate_.page + kPageBytes;
  if (const Finding finding = cursor_.load(page); is_fault(finding)) return finding;
  if (cursor_.has(kPageFirstIsOverwriteContrecord)) return start_after_void(page, checks);

  const Lsn begin = candidate_.begin;
  const std::uint32_t missing = candidate_.header.total_length - candidate_.got;
  const std::uint32_t remaining = cursor_.header().remaining_length;
  if (!cursor_.has(kPageFirstIsContrecord)) return {FaultKind::kContrecordFlag, begin};
  if (remaining != missing) return {FaultKind::kContrecordLength, begin, remaining, missing};

  const std::uint32_t offset = cursor_.header_bytes();
  const std::uint32_t size = std::min(remaining, kPageBytes - offset);
  if (const Finding finding = cursor_.need(offset + align_record(size)); is_fault(finding))
    return finding;
  const bool had_header = candidate_.got >= kRecordHeaderBytes;
  take_part(page, offset, size);
  return had_header ? Finding{} : check_header(begin, candidate_.header);
}

// A crash cut the record off before this page, and it is void: what counts begins here, with a
// record that names the void one (xlogrecovery.c, VerifyOverwriteContrecord). Any other that comes
// here does so because its length is wrong.
Finding RecordReader::start_after_void(Lsn page, Checks checks) {
  const Lsn begin = candidate_.begin;
  if (const Finding finding = start_at(page, checks); is_fault(finding)) return finding;
  const Lsn overwritten = overwritten_lsn();
  if (overwritten == begin) return {};
  return {FaultKind::kOverwrittenLsn, begin, overwritten.value()};
}

// What the record that starts on the current page says, or an invalid LSN if it is of another kind.
Lsn RecordReader::overwritten_lsn() const {
  constexpr std::uint32_t kDataHeaderBytes = 2;  // of short data: its id and length
  constexpr std::uint32_t kBytes =
      kRecordHeaderBytes + kDataHeaderBytes + sizeof(OverwriteContrecord);
  const RecordHeader& header = candidate_.header;
  if (!is_overwrite_contrecord(header.rmid, header.info) || header.total_length != kBytes)
    return {};
  const auto data = cursor_.bytes().subspan(candidate_.begin.page_offset() + kRecordHeaderBytes);
  return Lsn(load_header<OverwriteContrecord>(data.subspan(kDataHeaderBytes)).overwritten_lsn);
}

void RecordReader::take_part(Lsn page, std::uint32_t offset, std::uint32_t size) {
  std::span<const std::byte> part = cursor_.bytes().subspan(offset, size);
  candidate_.page = page;
  candidate_.end = page + offset + align_record(size);
  if (candidate_.got < kHeadBytes) {
    const auto of_head = part.first(std::min(part.size(), kHeadBytes - candidate_.got));
    std::memcpy(candidate_.head.data() + candidate_.got, of_head.data(), of_head.size());
  }
  if (candidate_.got < kRecordHeaderBytes) {
    const auto of_header =
        part.first(std::min(part.size(), std::size_t{kRecordHeaderBytes - candidate_.got}));
    std::memcpy(reinterpret_cast<std::byte*>(&candidate_.header) + candidate_.got, of_header.data(),
                of_header.size());
    part = part.subspan(of_header.size());
  }
  candidate_.got += size;
  if (candidate_.crc_current) candidate_.crc.update(part);
}

Finding RecordReader::check_crc() const {
  const auto header = std::as_bytes(std::span(&candidate_.header, 1));
  Crc32c crc = candidate_.crc;
  crc.update(header.first(kRecordCrcOffset));
  if (crc.value() == candidate_.header.crc) return {};
  return {FaultKind::kChecksum, candidate_.begin};
}

// XLOG_SWITCH reaches to its segment's end, which must be there to be sent.
Finding RecordReader::extend_switch() {
  if (!is_switch(candidate_.header.rmid, candidate_.header.info)) return {};
  const SegmentSize size = cursor_.identity().segment_size;
  const SegmentNo no = size.segment_of(candidate_.end - 1);
  const Finding finding = cursor_.need_segment(no);
  if (!is_fault(finding)) candidate_.end = size.end(no);
  return finding;
}

Outcome RecordReader::accept() {
  DCHECK(candidate_.end > position_);
  take_record(candidate_.begin, candidate_.end, candidate_.header);
  candidate_.begin = Lsn();
  return Outcome::kRecord;
}

void RecordReader::take_record(Lsn begin, Lsn end, const RecordHeader& header) {
  record_ = {.begin = begin,
             .end = end,
             .total_length = header.total_length,
             .xid = header.xid,
             .rmid = header.rmid,
             .info = header.info};
  position_ = end;
  previous_ = begin;
}

// At the end of WAL the candidate stays: only more of it will come. Its checksum goes on from there
// if the source's bytes are final; else it is computed once more, from pages as they are then.
Outcome RecordReader::reject(const Finding& finding) {
  finding_ = finding;
  cursor_.drop();
  if (!cursor_.bytes_are_final()) candidate_.crc_current = false;
  if (is_end_of_wal(finding)) return Outcome::kEndOfWal;
  candidate_ = {};
  return Outcome::kInvalid;
}

std::optional<RecordReader::Part> RecordReader::part() const {
  if (!candidate_.begin.valid()) return std::nullopt;
  return Part{.begin = candidate_.begin,
              .got = candidate_.got,
              .header = candidate_.header,
              .crc = candidate_.crc};
}

Outcome RecordReader::seek_first(Lsn lsn) {
  if (!search_.has_value() || search_->lsn != lsn) {
    seek(lsn.page_start());
    search_ = Search{.lsn = lsn, .page = position_, .has_start = false};
  }
  if (!search_->has_start) {
    if (const Finding finding = find_start(search_->page); is_fault(finding)) {
      return reject(finding);
    }
    const Lsn page = search_->page;
    seek(first_start(page));
    search_ = Search{.lsn = lsn, .page = page, .has_start = true};
  }
  const Outcome outcome = walk_to(lsn, begins_at_or_after);
  if (outcome == Outcome::kRecord) search_.reset();
  return outcome;
}

// Moves `page` on to the first page on which something begins, or to one that is not there.
Finding RecordReader::find_start(Lsn& page) {
  for (;; page += kPageBytes) {
    if (const Finding finding = cursor_.load(page); is_fault(finding)) return finding;
    const Lsn start = first_start(page);
    if (start < page + kPageBytes) return cursor_.need(start - page);
  }
}

Outcome RecordReader::seek_covering(Lsn lsn) {
  const SegmentSize size = cursor_.identity().segment_size;
  // Nothing reaches further: a record of the greatest length, or the padding of a switch.
  const std::uint64_t reach = kRecordBytesMax + 2 * std::uint64_t{size.bytes()};
  const Lsn limit(lsn.value() - std::min(lsn.value(), reach));
  bool seen_file = false;
  seek(lsn.page_start());
  for (Lsn page = position_; page > limit; page = page_before(page)) {
    const Finding finding = cursor_.load(page);
    if (finding.kind == FaultKind::kUnreadable) {
      if (problem()->kind != &runtime::kFileMissing) return reject(finding);
      if (seen_file) break;
      page = size.start(size.segment_of(page));
      continue;
    }
    seen_file = true;
    if (!is_fault(finding) && record_starts_by(lsn, page)) {
      seek(first_start(page));
      return walk_to(lsn, reaches_beyond);
    }
    page = first_in_segment(stretch_at(page, finding));
  }
  return seek_first(lsn);
}

// An invalid page belongs to a record that starts before it, as a zero page after a switch does.
RecordReader::Stretch RecordReader::stretch_at(Lsn page, const Finding& finding) const {
  const bool of_record = !is_fault(finding) && cursor_.has(kPageFirstIsContrecord);
  return {.of_record = of_record,
          .page = page,
          .remaining = of_record ? cursor_.header().remaining_length : 0};
}

// The first page of the stretch within its segment. All pages between two of one stretch belong to
// it: the middle of a record because the missing length falls by what the pages hold; empty pages
// because WAL has none but behind a switch, up to the segment's end. If damage looks like either,
// the walk from the page before meets it.
Lsn RecordReader::first_in_segment(const Stretch& stretch) {
  const SegmentSize size = cursor_.identity().segment_size;
  Lsn in = stretch.page;
  Lsn out = size.start(size.segment_of(in));
  if (out == in || is_in(stretch, out)) return out;
  // From here on `in` is of the stretch and `out` is not, and they come closer: first in steps that
  // double, since most stretches are short.
  for (std::uint64_t step = kPageBytes; in - out > step; step *= 2) {
    const Lsn page = in - step;
    if (!is_in(stretch, page)) {
      out = page;
      break;
    }
    in = page;
  }
  while (in - out > kPageBytes) {
    const Lsn page = (out + (in - out) / 2).page_start();
    (is_in(stretch, page) ? in : out) = page;
  }
  return in;
}

bool RecordReader::is_in(const Stretch& stretch, Lsn page) {
  const Finding finding = cursor_.load(page);
  if (finding.kind == FaultKind::kUnreadable) return false;
  const bool continues = !is_fault(finding) && cursor_.has(kPageFirstIsContrecord);
  if (!stretch.of_record) {
    return is_fault(finding) || (!continues && !record_starts_by(Lsn::max(), page));
  }
  return continues &&
         cursor_.header().remaining_length ==
             stretch.remaining + room_between(page, stretch.page, cursor_.identity().segment_size);
}

// The first position on the current page that is not inside a record from an earlier one; beyond
// the page if there is none.
Lsn RecordReader::first_start(Lsn page) const {
  if (!cursor_.has(kPageFirstIsContrecord)) return page;
  return (page + cursor_.header_bytes() + cursor_.header().remaining_length).aligned();
}

// Whether the current page has a record that starts at or before `lsn`.
bool RecordReader::record_starts_by(Lsn lsn, Lsn page) const {
  const Lsn start = first_start(page);
  if (start > lsn || start >= page + kPageBytes) return false;
  const std::uint32_t offset = std::max(start.page_offset(), cursor_.header_bytes());
  return !is_fault(cursor_.need(offset + sizeof(std::uint32_t))) &&
         load_header<std::uint32_t>(cursor_.bytes().subspan(offset)) != 0;
}

Outcome RecordReader::walk_to(Lsn lsn, bool (*is_there)(const Record&, Lsn)) {
  for (;;) {
    if (is_there == reaches_beyond && says_it_reaches_beyond(lsn)) return Outcome::kRecord;
    const Lsn position = position_;
    const Lsn previous = previous_;
    const Outcome outcome = read(Checks::kAllButCrc);
    if (outcome != Outcome::kRecord) return outcome;
    if (!is_there(record_, lsn)) continue;
    position_ = position;
    previous_ = previous;
    return Outcome::kRecord;
  }
}

// Whether the record at position_ is so long that it must reach beyond `lsn`. Then there is no need
// to read it for that.
bool RecordReader::says_it_reaches_beyond(Lsn lsn) {
  if (candidate_.begin.valid()) return false;
  const bool starts = !is_fault(start_at(position_, Checks::kAllButCrc));
  const Candidate found = std::exchange(candidate_, {});
  return starts &&
         record_end(found.begin, found.header.total_length, cursor_.identity().segment_size) > lsn;
}

}  // namespace server::wal
