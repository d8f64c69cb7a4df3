#include "server/source/resumption.h"

#include <gtest/gtest.h>

namespace server::source {
namespace {

using wal::Lsn;
using wal::SpoolPositions;
using Loss = Resumption::Loss;

constexpr std::uint64_t kSegment = 1 << 20;

Lsn in_segment(std::uint64_t no, std::uint64_t offset = 0) { return Lsn(no * kSegment + offset); }
SpoolPositions spool(Lsn proven, Lsn written) {
  return SpoolPositions({.written = written, .proven = proven, .flushed = written});
}

struct ResumptionTest : ::testing::Test {
  Lsn begin() const { return resumption.begin(positions); }
  void restart(Lsn proven, Lsn written) {
    positions = spool(proven, written);
    resumption.restart(positions, wal::SegmentSize(kSegment));
  }
  void connect(Lsn shared = Lsn::max()) { resumption.connect(positions, shared); }
  // As RelaySource does: what lies behind the begin of the stream is taken back.
  void receive(std::uint64_t bytes) {
    const Lsn from = begin();
    positions = spool(positions.proven(), from);
    resumption.on_wal(positions);
    positions = spool(positions.proven(), from + bytes);
  }
  void lose(Loss loss) { resumption.on_lost(positions, loss); }

  Resumption resumption;
  SpoolPositions positions = spool(in_segment(5, 100), in_segment(7, 8192));
};

TEST_F(ResumptionTest, AStreamGoesOnWhereTheLastOneWasLost) {
  connect();
  resumption.on_stream();
  receive(8192);
  EXPECT_EQ(begin(), in_segment(7, 2 * 8192));
  lose(Loss::kLost);
  connect();
  EXPECT_EQ(begin(), in_segment(7, 2 * 8192));
}

TEST_F(ResumptionTest, AfterARestartTheSegmentsThatMayBeTornAreReceivedAgain) {
  restart(in_segment(3, 100), in_segment(7, 8192));
  EXPECT_EQ(begin(), in_segment(6));
  restart(in_segment(6, 100), in_segment(7, 8192));
  EXPECT_EQ(begin(), in_segment(6, 100)) << "from where it is proven, if that is later";
  restart(in_segment(7, 100), in_segment(7, 100));
  EXPECT_EQ(begin(), in_segment(7, 100));
}

// The slot stands at the begin of segment 7, so the primary may have removed 6, and all of 6 is on
// disk.
TEST_F(ResumptionTest, APrimaryThatHasNoMoreThanTheNewestSegmentIsAskedForThat) {
  restart(in_segment(3, 100), in_segment(7));
  connect();
  EXPECT_EQ(begin(), in_segment(6));
  resumption.on_stream();
  lose(Loss::kRefused);
  connect();
  EXPECT_EQ(begin(), in_segment(7));
  resumption.on_stream();
  lose(Loss::kRefused);
  EXPECT_EQ(begin(), in_segment(6)) << "the next primary may have it";
}

// The walsender that a crash of this host has left there holds the slot for a while.
TEST_F(ResumptionTest, AStreamThatIsRefusedAtOnceSaysNothingOfTheWal) {
  restart(in_segment(3, 100), in_segment(7, 8192));
  connect();
  lose(Loss::kRefused);
  EXPECT_EQ(begin(), in_segment(6));
  lose(Loss::kLost);
  EXPECT_EQ(begin(), in_segment(6));
}

TEST_F(ResumptionTest, APrimaryThatLacksWalIsAskedFromWhereItIsProven) {
  connect(in_segment(6));
  EXPECT_EQ(begin(), in_segment(5, 100));
  lose(Loss::kLost);
  connect();
  EXPECT_EQ(begin(), in_segment(7, 8192)) << "another one has it, and nothing was taken back";
  lose(Loss::kLost);
  connect(in_segment(6));
  receive(8192);
  EXPECT_EQ(begin(), in_segment(5, 100 + 8192));
  lose(Loss::kLost);
  connect();
  EXPECT_EQ(begin(), in_segment(5, 100 + 8192));
}

TEST_F(ResumptionTest, WhatIsWrongIsReceivedAgain) {
  connect();
  resumption.on_stream();
  receive(8192);
  lose(Loss::kWrong);
  connect();
  EXPECT_EQ(begin(), in_segment(5, 100)) << "all that is not proven";
  resumption.on_stream();
  lose(Loss::kRefused);
  connect();
  EXPECT_EQ(begin(), in_segment(7, 8192)) << "or what the wrong primary sent";
}

}  // namespace
}  // namespace server::source
