// Random flips of one bit, anywhere in used WAL: each is found.

#include <gtest/gtest.h>

#include <random>

#include "server/wal/format.h"
#include "tests/support/random_seed.h"
#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

using wal::Lsn;

constexpr int kRounds = 200;

struct VerifyMutantTest : testing::Test, tests::VerifyRig {
  // Records of many sizes, a long one, a switch, and one that was cut off.
  VerifyMutantTest() {
    for (int i = 0; i < 3; ++i) {
      for (const std::size_t size : {26u, 51u, 300u, 5000u, 31u, 9000u, 27u, 2000u}) add(size);
      add(70'000);
      builder.append_overwritten(tests::filling(30'000), 2);
      add(100);
    }
    builder.append_switch();
    for (int i = 0; i < 100; ++i) add(3000);
    write();
    to = records.back().end;
  }
  void add(std::size_t size) { records.push_back(builder.append_noop(tests::filling(size))); }

  std::byte at(Lsn lsn) const { return directory.read(lsn, lsn + 1)[0]; }
  void flip_bit(Lsn lsn, unsigned bit) {
    const std::byte byte = at(lsn) ^ static_cast<std::byte>(1u << bit);
    directory.write(lsn, std::span(&byte, 1));
  }

  // A bit that means something: of a page header, or of the header and the data of a record.
  struct Bit {
    Lsn lsn;
    unsigned bit;
  };
  Bit draw(std::mt19937& random) const {
    const unsigned bit = random() % 8;
    if (random() % 4 == 0) {
      const std::uint64_t pages = (to - 1).page_start() - begin();
      const Lsn page = begin() + random() % (pages / wal::kPageBytes + 1) * wal::kPageBytes;
      const auto bytes = directory.read(page, page + wal::kPageBytes);
      const auto header = wal::load_header<wal::PageHeader>(bytes);
      const auto offset = static_cast<std::uint32_t>(random() % 20);
      const bool in_padding = header.magic == 0;
      const bool is_optional = offset == 2 && (bit == 2 || bit == 3);  // either is valid
      if (!in_padding && !is_optional) return {page + offset, bit};
    }
    // The last record's length may be flipped to what looks like the end of WAL.
    const auto& record = records[random() % (records.size() - 1)];
    return {in_record(record, random), bit};
  }
  // Not in a page header, and not in what aligns the next record.
  static Lsn in_record(const wal::RecordSpan& record, std::mt19937& random) {
    for (;;) {
      const Lsn lsn = record.begin + random() % (record.end - record.begin);
      const bool in_header = lsn.page_offset() < sizeof(wal::LongPageHeader);
      if (!in_header && lsn + 8 < record.end) return lsn;
      if (lsn < record.begin + wal::kRecordHeaderBytes && !in_header) return lsn;
    }
  }

  Lsn to;
};

TEST_F(VerifyMutantTest, EveryFlipInUsedWalIsFound) {
  std::mt19937 random(tests::random_seed());
  for (int round = 0; round < kRounds; ++round) {
    const Bit bit = draw(random);
    piece_bytes = round % 2 == 0 ? kPieceBytes : wal::kPageBytes * (1 + random() % 7);
    flip_bit(bit.lsn, bit.bit);
    auto range = options();
    range.scope.to = to;
    const tests::Verified verified(range);
    const bool is_found = verified.status == 1 || verified.notes() != 0;
    EXPECT_TRUE(is_found) << "bit " << bit.bit << " at " << to_string(bit.lsn) << "\n"
                          << verified.report;
    flip_bit(bit.lsn, bit.bit);
  }
  EXPECT_EQ(verify().status, 0) << verify().report;
}

// Many at a time: whatever is found, it ends, and says something.
TEST_F(VerifyMutantTest, HeavyDamageIsNeverMoreThanFaults) {
  std::mt19937 random(tests::random_seed());
  for (int round = 0; round < 40; ++round) {
    std::vector<Bit> bits;
    for (int i = 0; i < 60; ++i) {
      bits.push_back({begin() + random() % (to - begin()), static_cast<unsigned>(random() % 8)});
    }
    for (const Bit& bit : bits) flip_bit(bit.lsn, bit.bit);
    piece_bytes = wal::kPageBytes * (1 + random() % 130);
    EXPECT_EQ(verify().status, 1);
    for (const Bit& bit : bits) flip_bit(bit.lsn, bit.bit);
  }
}

}  // namespace
}  // namespace server::verify
