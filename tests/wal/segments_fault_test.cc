#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/errors.h"
#include "server/wal/segments.h"
#include "tests/wal/segments_rig.h"

// Segments that are damaged, cut off, missing, or have such neighbours.

namespace tests {

using server::wal::Lsn;
using server::wal::RecordSpan;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr const char* kInvalid = "invalid WAL in segment";

TEST_F(SlicesTest, ABadRecordEndsWhatIsProven) {
  grow(5 * kMb);
  const RecordSpan bad = record_at(slice(1) + kMb / 2);
  directory.flip(bad.begin + 100);
  const std::string log = logged([&] {
    const auto ready = prepared(slice(1));
    EXPECT_TRUE(ready.stopped);
    EXPECT_EQ(ready.proven_to, bad.begin);
    EXPECT_FALSE(segments.is_proven_for_test(*ready.segment, 1));
  });
  EXPECT_THAT(log, HasSubstr(runtime::format(
                       "invalid WAL in segment 000000010000000000000001, offset {}, LSN {}: "
                       "incorrect resource manager data checksum in record at {};",
                       bad.begin - begin(), bad.begin, bad.begin)));
}

TEST_F(SlicesTest, TheSlicesAroundABadRecordAreProven) {
  grow(5 * kMb);
  directory.flip(slice(1) + kMb / 2);
  for (const std::uint32_t no : {0u, 2u}) {
    const auto ready = prepared(slice(no));
    EXPECT_FALSE(ready.stopped);
    EXPECT_EQ(ready.proven_to, slice(no + 1));
  }
}

TEST_F(SlicesTest, ABadRecordIsReportedOnceAndAgainWhenItsFileHasChanged) {
  grow(5 * kMb);
  const Lsn bad = slice(0) + kMb / 2;
  directory.flip(bad);
  const auto log_of = [&] { return logged([&] { EXPECT_TRUE(prepared(slice(0)).stopped); }); };
  EXPECT_EQ(count_of(log_of(), kInvalid), 1u);
  EXPECT_EQ(log_of(), "") << "another loop meets it";
  segments.forget(segment(2));
  EXPECT_EQ(log_of(), "") << "another segment has changed";
  segments.forget(segment(1));
  EXPECT_EQ(count_of(log_of(), kInvalid), 1u);
  EXPECT_EQ(log_of(), "");
}

TEST_F(SlicesTest, ARepairedFileIsProven) {
  grow(5 * kMb);
  directory.flip(slice(0) + kMb / 2);
  const auto bad = prepared(slice(0));
  EXPECT_TRUE(bad.stopped);
  directory.flip(slice(0) + kMb / 2);
  const auto ready = prepared(slice(0));
  EXPECT_EQ(ready.segment, bad.segment) << "the change needs no report";
  EXPECT_EQ(ready.proven_to, slice(1));
  EXPECT_TRUE(segments.is_proven_for_test(*ready.segment, 0));
}

// From its begin on, however far back that lies.
TEST_F(SlicesTest, ABadRecordStopsEverySliceThatItReaches) {
  grow(kMb / 2);
  const Lsn first_end = end();
  const RecordSpan huge = builder.append_noop(filling(6u << 20));
  write();
  grow(3 * kMb);
  ASSERT_GT(huge.end, segment_start(2) + 2 * kMb);
  directory.flip(huge.end - 5);
  const std::string log = logged([&] {
    for (Lsn lsn = begin(); lsn < huge.end; lsn += kMb) {
      const auto ready = prepared(lsn);
      EXPECT_TRUE(ready.stopped) << to_string(lsn);
      EXPECT_EQ(ready.proven_to, first_end) << to_string(lsn);
    }
  });
  EXPECT_EQ(count_of(log, kInvalid), 1u) << log;
  EXPECT_THAT(log, HasSubstr("in segment 000000010000000000000001"));
  EXPECT_FALSE(prepared(slice(7)).stopped);
}

// What looks like the end of WAL is a fault where there is more of it.
TEST_F(SlicesTest, ZeroedWalBehindTheEndStops) {
  grow(5 * kMb);
  const Lsn page = slice(0) + kMb / 2;
  directory.write(page, std::vector<std::byte>(server::wal::kPageBytes));
  const std::string log = logged([&] {
    const auto ready = prepared(slice(0));
    EXPECT_TRUE(ready.stopped);
    EXPECT_EQ(ready.proven_to, record_at(page - 1).begin);
  });
  EXPECT_THAT(log, HasSubstr("invalid magic number 0000 in log segment 000000010000000000000001, "
                             "offset 524288;"));
}

TEST_F(SegmentsTest, ASegmentOfAnotherSystemStopsAtItsBegin) {
  grow(4 * kMb);
  auto foreign = identity;
  foreign.system_identifier = 7;
  server::wal::WalBuilder other(foreign, server::wal::TimelineId{1}, segment_start(3), Lsn(8));
  other.append_noop(filling(100));
  directory.write(other);
  const std::string log = logged([&] {
    const auto ready = prepared(segment_start(3));
    EXPECT_TRUE(ready.stopped);
    EXPECT_LE(ready.proven_to, segment_start(3));
  });
  EXPECT_THAT(log, HasSubstr("WAL file is from different database system"));
}

TEST_F(SegmentsTest, ATruncatedSegmentIsAnErrorWithPostgresWords) {
  grow(4 * kMb);
  for (const Lsn end : {begin() + kMb / 2, begin() + 500'000, begin()}) {
    directory.truncate(end);
    const std::string log = logged([&] {
      const auto error = refused(begin());
      EXPECT_EQ(error.kind, &runtime::kDataCorrupted);
      EXPECT_EQ(error.kind->code, "XX001");
      EXPECT_THAT(error.what, MatchesRegex("could not read from log segment "
                                           "000000010000000000000001, offset [0-9]+: "
                                           "read [0-9]+ of [0-9]+"));
    });
    EXPECT_EQ(log, "") << "the session tells it";
  }
}

// It says what was read at the offset where the file ends.
TEST_F(SegmentsTest, AProvenSegmentThatIsTruncatedIsAnErrorToo) {
  grow(4 * kMb);
  const auto proven = prepared(begin()).segment;
  ASSERT_TRUE(segments.is_proven_for_test(*proven, 0));
  directory.truncate(begin() + 10);
  const auto ready = prepare(proven, begin());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, &runtime::kDataCorrupted);
  EXPECT_THAT(ready.error().what, MatchesRegex("could not read from log segment "
                                               "000000010000000000000001, offset 0: "
                                               "read 10 of [0-9]+"));
}

TEST_F(SegmentsTest, ASegmentThatIsRemovedWhileItIsOpenHasBeenRemoved) {
  grow(4 * kMb);
  const auto open = opened(begin());
  directory.remove(segment(1));
  const auto ready = prepare(open, begin());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, &server::wal::kWalRemoved);
  EXPECT_EQ(ready.error().what,
            "requested WAL segment 000000010000000000000001 has already been removed");
}

