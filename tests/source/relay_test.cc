#include "server/source/relay.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "server/wal/spool_mark.h"
#include "tests/source/relay_rig.h"
#include "tests/support/log_pipe.h"
#include "tests/support/logged.h"
#include "tests/support/no_descriptors.h"

// A relay whose primary is this server, in the same process; against PostgreSQL it is tests/e2e's.

namespace tests {

using server::source::RelaySource;
using server::wal::Lsn;
using std::chrono::milliseconds;

namespace {

struct RelayTest : RelayRig {
  // A relay that has all of it, spoiled from `from` on and started again; what it says then.
  std::string receive_again(Lsn from, const std::string& bytes) {
    start_primary();
    start_relay(options(primary->port()));
    EXPECT_TRUE(follower->wait_for(end()));
    relay->stop();
    relay.reset();
    forget_kept();
    spoil(from, bytes);
    const Lsn torn = record_at(from).begin;
    EXPECT_NE(received(torn, end()), wal(torn, end()));
    testing::internal::CaptureStderr();
    start_relay(options(primary->port()));
    EXPECT_TRUE(follower->wait_for(torn));
    EXPECT_EQ(follower->end(), torn) << "of what is torn nothing was published";
    EXPECT_TRUE(follower->wait_for(end()));
    relay->stop();
    const Lsn first = identity.segment_size.start(segment(1));
    EXPECT_EQ(received(first, end()), wal(first, end()));
    return testing::internal::GetCapturedStderr();
  }
};

TEST(CheckForkTest, ThePrimarysHistoryMustContinueOurs) {
  using server::source::check_fork;
  using server::wal::TimelineHistory;
  using server::wal::TimelineId;
  const auto history = [](std::uint32_t tip, const std::string& text) {
    return TimelineHistory::parse(TimelineId{tip}, text).value();
  };
  const auto ours = history(2, "1\t0/2000000\tx\n");
  const Lsn end(0x3000000);
  EXPECT_TRUE(check_fork(ours, end, ours));
  EXPECT_TRUE(check_fork(ours, end, history(3, "1\t0/2000000\tx\n2\t0/3000000\tx\n")));
  const auto refusal = [&](const TimelineHistory& theirs) {
    const auto checked = check_fork(ours, end, theirs);
    return checked ? "" : checked.error().what;
  };
  EXPECT_EQ(refusal(history(2, "1\t0/1000000\tx\n")),
            "requested timeline 2 is not a child of this server's history");
  EXPECT_EQ(refusal(history(3, "1\t0/1000000\tx\n2\t0/4000000\tx\n")),
            "requested timeline 3 is not a child of this server's history");
  EXPECT_EQ(refusal(history(3, "1\t0/4000000\tx\n")), "timeline 3 is not a child of timeline 2");
  EXPECT_EQ(refusal(history(3, "1\t0/2000000\tx\n2\t0/2500000\tx\n")),
            "new timeline 3 forked off current database system timeline 2 before current recovery "
            "point 0/3000000");
}

TEST_F(RelayTest, ReceivesWhatThePrimaryHasAndWhatItGets) {
  start_primary();
  start_relay(options(primary->port()));
  EXPECT_EQ(relay->identity(), identity);
  ASSERT_TRUE(follower->wait_for(end()));
  for (int i = 0; i < 20; ++i) {
    primary->publish(grow(100'000));
    ASSERT_TRUE(follower->wait_for(end()));
  }
  const Lsn first = identity.segment_size.start(segment(1));
  EXPECT_EQ(received(first, end()), wal(first, end()));
}

TEST_F(RelayTest, GoesOnWhereItsSpoolEnds) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  const Lsn before = end();
  primary->publish(grow(200'000));
  start_relay(options(primary->port()));
  EXPECT_EQ(follower->tail.position(), before);
  ASSERT_TRUE(follower->wait_for(end()));
  EXPECT_EQ(received(before, end()), wal(before, end()));
}

TEST_F(RelayTest, ASpoiledRecordNearTheEndOfItsSpoolIsReceivedAgain) {
  const Lsn spoiled = record_at(end() - 20'000).begin + 1000;
  const std::string log = receive_again(spoiled, std::string(8, '\x5a'));
  const std::string warning = runtime::format(
      "WARNING:  spool has invalid WAL at {}: incorrect "
      "resource manager data checksum",
      record_at(spoiled).begin);
  EXPECT_EQ(count_of(log, warning), 1u) << log;
  EXPECT_EQ(count_of(log, "; it is received again"), 1u) << log;
}

// The file system knew how long the file was, and not yet what was in it.
TEST_F(RelayTest, PagesThatNeverReachedTheDiskAreReceivedAgain) {
  const Lsn lost = (end() - 20'000).page_start();
  receive_again(lost, std::string(end() - lost, '\0'));
}

// A checkpoint may remove it between the look at the end of WAL and the start of the stream.
TEST_F(RelayTest, AnEmptySpoolBeginsWhereThePrimaryIsByThen) {
  const Lsn early = end();
  grow(3'000'000);
  ASSERT_GT(end(), segment_start(3));
  directory.remove(segment(1));
  primary.emplace(directory.path(), identity, TestServer::Options{});
  primary->serve(begin(), early);
  testing::internal::CaptureStderr();
  start_relay(options(primary->port()));
  EXPECT_EQ(follower->tail.position(), begin());
  primary->publish(end());
  const bool received_all = follower->wait_for(end());
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(received_all) << log;
  EXPECT_LE(count_of(log, "has already been removed"), 1u) << "it lasts: " << log;
  const Lsn from = identity.segment_size.start(identity.segment_size.segment_of(end()));
  EXPECT_EQ(received(from, end()), wal(from, end()));
}

// The newest span stayed with the receiver while a loop's queue was full; without a primary it was
// never handed on, and streams ended before it.
TEST_F(RelayTest, ALoopThatIsBehindGetsTheLastByteOfALostPrimary) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  for (int i = 0; i < 300; ++i) {
    primary->publish(grow(1));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (follower->tail.position() < end() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_EQ(follower->tail.position(), end());
  }
  primary.reset();
  EXPECT_TRUE(follower->wait_for(end()));
  relay->stop();
  EXPECT_EQ(follower->end(), end());
}

TEST_F(RelayTest, TellsThePrimaryWhatItHasFlushed) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  const auto flushed = [this] {
    const auto sessions = primary->sessions();
    return sessions.empty() ? Lsn() : sessions.front().flush;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (flushed() != end() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(flushed(), end());
  EXPECT_EQ(primary->sessions().front().application_name, "walcast");
}

TEST_F(RelayTest, PassesOnWhatItsStandbysStillLookAtAndThatTheyNoLongerDo) {
  using server::source::Xmin;
  server::source::XminHorizon horizon;
  start_primary();
  auto with_feedback = options(primary->port());
  with_feedback.receiver.xmin_horizon = &horizon;
  horizon.report(1, "", {.data = (std::uint64_t{3} << 32) | 700, .catalog = 5});
  start_relay(with_feedback);
  const auto primary_hears = [this](const Xmin& xmin) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const Xmin oldest = primary->xmin_horizon().oldest(clock.now(), {});
      if (oldest == xmin) return true;
      std::this_thread::yield();
    }
    return false;
  };
  EXPECT_TRUE(primary_hears({.data = (std::uint64_t{3} << 32) | 700, .catalog = 5}));
  horizon.report(2, "", {.data = 600});
  EXPECT_TRUE(primary_hears({.data = 600, .catalog = 5}));
  horizon.remove(1);
  EXPECT_TRUE(primary_hears({.data = 600}));
  horizon.remove(2);
  EXPECT_TRUE(primary_hears({}));
  horizon.report(2, "", {.data = 800});
  EXPECT_TRUE(primary_hears({.data = 800}));
  relay->stop();
  EXPECT_TRUE(primary_hears({})) << "the relay has gone";
}

TEST_F(RelayTest, AWrongRecordStopsItUntilThePrimaryHasARightOne) {
  const Lsn good_end = end();
  grow(200'000);
  directory.flip(good_end + 1000);
  start_primary();
  testing::internal::CaptureStderr();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(good_end));
  EXPECT_FALSE(follower->wait_until([&](const auto& s) { return s.end > good_end + 3000; }, 200));
  directory.flip(good_end + 1000);
  EXPECT_TRUE(follower->wait_for(end()));
  relay->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(log, "incorrect resource manager data checksum"), 1u) << log;
  EXPECT_EQ(received(good_end, end()), wal(good_end, end()));
}

// It ended, as of a disk that fails. What it needs one for is the page on which its spool ends.
TEST_F(RelayTest, WithoutADescriptorItWaits) {
  if (!NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  grow(100'000);
  {
    LogPipe log;
    start_relay(options(primary->port()));
    ASSERT_TRUE(log.wait_for("started streaming"));
    {
      const NoDescriptors none;
      primary->publish(end());
      EXPECT_TRUE(log.wait_for("Too many open files; receiving WAL pauses")) << log.said();
    }
    EXPECT_TRUE(log.wait_for("receiving WAL goes on")) << log.said();
  }
  EXPECT_TRUE(follower->wait_for(end()));
  const Lsn first = identity.segment_size.start(segment(1));
  EXPECT_EQ(received(first, end()), wal(first, end()));
}

TEST_F(RelayTest, AnotherSystemsWalIsRefused) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  server::wal::Identity stranger = identity;
  stranger.system_identifier += 1;
  primary.emplace(directory.path(), stranger, TestServer::Options{});
  primary->serve(begin(), end());
  testing::internal::CaptureStderr();
  start_relay(options(primary->port()));
  // It has been there, has asked, and has gone.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (primary->wal_senders() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(primary->wait_for_sessions(0));
  relay->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(log, "database system identifier differs"), 1u) << log;
  EXPECT_EQ(follower->tail.position(), end());
}

TEST_F(RelayTest, WhatThePrimaryHasSaidOfItsClusterIsKnownWithoutIt) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  primary.reset();
  RelaySource alone(options(1), clock);
  ASSERT_TRUE(alone.open());
  EXPECT_EQ(alone.facts(), (server::wal::ClusterFacts{{"data_directory_mode", "0700"},
                                                      {"default_transaction_read_only", "off"},
                                                      {"in_hot_standby", "off"}}));
}

TEST_F(RelayTest, AnEmptySpoolNeedsAPrimary) {
  RelaySource alone(options(1), clock);
  const auto opened = alone.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, &server::source::kUpstreamLost);
  EXPECT_NE(opened.error().what.find("Connection refused"), std::string::npos);
}

TEST_F(RelayTest, ASpoolThatTheDiskHasDamagedIsNotCut) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  EXPECT_EQ(kept_to(), end()) << "a clean stop leaves nothing unsaid";
  relay.reset();
  const Lsn torn = record_at(begin() + (end() - begin()) / 2).begin;
  spoil(torn + 30, "spoiled");
  const std::string before = received(begin(), end());
  RelaySource again(options(primary->port()), clock);
  ASSERT_TRUE(again.open().has_value());
  TailFollower none;
  const auto started = again.start(none.tail, *faults, none);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().what.find("although it was on disk up to"), std::string::npos);
  EXPECT_EQ(received(begin(), end()), before);
}

TEST_F(RelayTest, ASpoolWithoutAMarkMustBeAdopted) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  ASSERT_TRUE(std::filesystem::remove(spool.file("spool/walcast.spool")));
  RelaySource::Options unmarked = options(primary->port());
  EXPECT_FALSE(RelaySource(unmarked, clock).open());
  EXPECT_EQ(received(begin(), end()), wal(begin(), end()));
  unmarked.adopt = true;
  EXPECT_TRUE(RelaySource(unmarked, clock).open());
  EXPECT_TRUE(RelaySource(options(primary->port()), clock).open()) << "from then on it has one";
}

// A host that takes the connection and says nothing.
TEST_F(RelayTest, StopsWhileItWaitsForAnAnswer) {
  start_primary();
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  const auto any_port = runtime::resolve("127.0.0.1", 0).value().at(0);
  const runtime::UniqueFd silent = runtime::listen_on(any_port, 8).value();
  start_relay(options(runtime::local_address(silent.get()).port()));
  pollfd connected{.fd = silent.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&connected, 1, /*timeout_ms=*/10'000), 1);
  relay->stop();
  EXPECT_EQ(follower->tail.position(), end());
}

}  // namespace

}  // namespace tests
