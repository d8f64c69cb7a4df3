// What the standbys of a group do while they stream: each test runs a fleet against a server that
// plays its part, and judges by what that server sees.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bench/walbench/fleet.h"
#include "server/wire/codec.h"
#include "tests/bench/fake_server.h"

namespace bench::walbench {
namespace {

using behaviour::Group;
using server::wal::Lsn;
using std::chrono::milliseconds;

constexpr std::uint64_t kStart = 0x1000000;  // of the segment that the fake server is in
constexpr std::uint64_t kWalBytes = 50'000;
const runtime::SystemClock system_time;

Options options_for(const FakeServer& server, Group group) {
  Options options;
  options.port = server.port();
  options.threads = 1;
  options.status_interval = milliseconds(5);
  options.until = Lsn(kStart + kWalBytes);
  options.groups = {std::move(group)};
  return options;
}

Tally run(const Options& options) {
  Fleet fleet(options);
  auto outcome = fleet.run();
  EXPECT_TRUE(outcome.has_value());
  return outcome->tally;
}

void send_in_pieces(Peer& peer, std::size_t piece) {
  for (std::size_t at = 0; at < kWalBytes; at += piece) {
    peer.send_wal(kStart + at, std::string(std::min(piece, kWalBytes - at), 'w'));
  }
}

void end_in_good_order(Peer& peer) {
  peer.receive('c');
  peer.send_stream_end();
  peer.receive('X');
}

// A status update, and when it came.
struct Said {
  runtime::Instant at;
  std::uint64_t flushed;
};

// Those of a stream that begins now, up to the client's CopyDone.
std::vector<Said> statuses_of(Peer& peer) {
  std::vector<Said> statuses;
  for (auto message = peer.receive(); message.type == 'd'; message = peer.receive()) {
    if (static_cast<char>(message.body[0]) != 'r') continue;
    statuses.push_back(
        {system_time.now(), server::wire::load_big_endian<std::uint64_t>(&message.body[9])});
  }
  return statuses;
}

TEST(FleetBehaviourTest, ASlowStandbyHasNeverReadMoreThanItsRateAllows) {
  constexpr std::uint64_t kRate = 100'000;
  constexpr std::uint64_t kWithLogin = 4096;  // what came with the login's last answer was read so
  std::vector<Said> statuses;
  runtime::Instant begin;
  FakeServer server(1, [&](Peer& peer) {
    begin = system_time.now();
    peer.log_in();
    send_in_pieces(peer, 500);
    statuses = statuses_of(peer);
    peer.send_stream_end();
    peer.receive('X');
  });
  const Tally tally = run(options_for(server, {.bytes_per_second = kRate}));
  server.join();
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, kWalBytes);
  ASSERT_GE(statuses.size(), 3u);
  for (const Said& said : statuses) {
    const double seconds = std::chrono::duration<double>(said.at - begin).count();
    EXPECT_LE(static_cast<double>(said.flushed - kStart), kWithLogin + seconds * kRate);
  }
  const auto between = [](const Said& said) {
    return said.flushed > kStart && said.flushed < kStart + kWalBytes;
  };
  EXPECT_TRUE(std::any_of(statuses.begin(), statuses.end(), between)) << "it reads on and on";
}

TEST(FleetBehaviourTest, AStalledStandbySaysNothingAndThenGoesOn) {
  constexpr milliseconds kStall(150);
  runtime::Instant first;
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    send_in_pieces(peer, 500);
    peer.send_keepalive(/*reply_requested=*/true);
    peer.receive();
    first = system_time.now();
    end_in_good_order(peer);
  });
  const runtime::Instant begin = system_time.now();
  const Tally tally =
      run(options_for(server, {.stall = behaviour::Stall{.from = {}, .to = kStall}}));
  server.join();
  EXPECT_GE(first - begin, kStall);
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, kWalBytes);
}

TEST(FleetBehaviourTest, AStandbyThatNeverWakesEndsInGoodOrder) {
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    send_in_pieces(peer, 500);
    EXPECT_EQ(peer.receive().type, 'd');  // that of its end
    end_in_good_order(peer);
  });
  Options options = options_for(server, {.stall = behaviour::Stall{.from = {}, .to = {}}});
  options.until.reset();
  options.duration = milliseconds(1500);  // within which it logs in
  const Tally tally = run(options);
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, kWalBytes) << "what was under way is taken";
}

