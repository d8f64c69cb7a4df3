#include <gtest/gtest.h>

#include <filesystem>

#include "server/wal/directory_pages.h"
#include "server/wal/reader.h"
#include "tests/stream/sender_rig.h"

// A program that copies a growing directory may put a new file in the place of one that is open.

namespace tests {

using server::wal::Lsn;

namespace {

constexpr std::uint64_t kMb = 1 << 20;

struct ReplaceTest : ::testing::Test {
  // What the source does when it is told of a change.
  void read_on() {
    if (!reader.has_value()) {
      reader.emplace(pages, rig.identity, rig.clock, rig.tail);
      reader->seek(rig.begin(), Lsn());
    }
    reader->advance();
  }

  SenderRig rig;
  server::wal::DirectoryPages pages{rig.directory.path(), rig.identity.segment_size};
  std::optional<server::wal::Reader> reader;
};

// If the old file were used because it is still open, zeros would be sent from it.
TEST_F(ReplaceTest, WalThatComesWithAnotherFileIsSentFromThatFile) {
  rig.grow(kMb / 4);
  read_on();
  Standby& standby = rig.add();
  rig.loop.turn_for_test();
  standby.sender.start(server::wal::TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  for (int i = 0; i < 3; ++i) {
    rig.directory.replace(rig.segment(1));
    rig.grow(kMb / 8);
    read_on();
    ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  }
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_F(ReplaceTest, ABadRecordAtTheEndThatIsRepairedByAnotherFileFlowsOn) {
  rig.grow(kMb / 4);
  const Lsn bad = rig.end();
  rig.grow(kMb / 4);
  rig.directory.flip(bad + 100);
  read_on();
  Standby& standby = rig.add();
  rig.loop.turn_for_test();
  standby.sender.start(server::wal::TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, bad));
  ASSERT_EQ(standby.sender.sent(), bad);
  rig.directory.replace(rig.segment(1));
  rig.directory.flip(bad + 100);
  read_on();
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

TEST_F(ReplaceTest, ARenamedPartialFileIsStillTheSame) {
  const std::string path = rig.directory.segment_path(rig.segment(1));
  rig.grow(kMb / 4);
  std::filesystem::rename(path, path + ".partial");
  read_on();
  Standby& standby = rig.add();
  rig.loop.turn_for_test();
  standby.sender.start(server::wal::TimelineId{1}, rig.begin());
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  std::filesystem::rename(path + ".partial", path);
  rig.grow(kMb / 4);
  read_on();
  server::wal::WalSpan span;
  ASSERT_TRUE(rig.view.queue().pop(span));
  EXPECT_FALSE(span.file_replaced);
}

// What is read by name must not count as a proof of the file that was opened before.
TEST_F(ReplaceTest, AProofOfOneFileIsNoProofOfTheOneBefore) {
  rig.fill(5 * kMb);
  rig.directory.flip(rig.begin() + 5000);
  const auto opened = rig.segments.open(*rig.tail.timelines(), rig.begin());
  ASSERT_TRUE(opened.has_value());
  rig.directory.replace(rig.segment(1));
  rig.directory.flip(rig.begin() + 5000);
  const auto prepared =
      rig.segments.prepare(*rig.tail.timelines(), *opened, rig.begin(), rig.end());
  ASSERT_TRUE(prepared.has_value());
  EXPECT_NE(prepared->segment, *opened);
  EXPECT_EQ(prepared->proven_to, rig.begin());
  EXPECT_FALSE(rig.segments.is_proven_for_test(*(*opened), 0));
}

TEST_F(ReplaceTest, AnotherFileIsNeverMistakenForTheOneThatIsOpen) {
  rig.fill(kMb / 2);
  const auto first = rig.segments.open(*rig.tail.timelines(), rig.begin());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*rig.segments.open(*rig.tail.timelines(), rig.begin()), *first);
  rig.directory.replace(rig.segment(1));
  const auto second = rig.segments.open(*rig.tail.timelines(), rig.begin());
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(*second, *first);
}

}  // namespace

}  // namespace tests
