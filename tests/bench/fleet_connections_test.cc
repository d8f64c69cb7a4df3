// What the standbys of a group do about their connections: drop them by plan, come back after a
// loss, follow a timeline.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/walbench/fleet.h"
#include "runtime/errors.h"
#include "tests/bench/fake_server.h"
#include "tests/support/wal_directory.h"

namespace bench::walbench {
namespace {

using behaviour::Group;
using server::wal::Lsn;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

constexpr std::uint64_t kStart = 0x1000000;  // of the segment that the fake server is in
constexpr std::string_view kWal = "1234567890";

// Verifies what it gets, up to the end of kWal.
class FleetConnectionsTest : public ::testing::Test {
 protected:
  FleetConnectionsTest() : files_(server::wal::TimelineId{1}, server::wal::SegmentSize(1 << 20)) {
    files_.write(Lsn(kStart), std::as_bytes(std::span(kWal)));
  }

  Tally run(const FakeServer& server, const Group& group) {
    Options options;
    options.port = server.port();
    options.threads = 1;
    options.status_interval = std::chrono::hours(1);
    options.until = Lsn(kStart + kWal.size());
    options.verify_directory = files_.path();
    options.groups = {group};
    Fleet fleet(options);
    auto outcome = fleet.run();
    EXPECT_TRUE(outcome.has_value());
    return outcome->tally;
  }

  // Logs the client in, and notes what it asks for.
  bool log_in(Peer& peer) {
    const bool in = peer.log_in();
    if (in) commands_.push_back(peer.command());
    return in;
  }
  // All from where the client begins, and the end.
  void send_rest(Peer& peer, std::size_t begin) {
    peer.send_wal(kStart + begin, kWal.substr(begin));
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  }

  tests::WalDirectory files_;
  std::vector<std::string> commands_;
};

// The first connection gets half a message behind what is whole, and nothing more.
TEST_F(FleetConnectionsTest, ADroppedConnectionGoesOnWhereItWas) {
  FakeServer server(FakeServer::kAny, [&](Peer& peer) {
    if (!log_in(peer)) return;
    if (commands_.back().find("0/1000005") != std::string::npos) return send_rest(peer, 5);
    peer.send_wal(kStart, kWal.substr(0, 5));
    peer.receive('X');
  });
  const Tally tally =
      run(server, {.reconnect_every = milliseconds(500), .retry = milliseconds(10)});
  server.stop();
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_GE(tally.reconnects, 1u);
  EXPECT_EQ(tally.mismatches, 0u);
  EXPECT_GE(tally.bytes, kWal.size());
  ASSERT_GE(commands_.size(), 2u);
  EXPECT_EQ(commands_[0], "START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1");
  EXPECT_EQ(commands_.back(), "START_REPLICATION PHYSICAL 0/1000005 TIMELINE 1");
}

TEST_F(FleetConnectionsTest, WrongBytesBehindAReconnectAreFound) {
  FakeServer server(FakeServer::kAny, [&](Peer& peer) {
    if (!log_in(peer)) return;
    if (commands_.size() == 1) return peer.send_wal(kStart, kWal.substr(0, 5));
    peer.send_wal(kStart + 5, "67x90");
    peer.receive('X');
  });
  const Tally tally = run(server, {.retry = milliseconds(1)});
  server.stop();
  EXPECT_THAT(tally.failures.by_reason(), ElementsAre(Pair("mismatch", 1)));
  EXPECT_EQ(tally.mismatches, 1u);
}

TEST_F(FleetConnectionsTest, AStandbyThatRetriesComesBackAfterALoss) {
  FakeServer server(FakeServer::kAny, [&](Peer& peer) {
    if (!log_in(peer)) return;
    switch (commands_.size()) {
      case 1:
        return peer.send_wal(kStart, kWal.substr(0, 5));  // and hangs up
      case 2:
        peer.send_shutdown();
        return;
      case 3:
        peer.send_error({.kind = &runtime::kFileMissing, .what = "is gone"});
        peer.receive('X');
        return;
      default:
        return send_rest(peer, 5);
    }
  });
  const Tally tally = run(server, {.retry = milliseconds(1)});
  server.stop();
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_TRUE(tally.failures.by_reason().empty());
  EXPECT_THAT(tally.losses.by_reason(),
              ElementsAre(Pair("connection closed early", 1),
                          Pair("server error 58P01: is gone", 1), Pair("server shut down", 1)));
}

TEST_F(FleetConnectionsTest, AStandbyThatIsStoppedWhileItIsAwayHasFailed) {
  Options options;
  {
    const FakeServer gone(0, [](Peer&) {});
    options.port = gone.port();
  }
  options.threads = 1;
  options.duration = milliseconds(1000);
  options.groups = {{.retry = milliseconds(1)}};
  Fleet fleet(options);
  const Tally tally = fleet.run()->tally;
  EXPECT_THAT(tally.failures.by_reason(), ElementsAre(Pair("stopped before it streamed", 1)));
  EXPECT_GE(tally.losses.total(), 1u);
}

TEST_F(FleetConnectionsTest, OneThatRetriesFollowsATimeline) {
  FakeServer server(1, [&](Peer& peer) {
    log_in(peer);
    peer.send_wal(kStart, kWal.substr(0, 5));
    peer.send_copy_done();
    peer.receive('c');
    peer.send_next_timeline("2", "0/1000005");
    commands_.push_back(peer.receive_command());
    peer.send_copy_both();
    send_rest(peer, 5);
  });
  // The next timeline's segment has what the last one's has.
  tests::WalDirectory next(server::wal::TimelineId{2}, server::wal::SegmentSize(1 << 20));
  next.write(Lsn(kStart), std::as_bytes(std::span(kWal)));
  std::filesystem::copy(next.path(), files_.path());
  const Tally tally = run(server, {.retry = milliseconds(1)});
  server.join();
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, kWal.size());
  EXPECT_THAT(commands_, ElementsAre("START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1",
                                     "START_REPLICATION PHYSICAL 0/1000005 TIMELINE 2"));
}

}  // namespace
}  // namespace bench::walbench
