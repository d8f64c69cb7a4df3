#include <gtest/gtest.h>

#include <filesystem>

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

TEST(SenderFileTest, AnUnlinkedFileIsSentToWhereItWasReady) {
  SenderRig rig;
  rig.fill(6 * kMb);
  Standby& standby = blocked_standby(rig, 0);
  const std::string expected = rig.wal(rig.begin(), rig.begin() + kMb);
  rig.directory.remove(rig.segment(1));
  rig.segments.forget(rig.segment(1));
  rig.view.forget(rig.segment(1));
  ASSERT_TRUE(rig.stream_to(standby, rig.begin() + kMb));
  EXPECT_EQ(standby.wal().substr(0, kMb), expected);
}

}  // namespace tests
