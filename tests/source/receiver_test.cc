#include "server/source/receiver.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/format.h"
#include "runtime/socket.h"
#include "runtime/thread.h"
#include "tests/source/tail_follower.h"
#include "tests/support/log_pipe.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_server.h"
#include "tests/wal/growing_wal.h"

// A receiver whose hosts are servers in this process, with a sink that keeps nothing.

namespace tests {

using runtime::format;
using runtime::Result;
using server::source::PrimaryInfo;
using server::source::Quorum;
using server::source::Receiver;
using server::wal::Lsn;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

namespace {

constexpr TimelineId kFirst{1};

struct CountingSink final : server::source::WalSink {
  CountingSink(const server::wal::Identity& its_identity, Lsn its_begin)
      : identity(its_identity), end(its_begin) {}

  Lsn position() const override { return end; }
  server::wal::NextXid next_xid() const override { return {}; }
  Result<void> on_connected(const PrimaryInfo& primary) override {
    return server::source::check_primary(primary, identity, kFirst);
  }
  void on_cluster_facts(const server::wal::ClusterFacts&) override { facts.add(1); }
  Result<void> on_wal(const server::wire::XLogData& data) override {
    end = Lsn(data.start) + data.wal.size();
    if (gate.valid()) gate.wait();
    ++messages;
    in_turn_max = std::max(in_turn_max, ++in_turn);
    if (slow != nullptr) slow->advance(std::chrono::seconds(1));
    received.store(end);
    return {};
  }
  Result<void> on_turn() override {
    in_turn = 0;
    return {};
  }
  Quorum::Positions confirmed(const Quorum::Positions&) const override {
    return {.write = end, .flush = end, .apply = Lsn()};
  }
  Result<void> on_timeline_ended(const server::source::NextTimeline& next) override {
    EXPECT_EQ(next.begin, end);
    if (follow) follow();
    return {};
  }
  bool on_connection_lost(const runtime::Error&) override {
    lost.add(1);
    return true;
  }

