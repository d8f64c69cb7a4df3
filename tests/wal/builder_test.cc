#include "server/wal/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/wal/format.h"
#include "tests/support/record_walk.h"

namespace server::wal {
namespace {

constexpr TimelineId kTimeline{1};

Identity identity_of(std::uint32_t megabytes) {
  return {.system_identifier = 0x0123456789ABCDEF,
          .segment_size = SegmentSize(megabytes << 20),
          .page_magic = 0xD110};
}

WalBuilder builder_of(std::uint32_t megabytes) {
  const Identity identity = identity_of(megabytes);
  return {identity, kTimeline, identity.segment_size.start(SegmentNo{1})};
}

std::vector<std::byte> data_of(std::size_t size) {
  std::vector<std::byte> data(size);
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>(i * 7 + size);
  return data;
}

std::vector<tests::WalkedRecord> walk(const WalBuilder& builder) {
  return tests::walk_records(builder.identity(), builder.timeline(), builder.begin(),
                             builder.bytes());
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += runtime::format("{:02x}", std::to_integer<int>(b));
  return text;
}

// Main data for a record of `bytes`, 285 at least, header included.
std::vector<std::byte> filling(std::uint64_t bytes) {
  return data_of(bytes - kRecordHeaderBytes - 5);
}

// Appends one record that leaves `left` bytes of the current page. The page must be rather empty.
void fill_page_but(WalBuilder& builder, std::uint32_t left) {
  if (builder.end().page_offset() == 0) builder.append_noop(data_of(64));
  builder.append_noop(filling(kPageBytes - builder.end().page_offset() - left));
  ASSERT_EQ(builder.end().page_offset(), (kPageBytes - left) % kPageBytes);
}

TEST(WalBuilderTest, FirstPageAndRecordHaveTheBytesOfPostgres) {
  WalBuilder builder = builder_of(16);
  const std::byte data[] = {std::byte{0xAA}, std::byte{0xBB}};
  const RecordSpan record = builder.append(kRmgrXlog, kXlogNoop, data);
  EXPECT_EQ(record.begin, Lsn(0x1000028));
  EXPECT_EQ(record.end, Lsn(0x1000048));
  EXPECT_EQ(hex(builder.bytes().first(40)),
            "10d1"              // magic
            "0200"              // long header
            "01000000"          // timeline
            "0000000100000000"  // page address
            "0000000000000000"  // nothing remains; padding
            "efcdab8967452301"  // system identifier
            "00000001"          // 16 MB
            "00200000");        // 8 kB
  EXPECT_EQ(hex(builder.bytes().subspan(40, 20)),
            "1c000000"          // total length
            "00000000"          // xid
            "0000000000000000"  // previous
            "20000000");        // NOOP of XLOG; padding
  EXPECT_EQ(hex(builder.bytes().subspan(64)), "ff02aabb00000000");
  EXPECT_EQ(walk(builder).size(), 1u);
}

TEST(WalBuilderTest, ShortHeaderTellsWhatRemainsOfTheRecord) {
  WalBuilder builder = builder_of(1);
  builder.append_noop(filling(10000));
  const auto page = load_header<PageHeader>(builder.bytes().subspan(kPageBytes));
  EXPECT_EQ(page.info, kPageFirstIsContrecord);
  EXPECT_EQ(page.remaining_length, 10000 - (kPageBytes - 40));
  EXPECT_EQ(page.page_address, 0x102000u);
}

class WalBuilderSegmentSizeTest : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(WalBuilderSegmentSizeTest, RecordsCrossPagesAndSegments) {
  const Identity identity = identity_of(GetParam());
  const Lsn boundary = identity.segment_size.start(SegmentNo{2});
  WalBuilder builder(identity, kTimeline, boundary - 99 * kPageBytes);
  const Lsn far = boundary + 99 * kPageBytes;
  std::vector<std::vector<std::byte>> appended;
  for (std::size_t size = 1; builder.end() < far; size = size * 3 % 400009) {
    appended.push_back(data_of(size));
    builder.append_noop(appended.back());
  }
  const auto records = walk(builder);
  ASSERT_EQ(records.size(), appended.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t data_header = appended[i].size() < 256 ? 2 : 5;
    EXPECT_TRUE(std::ranges::equal(std::span(records[i].body).subspan(data_header), appended[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(Megabytes, WalBuilderSegmentSizeTest, ::testing::Values(1, 2, 16, 64));

TEST(WalBuilderTest, EveryLengthAroundTheTwoDataHeadersIsRight) {
  WalBuilder builder = builder_of(1);
  for (std::size_t size = 0; size <= 600; ++size) {
    const RecordSpan span = builder.append_noop(data_of(size));
    EXPECT_EQ(span.end, span.end.aligned());
  }
  const auto records = walk(builder);
  ASSERT_EQ(records.size(), 601u);
  EXPECT_EQ(records[0].header.total_length, 24u);
  EXPECT_EQ(records[1].header.total_length, 27u);
  EXPECT_EQ(records[255].header.total_length, 24u + 2 + 255);
  EXPECT_EQ(records[256].header.total_length, 24u + 5 + 256);
  EXPECT_EQ(records[255].body[0], std::byte{255});
  EXPECT_EQ(records[256].body[0], std::byte{254});
}

TEST(WalBuilderTest, ARecordMayBeLargerThanItsSegments) {
  WalBuilder builder = builder_of(1);
  const auto data = data_of(3 << 20);
  const RecordSpan span = builder.append_noop(data);
  builder.append_noop(data_of(10));
  EXPECT_EQ(value(builder.identity().segment_size.segment_of(span.end)), 4u);
  const auto records = walk(builder);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(std::span(records[0].body).subspan(5), data));
  EXPECT_EQ(records[0].end, span.end);
}

TEST(WalBuilderTest, AHeaderMaySplitAtAnyMultipleOfEight) {
  for (const std::uint32_t left : {8u, 16u, 24u, 32u}) {
    WalBuilder builder = builder_of(1);
    fill_page_but(builder, left);
    const RecordSpan span = builder.append_noop(data_of(100));
    EXPECT_EQ(span.begin.page_offset(), kPageBytes - left);
    EXPECT_EQ(walk(builder).size(), 3u) << left;
  }
}

TEST(WalBuilderTest, ARecordThatFillsItsPageEndsAtTheNextOnesStart) {
  WalBuilder builder = builder_of(1);
  fill_page_but(builder, 0);
  const Lsn boundary = builder.end();
  EXPECT_EQ(boundary.page_offset(), 0u);
  EXPECT_EQ(builder.append_noop(data_of(8)).begin, boundary + sizeof(PageHeader));
  EXPECT_EQ(walk(builder).back().begin, boundary + sizeof(PageHeader));
}

TEST(WalBuilderTest, ASwitchPadsWithZerosFromAnyOffsetOfAPage) {
  for (const std::uint32_t left : {0u, 8u, 16u, 24u, 32u, 4096u}) {
    WalBuilder builder = builder_of(1);
    fill_page_but(builder, left);
    const RecordSpan span = builder.append_switch();
    EXPECT_EQ(builder.end(), Lsn(2 << 20)) << left;
    EXPECT_EQ(builder.bytes().size(), 1u << 20);
    const RecordSpan after = builder.append_noop(data_of(5));
    EXPECT_EQ(after.begin, Lsn((2 << 20) + 40));
    const auto records = walk(builder);
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[2].end, span.end);
    EXPECT_EQ(records[2].header.total_length, 24u);
    EXPECT_EQ(records[3].header.previous, span.begin.value());
  }
}

// Leaves `left` bytes of the first segment.
WalBuilder builder_near_segment_end(std::uint32_t left) {
  WalBuilder builder = builder_of(1);
  while (builder.end() < Lsn(2 << 20) - kPageBytes) fill_page_but(builder, 0);
  fill_page_but(builder, left);
  return builder;
}

TEST(WalBuilderTest, ASwitchThatJustFitsNeedsNoPadding) {
  WalBuilder builder = builder_near_segment_end(24);
  EXPECT_EQ(builder.append_switch().end, Lsn(2 << 20));
  EXPECT_EQ(builder.end(), Lsn(2 << 20));
}

// ReserveXLogSwitch does the same: what counts is the segment in which the switch ends.
TEST(WalBuilderTest, ASwitchThatDoesNotFitPadsTheNextSegment) {
  for (const std::uint32_t left : {8u, 16u}) {
    WalBuilder builder = builder_near_segment_end(left);
    EXPECT_EQ(builder.append_switch().end, Lsn((2 << 20) + 40 + 24 - left));
    EXPECT_EQ(builder.end(), Lsn(3 << 20));
    EXPECT_EQ(walk(builder).back().header.info, kXlogSwitch);
  }
}

TEST(WalBuilderTest, ASwitchAtASegmentsStartIsNone) {
  WalBuilder builder = builder_near_segment_end(0);
  const std::size_t size = builder.bytes().size();
  const RecordSpan span = builder.append_switch();
  EXPECT_EQ(span.begin, span.end);
  EXPECT_EQ(builder.bytes().size(), size);
}

TEST(WalBuilderTest, OmittedPaddingIsSkippedInTheStreamOnly) {
  WalBuilder builder = builder_of(16);
  builder.append_noop(data_of(100));
  const RecordSpan span = builder.append_switch(WalBuilder::Padding::kOmitted);
  EXPECT_EQ(builder.begin() + builder.bytes().size(), span.end);
  EXPECT_EQ(builder.end(), Lsn(2 << 24));
  builder.clear();
  EXPECT_EQ(builder.append_noop(data_of(1)).begin, Lsn((2 << 24) + 40));
}

TEST(WalBuilderTest, ResumingAnywhereGivesTheBytesOfOneRun) {
  const std::size_t sizes[] = {1, 300, 9000, 2, 70000, 33, 0, 8100, 40000};
  WalBuilder one_run = builder_of(1);
  std::vector<std::byte> resumed;
  Lsn start = one_run.end();
  Lsn previous;
  for (const std::size_t size : sizes) {
    one_run.append_noop(data_of(size));
    WalBuilder next(one_run.identity(), kTimeline, start, previous);
    next.append_noop(data_of(size));
    resumed.insert(resumed.end(), next.bytes().begin(), next.bytes().end());
    start = next.end();
    previous = next.previous_record();
  }
  EXPECT_EQ(start, one_run.end());
  EXPECT_TRUE(std::ranges::equal(resumed, one_run.bytes()));
}

TEST(WalBuilderTest, ClearForgetsBytesButNotWhereItIs) {
  WalBuilder builder = builder_of(1);
  const RecordSpan first = builder.append_noop(data_of(100));
  builder.clear();
  EXPECT_TRUE(builder.bytes().empty());
  EXPECT_EQ(builder.begin(), first.end);
  builder.append_noop(data_of(3));
  EXPECT_EQ(load_header<RecordHeader>(builder.bytes()).previous, first.begin.value());
}

TEST(WalBuilderTest, AnOverwrittenRecordIsVoidAndItsNoticeNamesIt) {
  for (const std::uint32_t pages : {1u, 3u}) {
    WalBuilder builder = builder_of(1);
    const RecordSpan before = builder.append_noop(data_of(100));
    const RecordSpan half = builder.append_overwritten(data_of(60000), pages);
    EXPECT_EQ(half.begin, before.end);
    EXPECT_EQ(half.end, Lsn((1 << 20) + pages * kPageBytes));

    const auto next_page = builder.bytes().subspan(half.end - builder.begin());
    const auto page = load_header<PageHeader>(next_page);
    EXPECT_EQ(page.info, kPageFirstIsOverwriteContrecord);
    EXPECT_EQ(page.remaining_length, 0u);
    const auto notice = load_header<RecordHeader>(next_page.subspan(sizeof(PageHeader)));
    EXPECT_EQ(notice.info, kXlogOverwriteContrecord);
    EXPECT_EQ(notice.total_length, 24u + 2 + 16);
    EXPECT_EQ(notice.previous, before.begin.value());
    const auto void_lsn = next_page.subspan(sizeof(PageHeader) + kRecordHeaderBytes + 2);
    EXPECT_EQ(load_header<std::uint64_t>(void_lsn), half.begin.value());
    EXPECT_EQ(builder.previous_record(), half.end + sizeof(PageHeader));
  }
}

TEST(WalBuilderTest, AnOverwriteAtASegmentsStartHasTheLongHeader) {
  WalBuilder builder = builder_near_segment_end(8);
  const RecordSpan half = builder.append_overwritten(data_of(100));
  const auto first = load_header<PageHeader>(builder.bytes().subspan(half.end - builder.begin()));
  EXPECT_EQ(first.info, kPageFirstIsOverwriteContrecord | kPageLongHeader);
}

TEST(WalBuilderDeathTest, StartsOnlyWhereARecordCanStart) {
  const Identity identity = identity_of(1);
  EXPECT_DEATH(WalBuilder(identity, kTimeline, Lsn()), "CHECK");
  EXPECT_DEATH(WalBuilder(identity, kTimeline, Lsn((1 << 20) + 44)), "CHECK");
  EXPECT_DEATH(WalBuilder(identity, kTimeline, Lsn((1 << 20) + 24)), "CHECK");
}

TEST(WalBuilderDeathTest, AppendsNothingAfterOmittedPaddingUntilCleared) {
  WalBuilder builder = builder_of(1);
  builder.append_noop(data_of(1));
  builder.append_switch(WalBuilder::Padding::kOmitted);
  EXPECT_DEATH(builder.append_noop(data_of(1)), "contiguous");
}

}  // namespace
}  // namespace server::wal
