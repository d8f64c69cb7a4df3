#include "server/stream/page_hold.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memctx/context.h"
#include "runtime/fd.h"
#include "server/stream/held_files.h"
#include "tests/support/socket_pair.h"
#include "tests/wal/growing_wal.h"

namespace tests {

using server::stream::Connection;
using server::stream::HeldFiles;
using server::stream::PageHold;
using server::wal::Lsn;
using server::wal::Pins;

namespace {

constexpr std::uint64_t kKb = 1024;

// A connection with a small socket buffer, and a segment whose pages go into it.
struct PageHoldTest : ::testing::Test, GrowingWal, PageHold::Owner, runtime::Loop::Handler {
  PageHoldTest() {
    ::signal(SIGPIPE, SIG_IGN);
    grow(900'000);
    auto opened = server::wal::Segment::open(path(1), server::wal::TimelineId{1}, segment(1),
                                             identity.segment_size);
    CHECK(opened.has_value());
    file = *opened;
    loop.turn_for_test();
    hold.emplace(loop, files, connection, *this);
  }
  // A source that holds files from the segment's begin on.
  void heed_pins() {
    pins.heed();
    pins.reset(begin());
  }
  // Puts pages into the socket. Returns the end of their WAL.
  Lsn send_pages(Lsn from) {
    const auto result = hold->send_pages(*file, from, from + 64 * kKb);
    EXPECT_EQ(result.status, runtime::IoResult::Status::kDone);
    return from + result.bytes;
  }
  void receive_all() {
    std::string received;
    while (receive_into(received, sockets.peer.get(), 1 << 20)) {
    }
  }
  Lsn horizon() { return pins.advance(end()); }
  // Whether a socket is reset when it is closed.
  static bool resets(int fd) {
    linger closing{};
    socklen_t size = sizeof(closing);
    CHECK(::getsockopt(fd, SOL_SOCKET, SO_LINGER, &closing, &size) == 0);
    return closing.l_onoff == 1 && closing.l_linger == 0;
  }
  bool resets_on_close() {
    const runtime::UniqueFd same_socket(::dup(connection.fd()));
    connection.close();
    return resets(same_socket.get());
  }

  void on_pages_released() override { ++released; }
  void on_ready(std::uint32_t) override {}

  runtime::FakeClock clock;
  runtime::Loop loop{clock, {}};
  Pins pins;
  // The peer is as on another host.
  HeldFiles files{pins, [](int) { return runtime::PeerPlace::kAway; }};
  SocketPair sockets{256 * 1024};
  memctx::Context context{"Test"};
  Connection connection{loop, *this, std::move(sockets.ours), context};
  server::wal::SegmentRef file;
  std::optional<PageHold> hold;
  int released = 0;
};

TEST_F(PageHoldTest, WhereNoSourceRecyclesFilesNothingIsPinned) {
  hold->begin(begin());
  EXPECT_TRUE(hold->may_send_pages(begin()));
  send_pages(begin());
  hold->advance(end(), end());
  pins.reset(begin());
  EXPECT_EQ(pins.advance(end()), end());
}

TEST_F(PageHoldTest, WalThatTheLoopDoesNotHoldIsCopied) {
  files.hold_from(begin() + 100);
  hold->begin(begin());
  EXPECT_FALSE(hold->may_send_pages(begin() + 99));
  EXPECT_TRUE(hold->may_send_pages(begin() + 100));
}

TEST_F(PageHoldTest, WalBeforeTheHorizonAtTheBeginIsCopied) {
  heed_pins();
  pins.reset(begin() + 100);
  hold->begin(begin());
  EXPECT_FALSE(hold->is_held(begin() + 99));
  EXPECT_TRUE(hold->is_held(begin() + 100));
}

TEST_F(PageHoldTest, WhatTheStandbyMayAskForAgainIsPinned) {
  heed_pins();
  hold->begin(begin());
  hold->advance(/*written=*/begin() + 500, /*acknowledged=*/begin() + 200);
  EXPECT_EQ(horizon(), begin() + 200);
  hold->advance(begin() + 500, begin() + 900);
  EXPECT_EQ(horizon(), begin() + 500) << "a report beyond what was sent";
  hold->advance(begin() + 500, begin() + 100);
  EXPECT_EQ(horizon(), begin() + 500) << "never back";
}

TEST_F(PageHoldTest, PagesInTheSocketArePinnedWhateverTheStandbySays) {
  heed_pins();
  hold->begin(begin());
  const Lsn sent = send_pages(begin());
  hold->advance(sent, sent);
  EXPECT_EQ(horizon(), begin());
  receive_all();
  hold->advance(sent, sent);
  EXPECT_EQ(horizon(), sent);
}

// Bytes that are no WAL, such as keepalives, may make the pin stay behind, never run ahead.
TEST_F(PageHoldTest, OtherBytesInTheSocketNeverMoveThePinAhead) {
  heed_pins();
  hold->begin(begin());
  const Lsn middle = send_pages(begin());
  const std::vector<std::byte> other(5000);
  connection.queue(other);
  ASSERT_EQ(connection.flush(), runtime::IoResult::Status::kDone);
  const Lsn sent = send_pages(middle);
  hold->advance(sent, sent);
  EXPECT_EQ(horizon(), begin());
}

TEST_F(PageHoldTest, APinOutlivesItsStreamUntilThePagesHaveArrived) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  hold->end();
  clock.advance(std::chrono::seconds(1));
  loop.turn_for_test();
  EXPECT_EQ(horizon(), begin());
  receive_all();
  clock.advance(std::chrono::seconds(1));
  loop.turn_for_test();
  EXPECT_EQ(horizon(), end());
}

TEST_F(PageHoldTest, PagesOfTheStreamBeforeStayPinnedUntilTheyHaveArrived) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  hold->end();
  const Lsn start = begin() + 500 * kKb;
  hold->begin(start);
  hold->advance(start, start);
  EXPECT_EQ(horizon(), begin());
  receive_all();
  hold->advance(start, start);
  EXPECT_EQ(horizon(), start);
  const Lsn sent = send_pages(start);
  receive_all();
  hold->advance(sent, sent);
  EXPECT_EQ(horizon(), sent);
}

TEST_F(PageHoldTest, PagesThatAreNotHeldAnyMoreAreTakenBack) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  files.hold_from(begin());
  EXPECT_EQ(released, 0) << "they are held all the same";
  files.hold_from(Lsn::max());
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(resets_on_close());
}

