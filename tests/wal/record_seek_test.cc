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
  EXPECT_EQ(reader.seek_covering(page + 100), Outcome::kInvalid);
  EXPECT_EQ(reader.position(), records[19].end);
  EXPECT_EQ(reader.seek_covering(record.end - 1), Outcome::kInvalid);
  EXPECT_EQ(reader.position(), records[19].end);
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
