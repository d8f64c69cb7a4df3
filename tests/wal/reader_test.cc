#include "server/wal/reader.h"

#include <chrono>
#include <filesystem>
#include <set>

#include "tests/wal/reader_rig.h"

// What the reader publishes of a directory that grows. Files that are replaced, and forks, are
// reader_replace_test.cc's.

namespace tests {

using server::wal::FaultKind;
using server::wal::kPageBytes;
using server::wal::Lsn;
using server::wal::Outcome;
using server::wal::RecordSpan;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

TEST_F(ReaderTest, PublishesWhatItHasProven) {
  for (const std::size_t size : {100u, 5000u, 20'000u}) append(size);
  const Lsn last = builder.previous_record();
  write();
  seek(begin());
  const auto spans = advance();
  expect_span(spans, begin(), end());
  EXPECT_EQ(spans[0].timelines, tail.timelines());
  EXPECT_EQ(spans[0].published, clock.now());
  EXPECT_FALSE(spans[0].file_replaced);
  EXPECT_EQ(reader.position(), end());
  EXPECT_EQ(reader.previous_record(), last);
  EXPECT_EQ(tail.position(), end());
}

TEST_F(ReaderTest, PublishesNothingWhereThereIsNothingNew) {
  follow(10'000);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(advance().empty());
  EXPECT_EQ(reader.fault().kind, FaultKind::kRecordLength) << "zeros follow";
}

TEST_F(ReaderTest, PublishesWhatHasComeSinceAndWhen) {
  follow(10'000);
  for (const std::size_t size : {30u, 9000u, 400u}) {
    const Lsn from = end();
    append(size);
    write();
    clock.advance(std::chrono::seconds(1));
    const auto spans = advance();
    expect_span(spans, from, end());
    EXPECT_EQ(spans[0].published, clock.now());
  }
}

TEST_F(ReaderTest, KnowsTheTransactionThatComesNext) {
  seek(begin());
  const auto read = [this](std::initializer_list<server::wal::TransactionId> xids) {
    for (const auto xid : xids) {
      builder.set_xid(xid);
      append(100);
    }
    write();
    advance();
    return reader.next_xid().id;
  };
  EXPECT_EQ(read({0}), 0u) << "nobody's";
  EXPECT_EQ(read({700, 0}), 701u);
  EXPECT_EQ(read({690}), 701u) << "it began before, and has gone on";
  EXPECT_EQ(read({701, 1, 2}), 702u) << "these are no transactions";
  EXPECT_EQ(read({0x80000000, 0xFFFFFFF0, 5, 0xFFFFFFFE}), 6u) << "they come round again";
  append(100);
  builder.set_xid(9);
  append(100);
  write();
  reader.advance(builder.previous_record());
  EXPECT_EQ(reader.next_xid().id, 6u) << "the limit is before it";
}

// Counts what it is asked for.
class CountedPages final : public server::wal::GrowingPages {
 public:
  explicit CountedPages(GrowingPages& pages) : pages_(pages) {}
  void begin(const server::wal::TimelineHistory& history, Lsn position) override {
    pages_.begin(history, position);
  }
  void look_again() override { pages_.look_again(); }
  bool file_was_replaced(Lsn begin, Lsn end) override {
    return pages_.file_was_replaced(begin, end);
  }
  server::wal::PageView page(Lsn page) override {
    ++count;
    return pages_.page(page);
  }
  server::wal::TimelineId file_timeline(server::wal::SegmentNo no) const override {
    return pages_.file_timeline(no);
  }

  std::size_t count = 0;

 private:
  GrowingPages& pages_;
};

// A primary that has flushed a long record says so in messages of a few pages each.
TEST_F(ReaderTest, ALimitThatMovesThroughALongRecordCostsNoWalkForEachStep) {
  append(100);
  const RecordSpan record = append(8 * kMb);
  append(100);
  write();
  CountedPages counted(directory_pages);
  server::wal::Reader limited(counted, identity, clock, tail);
  limited.seek(begin(), Lsn());
  for (Lsn limit = begin() + 8 * kPageBytes; limit < end(); limit += 8 * kPageBytes) {
    ASSERT_NE(limited.advance(limit), Outcome::kInvalid);
    EXPECT_EQ(limited.position() <= record.begin, limit < record.end);
  }
  limited.advance(end());
  EXPECT_EQ(limited.position(), end());
  const std::size_t pages_of_record = 8 * kMb / kPageBytes;
  EXPECT_LT(counted.count, 4 * pages_of_record);
}

TEST_F(ReaderTest, BeginsWhereItIsTold) {
  grow(100'000);
  const RecordSpan first = record_at(begin() + 50'000);
  const RecordSpan before = record_at(first.begin - 1);
  for (const Lsn previous : {before.begin, Lsn()}) {
    seek(first.begin, previous);
    EXPECT_EQ(reader.position(), first.begin);
    EXPECT_EQ(reader.previous_record(), previous);
    expect_span(advance(), first.begin, end());
  }
}

TEST_F(ReaderTest, TheFirstRecordMustLinkToTheOneBeforeIfThatIsKnown) {
  grow(100'000);
  const RecordSpan first = record_at(begin() + 50'000);
  const RecordSpan before = record_at(first.begin - 1);
  seek(first.begin, before.begin - 8);
  EXPECT_TRUE(advance(Outcome::kInvalid).empty());
  EXPECT_EQ(reader.fault().what,
            runtime::format("record with incorrect prev-link {} at {}", before.begin, first.begin));
}

TEST_F(ReaderTest, FollowsTheWalIntoTheNextSegments) {
  follow(10'000);
  Lsn at = end();
  while (at < segment_start(4)) {
    const Lsn from = at;
    at = grow(100'000);
    expect_span(advance(), from, at);
  }
}

// Each piece but the last is too little, wherever the file is cut off.
TEST_F(ReaderTest, ARecordThatIsCutOffWaitsForItsLastByte) {
  follow(10'000);
  const Lsn from = end();
  append(20'000);
  const std::vector<std::byte> whole(builder.bytes().begin(), builder.bytes().end());
  const std::uint64_t to_page = kPageBytes - from.page_offset();
  const std::set<std::uint64_t> cuts{0,
                                     1,
                                     3,
                                     4,
                                     23,
                                     24,
                                     25,
                                     to_page - 1,
                                     to_page,
                                     to_page + 1,
                                     to_page + 24,
                                     to_page + kPageBytes,
                                     whole.size() - 8,
                                     whole.size() - 1};
  for (const std::uint64_t cut : cuts) {
    directory.write(from, whole);
    directory.truncate(from + cut);
    EXPECT_TRUE(advance().empty()) << cut;
    EXPECT_EQ(reader.fault().kind, FaultKind::kShortFile) << cut;
    EXPECT_EQ(reader.position(), from) << cut;
    EXPECT_EQ(tail.position(), from) << cut;
  }
  directory.write(from, whole);
  expect_span(advance(), from, end());
}

// Within a page it cannot be told from a record that is wrong; that is for the source to wait for.
TEST_F(ReaderTest, ATornRecordIsInvalidUntilItIsWhole) {
  follow(10'000);
  const Lsn from = end();
  append(300);
  const std::vector<std::byte> whole(builder.bytes().begin(), builder.bytes().end());
  directory.write(from, std::span(whole).first(100));
  EXPECT_TRUE(advance(Outcome::kInvalid).empty());
  EXPECT_EQ(reader.fault().what,
            runtime::format("incorrect resource manager data checksum in record at {}", from));
  EXPECT_TRUE(advance(Outcome::kInvalid).empty());
  write();
  expect_span(advance(), from, end());
}

TEST_F(ReaderTest, AZeroedPageIsTheEndUntilItIsWritten) {
  follow(10'000);
  const Lsn from = end();
  append(20'000);
  const std::vector<std::byte> whole(builder.bytes().begin(), builder.bytes().end());
  const Lsn second = from.page_start() + 2 * kPageBytes;
  directory.write(from, std::span(whole).first(second - from));
  EXPECT_TRUE(advance().empty());
  EXPECT_EQ(reader.fault().kind, FaultKind::kMagic);
  EXPECT_EQ(reader.fault().lsn, second);
  directory.write(from, whole);
  expect_span(advance(), from, end());
}

TEST_F(ReaderTest, APageOfGarbageIsInvalid) {
  follow(10'000);
  const Lsn from = end();
  append(20'000);
  write();
  const Lsn page = from.page_start() + kPageBytes;
  directory.write(page, std::vector<std::byte>(kPageBytes, std::byte{0xAB}));
  EXPECT_TRUE(advance(Outcome::kInvalid).empty());
  EXPECT_EQ(reader.fault().what,
            runtime::format("invalid magic number ABAB in log segment 000000010000000000000001, "
                            "offset {}",
                            page - begin()));
}

// PostgreSQL renames an old segment and overwrites it page by page, each with zeros in its rest.
struct RecycledTest : ReaderTest {
  RecycledTest() {
    grow(200'000);
    builder.append_switch();
    write();
    std::filesystem::copy_file(path(1), path(2));
    seek(begin());
    expect_span(advance(), begin(), segment_start(2));
  }
  void write_pages() {
    write();
    directory.write(end(), std::vector<std::byte>(kPageBytes - end().page_offset()));
  }
};

TEST_F(RecycledTest, ARecycledSegmentIsNoWalBeforeItsFirstPageIsWritten) {
  EXPECT_EQ(reader.fault().kind, FaultKind::kPageAddress);
  EXPECT_EQ(reader.fault().lsn, segment_start(2));
  EXPECT_TRUE(advance().empty());
  append(500);
  write_pages();
  expect_span(advance(), segment_start(2), end());
}

TEST_F(RecycledTest, AnOldPageIsTheEndOfARecordThatIsNotAllWrittenYet) {
  const Lsn from = end();
  append(20'000);
  const std::vector<std::byte> whole(builder.bytes().begin(), builder.bytes().end());
  for (const std::uint32_t pages : {1u, 2u}) {
    directory.write(from, std::span(whole).first(std::size_t{pages} * kPageBytes));
    EXPECT_TRUE(advance().empty());
    EXPECT_EQ(reader.fault().kind, FaultKind::kPageAddress);
    EXPECT_EQ(reader.fault().lsn, from + std::uint64_t{pages} * kPageBytes);
  }
  write_pages();
  expect_span(advance(), from, end());
}

TEST_F(ReaderTest, APageFromTheFutureIsInvalid) {
  grow(2 * kMb);
  const Lsn page = segment_start(2) + 50 * kPageBytes;
  directory.write(page, directory.read(page + kPageBytes, page + 2 * kPageBytes));
  seek(begin());
  advance(Outcome::kInvalid);
  EXPECT_EQ(reader.position(), record_at(page - 1).begin);
  EXPECT_EQ(reader.fault().kind, FaultKind::kPageAddress);
}

TEST_F(ReaderTest, ASwitchIsPublishedWithItsPadding) {
  append(100);
  builder.append_switch();
  write();
  seek(begin());
  const auto spans = advance();
  expect_span(spans, begin(), segment_start(2));
  const Lsn from = end();
  grow(10'000);
  expect_span(advance(), from, end());
}

TEST_F(ReaderTest, ASwitchWaitsForThePaddingsLastPage) {
  append(100);
  const Lsn to = end();
  builder.append_switch();
  write();
  for (const std::uint64_t missing : {1u, kPageBytes, 500'000u}) {
    directory.truncate(segment_start(2) - missing);
    seek(begin());
    expect_span(advance(), begin(), to);
    EXPECT_EQ(reader.fault().kind, FaultKind::kShortFile);
  }
  std::filesystem::resize_file(path(1), kMb);
  expect_span(advance(), to, segment_start(2));
}

TEST_F(ReaderTest, ASegmentThatIsNotThereYetIsTheEnd) {
  append(100);
  builder.append_switch();
  write();
  seek(begin());
  expect_span(advance(), begin(), segment_start(2));
  EXPECT_EQ(reader.fault().kind, FaultKind::kUnreadable);
  EXPECT_EQ(reader.fault().lsn, segment_start(2));
  EXPECT_TRUE(advance().empty());
  grow(10'000);
  expect_span(advance(), segment_start(2), end());
}

TEST_F(ReaderTest, APartialSegmentIsFollowedThroughItsRename) {
  follow(10'000);
  const auto partial = path(1) + ".partial";
  for (int i = 0; i < 2; ++i) {
    const Lsn from = end();
    grow(10'000);
    std::filesystem::rename(path(1), partial);
    expect_span(advance(), from, end());
    std::filesystem::rename(partial, path(1));
  }
}

TEST_F(ReaderTest, ASegmentThatGoesIsTheEndUntilItIsBack) {
  follow(10'000);
  const Lsn from = end();
  grow(10'000);
  std::filesystem::rename(path(1), path(1) + ".away");
  EXPECT_TRUE(advance().empty());
  EXPECT_EQ(reader.position(), from);
  std::filesystem::rename(path(1) + ".away", path(1));
  expect_span(advance(), from, end());
}

// A standby does not wait for the end of a backlog to get its begin.
TEST_F(ReaderTest, ABacklogIsPublishedInBatches) {
  constexpr std::uint64_t kBatch = 256 * 1024;
  grow(3 * kMb);
  seek(begin());
  const auto spans = advance();
  ASSERT_GE(spans.size(), 3 * kMb / kBatch - 1);
  Lsn at = begin();
  for (const auto& span : spans) {
    EXPECT_EQ(span.begin, at);
    at = span.end;
    if (at == end()) break;
    EXPECT_GE(span.end - span.begin, kBatch);
    EXPECT_LT(span.end - span.begin, kBatch + 3100) << "the record that fills it is its last";
    EXPECT_EQ(record_at(at - 1).end, at);
  }
  EXPECT_EQ(at, end());
}

TEST_F(ReaderTest, ARecordThatIsLargerThanABatchIsPublishedWhole) {
  append(100);
  append(3 << 20);
  append(100);
  write();
  seek(begin());
  const auto spans = advance();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_GT(spans[0].end - spans[0].begin, 3 * kMb);
}

TEST_F(ReaderTest, ABadRecordIsNotPublishedAndWhatLiesBeforeIs) {
  grow(600'000);
  const RecordSpan bad = record_at(begin() + 400'000);
  directory.flip(bad.begin + 100);
  seek(begin());
  auto spans = advance(Outcome::kInvalid);
  ASSERT_EQ(spans.size(), 2u) << "two batches";
  EXPECT_EQ(spans.back().end, bad.begin);
  EXPECT_EQ(tail.position(), bad.begin);
  EXPECT_EQ(reader.fault().kind, FaultKind::kChecksum);
  EXPECT_EQ(reader.fault().lsn, bad.begin);
  EXPECT_TRUE(advance(Outcome::kInvalid).empty()) << "it is still bad";
  directory.flip(bad.begin + 100);
  expect_span(advance(), bad.begin, end());
}

}  // namespace

}  // namespace tests
