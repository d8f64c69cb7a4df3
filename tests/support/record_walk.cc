#include "tests/support/record_walk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/wal/crc32c.h"

namespace tests {

using namespace server::wal;  // NOLINT(google-build-using-namespace): this file speaks of little
                              // else

namespace {

// Takes WAL off the front, and the page headers in it.
class Walk {
 public:
  Walk(const Identity& identity, TimelineId timeline, Lsn begin, std::span<const std::byte> wal)
      : identity_(identity), timeline_(timeline), lsn_(begin), wal_(wal) {}

  bool done() const { return wal_.empty(); }

  WalkedRecord record() {
    if (lsn_.page_offset() == 0) page_header(0);
    WalkedRecord record{.begin = lsn_, .end = {}, .header = {}, .body = {}};
    // Until the length is read, so much is known to be missing; four bytes are always on this page.
    const auto length = load_header<std::uint32_t>(wal_);
    left_ = length;
    std::vector<std::byte> whole;
    while (left_ > 0 && !HasFatalFailure()) part(whole);
    record.header = load_header<RecordHeader>(whole);
    record.body.assign(whole.begin() + kRecordHeaderBytes, whole.end());
    check(record, whole);
    skip(lsn_.aligned() - lsn_);
    record.end = lsn_;
    if (is_switch(record.header.rmid, record.header.info)) padding();
    return record;
  }

 private:
  static bool HasFatalFailure() { return ::testing::Test::HasFatalFailure(); }

  void part(std::vector<std::byte>& whole) {
    if (lsn_.page_offset() == 0) page_header(kPageFirstIsContrecord);
    const std::size_t size = std::min<std::size_t>(left_, kPageBytes - lsn_.page_offset());
    ASSERT_GE(wal_.size(), size) << "a record is cut off";
    whole.insert(whole.end(), wal_.begin(), wal_.begin() + static_cast<std::ptrdiff_t>(size));
    skip(size);
    left_ -= static_cast<std::uint32_t>(size);
  }

  void page_header(std::uint16_t flags) {
    const bool is_long = identity_.segment_size.offset(lsn_) == 0;
    const auto size = is_long ? sizeof(LongPageHeader) : sizeof(PageHeader);
    ASSERT_GE(wal_.size(), size);
    const auto page = load_header<PageHeader>(wal_);
    EXPECT_EQ(page.magic, identity_.page_magic);
    EXPECT_EQ(page.info, flags | (is_long ? kPageLongHeader : 0)) << to_string(lsn_);
    EXPECT_EQ(page.timeline, value(timeline_));
    EXPECT_EQ(page.page_address, lsn_.value());
    EXPECT_EQ(page.remaining_length, left_) << to_string(lsn_);
    if (is_long) long_part(load_header<LongPageHeader>(wal_));
    skip(size);
  }

  void long_part(const LongPageHeader& header) const {
    EXPECT_EQ(header.system_identifier, identity_.system_identifier);
    EXPECT_EQ(header.segment_bytes, identity_.segment_size.bytes());
    EXPECT_EQ(header.page_bytes, kPageBytes);
  }

  void check(const WalkedRecord& record, std::span<const std::byte> whole) {
    EXPECT_EQ(record.header.previous, previous_.value()) << to_string(record.begin);
    const auto crc = Crc32c()
                         .update(whole.subspan(kRecordHeaderBytes))
                         .update(whole.first(kRecordCrcOffset))
                         .value();
    EXPECT_EQ(record.header.crc, crc) << to_string(record.begin);
    previous_ = record.begin;
  }

  void padding() {
    const std::uint32_t offset = identity_.segment_size.offset(lsn_);
    const std::uint64_t size = offset == 0 ? 0 : identity_.segment_size.bytes() - offset;
    ASSERT_GE(wal_.size(), size);
    EXPECT_TRUE(
        std::ranges::all_of(wal_.first(size), [](std::byte b) { return b == std::byte{}; }));
    skip(size);
  }

  void skip(std::uint64_t size) {
    wal_ = wal_.subspan(size);
    lsn_ += size;
  }

  const Identity identity_;
  const TimelineId timeline_;
  Lsn lsn_;
  Lsn previous_;
  std::span<const std::byte> wal_;
  std::uint32_t left_ = 0;  // bytes of the record that are still to come
};

}  // namespace

std::vector<WalkedRecord> walk_records(const Identity& identity, TimelineId timeline, Lsn begin,
                                       std::span<const std::byte> wal) {
  std::vector<WalkedRecord> records;
  Walk walk(identity, timeline, begin, wal);
  while (!walk.done() && !::testing::Test::HasFatalFailure()) records.push_back(walk.record());
  return records;
}

}  // namespace tests
