// WAL that may be wrong in any way: what the record reader and the checker make of it.
//   input: flags, two positions where the WAL is cut off, a range, a position anywhere, then the
//   WAL as SparsePages takes it

#include <algorithm>
#include <vector>

#include "runtime/check.h"
#include "server/wal/checker.h"
#include "server/wal/crc32c.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"
#include "tests/fuzz/sparse_pages.h"

namespace {

using server::wal::FaultKind;
using server::wal::is_switch;
using server::wal::Lsn;
using server::wal::Outcome;
using server::wal::Record;
using server::wal::RecordReader;
using tests::SparsePages;

struct Flags {
  bool drop_first_segment;
  bool mend_checksums;
  bool seek_anywhere;  // slow: before WAL that is not there, a thousand files are looked for
};

// What one reader has found, and where it stopped.
struct Walk {
  std::vector<Record> records;
  Lsn start;     // of the first record, if there is one
  Lsn position;  // behind the last one
  bool has_switch = false;
};

// Reads on as far as it goes, and checks what every record promises.
void read_on(RecordReader& reader, const SparsePages& pages, Walk& walk) {
  while (reader.next() == Outcome::kRecord) {
    const Record& record = reader.record();
    CHECK(record.begin >= walk.position && record.end > record.begin);
    CHECK(record.begin == record.begin.aligned() && record.end == record.end.aligned());
    CHECK(record.end <= pages.end() && record.end == reader.position());
    CHECK(record.total_length >= server::wal::kRecordHeaderBytes);
    CHECK(record.end - record.begin >= record.total_length);
    CHECK(reader.previous_record() == record.begin);
    walk.has_switch |= is_switch(record.rmid, record.info);
    walk.position = record.end;
    walk.records.push_back(record);
  }
  CHECK(reader.position() == walk.position);
  CHECK(reader.fault().kind != FaultKind::kNone && !reader.fault().what.empty());
  CHECK(reader.problem().has_value() == (reader.fault().kind == FaultKind::kUnreadable));
}

// From the first record on. A reader that looks again finds nothing else.
Walk walk_all(RecordReader& reader, SparsePages& pages) {
  Walk walk;
  const Outcome found = reader.seek_first(pages.begin());
  if (found != Outcome::kRecord) {
    CHECK(!reader.fault().what.empty());
    return walk;
  }
  walk.start = walk.position = reader.position();
  read_on(reader, pages, walk);
  const auto fault = reader.fault();
  CHECK(reader.next() != Outcome::kRecord && reader.position() == walk.position);
  CHECK(reader.fault().kind == fault.kind && reader.fault().lsn == fault.lsn);
  return walk;
}

Walk walk_all(SparsePages& pages) {
  RecordReader reader(pages, pages.identity());
  return walk_all(reader, pages);
}

// Gives the record at `begin` the checksum of its bytes. REQUIRES: they are all there.
void mend_checksum(SparsePages& pages, Lsn begin) {
  using namespace server::wal;
  std::vector<std::byte> record;
  Lsn crc_at;
  std::size_t size = load_header<std::uint32_t>(pages.get(begin, sizeof(std::uint32_t)));
  for (Lsn at = begin; size > 0;) {
    if (at.page_offset() == 0) at += page_header_bytes(at, SparsePages::kSegmentSize);
    const std::size_t part = std::min<std::size_t>(size, kPageBytes - at.page_offset());
    const auto bytes = pages.get(at, part);
    const bool has_crc = record.size() <= kRecordCrcOffset &&
                         record.size() + part >= kRecordCrcOffset + sizeof(std::uint32_t);
    if (has_crc) crc_at = at + (kRecordCrcOffset - record.size());
    record.insert(record.end(), bytes.begin(), bytes.end());
    at += part;
    size -= part;
  }
  const auto all = std::span(record);
  const std::uint32_t crc =
      Crc32c().update(all.subspan(kRecordHeaderBytes)).update(all.first(kRecordCrcOffset)).value();
  pages.put(crc_at, std::as_bytes(std::span(&crc, 1)));
}

// A record that is refused for its checksum alone is not refused once that is right.
void mend_checksums(SparsePages& pages) {
  constexpr int kMendedMax = 8;
  RecordReader reader(pages, pages.identity());
  Walk walk = walk_all(reader, pages);
  for (int i = 0; i < kMendedMax && reader.fault().kind == FaultKind::kChecksum; ++i) {
    const Lsn bad = reader.fault().lsn;
    mend_checksum(pages, bad);
    const std::size_t before = walk.records.size();
    read_on(reader, pages, walk);
    if (walk.records.size() == before) {  // a switch, whose padding is not there
      CHECK(reader.fault().kind == FaultKind::kShortFile);
      return;
    }
    CHECK(walk.records[before].begin == bad);
  }
}

bool same(const Record& a, const Record& b) {
  return a.begin == b.begin && a.end == b.end && a.total_length == b.total_length &&
         a.rmid == b.rmid && a.info == b.info;
}

bool is_prefix(const std::vector<Record>& records, const std::vector<Record>& whole) {
  return records.size() <= whole.size() &&
         std::equal(records.begin(), records.end(), whole.begin(), same);
}

// Where WAL is cut off, it ends with its last whole record.
void check_cut(SparsePages& pages, const Walk& whole, Lsn cut) {
  pages.show(cut);
  const Walk walk = walk_all(pages);
  pages.show_all();
  std::size_t count = 0;
  while (count < whole.records.size() && whole.records[count].end <= cut) ++count;
  CHECK(walk.records.size() == count && is_prefix(walk.records, whole.records));
}

// One reader that sees the WAL grow finds what another finds in all of it, unless zeros that a page
// ended with for a while made a right record of a wrong one.
void check_growth(SparsePages& pages, const Walk& whole, const std::vector<Lsn>& ends,
                  SparsePages::Hidden hidden) {
  if (whole.records.empty()) return;
  RecordReader reader(pages, pages.identity());
  reader.seek(whole.start);
  Walk walk{.records = {}, .start = whole.start, .position = whole.start};
  for (const Lsn end : ends) {
    pages.show(end, hidden);
    read_on(reader, pages, walk);
  }
  pages.show_all();
  if (hidden == SparsePages::Hidden::kZeros && !is_prefix(walk.records, whole.records)) return;
  read_on(reader, pages, walk);
  CHECK(walk.position == whole.position);
  CHECK(std::ranges::equal(walk.records, whole.records, same));
}

// The padding of a switch is not read, and may hold what a reader that begins there takes for
// records.
void check_range_of(SparsePages& pages, const Walk& whole, Lsn begin, Lsn end) {
  const auto check = check_range(pages, pages.identity(), begin, end);
  CHECK(check.proven_to <= end);
  CHECK(check.proven_to == end || check.fault.has_value());
  if (begin == end) return;
  if (check.proven_to == end && !check.fault) CHECK(end <= pages.end());
  if (whole.records.empty() || whole.has_switch || begin > whole.position) return;
  CHECK(check.proven_to == std::min(end, whole.position));
}

void check_covering(SparsePages& pages, const Walk& whole, Lsn lsn) {
  if (whole.records.empty() || whole.has_switch) return;
  if (lsn < whole.start || lsn >= whole.position) return;
  RecordReader reader(pages, pages.identity());
  CHECK(reader.seek_covering(lsn) == Outcome::kRecord);
  CHECK(reader.position() <= lsn);
  CHECK(reader.next() == Outcome::kRecord);
  CHECK(reader.record().end > lsn);
}

// A standby may ask for WAL that is not there at all.
void seek_anywhere(SparsePages& pages, Lsn lsn) {
  RecordReader reader(pages, pages.identity());
  if (reader.seek_first(lsn) == Outcome::kRecord) CHECK(reader.position() < pages.end());
  if (reader.seek_covering(lsn) == Outcome::kRecord) CHECK(reader.position() < pages.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const auto bits = input.integer<std::uint8_t>();
  const Flags flags{.drop_first_segment = (bits & 1) != 0,
                    .mend_checksums = (bits & 2) != 0,
                    .seek_anywhere = (bits & 0x1C) == 0x1C};
  std::uint32_t places[4];
  for (auto& place : places) place = input.integer<std::uint32_t>();
  const Lsn anywhere(input.integer<std::uint64_t>());

  SparsePages pages(input);
  const Lsn second_segment = pages.begin() + SparsePages::kSegmentSize.bytes();
  if (flags.drop_first_segment && pages.end() > second_segment) pages.drop_first_segment();
  if (flags.mend_checksums) mend_checksums(pages);
  const Walk whole = walk_all(pages);

  // Two places, in their order; they may lie a little beyond the end.
  const std::uint64_t extent = pages.end() - pages.begin() + 100;
  const auto order = [&](std::uint32_t a, std::uint32_t b) {
    const auto [low, high] = std::minmax({a % extent, b % extent});
    return std::pair(pages.begin() + low, pages.begin() + high);
  };
  const auto [first_cut, second_cut] = order(places[0], places[1]);
  check_cut(pages, whole, first_cut);
  check_growth(pages, whole, {first_cut, second_cut}, SparsePages::Hidden::kMissing);
  check_growth(pages, whole, {first_cut, second_cut}, SparsePages::Hidden::kZeros);
  const auto [begin, end] = order(places[2], places[3]);
  check_range_of(pages, whole, begin, end);
  check_covering(pages, whole, begin);
  check_covering(pages, whole, end);
  if (flags.seek_anywhere) seek_anywhere(pages, anywhere);
  return 0;
}
