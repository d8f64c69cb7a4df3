// Finding a record from any position.

#include <gtest/gtest.h>

#include "server/wal/record_reader.h"
#include "tests/wal/memory_pages.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

using tests::builder_of;
using tests::filling;
using tests::MemoryPages;
using tests::read_all;

const Identity kIdentity = tests::identity_of(1);
const SegmentSize kSize = kIdentity.segment_size;

std::vector<Record> all_records(MemoryPages& pages) {
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  return read_all(reader);
}

// Goes to every eighth position, and to those beside record starts, and compares with `expected`.
template <typename Seek, typename Expected>
void expect_everywhere(MemoryPages& pages, Seek seek, Expected expected) {
  RecordReader reader(pages, kIdentity);
  for (Lsn lsn = pages.begin(); lsn < pages.end(); lsn += 7) {
    const Record* record = expected(lsn);
    const Outcome outcome = seek(reader, lsn);
    ASSERT_EQ(outcome, record != nullptr ? Outcome::kRecord : Outcome::kEndOfWal) << to_string(lsn);
    if (record == nullptr) continue;
    ASSERT_EQ(reader.next(), Outcome::kRecord) << reader.fault().what;
    ASSERT_EQ(reader.record().begin, record->begin) << to_string(lsn);
  }
}

WalBuilder varied_stream() {
  WalBuilder builder = tests::small_stream(kIdentity);
  builder.append_noop(filling(50000));
  builder.append_overwritten(filling(100000), 3);
  builder.append_noop(filling(100));
  builder.append_switch();
  for (const std::size_t size : {40u, 30000u, 1'100'000u, 64u}) builder.append_noop(filling(size));
  return builder;
}

TEST(RecordSeekTest, TheFirstRecordAtOrAfterAnyPosition) {
  MemoryPages pages(tests::small_stream(kIdentity));
  const auto records = all_records(pages);
  const auto first = [&](Lsn lsn) -> const Record* {
    for (const auto& record : records) {
      if (record.begin >= lsn) return &record;
    }
    return nullptr;
  };
  expect_everywhere(
      pages, [](auto& reader, Lsn lsn) { return reader.seek_first(lsn); }, first);
}

TEST(RecordSeekTest, TheRecordThatCoversAnyPosition) {
  MemoryPages pages(tests::small_stream(kIdentity));
  const auto records = all_records(pages);
  const auto covering = [&](Lsn lsn) -> const Record* {
    for (const auto& record : records) {
      if (record.end > lsn) return &record;
    }
    return nullptr;
  };
  expect_everywhere(
      pages, [](auto& reader, Lsn lsn) { return reader.seek_covering(lsn); }, covering);
}

TEST(RecordSeekTest, LongVoidAndPaddedRecordsAreCoveredToo) {
  MemoryPages pages(varied_stream());
  const auto records = all_records(pages);
  ASSERT_EQ(records.size(), 28u);
  RecordReader reader(pages, kIdentity);
  Lsn position = pages.begin();
  for (const Record& record : records) {
    for (const Lsn lsn :
         {position, position + 9, position + (record.end - position) / 2, record.end - 1}) {
      ASSERT_EQ(reader.seek_covering(lsn), Outcome::kRecord) << to_string(lsn);
      EXPECT_LE(reader.position(), lsn);
      ASSERT_EQ(reader.next(), Outcome::kRecord);
      EXPECT_EQ(reader.record().begin, record.begin) << to_string(lsn);
    }
    position = record.end;
  }
  EXPECT_EQ(reader.seek_covering(pages.end()), Outcome::kEndOfWal);
  EXPECT_EQ(reader.position(), pages.end());
}

// The segment of the record's begin is gone.
TEST(RecordSeekTest, WhereWalBeginsInsideARecordItStartsWithTheNext) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(1'500'000));
  const auto next = builder.append_noop(filling(100));
  const Lsn second = kSize.start(SegmentNo{2});
  MemoryPages pages(second, builder.bytes().subspan(second - builder.begin()));
  RecordReader reader(pages, kIdentity);
  const Lsn lsn = second + 3 * kPageBytes + 500;
  ASSERT_EQ(reader.seek_covering(lsn), Outcome::kRecord);
  EXPECT_GT(reader.position(), lsn);
  ASSERT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().begin, next.begin);
}

TEST(RecordSeekTest, APageThatIsBadBelongsToTheRecordBeforeIt) {
  MemoryPages pages(varied_stream());
  const auto records = all_records(pages);
  const Record& record = records[20];  // 50000 bytes
  const Lsn page = (record.begin + 20000).page_start();
  pages.at(page) ^= std::byte{1};
  RecordReader reader(pages, kIdentity);
  for (const Lsn lsn : {page + 100, record.end - 1}) {
    ASSERT_EQ(reader.seek_covering(lsn), Outcome::kRecord);
    EXPECT_EQ(reader.position(), records[19].end);
    EXPECT_EQ(reader.next(), Outcome::kInvalid);
    EXPECT_EQ(reader.position(), records[19].end);
  }
}