TEST(FleetBehaviourTest, ADelayedAcknowledgementIsLate) {
  constexpr milliseconds kDelay(120);
  runtime::Instant sent;
  std::vector<Said> statuses;
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    sent = system_time.now();
    peer.send_wal(kStart, std::string(100, 'w'));
    while (statuses.empty() || statuses.back().flushed < kStart + 100) {
      const auto status = peer.receive();
      if (status.type != 'd') break;
      statuses.push_back(
          {system_time.now(), server::wire::load_big_endian<std::uint64_t>(&status.body[9])});
    }
    peer.send_wal(kStart + 100, std::string(kWalBytes - 100, 'w'));
    end_in_good_order(peer);
  });
  const Tally tally = run(options_for(server, {.acknowledge_delay = kDelay}));
  server.join();
  EXPECT_EQ(tally.completed, 1u);
  ASSERT_GE(statuses.size(), 2u) << "it says something meanwhile";
  EXPECT_LT(statuses.front().flushed, kStart + 100);
  EXPECT_GE(statuses.back().at - sent, kDelay);
}

TEST(FleetBehaviourTest, FeedbackNamesTheTransaction) {
  std::vector<std::byte> feedback;
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    while (feedback.empty() || static_cast<char>(feedback[0]) != 'h') {
      const auto message = peer.receive();
      if (message.type != 'd') break;
      feedback = message.body;
    }
    send_in_pieces(peer, kWalBytes);
    end_in_good_order(peer);
  });
  const std::uint64_t xid = (std::uint64_t{3} << 32) + 750;
  EXPECT_EQ(run(options_for(server, {.feedback = behaviour::Feedback{.xid = xid}})).completed, 1u);
  server.join();
  ASSERT_EQ(feedback.size(), 25u);
  EXPECT_EQ(server::wire::load_big_endian<std::uint32_t>(&feedback[9]), 750u);
  EXPECT_EQ(server::wire::load_big_endian<std::uint32_t>(&feedback[13]), 3u);
  EXPECT_EQ(server::wire::load_big_endian<std::uint64_t>(&feedback[17]), 0u);  // no catalog_xmin
}

TEST(FleetBehaviourTest, AGroupComesWhenItsTimeHasCome) {
  constexpr milliseconds kArrive(80);
  runtime::Instant came;
  FakeServer server(1, [&](Peer& peer) {
    came = system_time.now();
    peer.log_in();
    send_in_pieces(peer, kWalBytes);
    end_in_good_order(peer);
  });
  const runtime::Instant begin = system_time.now();
  EXPECT_EQ(run(options_for(server, {.arrive = kArrive, .ramp = kArrive})).completed, 1u);
  server.join();
  EXPECT_GE(came - begin, kArrive);
}

TEST(FleetBehaviourTest, ASlotIsMadeUsedAndDropped) {
  std::string made;
  std::string started;
  std::string dropped;
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    made = peer.slot_command();
    started = peer.command();
    send_in_pieces(peer, kWalBytes);
    peer.receive('c');
    peer.send_stream_end();
    dropped = peer.receive_command();
    peer.send_done("DROP_REPLICATION_SLOT");
    peer.receive('X');
  });
  const Tally tally = run(options_for(server, {.slots = "standby"}));
  server.join();
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.slots_made, 1u);
  EXPECT_EQ(tally.slots_dropped, 1u);
  EXPECT_EQ(made, "CREATE_REPLICATION_SLOT \"standby_0\" PHYSICAL RESERVE_WAL");
  EXPECT_EQ(started, "START_REPLICATION SLOT \"standby_0\" PHYSICAL 0/1000000 TIMELINE 1");
  EXPECT_EQ(dropped, "DROP_REPLICATION_SLOT \"standby_0\"");
}

TEST(FleetBehaviourTest, ASlotThatCannotBeDroppedIsAFailure) {
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    send_in_pieces(peer, kWalBytes);
    peer.receive('c');
    peer.send_stream_end();
    peer.receive_command();
  });
  const Tally tally = run(options_for(server, {.slots = "standby"}));
  EXPECT_EQ(tally.slots_made, 1u);
  EXPECT_EQ(tally.slots_dropped, 0u);
  EXPECT_EQ(tally.failures.total(), 1u);
}

}  // namespace
}  // namespace bench::walbench
