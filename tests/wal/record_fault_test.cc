// What is wrong with WAL, and whether it is its end: the words are those of PostgreSQL 15.

#include <gtest/gtest.h>

#include <cstring>
#include <random>

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
const Lsn kBegin = kIdentity.segment_size.start(SegmentNo{1});
const Lsn kSecondPage = kBegin + kPageBytes;

template <typename T>
void put(MemoryPages& pages, Lsn lsn, T value) {
  std::memcpy(&pages.at(lsn), &value, sizeof(value));
}

// A record of two pages and a half, and one after it.
struct Stream {
  WalBuilder builder = builder_of(kIdentity);
  RecordSpan first = builder.append_noop(filling(20000));
  RecordSpan second = builder.append_noop(filling(100));
  MemoryPages pages{builder};

  // Reads until it stops, and says where and why.
  Outcome stop() {
    reader.seek(kBegin);
    Outcome outcome = Outcome::kRecord;
    while (outcome == Outcome::kRecord) outcome = reader.next();
    return outcome;
  }
  RecordReader reader{pages, kIdentity};
};

struct Damage {
  const char* name;
  std::uint32_t offset;  // in the page header
  std::uint64_t value;
  std::size_t size;
  Outcome outcome;
  const char* what;
};

class PageFaultTest : public testing::TestWithParam<Damage> {};

constexpr const char* kForeign =
    "WAL file is from different database system: WAL file database system identifier is 7, "
    "pg_control database system identifier is 81985529216486895";

INSTANTIATE_TEST_SUITE_P(
    FirstPage, PageFaultTest,
    testing::Values(
        Damage{"Zero", 0, 0, 2, Outcome::kEndOfWal,
               "invalid magic number 0000 in log segment 000000010000000000000001, offset 0"},
        Damage{"Magic", 0, 0xD10D, 2, Outcome::kInvalid,
               "invalid magic number D10D in log segment 000000010000000000000001, offset 0"},
        Damage{"UnknownFlag", 2, 0x12, 2, Outcome::kInvalid,
               "invalid info bits 0012 in log segment 000000010000000000000001, offset 0"},
        Damage{"NoLongHeader", 2, 0, 2, Outcome::kInvalid,
               "invalid info bits 0000 in log segment 000000010000000000000001, offset 0"},
        Damage{"TimelineZero", 4, 0, 4, Outcome::kInvalid,
               "unexpected timeline ID 0 in log segment 000000010000000000000001, offset 0"},
        Damage{"LaterTimelineThanItsFile", 4, 2, 4, Outcome::kInvalid,
               "unexpected timeline ID 2 in log segment 000000010000000000000001, offset 0"},
        Damage{"Recycled", 8, 0x2000, 8, Outcome::kEndOfWal,
               "unexpected pageaddr 0/2000 in log segment 000000010000000000000001, offset 0"},
        Damage{"FromTheFuture", 8, 0x100002000, 8, Outcome::kInvalid,
               "unexpected pageaddr 1/2000 in log segment 000000010000000000000001, offset 0"},
        Damage{"OtherSystem", 24, 7, 8, Outcome::kInvalid, kForeign},
        Damage{"OtherSegmentSize", 32, 16u << 20, 4, Outcome::kInvalid,
               "WAL file is from different database system: incorrect segment size in page header"},
        Damage{"OtherPageSize", 36, 4096, 4, Outcome::kInvalid,
               "WAL file is from different database system: incorrect XLOG_BLCKSZ in page header"},
        Damage{"Continuation", 2, 3, 2, Outcome::kInvalid, "contrecord is requested by 0/100028"}),
    [](const auto& test) { return test.param.name; });

TEST_P(PageFaultTest, IsNamed) {
  Stream stream;
  std::memcpy(&stream.pages.at(kBegin + GetParam().offset), &GetParam().value, GetParam().size);
  EXPECT_EQ(stream.stop(), GetParam().outcome);
  EXPECT_EQ(stream.reader.fault().what, GetParam().what);
  EXPECT_EQ(stream.reader.position(), kBegin);
}

TEST(RecordFaultTest, ALaterPageMustContinueTheRecord) {
  Stream stream;
  put(stream.pages, kSecondPage + 2, std::uint16_t{0});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what, "there is no contrecord flag at 0/100028");
  put(stream.pages, kSecondPage + 2, std::uint16_t{1});
  put(stream.pages, kSecondPage + 16, std::uint32_t{4711});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            "invalid contrecord length 4711 (expected 11848) at 0/100028");
  put(stream.pages, kSecondPage + 16, std::uint32_t{11848});
  put(stream.pages, kSecondPage + 2, std::uint16_t{kPageFirstIsContrecord | kPageLongHeader});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().kind, FaultKind::kInfoBits);
}

