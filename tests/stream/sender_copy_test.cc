#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "runtime/errors.h"
#include "tests/stream/sender_rig.h"

// Files that change under a sender: truncated, or recycled as a live pg_wal's are.

namespace tests {

using server::stream::Sender;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};

// A sender that is blocked within its first message.
Standby& blocked_standby(SenderRig& rig, std::uint32_t copy_bytes_max) {
  Standby& standby = rig.add({.copy_bytes_max = copy_bytes_max}, /*send_buffer_bytes=*/4096);
  standby.sender.start(kFirst, rig.begin());
  EXPECT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  return standby;
}

// The descriptors of this process whose file's path has `text` in it.
std::size_t descriptors_with(const std::string& text) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code closed_since;
    const std::string path = std::filesystem::read_symlink(entry.path(), closed_since).string();
    if (path.find(text) != std::string::npos) ++found;
  }
  return found;
}
std::size_t open_files_of(const SenderRig& rig) {
  return descriptors_with(rig.directory.path() + "/0");
}
std::size_t removed_files_open() { return descriptors_with("000000010000000000000001 (deleted)"); }

}  // namespace

TEST(SenderFileTest, AFileThatEndsWithinAMessageIsTheReasonInTheLog) {
  SenderRig rig;
  rig.fill(kMb / 2);
  Standby& standby = blocked_standby(rig, 0);
  rig.directory.truncate(rig.begin());
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.lost.has_value();
  }));
  EXPECT_NE(standby.lost->find("000000010000000000000001"), std::string::npos) << *standby.lost;
}

TEST(SenderFileTest, AFileThatEndsBeforeAMessageIsAnErrorForTheStandby) {
  SenderRig rig;
  rig.fill(100'000);
  Standby& standby = rig.add({.copy_bytes_max = server::stream::kChunkBytesMax});
  standby.sender.start(kFirst, rig.end());
  rig.grow(5000);
  rig.publish();
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  const Lsn sent = rig.end();
  rig.grow(5000);
  rig.directory.truncate(sent);
  rig.publish();
  ASSERT_TRUE(rig.turn_until([&] { return standby.failure.has_value(); }));
  EXPECT_EQ(standby.failure->kind, &runtime::kDataCorrupted);
}

// What was ready when it was looked up went out of the old file whenever the socket had room again.
TEST(SenderFileTest, WhatMayBeRecycledIsLookedUpForEveryMessage) {
  SenderRig rig;
  rig.tail.hold_from(Lsn::max());
  rig.fill(6 * kMb);
  Standby& standby = blocked_standby(rig, 16 * 1024);
  const Lsn in_flight = standby.sender.sent();
  const std::string expected = rig.wal(rig.begin(), in_flight);
  // PostgreSQL renames the file for later use, and then writes new WAL into it.
  const std::string path = rig.directory.segment_path(rig.segment(1));
  rig.directory.write(rig.begin(), std::vector<std::byte>(kMb, std::byte{0xEE}));
  std::filesystem::rename(path, rig.directory.segment_path(rig.segment(99)));
  rig.segments.forget(rig.segment(1));
  rig.view.forget(rig.segment(1));
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.failure.has_value();
  }));
  standby.connection.flush();
  while (standby.receive()) {
  }
  EXPECT_EQ(standby.wal(), expected) << "the message in flight was kept, and no other begun";
  EXPECT_EQ(standby.failure->what,
            "requested WAL segment 000000010000000000000001 has already been removed");
}

// A standby that did not read kept the file of its message open, and its room on the disk in use,
// for as long as it liked.
TEST(SenderFileTest, ARemovedFileIsClosedAndItsMessageArrivesWhole) {
  SenderRig rig;
  rig.fill(6 * kMb);
  Standby& standby = blocked_standby(rig, 0);
  const Lsn in_flight = standby.sender.sent();
  const std::string expected = rig.wal(rig.begin(), in_flight);
  EXPECT_GE(open_files_of(rig), 1u);
  rig.directory.remove(rig.segment(1));
  rig.segments.forget(rig.segment(1));
  rig.view.forget(rig.segment(1));
  EXPECT_TRUE(rig.turn_until([&] { return removed_files_open() == 0; }))
      << "a job of the pool may have it a moment longer";
  EXPECT_TRUE(standby.connection.blocked());
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.failure.has_value();
  }));
  EXPECT_EQ(standby.wal(), expected);
  EXPECT_EQ(standby.failure->what,
            "requested WAL segment 000000010000000000000001 has already been removed");
}

// Each stood in a segment of its own, and kept it open.
TEST(SenderFileTest, StreamsThatStandStillKeepNoMoreFilesOpenThanTheViewAllows) {
  constexpr std::uint64_t kStandbys = 6;
  SenderRig rig(1, {.segments_max = 1, .held_max = 2});
  rig.fill((kStandbys + 4) * kMb);
  for (std::uint64_t i = 0; i < kStandbys; ++i) {
    Standby& standby = rig.add({.copy_bytes_max = 0}, /*send_buffer_bytes=*/4096);
    standby.sender.start(kFirst, rig.begin() + i * kMb + 8);
  }
  ASSERT_TRUE(rig.turn_until([&] {
    return std::all_of(rig.standbys.begin(), rig.standbys.end(),
                       [](const auto& standby) { return standby->connection.blocked(); });
  }));
  EXPECT_TRUE(rig.turn_until([&] { return open_files_of(rig) <= 3; })) << open_files_of(rig);
  for (std::uint64_t i = 0; i < kStandbys; ++i) {
    Standby& standby = *rig.standbys[i];
    const Lsn begin = rig.begin() + i * kMb + 8;
    ASSERT_TRUE(rig.stream_to(standby, begin + kMb / 2));
    const std::string wal = standby.wal();
    EXPECT_EQ(wal, rig.wal(begin, begin + wal.size())) << i;
  }
}

// The rest of a message that was kept is followed by what was queued behind it.
TEST(SenderFileTest, AStreamThatIsToEndBehindAMessageOfARemovedFileDoesSo) {
  SenderRig rig;
  rig.fill(6 * kMb);
  Standby& standby = blocked_standby(rig, 0);
  const std::string expected = rig.wal(rig.begin(), standby.sender.sent());
  rig.directory.remove(rig.segment(1));
  rig.view.forget(rig.segment(1));
  standby.sender.interrupt();
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive();
    return standby.interrupted;
  }));
  while (standby.receive()) {
  }
  EXPECT_EQ(standby.wal(), expected);
}

}  // namespace tests
