#include "server/wal/record_reader.h"

#include <gtest/gtest.h>

#include "tests/support/wal_directory.h"
#include "tests/wal/memory_pages.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

using tests::builder_of;
using tests::filling;
using tests::identity_of;
using tests::MemoryPages;
using tests::read_all;

const Identity kIdentity = identity_of(1);

void expect_records(const std::vector<Record>& records, const std::vector<RecordSpan>& spans) {
  ASSERT_EQ(records.size(), spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    EXPECT_EQ(records[i].begin, spans[i].begin) << i;
    EXPECT_EQ(records[i].end, spans[i].end) << i;
  }
}

class RecordReaderSegmentTest : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Megabytes, RecordReaderSegmentTest, testing::Values(1, 16, 64));

TEST_P(RecordReaderSegmentTest, ReadsRecordsAcrossPagesAndSegments) {
  const Identity identity = identity_of(GetParam());
  WalBuilder builder = builder_of(identity);
  std::vector<RecordSpan> spans;
  const std::size_t segment = identity.segment_size.bytes();
  for (const std::size_t size : {std::size_t{26}, std::size_t{8000}, std::size_t{100000},
                                 segment + 12345, std::size_t{77}, std::size_t{30}}) {
    spans.push_back(builder.append_noop(filling(size)));
  }
  MemoryPages pages(builder);
  RecordReader reader(pages, identity);
  reader.seek(builder.begin());
  expect_records(read_all(reader), spans);
  EXPECT_EQ(reader.position(), builder.end());
  EXPECT_EQ(reader.previous_record(), spans.back().begin);
}

// The files are sparse: only the first page, and what lies around the boundary, is written.
TEST(RecordReaderTest, ReadsRecordsAcrossSegmentsOf1GB) {
  const Identity identity = identity_of(1024);
  tests::WalDirectory directory(tests::kTimeline, identity.segment_size);
  WalBuilder first = builder_of(identity);
  first.append_noop(filling(100));
  directory.write(first);
  WalBuilder builder(identity, tests::kTimeline, first.begin() + ((1u << 30) - 2 * kPageBytes),
                     first.begin());
  std::vector<RecordSpan> spans;
  for (const std::size_t size : {60u, 12000u, 20000u, 60u}) {
    spans.push_back(builder.append_noop(filling(size)));
  }
  directory.write(builder);

  FilePages pages(directory.path(), TimelineHistory(tests::kTimeline), identity.segment_size);
  RecordReader reader(pages, identity);
  reader.seek(builder.begin());
  expect_records(read_all(reader), spans);
  EXPECT_EQ(reader.fault().kind, FaultKind::kRecordLength);
}

TEST(RecordReaderTest, ReadsEveryVersion) {
  for (const auto& version : kVersionMagics) {
    const Identity identity = identity_of(1, version.magic);
    MemoryPages pages(tests::small_stream(identity));
    RecordReader reader(pages, identity);
    reader.seek(pages.begin());
    EXPECT_EQ(read_all(reader).size(), 20u) << version.major;
    EXPECT_EQ(major_version(version.magic), version.major);
  }
}

TEST(RecordReaderTest, RefusesThePagesOfAnotherVersion) {
  MemoryPages pages(tests::small_stream(identity_of(1, 0xD113)));
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  EXPECT_EQ(reader.next(), Outcome::kInvalid);
  EXPECT_EQ(reader.fault().what,
            "invalid magic number D113 in log segment 000000010000000000000001, offset 0");
}

