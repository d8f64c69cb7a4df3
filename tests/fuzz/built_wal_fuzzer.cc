// WAL of every shape that PostgreSQL writes, whole, cut off, and with one byte changed: what is
// right is proven, and nothing that is wrong.
//   input: where the WAL begins, a cut, a range, the byte to change and how, then how to build the
//   WAL, step by step

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "server/wal/builder.h"
#include "server/wal/checker.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"
#include "tests/fuzz/sparse_pages.h"

namespace {

using server::wal::kPageBytes;
using server::wal::Lsn;
using server::wal::Outcome;
using server::wal::PageHeader;
using server::wal::RecordReader;
using server::wal::RecordSpan;
using server::wal::WalBuilder;
using tests::SparsePages;

constexpr server::wal::TimelineId kTimeline{1};
constexpr server::wal::Identity kIdentity{.system_identifier = 0x0123456789ABCDEF,
                                          .segment_size = SparsePages::kSegmentSize,
                                          .page_magic = *server::wal::page_magic(15)};

std::span<const std::byte> data_of(std::size_t size) {
  static const std::vector<std::byte> kData = [] {
    std::vector<std::byte> data(std::size_t{4} << 16);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * i >> 5);
    return data;
  }();
  return std::span(kData).last(size);
}

// How long a record with so much main data is: one length byte, or four.
std::size_t record_bytes(std::size_t data_bytes) {
  const std::size_t framing = data_bytes == 0 ? 0 : data_bytes <= 255 ? 2 : 5;
  return server::wal::kRecordHeaderBytes + framing + data_bytes;
}

// Builds WAL step by step, and knows what is in it.
class BuiltWal {
 public:
  explicit BuiltWal(Lsn begin)
      : pages_(kIdentity, kTimeline, begin), builder_(kIdentity, kTimeline, begin) {}

  bool is_full() const { return pages_.end() - pages_.begin() >= kIdentity.segment_size.bytes(); }
  void step(tests::FuzzInput& input);

  SparsePages& pages() { return pages_; }
  // Where the reader should find records; one ends at its segment's end if it is a switch.
  const std::vector<RecordSpan>& records() const { return records_; }
  // Whether a reader may not see it if this byte changes so.
  bool is_meaningless(Lsn lsn, std::byte mask) const;

 private:
  void append(std::uint8_t rmid, std::uint8_t info, std::size_t data_bytes);
  void append_noop(std::size_t data_bytes) {
    append(server::wal::kRmgrXlog, server::wal::kXlogNoop, data_bytes);
  }
  void append_switch();
  void append_overwritten(std::uint32_t pages_kept, std::size_t beyond);
  void leave_on_page(std::uint32_t room);

  SparsePages pages_;
  WalBuilder builder_;
  std::vector<RecordSpan> records_;
  std::vector<RecordSpan> unread_;  // padding, and records that are void
};

void BuiltWal::step(tests::FuzzInput& input) {
  constexpr std::uint8_t kRmgrs[]{
      0, 1, 10, server::wal::kRmgrBuiltinMax, server::wal::kRmgrCustomMin, 255};
  const auto kind = input.integer<std::uint8_t>();
  const std::uint32_t size = input.integer<std::uint16_t>();
  switch (kind % 8) {
    case 0:
      append_noop(size % 300);
      break;
    case 1:
      append_noop(size);
      break;
    case 2:
      append_noop(std::size_t{size} * 4);
      break;
    case 3:
    case 4:
      append(kRmgrs[kind / 8 % std::size(kRmgrs)], static_cast<std::uint8_t>(size >> 8),
             size % 256);
      break;
    case 5:
      leave_on_page(8 + size % 64 * 8);
      break;
    case 6:
      append_switch();
      break;
    case 7:
      append_overwritten(1 + size % 3, size / 3);
      break;
  }
  pages_.put(builder_.begin(), builder_.bytes());
  pages_.extend_to(builder_.end());
  builder_.clear();
}

void BuiltWal::append(std::uint8_t rmid, std::uint8_t info, std::size_t data_bytes) {
  if (server::wal::is_switch(rmid, info)) return append_switch();
  const RecordSpan span = builder_.append(rmid, info, data_of(data_bytes));
  const std::uint64_t padding = (8 - record_bytes(data_bytes) % 8) % 8;
  records_.push_back(span);
  unread_.push_back({span.end - padding, span.end});
}

void BuiltWal::append_switch() {
  const RecordSpan span = builder_.append_switch(WalBuilder::Padding::kOmitted);
  if (span.begin == span.end) return;
  records_.push_back({span.begin, builder_.end()});
  unread_.push_back({span.end, builder_.end()});
}

void BuiltWal::append_overwritten(std::uint32_t pages_kept, std::size_t beyond) {
  const std::size_t data_bytes = std::size_t{pages_kept} * kPageBytes + beyond;
  unread_.push_back(builder_.append_overwritten(data_of(data_bytes), pages_kept));
  records_.push_back({builder_.previous_record(), builder_.end()});
  unread_.push_back({builder_.end() - 6, builder_.end()});  // it has 42 bytes
}

