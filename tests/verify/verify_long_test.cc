// Records and padding that reach across many pieces and segments.

#include <gtest/gtest.h>

#include "server/wal/format.h"
#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

using wal::Lsn;

// Segments of 1 MB, as one piece, and as many.
class VerifyLongTest : public testing::TestWithParam<std::uint64_t>, public tests::VerifyRig {
 protected:
  VerifyLongTest() { piece_bytes = GetParam(); }
  wal::RecordSpan append(std::size_t size) { return builder.append_noop(tests::filling(size)); }
  void expect_good(const std::string& why) const {
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.status, 0) << why << "\n" << verified.report;
    EXPECT_TRUE(verified.says("to " + to_string(end()) + ";")) << why << "\n" << verified.report;
  }
};

INSTANTIATE_TEST_SUITE_P(Pieces, VerifyLongTest,
                         testing::Values(kPieceBytes, 5 * wal::kPageBytes, wal::kPageBytes),
                         [](const auto& test) { return "Of" + std::to_string(test.param); });

TEST_P(VerifyLongTest, ARecordOfManySegmentsIsProven) {
  grow(100'000);
  const auto record = append(5'500'000);
  write();
  grow(100'000);
  expect_good("a long record");
  for (const std::uint64_t at :
       {std::uint64_t{40}, std::uint64_t{2'000'000}, record.end - record.begin - 9}) {
    directory.flip(record.begin + at);
    const tests::Verified verified = verify();
    EXPECT_EQ(verified.faults(), 1u) << verified.report;
    EXPECT_TRUE(verified.has_fault(record.begin)) << at << verified.report;
    EXPECT_TRUE(verified.says("to " + to_string(end()) + ";")) << verified.report;
    EXPECT_TRUE(verified.says("Fetch segments " + name(1) + " to " + name(6) + " again"))
        << verified.report;
    directory.flip(record.begin + at);
  }
}

// It is there as far as it was asked for.
TEST_P(VerifyLongTest, ARangeMayEndWithinIt) {
  grow(100'000);
  append(5'500'000);
  write();
  auto range = options();
  for (const std::uint64_t no : {2, 3}) {
    range.scope.to = segment_start(no);
    const tests::Verified verified(range);
    EXPECT_EQ(verified.status, 0) << verified.report;
  }
}

TEST_P(VerifyLongTest, ASegmentThatIsMissingInItIsAGap) {
  grow(100'000);
  const auto record = append(5'500'000);
  write();
  grow(100'000);
  directory.remove(segment(3));
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.faults(), 1u) << verified.report;
  EXPECT_TRUE(verified.has_fault(segment_start(3))) << verified.report;
  EXPECT_LT(record.begin, segment_start(3));
}

// A record's header may lie on two pages, and so in two pieces: its first 8 or 16 bytes here.
TEST_P(VerifyLongTest, AHeaderAcrossPiecesIsProven) {
  for (const std::uint32_t room : {8u, 16u}) {
    grow(2000);
    tests::leave_on_page(builder, room);
    const auto record = append(300);
    append(100);
    write();
    expect_good(std::to_string(room));
    for (const std::uint64_t at : {9u, 17u, 21u}) {
      const std::uint64_t behind = at < room ? 0 : sizeof(wal::PageHeader);
      directory.flip(record.begin + at + behind);
      const tests::Verified verified = verify();
      EXPECT_TRUE(verified.has_fault(record.begin)) << room << " " << at << verified.report;
      EXPECT_EQ(verified.status, 1);
      directory.flip(record.begin + at + behind);
    }
  }
}

TEST_P(VerifyLongTest, ThePaddingOfASwitchIsNoEnd) {
  grow(100'000);
  builder.append_switch();
  write();
  grow(1'200'000);
  builder.append_switch();
  write();
  grow(300'000);
  expect_good("two switches");
  directory.flip(segment_start(2) - 20'000);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 0) << verified.report;
  EXPECT_EQ(verified.notes(), 1u) << verified.report;
  EXPECT_TRUE(verified.says("the bytes behind a switch of segments are not zero"));
}

// As the flush pointer of a server stands.
TEST_P(VerifyLongTest, BehindASwitchWalEndsWithItsSegment) {
  grow(100'000);
  for (const std::uint32_t room : {2000u, 16u}) {
    tests::leave_on_page(builder, room);
    builder.append_switch();
    write();
    auto range = options();
    range.scope.to = end();
    const tests::Verified verified(range);
    EXPECT_EQ(verified.status, 0) << verified.report;
    EXPECT_TRUE(verified.says("to " + to_string(end()) + "; its last segment is full"))
        << verified.report;
  }
}

TEST_P(VerifyLongTest, ASwitchAcrossPiecesIsProven) {
  for (const std::uint32_t room : {8u, 16u}) {
    grow(30'000);
    tests::leave_on_page(builder, room);
    builder.append_switch();
    write();
    grow(10'000);
    expect_good(std::to_string(room));
  }
}

// At the very end of a segment: the padding is the whole next one.
TEST_P(VerifyLongTest, ASwitchAcrossSegmentsIsProven) {
  while (identity.segment_size.end(segment(1)) - builder.end() > 2 * wal::kPageBytes) {
    builder.append_noop(tests::filling(3000));
  }
  while (builder.end().page_start() != segment_start(2) - wal::kPageBytes) {
    builder.append_noop(tests::filling(500));
  }
  tests::leave_on_page(builder, 16);
  builder.append_switch();
  write();
  grow(10'000);
  ASSERT_GE(end(), segment_start(3));
  expect_good("a segment of padding");
}

// Its rest was never written; the page behind says so.
TEST_P(VerifyLongTest, ARecordThatACrashCutOffIsVoid) {
  for (const std::uint32_t pages : {1u, 2u, 7u}) {
    grow(20'000);
    builder.append_overwritten(tests::filling(200'000), pages);
    append(100);
    write();
    expect_good(std::to_string(pages));
  }
  grow(1'000'000);
  expect_good("and the next segment");
}

TEST_P(VerifyLongTest, OneThatIsVoidMustBeNamed) {
  grow(20'000);
  const auto voided = builder.append_overwritten(tests::filling(200'000), 2);
  write();
  grow(20'000);
  directory.flip(voided.end + sizeof(wal::PageHeader) + wal::kRecordHeaderBytes + 2);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.status, 1);
  EXPECT_GE(verified.faults(), 1u) << verified.report;
}

}  // namespace
}  // namespace server::verify
