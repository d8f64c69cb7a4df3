#include "server/wal/checker.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/wal/memory_pages.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

using tests::filling;
using tests::MemoryPages;

const Identity kIdentity = tests::identity_of(1);

std::vector<Record> all_records(MemoryPages& pages) {
  RecordReader reader(pages, kIdentity);
  reader.seek(pages.begin());
  return tests::read_all(reader);
}

TEST(CheckerTest, GoodWalIsProvenWhateverTheRange) {
  MemoryPages pages(tests::small_stream(kIdentity));
  for (Lsn begin = pages.begin(); begin < pages.end(); begin += 997) {
    for (Lsn end = begin; end <= pages.end(); end += 1999) {
      const RangeCheck check = check_range(pages, kIdentity, begin, end);
      EXPECT_EQ(check.proven_to, end);
      EXPECT_FALSE(check.fault || check.problem);
    }
  }
}

// For every record damaged in turn, and ranges around it.
TEST(CheckerTest, ARangeIsProvenUpToTheFirstBadRecordThatTouchesIt) {
  MemoryPages pages(tests::small_stream(kIdentity));
  const auto records = all_records(pages);
  for (const Record& bad : records) {
    const Lsn start = &bad == records.data() ? pages.begin() : (&bad - 1)->end;
    pages.at(bad.begin + 20) ^= std::byte{1};  // within its checksum
    const auto proven = [&](Lsn begin, Lsn end) {
      return check_range(pages, kIdentity, begin, end).proven_to;
    };
    EXPECT_EQ(proven(pages.begin(), pages.end()), start);
    EXPECT_EQ(proven(bad.end - 1, bad.end), start) << "it begins before the range";
    EXPECT_EQ(proven(pages.begin(), bad.begin + 1), start) << "it ends beyond the range";
    EXPECT_EQ(proven(pages.begin(), start), start) << "it is not touched";
    EXPECT_EQ(proven(bad.end, pages.end()), pages.end()) << "it ends before the range";
    const auto fault = check_range(pages, kIdentity, bad.begin, bad.end).fault;
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, FaultKind::kChecksum);
    EXPECT_EQ(fault->lsn, bad.begin);
    pages.at(bad.begin + 20) ^= std::byte{1};
  }
}

TEST(CheckerTest, ALongRecordIsProvenWhole) {
  WalBuilder builder = tests::builder_of(kIdentity);
  builder.append_noop(filling(100));
  const auto record = builder.append_noop(filling(5u << 20));
  builder.append_noop(filling(100));
  MemoryPages pages(builder);
  const Lsn begin = record.begin.page_start() + (2u << 20);
  const RangeCheck check = check_range(pages, kIdentity, begin, begin + (1u << 20));
  EXPECT_EQ(check.proven_to, begin + (1u << 20));
  EXPECT_EQ(check.covered_begin, record.begin);
  EXPECT_EQ(check.covered_end, record.end);
  const std::size_t pages_of_record = (5u << 20) / kPageBytes;
  EXPECT_LT(pages.reads(), pages_of_record * 3 / 2) << "it is read once";
}

TEST(CheckerTest, ALimitIsMetAndIsNoMissingFile) {
  WalBuilder builder = tests::builder_of(kIdentity);
  const auto record = builder.append_noop(filling(5u << 20));
  MemoryPages pages(builder);
  const Lsn begin = record.begin.page_start() + (2u << 20);
  for (const std::uint64_t pages_max : {0, 1, 20, 300, 500}) {
    const RangeCheck check = check_range(pages, kIdentity, begin, begin + (1u << 20), pages_max);
    ASSERT_TRUE(check.problem) << pages_max;
    EXPECT_EQ(check.problem->kind, &kCheckTooLong);
    EXPECT_LE(check.proven_to, begin);
    EXPECT_EQ(check.long_record, pages_max < 300 ? Lsn() : record.begin.page_start()) << pages_max;
  }
  EXPECT_FALSE(check_range(pages, kIdentity, begin, begin + (1u << 20), 2000).problem);
}

TEST(CheckerTest, NothingIsProvenBeyondTheEndOfWal) {
  MemoryPages pages(tests::small_stream(kIdentity));
  const RangeCheck check = check_range(pages, kIdentity, pages.begin(), pages.end() + 1);
  EXPECT_EQ(check.proven_to, pages.end());
  ASSERT_TRUE(check.fault);
  EXPECT_EQ(check.fault->kind, FaultKind::kShortFile);
}

TEST(CheckerTest, AMissingFileIsAProblem) {
  MemoryPages pages(tests::small_stream(kIdentity));
  const Lsn begin = kIdentity.segment_size.start(SegmentNo{9});
  const RangeCheck check = check_range(pages, kIdentity, begin, begin + 100);
  EXPECT_LE(check.proven_to, begin);
  ASSERT_TRUE(check.problem);
  EXPECT_EQ(check.problem->kind, &runtime::kFileMissing);
}

// Counts which pages were asked for.
class WatchedPages final : public PageSource {
 public:
  explicit WatchedPages(PageSource& source) : source_(source) {}
  PageView page(Lsn page) override {
    seen.insert(page);
    return source_.page(page);
  }
  TimelineId file_timeline(SegmentNo no) const override { return source_.file_timeline(no); }

  std::set<Lsn> seen;

 private:
  PageSource& source_;
};

TEST(CheckerTest, EveryPageOfTheRangeIsReadPaddingIncluded) {
  WalBuilder builder = tests::builder_of(kIdentity);
  builder.append_noop(filling(300'000));
  builder.append_switch();
  builder.append_noop(filling(50'000));
  MemoryPages memory(builder);
  WatchedPages pages(memory);
  const Lsn begin = memory.begin() + 5 * kPageBytes;
  EXPECT_EQ(check_range(pages, kIdentity, begin, memory.end()).proven_to, memory.end());
  for (Lsn page = begin; page < memory.end(); page += kPageBytes) {
    EXPECT_TRUE(pages.seen.contains(page)) << to_string(page);
  }
}

}  // namespace
}  // namespace server::wal