TEST(RecordReaderTest, KnowsTheResourceManagersOfTheVersion) {
  struct Case {
    int major;
    std::uint8_t rmid;
    bool known;
  };
  for (const auto& [major, rmid, known] :
       {Case{13, 21, true}, Case{13, 22, false}, Case{14, 128, false}, Case{15, 127, false},
        Case{15, 128, true}, Case{18, 255, true}, Case{18, 22, false}}) {
    const Identity identity = identity_of(1, *page_magic(major));
    WalBuilder builder = builder_of(identity);
    const auto span = builder.append(rmid, 0, tests::data_of(20));
    MemoryPages pages(builder);
    RecordReader reader(pages, identity);
    reader.seek(pages.begin());
    EXPECT_EQ(reader.next(), known ? Outcome::kRecord : Outcome::kInvalid) << int{rmid};
    if (known) continue;
    EXPECT_EQ(reader.fault().what,
              runtime::format("invalid resource manager ID {} at {}", rmid, span.begin));
  }
}

// A header needs its first four bytes on the page where it starts, and starts aligned.
TEST(RecordReaderTest, ReadsAHeaderThatIsSplitOverTwoPages) {
  for (const std::uint32_t room : {8u, 16u, 24u, 32u}) {
    WalBuilder builder = builder_of(kIdentity);
    tests::leave_on_page(builder, room);
    const auto span = builder.append_noop(filling(500));
    ASSERT_EQ(span.begin.page_offset(), kPageBytes - room);
    const auto after = builder.append_noop(filling(30));
    MemoryPages pages(builder);
    RecordReader reader(pages, kIdentity);
    reader.seek(pages.begin());
    const auto records = read_all(reader);
    ASSERT_EQ(records.size(), 4u) << room;
    EXPECT_EQ(records[2].begin, span.begin);
    EXPECT_EQ(records[2].total_length, 500u);
    EXPECT_EQ(records[3].begin, after.begin);
  }
}

TEST(RecordReaderTest, ARecordThatFillsItsPageEndsAtTheBoundary) {
  WalBuilder builder = builder_of(kIdentity);
  tests::leave_on_page(builder, 104);
  builder.append_noop(filling(104));
  const auto next = builder.append_noop(filling(40));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  const auto records = read_all(reader);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[2].end.page_offset(), 0u);
  EXPECT_EQ(records[3].begin, records[2].end + sizeof(PageHeader));
  EXPECT_EQ(records[3].begin, next.begin);
}

TEST(RecordReaderTest, ASwitchReachesToTheEndOfItsSegment) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(100));
  const auto span = builder.append_switch();
  const auto next = builder.append_noop(filling(50));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  const auto records = read_all(reader);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1].begin, span.begin);
  EXPECT_EQ(records[1].end, kIdentity.segment_size.end(SegmentNo{1}));
  EXPECT_TRUE(is_switch(records[1].rmid, records[1].info));
  EXPECT_EQ(records[2].begin, next.begin);
}

TEST(RecordReaderTest, ASwitchThatFillsItsSegmentLeavesTheNextOneAlone) {
  WalBuilder builder = builder_of(kIdentity);
  const std::uint64_t segment = kIdentity.segment_size.bytes();
  builder.append_noop(filling(segment - 40 - (segment / kPageBytes - 1) * 24 - 24));
  ASSERT_EQ(builder.end(), kIdentity.segment_size.end(SegmentNo{1}) - 24);
  builder.append_switch();
  ASSERT_EQ(builder.end(), kIdentity.segment_size.end(SegmentNo{1}));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  EXPECT_EQ(read_all(reader).size(), 2u);
  EXPECT_EQ(reader.position(), builder.end());
}

TEST(RecordReaderTest, ASwitchWaitsForItsPadding) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_switch();  // does nothing: the segment has only begun
  builder.append_noop(filling(100));
  const auto span = builder.append_switch();
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  ASSERT_EQ(reader.next(), Outcome::kRecord);
  pages.show(kIdentity.segment_size.bytes() - 1);
  EXPECT_EQ(reader.next(), Outcome::kEndOfWal);
  EXPECT_EQ(reader.position(), span.begin);
  pages.show(kIdentity.segment_size.bytes());
  EXPECT_EQ(reader.next(), Outcome::kRecord);
}

