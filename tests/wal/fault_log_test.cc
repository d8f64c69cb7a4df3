#include "server/wal/fault_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "runtime/format.h"
#include "tests/support/logged.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

using tests::count_of;
using tests::logged;

const Identity kIdentity = tests::identity_of(1);
constexpr TimelineId kTimeline{1};
constexpr SegmentNo kNo{5};
const Lsn kBegin = kIdentity.segment_size.start(kNo);
const Lsn kEnd = kIdentity.segment_size.end(kNo);

class FaultLogTest : public testing::Test {
 protected:
  void report(Lsn lsn, const std::string& what = "wrong", TimelineId timeline = kTimeline) {
    faults.report({.kind = FaultKind::kChecksum, .lsn = lsn, .what = what}, timeline);
  }
  bool is_news(Lsn lsn, const std::string& what = "wrong") {
    return !logged([&] { report(lsn, what); }).empty();
  }

  FaultLog faults{kIdentity};
};

TEST_F(FaultLogTest, SaysWhereAndWhat) {
  const std::string line = logged([&] {
    report(kBegin + 0x1238, "incorrect resource manager data checksum in record at 0/501238");
  });
  EXPECT_THAT(line, testing::HasSubstr(
                        " WARNING:  invalid WAL in segment 000000010000000000000005, offset 4664, "
                        "LSN 0/501238: incorrect resource manager data checksum in record at "
                        "0/501238; nothing from there on is sent until the file is repaired\n"));
}

TEST_F(FaultLogTest, NamesTheFileInWhichTheFaultLies) {
  const std::string line = logged([&] { report(kBegin, "wrong", TimelineId{0x2A}); });
  EXPECT_THAT(line, testing::HasSubstr("segment 0000002A0000000000000005, offset 0, LSN 0/500000"));
}

TEST_F(FaultLogTest, SaysTheSameOnce) {
  EXPECT_TRUE(is_news(kBegin));
  EXPECT_FALSE(is_news(kBegin));
  EXPECT_FALSE(is_news(kBegin));
}

TEST_F(FaultLogTest, AnotherPlaceIsNews) {
  EXPECT_TRUE(is_news(kBegin));
  EXPECT_TRUE(is_news(kBegin + 8));
  EXPECT_FALSE(is_news(kBegin));
}

TEST_F(FaultLogTest, SomethingElseAtThePlaceIsNews) {
  EXPECT_TRUE(is_news(kBegin, "wrong"));
  EXPECT_TRUE(is_news(kBegin, "worse"));
  EXPECT_FALSE(is_news(kBegin, "wrong"));
}

TEST_F(FaultLogTest, WhatIsForgottenIsNewsAgain) {
  is_news(kBegin, "wrong");
  is_news(kBegin, "worse");
  faults.forget(kNo);
  EXPECT_TRUE(is_news(kBegin, "wrong"));
  EXPECT_FALSE(is_news(kBegin, "wrong"));
  EXPECT_TRUE(is_news(kBegin, "worse"));
}

TEST_F(FaultLogTest, OneSegmentIsForgottenFromItsFirstByteToItsLast) {
  const Lsn inside[] = {kBegin, kBegin + 8, kEnd - 1};
  const Lsn outside[] = {kBegin - 1, kEnd, kEnd + 8};
  for (const Lsn lsn : inside) is_news(lsn);
  for (const Lsn lsn : outside) is_news(lsn);
  faults.forget(kNo);
  for (const Lsn lsn : inside) EXPECT_TRUE(is_news(lsn)) << to_string(lsn);
  for (const Lsn lsn : outside) EXPECT_FALSE(is_news(lsn)) << to_string(lsn);
}

TEST_F(FaultLogTest, ForgettingASegmentWithoutFaultsChangesNothing) {
  faults.forget(kNo);
  is_news(kBegin);
  faults.forget(previous(kNo));
  faults.forget(next(kNo));
  EXPECT_FALSE(is_news(kBegin));
}

TEST_F(FaultLogTest, ManyReadersSayItOnce) {
  constexpr int kReaders = 4;
  constexpr std::uint64_t kFaults = 1000;
  std::latch begin(kReaders);
  const std::string log = logged([&] {
    std::vector<std::thread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        begin.arrive_and_wait();
        for (std::uint64_t fault = 0; fault < kFaults; ++fault) report(kBegin + 8 * fault);
      });
    }
    for (std::thread& reader : readers) reader.join();
  });
  EXPECT_EQ(count_of(log, "invalid WAL in segment"), kFaults);
}

}  // namespace
}  // namespace server::wal