TEST(RecordFaultTest, APageOnTheWayThatIsNotWrittenYetIsTheEnd) {
  for (const std::uint64_t address : {0ull, 0x4000ull}) {
    Stream stream;
    put(stream.pages, kSecondPage + kPageBytes + 8, address);
    EXPECT_EQ(stream.stop(), Outcome::kEndOfWal);
    EXPECT_EQ(stream.reader.position(), kBegin);
    EXPECT_EQ(stream.reader.fault().lsn, kSecondPage + kPageBytes);
  }
}

TEST(RecordFaultTest, TimelinesDoNotDecrease) {
  Stream stream;
  stream.pages.set_timeline(TimelineId{5});
  put(stream.pages, kSecondPage + 4, std::uint32_t{3});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            "out-of-sequence timeline ID 1 (after 3) in log segment 000000050000000000000001, "
            "offset 16384");
  put(stream.pages, kSecondPage + kPageBytes + 4, std::uint32_t{3});
  EXPECT_EQ(stream.stop(), Outcome::kEndOfWal);
  EXPECT_EQ(stream.reader.position(), stream.second.end);
}

TEST(RecordFaultTest, ARecordHasASaneLength) {
  const Lsn at = Stream().second.begin;
  Stream stream;
  put(stream.pages, at, std::uint32_t{0});
  EXPECT_EQ(stream.stop(), Outcome::kEndOfWal);
  EXPECT_EQ(stream.reader.fault().what,
            runtime::format("invalid record length at {}: wanted 24, got 0", at));
  put(stream.pages, at, std::uint32_t{23});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            runtime::format("invalid record length at {}: wanted 24, got 23", at));
  put(stream.pages, at, kRecordBytesMax + 1);
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            runtime::format("record length {} at {} too long", kRecordBytesMax + 1, at));
  EXPECT_EQ(stream.reader.position(), at);
}

TEST(RecordFaultTest, ARecordNamesTheOneBeforeIt) {
  Stream stream;
  put(stream.pages, stream.second.begin + 8, std::uint64_t{0x100000008});
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            runtime::format("record with incorrect prev-link 1/8 at {}", stream.second.begin));
  // Without knowing the one before, it still must lie before.
  stream.reader.seek(stream.second.begin);
  EXPECT_EQ(stream.reader.next(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().kind, FaultKind::kPrevLink);
}