// Appends a record so that the next one begins `room` bytes before a page's end.
void BuiltWal::leave_on_page(std::uint32_t room) {
  const Lsn end = builder_.end();
  const std::uint32_t used =
      end.page_offset() != 0 ? end.page_offset() : page_header_bytes(end, kIdentity.segment_size);
  const std::uint32_t left = kPageBytes - used;
  if (left < room + record_bytes(8)) return;
  const std::uint32_t size = left - room;
  const std::uint32_t framing = size <= record_bytes(255) ? 2 : 5;
  append_noop(size - server::wal::kRecordHeaderBytes - framing);
}

bool BuiltWal::is_meaningless(Lsn lsn, std::byte mask) const {
  const std::uint32_t offset = lsn.page_offset();
  const auto info_at = [&] {
    return pages_.get(lsn.page_start() + offsetof(PageHeader, info), 1).front();
  };
  if (offset == offsetof(PageHeader, info)) {
    // Backups set the one, and the other counts only where a record should go on.
    constexpr std::byte kIgnored{server::wal::kPageBackupRemovable |
                                 server::wal::kPageFirstIsOverwriteContrecord};
    if ((mask & ~kIgnored) == std::byte{0}) return true;
  }
  if (offset >= offsetof(PageHeader, padding) && offset < sizeof(PageHeader)) return true;
  if (offset >= offsetof(PageHeader, remaining_length) && offset < offsetof(PageHeader, padding)) {
    return (info_at() & std::byte{server::wal::kPageFirstIsContrecord}) == std::byte{0};
  }
  return std::ranges::any_of(
      unread_, [lsn](const RecordSpan& span) { return span.begin <= lsn && lsn < span.end; });
}

// Where a reader of all that is shown comes to, having found records that were made.
Lsn read_to_end(BuiltWal& wal) {
  RecordReader reader(wal.pages(), kIdentity);
  reader.seek(wal.pages().begin());
  std::size_t count = 0;
  for (; reader.next() == Outcome::kRecord; ++count) {
    CHECK(count < wal.records().size());
    CHECK(reader.record().begin == wal.records()[count].begin);
    CHECK(reader.record().end == wal.records()[count].end);
  }
  return reader.position();
}

Lsn last_end_by(const BuiltWal& wal, Lsn begin, Lsn limit) {
  Lsn last = begin;
  for (const RecordSpan& record : wal.records()) {
    if (record.end <= limit) last = record.end;
  }
  return last;
}

void check_whole(BuiltWal& wal, Lsn cut, Lsn begin, Lsn end) {
  SparsePages& pages = wal.pages();
  CHECK(read_to_end(wal) == last_end_by(wal, pages.begin(), pages.end()));
  pages.show(cut);
  CHECK(read_to_end(wal) == last_end_by(wal, pages.begin(), cut));
  pages.show_all();
  CHECK(check_range(pages, kIdentity, begin, end).proven_to == end);

  RecordReader reader(pages, kIdentity);
  for (const Lsn lsn : {begin, end}) {
    const auto covering = std::ranges::find_if(
        wal.records(), [lsn](const RecordSpan& record) { return record.end > lsn; });
    const bool found = reader.seek_covering(lsn) == Outcome::kRecord;
    CHECK(found == (covering != wal.records().end()));
    if (!found) continue;
    CHECK(reader.position() <= lsn);
    CHECK(reader.next() == Outcome::kRecord && reader.record().begin == covering->begin);
  }
}

void check_changed(BuiltWal& wal, Lsn lsn, std::byte mask, Lsn begin, Lsn end) {
  if (mask == std::byte{0} || wal.is_meaningless(lsn, mask)) return;
  SparsePages& pages = wal.pages();
  const std::byte changed = pages.get(lsn, 1).front() ^ mask;
  pages.put(lsn, std::span(&changed, 1));
  CHECK(read_to_end(wal) <= lsn);
  const auto check = check_range(pages, kIdentity, begin, end);
  // Nothing of the range is right if the record that it begins in is not, unless that is another
  // cluster's: then its segment is as if there was none.
  const bool is_of_segment =
      kIdentity.segment_size.offset(lsn) < sizeof(server::wal::LongPageHeader);
  const Lsn from = is_of_segment ? begin : last_end_by(wal, pages.begin(), begin);
  if (begin == end || from > lsn || lsn >= end) return;
  CHECK(check.proven_to <= std::max(lsn, begin) && check.fault.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const server::wal::SegmentNo first{1u + input.integer<std::uint16_t>()};
  std::uint32_t places[4];
  for (auto& place : places) place = input.integer<std::uint32_t>();
  const auto mask = static_cast<std::byte>(input.integer<std::uint8_t>());

  BuiltWal wal(kIdentity.segment_size.start(first));
  while (!input.empty() && !wal.is_full()) wal.step(input);
  const SparsePages& pages = wal.pages();
  const std::uint64_t extent = pages.end() - pages.begin();
  if (extent == 0) return 0;

  const auto [low, high] = std::minmax({places[1] % (extent + 1), places[2] % (extent + 1)});
  const Lsn begin = pages.begin() + low;
  const Lsn end = pages.begin() + high;
  check_whole(wal, pages.begin() + places[0] % (extent + 1), begin, end);
  check_changed(wal, pages.begin() + places[3] % extent, mask, begin, end);
  return 0;
}