TEST(RecordReaderTest, AnOverwrittenRecordIsVoid) {
  for (const std::uint32_t kept : {1u, 2u, 3u, 130u}) {
    WalBuilder builder = builder_of(kIdentity);
    const auto before = builder.append_noop(filling(5000));
    const auto voided = builder.append_overwritten(filling(2'000'000), kept);
    const auto after = builder.append_noop(filling(100));
    MemoryPages pages(builder);
    RecordReader reader(pages, kIdentity);
    reader.seek(pages.begin());
    const auto records = read_all(reader);
    ASSERT_EQ(records.size(), 3u) << kept << ": " << reader.fault().what;
    EXPECT_EQ(records[0].end, before.end);
    EXPECT_EQ(records[1].begin.page_start(), voided.end);
    EXPECT_EQ(records[1].info, kXlogOverwriteContrecord);
    EXPECT_EQ(records[2].begin, after.begin);
  }
}

TEST(RecordReaderTest, ARecordIsFoundVoidAlsoAfterWaitingForItsRest) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(5000));
  const auto voided = builder.append_overwritten(filling(200'000), 4);
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  pages.show(voided.end - pages.begin());
  reader.seek(pages.begin());
  EXPECT_EQ(read_all(reader).size(), 1u);
  EXPECT_EQ(reader.position(), voided.begin);
  for (std::size_t size = voided.end - pages.begin(); size < pages.size(); ++size) {
    pages.show(size);
    ASSERT_EQ(reader.next(), Outcome::kEndOfWal);
  }
  pages.show(pages.size());
  EXPECT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().info, kXlogOverwriteContrecord);
}

TEST(RecordReaderTest, ARecordIsThereExactlyWhenItIsWhole) {
  MemoryPages pages(tests::small_stream(kIdentity));
  RecordReader whole(pages, kIdentity);
  whole.seek(pages.begin());
  const auto records = read_all(whole);

  RecordReader grown(pages, kIdentity);
  grown.seek(pages.begin());
  std::size_t found = 0;
  for (std::size_t size = 0; size <= pages.size(); ++size) {
    pages.show(size);
    while (grown.next() == Outcome::kRecord) {
      ASSERT_EQ(grown.record().begin, records.at(found).begin);
      EXPECT_EQ(grown.record().end, pages.begin() + size);
      ++found;
    }
    ASSERT_TRUE(is_end_of_wal({grown.fault().kind, Lsn(), 0, 1})) << grown.fault().what;
  }
  EXPECT_EQ(found, records.size());
}

TEST(RecordReaderTest, WalThatIsCutOffAnywhereEndsWithItsLastWholeRecord) {
  MemoryPages pages(tests::small_stream(kIdentity));
  RecordReader whole(pages, kIdentity);
  whole.seek(pages.begin());
  const auto records = read_all(whole);
  Lsn expected = pages.begin();
  std::size_t next = 0;
  for (std::size_t size = 0; size <= pages.size(); ++size) {
    if (next < records.size() && records[next].end <= pages.begin() + size) {
      expected = records[next++].end;
    }
    pages.show(size);
    RecordReader reader(pages, kIdentity);
    reader.seek(pages.begin());
    EXPECT_EQ(read_all(reader).size(), next);
    EXPECT_EQ(reader.position(), expected);
    ASSERT_EQ(reader.next(), Outcome::kEndOfWal) << size << ": " << reader.fault().what;
  }
}

// Bytes that mean nothing: what aligns a record, what pads a page header, and the length of a
// continuation where there is none.
bool is_meaningless(MemoryPages& pages, const std::vector<Record>& records, Lsn lsn) {
  const std::uint32_t offset = lsn.page_offset();
  if (offset >= 20 && offset < 24) return true;
  const auto info = pages.at(lsn.page_start() + offsetof(PageHeader, info));
  if (offset >= 16 && offset < 20 && (info & std::byte{kPageFirstIsContrecord}) == std::byte{0}) {
    return true;
  }
  for (const Record& record : records) {
    const std::uint32_t padding = (8 - record.total_length % 8) % 8;
    if (lsn >= record.end - padding && lsn < record.end) return true;
  }
  return false;
}

