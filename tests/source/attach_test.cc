#include "server/source/attach.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "server/wal/names.h"
#include "server/wal/segments.h"
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
using server::wal::TimelineHistory;
using server::wal::TimelineId;
using server::wal::Timelines;

namespace {

struct AttachSourceTest : ::testing::Test, GrowingWal {
  AttachSourceTest() {
    grow(300'000);
    TestServer::Options options;
    options.slots.directory = state.path();
    faults.emplace(identity);
    primary.emplace(directory.path(), identity, options);
    primary->serve(begin(), end());
  }
  ~AttachSourceTest() override {
    if (source.has_value()) source->stop();
  }

  using FindPlace = runtime::PeerPlace (*)(int fd);

  void attach(const std::string& path, bool create_slot = true,
              FindPlace find_place = runtime::find_peer_place) {
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
            .holds = nullptr,
            .find_place = find_place},
        clock);
    source->set_pins(pins);
    segments.emplace(path, identity, *faults, clock);
    source->set_segments(*segments);
  }
  void start(FindPlace find_place = runtime::find_peer_place) {
    attach(directory.path(), /*create_slot=*/true, find_place);
    ASSERT_TRUE(source->open().has_value());
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
  std::optional<server::wal::Segments> segments;
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

// The loss of a slot over a network may be heard of when its files have been overwritten.
TEST_F(AttachSourceTest, OfAPrimaryOverANetworkNoFileCountsAsHeldThoughItsSlotIs) {
  start([](int) { return runtime::PeerPlace::kAway; });
  ASSERT_TRUE(eventually([&] { return slot() == end(); })) << to_string(slot());
  Pins::Pin pin(pins, end());
  const Lsn pinned = end();
  primary->publish(grow(100'000));
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_FALSE(
      follower.wait_until([](const auto& span) { return span.held_from != Lsn::max(); }, 1200));
  EXPECT_EQ(slot(), pinned);
}

// A standby is attached to, and has half a record when it is promoted. What it had flushed of the
// old timeline says nothing of the new one's WAL, which is in its file before it is flushed.
TEST_F(AttachSourceTest, ANewTimelinesWalIsNotTakenBeforeItIsFlushed) {
  start();
  const Lsn fork = end();
  builder.append_noop(filling(100'000));
  write();
  const Lsn half = (fork + 50'000).page_start();
  primary->publish(half);
  ASSERT_TRUE(eventually([&] {
    const auto sessions = primary->sessions();
    return !sessions.empty() && sessions[0].write == half;
  }));
  const TimelineId second{2};
  const std::string history = runtime::format("1\t{}\tpromoted\n", fork);
  std::ofstream(directory.path() + "/" + server::wal::history_name(second)) << history;
  const auto promoted = child(2, fork, records.back().begin);
  ASSERT_LT(promoted.end(), half);
  write_timeline(2, promoted);
  primary->tail().adopt({*TimelineHistory::parse(second, history), {{second, history}}});
  primary->tail().publish(fork, fork, clock.now());
  ASSERT_TRUE(follower.wait_for_timeline(2));
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > fork; }, 2500));
  primary->publish(promoted.end());
  EXPECT_TRUE(follower.wait_for(promoted.end()));
}

// A primary that has crashed has its slot as a checkpoint had saved it, and that same checkpoint
// may have removed WAL, since the slot had moved on in memory.
TEST_F(AttachSourceTest, ASlotFromBeforeTheOldestWalIsMovedOn) {
  primary->publish(grow(2'500'000));
  ASSERT_TRUE(primary->slots()
                  .create("held", server::slot::Persistence::kPersistent, {1}, begin())
                  .has_value());
  primary->slots().release(**primary->slots().acquire("held", {1}));
  std::filesystem::remove(path(1));
  attach(directory.path(), /*create_slot=*/false);
  ASSERT_TRUE(source->open().has_value());
  ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
  EXPECT_TRUE(follower.wait_until([&](const auto& span) { return span.held_from == end(); }));
  EXPECT_TRUE(eventually([&] { return slot() == end(); })) << to_string(slot());
}

// A standby that is attached to replaces its files by those of an archive. Loops prove them.
TEST_F(AttachSourceTest, OnlyTheFileThatWasReadIsTakenForProven) {
  start();
  const Timelines timelines{TimelineHistory(TimelineId{1}), {}};
  EXPECT_TRUE(segments->was_walked(**segments->open(timelines, begin())));
  std::filesystem::copy_file(path(1), path(1) + ".new");
  std::filesystem::rename(path(1) + ".new", path(1));
  EXPECT_FALSE(segments->was_walked(**segments->open(timelines, begin())));
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
                  .create("held", server::slot::Persistence::kPersistent, {1}, Lsn())
                  .has_value());
  primary->slots().release(**primary->slots().acquire("held", {1}));
  attach(directory.path());
  ASSERT_TRUE(source->open().has_value());
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