  const server::wal::Identity identity;
  Lsn end;
  runtime::FakeClock* slow = nullptr;  // advanced by each message
  std::size_t messages = 0;
  std::size_t in_turn = 0;  // messages since the last turn
  std::size_t in_turn_max = 0;
  std::shared_future<void> gate;  // before which no message is taken
  std::function<void()> follow;   // to the next timeline
  runtime::Published<Lsn> received;
  runtime::Gauge lost;
  runtime::Gauge facts;
};

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

struct ReceiverTest : ::testing::Test, GrowingWal {
  ReceiverTest() {
    early = grow(300'000);
    grow(300'000);
    sink.emplace(identity, early);
  }
  ~ReceiverTest() override {
    if (receiver.has_value()) receiver->stop();
  }

  // A host that has this server's WAL up to `to`.
  TestServer& add_host(Lsn to, std::optional<server::wal::Identity> of = std::nullopt) {
    TestServer::Options options;
    options.slots.directory = slots.file(format("{}", hosts.size()));
    std::filesystem::create_directory(options.slots.directory);
    auto& host = hosts.emplace_back(
        std::make_unique<TestServer>(directory.path(), of.value_or(identity), options));
    host->serve(begin(), to);
    return *host;
  }
  void start(runtime::Duration retry_interval, const runtime::Clock& its_clock,
             const std::string& slot_name = "") {
    std::string names = proxy_port.empty() ? "" : "127.0.0.1";
    std::string ports = proxy_port;
    for (const auto& host : hosts) {
      names += names.empty() ? "127.0.0.1" : ",127.0.0.1";
      ports += format("{}{}", ports.empty() ? "" : ",", host->port());
    }
    receiver.emplace(
        Receiver::Options{.upstream = {.conninfo = format("host={} port={} user=u", names, ports),
                                       .timeout = std::chrono::seconds(60)},
                          .slot_name = slot_name,
                          .retry_interval = retry_interval},
        its_clock, *sink);
    tail.adopt({TimelineHistory(kFirst), {}});
    receiver->start(tail);
  }
  // The next round begins long after the test.
  void start() { start(std::chrono::hours(1), clock); }
  bool receives_all() {
    return eventually([this] { return sink->received.load() == end(); });
  }

  const TempDir slots;
  runtime::SystemClock clock;
  Lsn early;
  std::string proxy_port;  // of a host before all others; empty: there is none
  std::vector<std::unique_ptr<TestServer>> hosts;
  std::optional<CountingSink> sink;
  server::wal::WalTail tail;
  std::optional<Receiver> receiver;
};

// It was asked again and again, and the next host never.
TEST_F(ReceiverTest, AHostThatIsBehindIsLeftForTheNextAtOnce) {
  sink->end = early + 1;
  add_host(early);
  TestServer& good = add_host(end());
  LogPipe log;
  start();
  EXPECT_TRUE(receives_all());
  EXPECT_TRUE(log.wait_for(format("(host=127.0.0.1 port={})", good.port()))) << log.said();
  EXPECT_TRUE(log.wait_for("started streaming"));
  EXPECT_EQ(count_of(log.said(), format("ERROR:  the primary's WAL ends before this server's "
                                        "(host=127.0.0.1 port={})",
                                        hosts.front()->port())),
            1u)
      << log.said();
}

TEST_F(ReceiverTest, AHostOfAnotherSystemIsLeftForTheNextAtOnce) {
  server::wal::Identity stranger = identity;
  stranger.system_identifier += 1;
  add_host(end(), stranger);
  add_host(end());
  LogPipe log;
  start();
  EXPECT_TRUE(receives_all());
  EXPECT_TRUE(log.wait_for("database system identifier differs")) << log.said();
}

// libpq by itself would give up: the connection was made, and only then was anything wrong.
TEST_F(ReceiverTest, AProxyWithoutAServerIsLeftForTheNextAtOnce) {
  const auto any_port = runtime::resolve("127.0.0.1", 0).value().at(0);
  const runtime::UniqueFd proxy = runtime::listen_on(any_port, 8).value();
  proxy_port = format("{}", runtime::local_address(proxy.get()).port());
  runtime::NamedThread closer("closer", [&](memctx::Context&) {
    pollfd asked{.fd = proxy.get(), .events = POLLIN, .revents = 0};
    ::poll(&asked, 1, /*timeout_ms=*/10'000);
    const runtime::UniqueFd accepted(::accept4(proxy.get(), nullptr, nullptr, SOCK_CLOEXEC));
  });
  add_host(end());
  start();
  EXPECT_TRUE(receives_all());
}

TEST_F(ReceiverTest, AHostWithoutTheSlotIsLeftForTheNextAtOnce) {
  add_host(end());
  TestServer& good = add_host(end());
  auto* const slot =
      good.slots().create("ours", server::slot::Persistence::kPersistent, {/*pid=*/1}, {}).value();
  good.slots().release(*slot);
  LogPipe log;
  start(std::chrono::hours(1), clock, "ours");
  EXPECT_TRUE(receives_all());
  EXPECT_TRUE(log.wait_for("replication slot \"ours\" does not exist")) << log.said();
}

// Where there is no other host, the host itself decides: it may have the receiver wait.
TEST_F(ReceiverTest, AloneAHostThatIsBehindIsAskedForAStream) {
  sink->end = end() + 1;
  add_host(end());
  LogPipe log;
  start();
  EXPECT_TRUE(log.wait_for("is ahead of the WAL flush position of this server")) << log.said();
  EXPECT_EQ(count_of(log.said(), "ends before this server's"), 0u) << log.said();
}

TEST_F(ReceiverTest, WhenNoneIsOfUseAllAreTriedAgainLaterAndEachReasonIsLoggedOnce) {
  sink->end = end() + 1;
  add_host(early);
  add_host(end());
  const std::string log = logged([this] {
    start(std::chrono::milliseconds(1), clock);
    EXPECT_TRUE(eventually([this] { return sink->lost.get() >= 8; }));
    receiver->stop();
  });
  EXPECT_EQ(count_of(log, "ends before this server's"), 2u) << log;
}

TEST_F(ReceiverTest, AHostFromWhichNoWalCameIsLeftForTheNextWhenItIsLost) {
  TestServer& idle = add_host(early);
  TestServer& good = add_host(early);
  LogPipe log;
  start();
  ASSERT_TRUE(log.wait_for(format("port={})", idle.port()))) << log.said();
  idle.cut_short();
  idle.stop();
  EXPECT_TRUE(log.wait_for(format("port={})", good.port()))) << log.said();
  good.publish(end());
  EXPECT_TRUE(receives_all());
}

// A relay went on saying that it was in hot standby when its upstream was promoted.
TEST_F(ReceiverTest, WhatThePrimarySaysOfItsClusterIsAskedAgainWithANewTimeline) {
  TestServer& host = add_host(end());
  const Lsn fork = end();
  const TimelineId second{2};
  const std::string history = format("1\t{}\tpromoted\n", fork);
  std::ofstream(directory.path() + "/" + server::wal::history_name(second)) << history;
  const server::wal::Timelines timelines{*TimelineHistory::parse(second, history),
                                         {{second, history}}};
  sink->follow = [&] { tail.adopt(timelines); };
  start();
  ASSERT_TRUE(receives_all());
  EXPECT_EQ(sink->facts.get(), 1);
  const auto promoted = child(2, fork, records.back().begin);
  write_timeline(2, promoted);
  host.tail().adopt(timelines);
  host.tail().publish(fork, fork, clock.now());
  host.publish(promoted.end());
  EXPECT_TRUE(eventually([&] { return sink->received.load() == promoted.end(); }));
  EXPECT_EQ(sink->facts.get(), 2);
}

// All that had come was taken before anything else was looked at, however long that took.
TEST_F(ReceiverTest, ATurnEndsWhileMoreIsThere) {
  TestServer& host = add_host(end());
  runtime::FakeClock slow;
  std::promise<void> open;
  sink->slow = &slow;
  sink->gate = open.get_future().share();
  start(std::chrono::hours(1), slow);
  ASSERT_TRUE(host.wait_for_sessions(1));
  for (int i = 0; i < 50; ++i) {
    host.publish(grow(1));
    EXPECT_TRUE(eventually([&] { return host.sessions().front().sent == end(); }));
  }
  open.set_value();
  EXPECT_TRUE(receives_all());
  receiver->stop();
  EXPECT_GT(sink->messages, 20u);
  EXPECT_EQ(sink->in_turn_max, 1u);
}

}  // namespace
}  // namespace tests