TEST(RecordReaderTest, NothingIsProvenBeyondAChangedByte) {
  MemoryPages pages(tests::small_stream(kIdentity));
  RecordReader clean(pages, kIdentity);
  clean.seek(pages.begin());
  const auto records = read_all(clean);
  for (const std::byte mask : {std::byte{0xFF}, std::byte{0x01}, std::byte{0x80}}) {
    for (Lsn lsn = pages.begin(); lsn < pages.end(); lsn += 1) {
      if (is_meaningless(pages, records, lsn)) continue;
      pages.at(lsn) ^= mask;
      RecordReader reader(pages, kIdentity);
      reader.seek(pages.begin());
      read_all(reader);
      EXPECT_LE(reader.position(), lsn) << to_string(lsn) << ": " << reader.fault().what;
      pages.at(lsn) ^= mask;
    }
  }
}

TEST(RecordReaderTest, AGrowingRecordIsNotReadFromItsBeginEachTime) {
  WalBuilder builder = builder_of(kIdentity);
  const auto span = builder.append_noop(filling(600'000));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  std::size_t tries = 0;
  for (std::size_t size = kPageBytes; size < pages.size(); size += kPageBytes, ++tries) {
    pages.show(size);
    ASSERT_EQ(reader.next(), Outcome::kEndOfWal);
  }
  EXPECT_LE(pages.reads(), 4 * tries);
  pages.show(pages.size());
  EXPECT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().end, span.end);
}

TEST(RecordReaderTest, AnInvalidRecordIsRightOnceItsBytesAre) {
  MemoryPages pages(tests::small_stream(kIdentity));
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  const Lsn torn = pages.begin() + 2 * kPageBytes + 100;
  pages.at(torn) ^= std::byte{1};
  read_all(reader);
  EXPECT_EQ(reader.next(), Outcome::kInvalid);
  const Lsn stopped = reader.position();
  pages.at(torn) ^= std::byte{1};
  EXPECT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().begin, stopped);
  read_all(reader);
  EXPECT_EQ(reader.position(), pages.end());
}

// As walcast verify asks, which proves the pieces of a record apart.
TEST(RecordReaderTest, ThePartThatIsThereIsKnown) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(100));
  const auto span = builder.append_noop(filling(30'000));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  EXPECT_FALSE(reader.part());
  const Lsn limit = pages.begin() + 2 * kPageBytes;
  EXPECT_EQ(reader.next(limit), Outcome::kRecord);
  EXPECT_FALSE(reader.part()) << "the record is whole";
  ASSERT_EQ(reader.next(limit), Outcome::kEndOfWal);
  ASSERT_TRUE(reader.part());
  EXPECT_EQ(reader.stopped_at(), limit);
  EXPECT_EQ(reader.part()->begin, span.begin);
  EXPECT_EQ(reader.part()->header.total_length, 30'000u);
  EXPECT_EQ(reader.part()->got, limit - span.begin - sizeof(PageHeader));
}

TEST(RecordReaderTest, ARecordWithAWrongChecksumIsSkippedByItsLength) {
  WalBuilder builder = builder_of(kIdentity);
  const auto bad = builder.append_noop(filling(20'000));
  const auto good = builder.append_noop(filling(100));
  MemoryPages pages(builder);
  pages.at(bad.begin + 100) ^= std::byte{1};
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  EXPECT_EQ(reader.next(), Outcome::kInvalid);
  EXPECT_EQ(reader.finding().kind, FaultKind::kChecksum);
  EXPECT_EQ(reader.skip(bad.begin.page_start() + kPageBytes), Outcome::kEndOfWal);
  reader.seek(pages.begin());
  ASSERT_EQ(reader.skip(), Outcome::kRecord);
  EXPECT_EQ(reader.position(), bad.end);
  ASSERT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().begin, good.begin);
}

}  // namespace
}  // namespace server::wal
