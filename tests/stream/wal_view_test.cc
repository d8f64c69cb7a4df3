#include "server/stream/wal_view.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/stream/view_rig.h"

namespace tests {

using server::wal::Lsn;

namespace {

std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct WalViewTest : ::testing::Test {
  WalViewTest() { rig.fill(500'000); }
  server::wal::SegmentRef opened() {
    return *rig.segments.open(*rig.tail.timelines(), rig.begin());
  }

  ViewRig rig;
  const Lsn from = rig.begin() + 1000;
};

TEST(WalViewSpansTest, SpansRaiseTheEnd) {
  ViewRig rig;
  EXPECT_FALSE(rig.view.has_wal());
  EXPECT_FALSE(rig.view.take_spans());
  rig.grow(10'000);
  rig.publish();
  EXPECT_TRUE(rig.view.take_spans());
  EXPECT_TRUE(rig.view.has_wal());
  EXPECT_EQ(rig.view.end(), rig.end());
  EXPECT_FALSE(rig.view.take_spans());
}

TEST_F(WalViewTest, BytesAreReadOnceForAllThatAskForTheSame) {
  const auto segment = opened();
  const auto first = rig.view.bytes(*segment, from, from + 5000);
  ASSERT_TRUE(first.has_value());
  const auto again = rig.view.bytes(*segment, from + 100, from + 5000);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->data(), first->data() + 100);
}

TEST_F(WalViewTest, BytesOfAFileThatHasChangedAreReadAnew) {
  const auto segment = opened();
  ASSERT_TRUE(rig.view.bytes(*segment, from, from + 5000).has_value());
  rig.directory.flip(from + 100);
  rig.view.forget(rig.segment(1));
  const auto read = rig.view.bytes(*segment, from, from + 5000);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(as_string(*read), rig.wal(from, from + 5000));
}

// The name is looked up behind the copy, and only where the file is not held.
TEST_F(WalViewTest, BytesOfAFileThatWasRecycledAreNone) {
  const auto segment = opened();
  rig.directory.replace(rig.segment(1));
  EXPECT_TRUE(rig.view.bytes(*segment, from, from + 5000, /*held=*/true).has_value());
  EXPECT_TRUE(rig.view.bytes(*segment, from, from + 5000, /*held=*/false).has_value())
      << "they were read before";
  const auto longer = rig.view.bytes(*segment, from, from + 6000, /*held=*/false);
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().kind, &server::wal::kWalRemoved);
  EXPECT_FALSE(rig.view.bytes(*segment, from, from + 5000, /*held=*/false).has_value())
      << "nothing of it is kept";
}

}  // namespace

}  // namespace tests
