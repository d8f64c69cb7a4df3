#include <filesystem>

#include "runtime/format.h"
#include "server/wal/reader.h"
#include "tests/wal/reader_rig.h"

// A loop that has a file open must learn that the WAL goes on in another, and that a timeline has
// forked.

namespace tests {

using server::wal::Lsn;
using server::wal::Outcome;
using server::wal::RecordSpan;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct ReaderReplaceTest : ReaderTest {
  // Whether the next WAL is said to be in another file than the one before it.
  bool replaced_as_it_grows(std::uint64_t bytes = 10'000) {
    const Lsn from = end();
    grow(bytes);
    const auto spans = advance();
    expect_span(spans, from, end());
    return !spans.empty() && spans[0].file_replaced;
  }
};

TEST_F(ReaderReplaceTest, AFileThatOnlyGrowsIsNotReplaced) {
  follow(10'000);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, AnotherFileInThePlaceOfTheLastIsToldOnce) {
  follow(10'000);
  for (int i = 0; i < 2; ++i) {
    directory.replace(segment(1));
    EXPECT_TRUE(replaced_as_it_grows());
    EXPECT_FALSE(replaced_as_it_grows());
  }
}

// No loop needs the new file before there is more WAL in it.
TEST_F(ReaderReplaceTest, AnotherFileIsToldThoughItWasSeenBeforeItGrew) {
  follow(10'000);
  directory.replace(segment(1));
  EXPECT_TRUE(advance().empty());
  EXPECT_TRUE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, AFileThatIsReplacedBeforeTheFirstLookIsTold) {
  grow(10'000);
  seek(end(), builder.previous_record());
  directory.replace(segment(1));
  EXPECT_TRUE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, ARenamedPartialIsNotReplaced) {
  follow(10'000);
  std::filesystem::rename(path(1), path(1) + ".partial");
  EXPECT_TRUE(advance().empty());
  std::filesystem::rename(path(1) + ".partial", path(1));
  EXPECT_FALSE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, TheNextSegmentIsNoReplacement) {
  append(100);
  builder.append_switch();
  write();
  seek(begin());
  expect_span(advance(), begin(), segment_start(2));
  EXPECT_FALSE(replaced_as_it_grows());
  directory.replace(segment(1));
  EXPECT_FALSE(replaced_as_it_grows()) << "what comes lies in another segment";
  directory.replace(segment(2));
  EXPECT_TRUE(replaced_as_it_grows());
}

// No WAL of the file was published yet, so no loop can have opened it.
TEST_F(ReaderReplaceTest, ASegmentThatIsReplacedBeforeItHasAnyWalIsNoReplacement) {
  append(100);
  builder.append_switch();
  write();
  const Lsn last = builder.previous_record();
  std::filesystem::copy_file(path(1), path(2));
  seek(begin());
  expect_span(advance(), begin(), segment_start(2));
  directory.replace(segment(2));
  grow(10'000);
  EXPECT_FALSE(advance().at(0).file_replaced);
  seek(segment_start(2), last);
  directory.replace(segment(2));
  EXPECT_FALSE(advance().at(0).file_replaced);
}

// It begins in the file that was replaced, and the next record in one that was not.
TEST_F(ReaderReplaceTest, AReplacedFileIsToldWithTheRecordThatLeavesIt) {
  follow(kMb - 5000);
  ASSERT_LT(end(), segment_start(2));
  directory.replace(segment(1));
  EXPECT_TRUE(replaced_as_it_grows(100'000));
  EXPECT_FALSE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, OnlyTheFirstBatchOfABacklogIsInTheReplacedFile) {
  follow(10'000);
  const Lsn from = end();
  directory.replace(segment(1));
  grow(900'000);
  const auto spans = advance();
  ASSERT_GE(spans.size(), 3u);
  EXPECT_EQ(spans[0].begin, from);
  for (const auto& span : spans) EXPECT_EQ(span.file_replaced, &span == spans.data());
}

TEST_F(ReaderReplaceTest, AFileThatWasAwayAndIsAnotherNowIsTold) {
  follow(10'000);
  std::filesystem::rename(path(1), path(1) + ".away");
  EXPECT_TRUE(advance().empty());
  std::filesystem::copy_file(path(1) + ".away", path(1));
  EXPECT_TRUE(replaced_as_it_grows());
}

TEST_F(ReaderReplaceTest, AFileWithoutTheLastRecordsIsReadFromWhereItWas) {
  follow(50'000);
  const Lsn from = end();
  directory.replace(segment(1));
  directory.truncate(begin() + 20'000);
  EXPECT_TRUE(advance().empty());
  EXPECT_EQ(reader.position(), from);
  EXPECT_EQ(tail.position(), from) << "it never goes back on one timeline";
}

// A directory that has just been promoted: timeline 2 forks where timeline 1 has gone on.
struct ReaderForkTest : ReaderReplaceTest {
  ReaderForkTest() {
    grow(kMb + 300'000);
    fork = record_at(segment_start(2) + 200'000);
    before = record_at(fork.begin - 1);
    seek(begin());
    advance();
    CHECK(reader.position() == end());
    write_timeline(2, second = child(2, fork.begin, before.begin));
  }
  void adopt() {
    const std::string text = runtime::format("1\t{}\tpromoted\n", fork.begin);
    tail.adopt({*TimelineHistory::parse(TimelineId{2}, text), {}});
  }

  RecordSpan fork;    // the first record that is not on timeline 2
  RecordSpan before;  // the last that is
  server::wal::WalBuilder second = builder_of(identity);
};

// What the child's file still has of its parent behind its own end is not published: that begins in
// the middle of a record.
TEST_F(ReaderForkTest, SeekingBackToAForkGoesOnAlongTheNewTimeline) {
  adopt();
  ASSERT_LT(second.end(), end());
  seek(fork.begin, before.begin);
  EXPECT_EQ(reader.position(), fork.begin);
  const auto spans = advance(Outcome::kInvalid);
  expect_span(spans, fork.begin, second.end());
  EXPECT_EQ(spans[0].timelines, tail.timelines());
  EXPECT_EQ(tail.position(), second.end());
}

TEST_F(ReaderForkTest, TheRecordBeforeAForkNeedNotBeKnown) {
  adopt();
  seek(fork.begin, Lsn());
  expect_span(advance(Outcome::kInvalid), fork.begin, second.end());
  EXPECT_EQ(reader.previous_record(), second.previous_record());
}

// It was read along the old timelines until then.
TEST_F(ReaderForkTest, NewTimelinesCountFromTheNextSeekOn) {
  adopt();
  const Lsn from = end();
  grow(10'000);
  expect_span(advance(), from, end());
}

TEST_F(ReaderForkTest, TheChildsFileIsNotTakenForAReplacementOfTheParents) {
  adopt();
  seek(fork.begin, before.begin);
  const auto spans = advance(Outcome::kInvalid);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_FALSE(spans[0].file_replaced) << "new timelines tell it already";
}

TEST_F(ReaderForkTest, AForkInAnEarlierSegmentIsSoughtThere) {
  const RecordSpan early = record_at(begin() + 500'000);
  const RecordSpan last = record_at(early.begin - 1);
  const auto third = child(3, early.begin, last.begin);
  write_timeline(3, third);
  tail.adopt(
      {*TimelineHistory::parse(TimelineId{3}, runtime::format("1\t{}\tpromoted\n", early.begin)),
       {}});
  seek(early.begin, last.begin);
  expect_span(advance(Outcome::kInvalid), early.begin, third.end());
}

TEST_F(ReaderForkTest, AChildThatIsNotThereYetIsAwaited) {
  std::filesystem::rename(path(2, 2), path(2, 2) + ".later");
  adopt();
  seek(fork.begin, before.begin);
  EXPECT_TRUE(advance().empty());
  EXPECT_EQ(reader.fault().kind, server::wal::FaultKind::kUnreadable);
  std::filesystem::rename(path(2, 2) + ".later", path(2, 2));
  expect_span(advance(Outcome::kInvalid), fork.begin, second.end());
}

}  // namespace

}  // namespace tests