// What was proven is in the file that is open, whatever became of its name.
TEST_F(SegmentsTest, AProvenSegmentIsReadyThoughItIsRemoved) {
  grow(4 * kMb);
  const auto open = prepared(begin()).segment;
  directory.remove(segment(1));
  const auto ready = prepare(open, begin());
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->proven_to, begin() + kMb);
}

// A segment whose last record goes on in the next one.
struct NeighbourTest : SegmentsTest {
  NeighbourTest() {
    grow(4 * kMb);
    crossing = record_at(segment_start(3));
    CHECK(crossing.begin < segment_start(3));
    before = record_at(segment_start(2));
    CHECK(before.begin < segment_start(2));
  }

  RecordSpan before;    // begins in segment 1 and ends in 2
  RecordSpan crossing;  // begins in segment 2 and ends in 3
};

TEST_F(NeighbourTest, AMissingNextSegmentIsTheOneThatTheErrorNames) {
  directory.remove(segment(3));
  const auto error = refused(segment_start(2));
  EXPECT_EQ(error.kind, &server::wal::kWalRemoved);
  EXPECT_EQ(error.what, "requested WAL segment 000000010000000000000003 has already been removed");
}

TEST_F(NeighbourTest, ANextSegmentThatCannotBeReadIsAnErrorThatNamesIt) {
  directory.remove(segment(3));
  std::filesystem::create_directory(path(3));
  const auto error = refused(segment_start(2));
  EXPECT_NE(error.kind, &server::wal::kWalRemoved);
  EXPECT_EQ(error.what,
            "could not read from log segment 000000010000000000000003, offset 0: Is a directory");
}

TEST_F(NeighbourTest, ANextSegmentThatIsTruncatedStopsBeforeTheRecordThatReachesIt) {
  directory.truncate(crossing.end - 1);
  const std::string log = logged([&] {
    const auto ready = prepared(segment_start(2));
    EXPECT_TRUE(ready.stopped);
    EXPECT_EQ(ready.proven_to, crossing.begin);
  });
  EXPECT_THAT(log, HasSubstr("invalid WAL in segment 000000010000000000000003, offset 0,"));
}

TEST_F(NeighbourTest, ABadNextSegmentStopsBeforeTheRecordThatReachesIt) {
  directory.flip(crossing.end - 5);
  const std::string log = logged([&] {
    const auto ready = prepared(segment_start(2));
    EXPECT_TRUE(ready.stopped);
    EXPECT_EQ(ready.proven_to, crossing.begin);
    EXPECT_EQ(prepared(segment_start(3)).proven_to, crossing.begin);
  });
  EXPECT_EQ(count_of(log, kInvalid), 1u) << "it is one record";
  EXPECT_THAT(log, HasSubstr("in segment 000000010000000000000002,")) << "where it begins";
}

TEST_F(NeighbourTest, ABadSegmentBeforeStopsTheRecordThatReachesOutOfIt) {
  directory.flip(before.begin + 50);
  const std::string log = logged([&] {
    const auto ready = prepared(segment_start(2));
    EXPECT_TRUE(ready.stopped);
    EXPECT_EQ(ready.proven_to, before.begin);
  });
  EXPECT_THAT(log, HasSubstr("in segment 000000010000000000000001,"));
}

// The rest of its last record is taken as it is: no file has its begin.
TEST_F(NeighbourTest, ASegmentIsProvenThoughTheOneBeforeIsGone) {
  const auto expect_ready = [&] {
    const std::string log = logged([&] {
      const auto ready = prepared(segment_start(2));
      EXPECT_FALSE(ready.stopped);
      EXPECT_EQ(ready.proven_to, segment_start(3));
      EXPECT_TRUE(segments.is_proven_for_test(*ready.segment, 0));
    });
    EXPECT_EQ(log, "");
  };
  directory.truncate(begin() + kMb / 2);
  expect_ready();
  directory.remove(segment(1));
  expect_ready();
  std::filesystem::create_directory(path(1));
  expect_ready();
}

}  // namespace

}  // namespace tests