// Else every slice of a long record would cost a walk through all of it.
TEST(RecordSeekTest, TheBeginOfALongRecordIsFoundByAFewPagesOfEachSegment) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(100));
  const auto record = builder.append_noop(filling(20u << 20));
  builder.append_noop(filling(100));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  for (const Lsn lsn :
       {record.begin + 3 * kPageBytes, record.begin + (11u << 20), record.end - 1}) {
    const std::size_t before = pages.reads();
    ASSERT_EQ(reader.seek_covering(lsn), Outcome::kRecord);
    EXPECT_EQ(reader.position(), record.begin);
    EXPECT_LT(pages.reads() - before, 150u) << "of 2,560";
  }
  ASSERT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().begin, record.begin);
}

TEST(RecordSeekTest, ASwitchIsFoundFromAnywhereInItsPaddingByAFewPages) {
  const Identity identity = tests::identity_of(64);
  WalBuilder builder = builder_of(identity);
  builder.append_noop(filling(100'000));
  const auto record = builder.append_switch();
  builder.append_noop(filling(100));
  MemoryPages pages(builder);
  RecordReader reader(pages, identity);
  for (const std::uint64_t mb : {1, 2, 3, 32, 63}) {
    const std::size_t before = pages.reads();
    ASSERT_EQ(reader.seek_covering(pages.begin() + (mb << 20)), Outcome::kRecord);
    EXPECT_EQ(reader.position(), record.begin) << mb;
    EXPECT_LT(pages.reads() - before, 100u) << mb;
  }
}

// A page that a writer's crash left empty in the middle of a segment is no padding.
TEST(RecordSeekTest, AnEmptyPageBetweenRecordsHidesNothingBehindIt) {
  MemoryPages pages(varied_stream());
  const auto records = all_records(pages);
  const Record& record = records[20];
  const Lsn page = (record.begin + 20000).page_start();
  for (std::uint32_t i = 0; i < kPageBytes; ++i) pages.at(page + i) = std::byte{0};
  RecordReader reader(pages, kIdentity);
  ASSERT_EQ(reader.seek_covering(page), Outcome::kRecord);
  EXPECT_EQ(reader.next(), Outcome::kEndOfWal);
  EXPECT_EQ(reader.position(), records[19].end);
  ASSERT_EQ(reader.seek_covering(records[21].begin), Outcome::kRecord);
  ASSERT_EQ(reader.next(), Outcome::kRecord);
  EXPECT_EQ(reader.record().begin, records[21].begin);
}

// A relay that starts while a long record comes would walk through it for every message.
TEST(RecordSeekTest, TheSearchForTheFirstRecordGoesOnWhereItStopped) {
  WalBuilder builder = builder_of(kIdentity);
  builder.append_noop(filling(4u << 20));
  const auto long_one = builder.append_noop(filling(4u << 20));
  builder.append_noop(filling(100));
  const Lsn second = kSize.start(SegmentNo{2});
  MemoryPages pages(second, builder.bytes().subspan(second - builder.begin()));
  RecordReader reader(pages, kIdentity);
  std::size_t size = 0;
  Outcome found = Outcome::kEndOfWal;
  while (found != Outcome::kRecord && size < pages.size()) {
    pages.show(size += 20'000);
    found = reader.seek_first(second);
    ASSERT_NE(found, Outcome::kInvalid);
  }
  ASSERT_EQ(found, Outcome::kRecord);
  EXPECT_EQ(reader.position(), long_one.begin);
  EXPECT_LT(pages.reads(), 4000u) << "of some 1,000 pages, 400 times";
}

TEST(RecordSeekTest, NothingIsFoundWhereThereIsNoWal) {
  MemoryPages pages(tests::small_stream(kIdentity));
  RecordReader reader(pages, kIdentity);
  const Lsn far(0x1234567890);
  EXPECT_EQ(reader.seek_first(far), Outcome::kEndOfWal);
  EXPECT_EQ(reader.seek_covering(far), Outcome::kEndOfWal);
  EXPECT_EQ(reader.seek_first(Lsn(1)), Outcome::kEndOfWal);
  EXPECT_EQ(reader.seek_covering(Lsn(1)), Outcome::kEndOfWal);
  ASSERT_TRUE(reader.problem());
  EXPECT_EQ(reader.problem()->kind, &runtime::kFileMissing);
}

}  // namespace
}  // namespace server::wal
