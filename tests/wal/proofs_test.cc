#include "server/wal/proofs.h"

#include <gtest/gtest.h>

#include "tests/wal/segments_rig.h"

namespace tests {

using server::wal::FileId;
using server::wal::Lsn;
using server::wal::Proofs;
using server::wal::ReadFiles;
using server::wal::SegmentNo;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct ProofsTest : SegmentsTest {
  ProofsTest() : SegmentsTest(4) { grow(17 * kMb); }

  ReadFiles files(std::uint64_t first, std::uint64_t last) {
    ReadFiles read;
    for (auto no = first; no <= last; ++no) {
      read.emplace(segment(no), opened(segment_start(no))->id());
    }
    return read;
  }
  bool covers(Lsn lsn, Lsn end) { return proofs.covers(*opened(lsn), lsn, end); }
  void forget(std::uint64_t no) { proofs.forget(segment(no), identity.segment_size); }

  Proofs proofs;
};

TEST_F(ProofsTest, ARangeCoversWhatLiesInIt) {
  proofs.add(proofs.begin(), begin() + 100, begin() + kMb, files(1, 1));
  EXPECT_TRUE(covers(begin() + 100, begin() + kMb));
  EXPECT_TRUE(covers(begin() + 500, begin() + 600));
  EXPECT_FALSE(covers(begin() + 99, begin() + 600));
  EXPECT_FALSE(covers(begin() + 500, begin() + kMb + 1));
  EXPECT_FALSE(covers(begin() + 2 * kMb, begin() + 2 * kMb + 1));
}

TEST_F(ProofsTest, RangesThatTouchCoverTogether) {
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    proofs.add(proofs.begin(), begin() + from, begin() + to, files(1, 1));
  };
  add(0, 1000);
  add(3000, 4000);
  add(900, 2000);
  EXPECT_TRUE(covers(begin(), begin() + 2000));
  EXPECT_FALSE(covers(begin(), begin() + 4000));
  add(2000, 3000);
  EXPECT_TRUE(covers(begin(), begin() + 4000));
  EXPECT_EQ(proofs.ranges_for_test(), 4u);
  add(0, 4000);
  EXPECT_EQ(proofs.ranges_for_test(), 1u) << "what it contains goes";
  add(100, 200);
  EXPECT_EQ(proofs.ranges_for_test(), 1u);
}

TEST_F(ProofsTest, AFileThatChangesTakesAllThatWasProvenWithABytesOfIt) {
  proofs.add(proofs.begin(), begin() + 100, begin() + 11 * kMb, files(1, 3));
  proofs.add(proofs.begin(), begin() + 11 * kMb, begin() + 12 * kMb, files(3, 3));
  forget(2);
  EXPECT_FALSE(covers(begin() + 100, begin() + 200));
  EXPECT_FALSE(covers(segment_start(3), segment_start(3) + kMb));
  EXPECT_TRUE(covers(begin() + 11 * kMb, begin() + 12 * kMb));
}

TEST_F(ProofsTest, WhatChangesWhileAProofRunsIsNotProven) {
  const auto begun = proofs.begin();
  forget(2);
  proofs.add(begun, begin(), begin() + 9 * kMb, files(1, 3));
  EXPECT_EQ(proofs.ranges_for_test(), 0u);
  proofs.add(begun, begin(), begin() + kMb, files(1, 1));
  EXPECT_EQ(proofs.ranges_for_test(), 1u) << "its file has not changed";
  proofs.add(proofs.begin(), begin() + kMb, begin() + 9 * kMb, files(1, 3));
  EXPECT_EQ(proofs.ranges_for_test(), 2u) << "it began later";
}

TEST_F(ProofsTest, SoManyChangesAsAreNotRememberedCountForAllFiles) {
  const auto begun = proofs.begin();
  for (std::uint64_t no = 0; no <= Proofs::kForgottenMax; ++no) forget(100 + no);
  proofs.add(begun, begin(), begin() + kMb, files(1, 1));
  EXPECT_EQ(proofs.ranges_for_test(), 0u);
}

TEST_F(ProofsTest, AProofInAnotherFileTakesTheEarliersPlace) {
  proofs.add(proofs.begin(), begin(), begin() + 9 * kMb, files(1, 3));
  directory.replace(segment(2));
  EXPECT_FALSE(covers(segment_start(2), segment_start(2) + kMb)) << "it is another file";
  proofs.add(proofs.begin(), segment_start(2), segment_start(2) + kMb, files(2, 2));
  EXPECT_TRUE(covers(segment_start(2), segment_start(2) + kMb));
  EXPECT_FALSE(covers(begin(), begin() + kMb)) << "its record went on in the file that has gone";
}

TEST_F(ProofsTest, TheOldestProofsGoFirst) {
  const ReadFiles read = files(1, 1);
  for (std::uint64_t i = 0; i <= Proofs::kRangesMax; ++i) {
    proofs.add(proofs.begin(), begin() + 64 * i, begin() + 64 * i + 32, read);
  }
  EXPECT_EQ(proofs.ranges_for_test(), Proofs::kRangesMax);
  EXPECT_FALSE(covers(begin(), begin() + 32));
  EXPECT_TRUE(covers(begin() + 64, begin() + 96));
}

}  // namespace

}  // namespace tests
