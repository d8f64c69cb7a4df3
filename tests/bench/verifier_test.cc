#include "bench/walbench/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "bench/walbench/failures.h"
#include "server/wal/names.h"
#include "tests/support/wal_directory.h"

namespace bench::walbench {
namespace {

using server::wal::Lsn;
using server::wal::SegmentNo;
using server::wal::SegmentSize;
using server::wal::TimelineId;
using testing::HasSubstr;

constexpr SegmentSize k1MB(1 << 20);
constexpr StreamPlan kStream{.timeline = TimelineId{1}, .segment_size = k1MB, .start = Lsn()};

std::vector<std::byte> some_wal(std::size_t size) {
  std::vector<std::byte> wal(size);
  for (std::size_t i = 0; i < size; ++i) wal[i] = static_cast<std::byte>(i * 7 + i / 251);
  return wal;
}

class VerifierTest : public testing::Test {
 protected:
  VerifierTest() { files_.write(begin_, wal_); }

  const runtime::ErrorKind* compare(std::span<const std::byte> bytes) {
    const auto equal = verifier_.compare(kStream, begin_, bytes);
    if (equal.has_value()) return nullptr;
    detail_ = equal.error().detail;
    return equal.error().kind;
  }
  void rename(SegmentNo no, const std::string& name) {
    std::filesystem::rename(files_.segment_path(no), files_.path() + "/" + name);
  }

  const Lsn begin_{(3 << 20) - 1000};  // across the border of segments 2 and 3
  const std::vector<std::byte> wal_ = some_wal(3000);
  tests::WalDirectory files_{TimelineId{1}, k1MB};
  Verifier verifier_{files_.path()};
  std::string detail_;
};

TEST_F(VerifierTest, EqualBytesAreEqualAcrossSegments) { EXPECT_EQ(compare(wal_), nullptr); }

TEST_F(VerifierTest, EveryDifferentByteIsNamed) {
  for (const std::size_t at : {0u, 999u, 1000u, 2999u}) {
    std::vector<std::byte> wrong = wal_;
    wrong[at] ^= std::byte{1};
    ASSERT_EQ(compare(wrong), &kMismatch);
    EXPECT_THAT(detail_, HasSubstr(to_string(begin_ + at)));
  }
}

TEST_F(VerifierTest, APartialFileWillDo) {
  rename(SegmentNo{3}, server::wal::segment_name(TimelineId{1}, SegmentNo{3}, k1MB) + ".partial");
  EXPECT_EQ(compare(wal_), nullptr);
}

TEST_F(VerifierTest, AnotherTimelinesFileIsUsedOnlyIfTheStreamsIsMissing) {
  tests::WalDirectory later(TimelineId{2}, k1MB);
  later.write(Lsn(3 << 20), some_wal(100));
  const std::string name = server::wal::segment_name(TimelineId{2}, SegmentNo{3}, k1MB);
  std::filesystem::copy(later.path() + "/" + name, files_.path() + "/" + name);
  EXPECT_EQ(compare(wal_), nullptr);
  files_.remove(SegmentNo{3});
  Verifier anew(files_.path());
  const auto equal = anew.compare(kStream, begin_, wal_);
  ASSERT_FALSE(equal.has_value());
  EXPECT_EQ(equal.error().kind, &kMismatch);
  EXPECT_THAT(equal.error().detail, HasSubstr(name));
}

TEST_F(VerifierTest, AMissingFileIsNoMismatch) {
  files_.remove(SegmentNo{3});
  EXPECT_EQ(compare(wal_), &kNothingToCompare);
  EXPECT_EQ(compare(std::span(wal_).first(1000)), nullptr);
}

TEST_F(VerifierTest, AShortFileIsNoMismatch) {
  files_.truncate(begin_ + 2000);
  EXPECT_EQ(compare(wal_), &kNothingToCompare);
  EXPECT_EQ(compare(std::span(wal_).first(2000)), nullptr);
  files_.truncate(Lsn(3 << 20));  // to nothing
  EXPECT_EQ(compare(std::span(wal_).first(2000)), &kNothingToCompare);
}

TEST_F(VerifierTest, AFileThatAnotherReplacesIsReadAnew) {
  ASSERT_EQ(compare(wal_), nullptr);
  std::vector<std::byte> other = wal_;
  other[2000] ^= std::byte{1};
  files_.remove(SegmentNo{3});
  files_.write(begin_, other);
  EXPECT_EQ(compare(other), nullptr);
}

TEST_F(VerifierTest, MoreFilesThanAreKeptCanBeCompared) {
  const auto wal = some_wal(100);
  for (std::uint64_t no = 10; no < 10 + Verifier::kFilesMax + 3; ++no) {
    files_.write(k1MB.start(SegmentNo{no}), wal);
    ASSERT_TRUE(verifier_.compare(kStream, k1MB.start(SegmentNo{no}), wal).has_value());
  }
  EXPECT_EQ(compare(wal_), nullptr);
}

}  // namespace
}  // namespace bench::walbench