TEST(RecordFaultTest, AWrongChecksumIsInvalid) {
  Stream stream;
  stream.pages.at(stream.first.begin + 15000) ^= std::byte{4};
  EXPECT_EQ(stream.stop(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what,
            "incorrect resource manager data checksum in record at 0/100028");
  EXPECT_EQ(stream.reader.fault().kind, FaultKind::kChecksum);
}

// A length that was damaged so that the record reached to a page after a void record made it void
// too, and the reader never looked at the rest of it.
TEST(RecordFaultTest, ARecordIsVoidOnlyIfTheOneThatReplacedItSaysSo) {
  WalBuilder builder = builder_of(kIdentity);
  tests::leave_on_page(builder, 16);
  const auto voided = builder.append_overwritten(filling(20000));
  const auto last = builder.append_noop(filling(100));
  MemoryPages pages(builder);
  RecordReader reader(pages, kIdentity);
  reader.seek(kBegin);
  EXPECT_EQ(read_all(reader).size(), 4u);
  EXPECT_EQ(reader.position(), last.end);

  const Lsn damaged = kBegin + sizeof(LongPageHeader) + 64;
  put(pages, damaged, std::uint32_t{8192});
  reader.seek(damaged);
  EXPECT_EQ(reader.next(), Outcome::kInvalid);
  EXPECT_EQ(reader.position(), damaged);
  EXPECT_EQ(reader.fault().what,
            runtime::format("mismatching overwritten LSN {} -> {}", voided.begin, damaged));
}

TEST(RecordFaultTest, NothingElseReplacesAVoidRecord) {
  WalBuilder builder = builder_of(kIdentity);
  const auto voided = builder.append_overwritten(filling(20000));
  MemoryPages pages(builder);
  const Lsn notice = builder.previous_record();
  RecordReader reader(pages, kIdentity);
  const auto stopped_by = [&] {
    reader.seek(kBegin);
    EXPECT_EQ(reader.next(), Outcome::kInvalid);
    EXPECT_EQ(reader.position(), kBegin);
    return reader.fault().what;
  };
  const std::string other_kind =
      runtime::format("mismatching overwritten LSN 0/0 -> {}", voided.begin);
  put(pages, notice + offsetof(RecordHeader, info), kXlogNoop);
  EXPECT_EQ(stopped_by(), other_kind);
  put(pages, notice + offsetof(RecordHeader, info), kXlogOverwriteContrecord);
  put(pages, notice, std::uint32_t{40});
  EXPECT_EQ(stopped_by(), other_kind);
  put(pages, notice, std::uint32_t{42});
  put(pages, notice + kRecordHeaderBytes + 2, voided.begin.value() + 8);
  EXPECT_EQ(stopped_by(), runtime::format("mismatching overwritten LSN {} -> {}", voided.begin + 8,
                                          voided.begin));
}

TEST(RecordFaultTest, NoRecordStartsInsideAPageHeader) {
  Stream stream;
  stream.reader.seek(kSecondPage + 8);
  EXPECT_EQ(stream.reader.next(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what, "invalid record offset at 0/102008");
}

TEST(RecordFaultTest, TheFirstPageOfASegmentIsCheckedWhereverItIsEntered) {
  Stream stream;
  put(stream.pages, kBegin + 24, std::uint64_t{7});
  stream.reader.seek(stream.second.begin, stream.first.begin);
  EXPECT_EQ(stream.reader.next(), Outcome::kInvalid);
  EXPECT_EQ(stream.reader.fault().what, kForeign);
}

TEST(RecordFaultTest, AMissingFileIsTheEndAndSaysSo) {
  Stream stream;
  stream.reader.seek(kBegin + kIdentity.segment_size.bytes());
  EXPECT_EQ(stream.reader.next(), Outcome::kEndOfWal);
  ASSERT_TRUE(stream.reader.problem());
  EXPECT_EQ(stream.reader.problem()->kind, &runtime::kFileMissing);
  EXPECT_EQ(stream.stop(), Outcome::kEndOfWal);
  EXPECT_FALSE(stream.reader.problem());
}

void use_everything(RecordReader& reader, Lsn lsn) {
  reader.seek(lsn.aligned());
  for (int i = 0; i < 100 && reader.next() == Outcome::kRecord; ++i) reader.fault();
  EXPECT_NE(reader.next(), Outcome::kRecord);
  EXPECT_NE(reader.fault().what, "");
  reader.seek_first(lsn);
  reader.seek_covering(lsn);
  EXPECT_LE(reader.next(), Outcome::kInvalid);
}

TEST(RecordFaultTest, GarbageIsNeverMoreThanAFault) {
  std::mt19937 random(4711);
  std::vector<std::byte> bytes(8 * kPageBytes);
  for (int round = 0; round < 50; ++round) {
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    MemoryPages pages(kBegin, bytes);
    // Half of the pages have a good header, so that records are looked for.
    for (Lsn page = kBegin; page < pages.end(); page += kPageBytes) {
      LongPageHeader header{{0xD110, static_cast<std::uint16_t>(random() & 9), 1, page.value(),
                             static_cast<std::uint32_t>(random() % 20000), 0},
                            kIdentity.system_identifier,
                            kIdentity.segment_size.bytes(),
                            kPageBytes};
      if (page == kBegin) header.page.info |= kPageLongHeader;
      if (page == kBegin || random() % 2 == 0) {
        std::memcpy(&pages.at(page), &header, page_header_bytes(page, kIdentity.segment_size));
      }
    }
    pages.show(random() % (bytes.size() + 1));
    RecordReader reader(pages, kIdentity);
    for (int i = 0; i < 20; ++i) use_everything(reader, kBegin + random() % bytes.size());
  }
}

TEST(RecordFaultTest, ScrambledWalIsNeverMoreThanAFault) {
  std::mt19937 random(815);
  for (int round = 0; round < 200; ++round) {
    MemoryPages pages(tests::small_stream(kIdentity));
    for (int i = 0; i < 6; ++i) {
      pages.at(kBegin + random() % pages.size()) = static_cast<std::byte>(random());
    }
    RecordReader reader(pages, kIdentity);
    use_everything(reader, kBegin);
    use_everything(reader, kBegin + random() % pages.size());
  }
}

}  // namespace
}  // namespace server::wal
