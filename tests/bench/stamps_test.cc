#include "bench/walbench/stamps.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <ctime>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/arrival.h"
#include "tests/runtime/loopback.h"

namespace bench::walbench {
namespace {

using server::wal::kPageBytes;
using server::wal::Lsn;
using server::wal::SegmentSize;

constexpr WallNanos kStamp = 0x1234567890ABC;
constexpr Lsn kInAPage(0x2000 + 100);
constexpr SegmentSize kSegments(1 << 20);
const std::string kText = "one@0001234567890abc";

// What a finder finds in pieces that follow each other from `at` on.
std::vector<WallNanos> found_in(const std::vector<std::string>& pieces, Lsn at = kInAPage) {
  StampFinder finder("one");
  std::vector<WallNanos> found;
  for (const std::string& piece : pieces) {
    finder.find(at, kSegments, std::as_bytes(std::span(piece)), found);
    at += piece.size();
  }
  return found;
}

TEST(StampsTest, AStampIsALabelAndATime) { EXPECT_EQ(stamp("one", kStamp), kText); }

TEST(StampsTest, TheTimeBetweenIsNeverLessThanNone) {
  EXPECT_EQ(micros_between(kStamp, kStamp + 5'999), 5u);
  EXPECT_EQ(micros_between(kStamp, kStamp - 5'000), 0u);
}

TEST(StampsTest, EveryStampOfTheLabelIsFound) {
  const std::string wal = "record" + kText + kText + "two@0001234567890abc" + kText + "record";
  EXPECT_EQ(found_in({wal}), std::vector(3, kStamp));
}

TEST(StampsTest, WhatIsNoWholeStampIsLeftOut) {
  for (std::size_t size = 0; size < kText.size(); ++size) {
    EXPECT_TRUE(found_in({kText.substr(0, size)}).empty()) << size;
  }
  EXPECT_TRUE(found_in({"one@000123456789-abc"}).empty());
  EXPECT_TRUE(found_in({"one 0001234567890abc"}).empty());
  EXPECT_TRUE(found_in({"one@one@000"}).empty());
}

// Each stamp is found once, however its bytes are dealt out.
TEST(StampsTest, AStampIsFoundThoughItComesInPieces) {
  const std::string wal = "r" + kText + "record" + kText;
  for (std::size_t first = 0; first <= wal.size(); ++first) {
    for (std::size_t second = first; second <= wal.size(); ++second) {
      const auto found =
          found_in({wal.substr(0, first), wal.substr(first, second - first), wal.substr(second)});
      EXPECT_EQ(found, std::vector(2, kStamp)) << first << " " << second;
    }
  }
  std::vector<std::string> bytes;
  for (const char byte : wal) bytes.emplace_back(1, byte);
  EXPECT_EQ(found_in(bytes), std::vector(2, kStamp));
}

// The header of a page is 24 bytes, that of a segment's first page 40.
TEST(StampsTest, AStampIsFoundThoughAPageBeginsInIt) {
  for (const auto& [page, header] :
       {std::pair{Lsn(2 * kPageBytes), 24u}, std::pair{Lsn(1 << 20), 40u}}) {
    for (std::size_t before = 0; before <= kText.size(); ++before) {
      const std::string wal =
          kText.substr(0, before) + std::string(header, 'h') + kText.substr(before);
      for (std::size_t cut = 0; cut <= wal.size(); ++cut) {
        EXPECT_EQ(found_in({wal.substr(0, cut), wal.substr(cut)}, page - before),
                  std::vector(1, kStamp))
            << before << " " << cut;
      }
    }
  }
}

TEST(StampsTest, PiecesOfDifferentPlacesAreNotJoined) {
  StampFinder finder("one");
  std::vector<WallNanos> found;
  const std::string begin = kText.substr(0, 10);
  const std::string end = kText.substr(10);
  finder.find(kInAPage, kSegments, std::as_bytes(std::span(begin)), found);
  finder.find(kInAPage + 11, kSegments, std::as_bytes(std::span(end)), found);
  EXPECT_TRUE(found.empty());
}

TEST(StampsTest, WhatIsReadHasTheTimeAtWhichItCame) {
  const tests::Loopback sockets;
  runtime::note_arrivals(sockets.here());
  std::byte buffer[8];
  WallNanos arrived_at = 0;
  EXPECT_EQ(receive_at(sockets.here(), buffer, arrived_at).status,
            runtime::IoResult::Status::kBlocked);
  timespec before{};
  ::clock_gettime(CLOCK_REALTIME, &before);
  ASSERT_EQ(::send(sockets.there(), "12345", 5, 0), 5);
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  const auto result = receive_at(sockets.here(), buffer, arrived_at);
  EXPECT_EQ(result.status, runtime::IoResult::Status::kDone);
  EXPECT_EQ(result.bytes, 5u);
  EXPECT_GE(arrived_at, before.tv_sec * 1'000'000'000 + before.tv_nsec);
  ASSERT_EQ(::shutdown(sockets.there(), SHUT_WR), 0);
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  EXPECT_EQ(receive_at(sockets.here(), buffer, arrived_at).status, runtime::IoResult::Status::kEnd);
}

}  // namespace
}  // namespace bench::walbench
