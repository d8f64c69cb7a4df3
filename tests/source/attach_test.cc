#include "server/source/attach.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "tests/source/tail_follower.h"
#include "tests/support/logged.h"
#include "tests/support/test_server.h"
#include "tests/wal/growing_wal.h"

// A source that is attached to this server, in the same process, and shares its directory; against
// PostgreSQL it is tests/e2e's.

namespace tests {

using server::source::AttachSource;
using server::wal::Lsn;
using server::wal::Pins;
using server::wal::SegmentNo;

namespace {

struct AttachSourceTest : ::testing::Test, GrowingWal {
  AttachSourceTest() {
    grow(300'000);
    TestServer::Options options;
    options.slots.directory = state.path();
    primary.emplace(directory.path(), identity, options);
    primary->serve(begin(), end());
  }
  ~AttachSourceTest() override {
    if (source.has_value()) source->stop();
  }

  void attach(const std::string& path, bool create_slot = true) {
    source.emplace(
        AttachSource::Options{
            .directory = path,
            .receiver = {.upstream = {.conninfo = runtime::format("host=127.0.0.1 port={} user=u",
                                                                  primary->port()),
                                      .timeout = std::chrono::seconds(60)},
                         .slot_name = "held",
                         .create_slot = create_slot,
                         .status_interval = std::chrono::seconds(10),
                         .retry_interval = std::chrono::milliseconds(20)},
            .holds = nullptr},
        clock);
    source->set_pins(pins);
  }
  void start() {
    attach(directory.path());
    ASSERT_TRUE(source->open().has_value());
    faults.emplace(source->identity());
    ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
    ASSERT_TRUE(follower.wait_for(end()));
  }
  Lsn slot() const {
    const auto info = primary->slots().read("held");
    return info.has_value() ? info->restart_lsn : Lsn();
  }
  template <typename Done>
  static bool eventually(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TempDir state;
  runtime::SystemClock clock;
  mutable std::optional<TestServer> primary;
  Pins pins;
  TailFollower follower;
  std::optional<server::wal::FaultLog> faults;
  std::optional<AttachSource> source;
};

TEST_F(AttachSourceTest, FollowsWhatThePrimaryHasFlushedAndNoMore) {
  start();
  const Lsn flushed = end();
  grow(50'000);  // written, and not flushed
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > flushed; }, 200));
  primary->publish(end());
  EXPECT_TRUE(follower.wait_for(end()));
}

// A primary may flush half of a record, up to a page.
TEST_F(AttachSourceTest, ARecordIsTakenWhenAllOfItIsFlushed) {
  start();
  const Lsn before = end();
  builder.append_noop(filling(100'000));
  const Lsn after = write();
  const Lsn half = (before + 50'000).page_start();
  primary->publish(half);
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > before; }, 200));
  primary->publish(after);
  EXPECT_TRUE(follower.wait_for(after));
}

// A standby that was our upstream could not be stopped: it waits until all that it has sent is
// confirmed, be it half a record whose rest will never come.
TEST_F(AttachSourceTest, ThePrimaryHearsOfAllThatItHasSent) {
  start();
  const Lsn before = end();
  builder.append_noop(filling(100'000));
  write();
  const Lsn half = (before + 50'000).page_start();
  primary->publish(half);
  EXPECT_TRUE(eventually([&] {
    const auto sessions = primary->sessions();
    return !sessions.empty() && sessions[0].write == half && sessions[0].flush == Lsn();
  }));
  EXPECT_EQ(follower.end(), before);
  EXPECT_TRUE(eventually([&] { return slot() == before; })) << "the record's begin is needed";
}

TEST_F(AttachSourceTest, ThePrimarysSlotStaysWhereAStreamStillIs) {
  start();
  EXPECT_TRUE(pins.heeded());
  ASSERT_TRUE(eventually([&] { return slot() == end(); })) << to_string(slot());
  Pins::Pin pin(pins, end());
  const Lsn pinned = end();
  EXPECT_EQ(pin.held_from(), pinned);
  primary->publish(grow(100'000));
  ASSERT_TRUE(follower.wait_for(end()));
  primary->publish(grow(100'000));
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_EQ(slot(), pinned);
  pin.advance(pinned + 50'000);
  EXPECT_TRUE(eventually([&] { return slot() == pinned + 50'000; })) << to_string(slot());
}

// A removed file that a loop still has open keeps its room on the primary's disk.
TEST_F(AttachSourceTest, WhatThePrimaryMayRemoveIsToBeClosed) {
  start();
  ASSERT_TRUE(eventually([&] { return slot() == end(); })) << to_string(slot());
  Pins::Pin pin(pins, end());
  primary->publish(grow(2'500'000));
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_FALSE(follower.wait_for_change(1, 1500)) << "a stream is there";
  pin.advance(identity.segment_size.start(SegmentNo{3}));
  EXPECT_TRUE(follower.wait_for_change(1));
  EXPECT_TRUE(follower.wait_for_change(2));
  EXPECT_FALSE(follower.wait_for_change(3, 200)) << "it is in work";
}

TEST_F(AttachSourceTest, WithoutItsConnectionNothingIsHeld) {
  start();
  ASSERT_TRUE(follower.wait_until([&](const auto& span) { return span.held_from == end(); }));
  primary->stop();
  EXPECT_TRUE(follower.wait_until([](const auto& span) { return span.held_from == Lsn::max(); }));
  const Pins::Pin pin(pins, end());
  EXPECT_EQ(pin.held_from(), Lsn::max());
}

TEST_F(AttachSourceTest, AnotherSystemsDirectoryIsRefused) {
  GrowingWal other;
  other.identity.system_identifier = identity.system_identifier + 1;
  other.builder = builder_of(other.identity);
  other.grow(50'000);
  attach(other.directory.path());
  const auto opened = source->open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().what, "directory \"" + other.directory.path() +
                                     "\" holds WAL of another system than the primary's");
}

TEST_F(AttachSourceTest, ASlotThatKeepsNothingIsNoSlot) {
  ASSERT_TRUE(primary->slots()
                  .create("held", server::slot::Persistence::kPersistent, 1, Lsn())
                  .has_value());
  primary->slots().release(**primary->slots().acquire("held", 1));
  attach(directory.path());
  ASSERT_TRUE(source->open().has_value());
  faults.emplace(source->identity());
  testing::internal::CaptureStderr();
  ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
  EXPECT_FALSE(follower.wait_until([](const auto& span) { return span.held_from < Lsn::max(); },
                                   /*timeout_ms=*/2000));
  source->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(log, "replication slot \"held\" of the primary keeps no WAL"), 1u) << log;
}

}  // namespace
}  // namespace tests