TEST_F(PageHoldTest, PagesThatHaveArrivedAreNotTakenBack) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  receive_all();
  files.hold_from(Lsn::max());
  EXPECT_EQ(released, 0);
  EXPECT_FALSE(resets_on_close());
}

TEST_F(PageHoldTest, WithoutPinsAClosedConnectionDeliversItsPages) {
  hold->begin(begin());
  send_pages(begin());
  EXPECT_FALSE(resets_on_close());
}

TEST_F(PageHoldTest, WithPinsAClosedConnectionDeliversNoPages) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  EXPECT_TRUE(resets_on_close());
}

// A server that was killed left its pages to the kernel, which sent them when the next one had let
// the slot go on, and they had been overwritten.
TEST_F(PageHoldTest, AProcessThatIsKilledDeliversNoPages) {
  heed_pins();
  hold->begin(begin());
  EXPECT_FALSE(resets(connection.fd()));
  send_pages(begin());
  EXPECT_TRUE(resets(connection.fd()));
}

TEST_F(PageHoldTest, APeerThatMaySharePagesGetsNone) {
  heed_pins();
  static runtime::PeerPlace place;
  HeldFiles known{pins, [](int) { return place; }};
  for (const auto& [where, sends] : {std::pair(runtime::PeerPlace::kHere, false),
                                    std::pair(runtime::PeerPlace::kNear, false),
                                    std::pair(runtime::PeerPlace::kAway, true)}) {
    place = where;
    hold.reset();
    hold.emplace(loop, known, connection, *this);
    hold->begin(begin());
    EXPECT_EQ(hold->may_send_pages(begin()), sends);
    EXPECT_TRUE(hold->is_held(begin()));
  }
  hold.reset();
}

TEST_F(PageHoldTest, AHoldThatDiesBeforeItsConnectionTakesPagesBackToo) {
  heed_pins();
  hold->begin(begin());
  send_pages(begin());
  hold.reset();
  EXPECT_TRUE(resets_on_close());
}

// The source's thread lost the slot just then, and the loop, which had not heard of it, was ended
// by a check.
TEST_F(PageHoldTest, PagesThatAreHandedOutWhileTheSlotIsLostAreTakenBack) {
  heed_pins();
  hold->begin(begin());
  ASSERT_TRUE(hold->may_send_pages(begin()));
  pins.reset(Lsn::max());
  send_pages(begin());
  files.hold_from(Lsn::max());
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(resets_on_close());
}

TEST_F(PageHoldTest, ToHandOutPagesThatAreNotHeldIsABug) {
  files.hold_from(begin() + 100);
  hold->begin(begin());
  EXPECT_DEBUG_DEATH(hold->send_pages(*file, begin(), begin() + 10), "is_held");
}

}  // namespace

}  // namespace tests
