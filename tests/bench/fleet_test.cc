#include "bench/walbench/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <span>
#include <string>

#include "bench/walbench/frontend.h"
#include "runtime/errors.h"
#include "server/wal/lsn.h"
#include "server/wire/codec.h"
#include "tests/bench/fake_server.h"
#include "tests/support/wal_directory.h"

namespace bench::walbench {
namespace {

using server::wal::Lsn;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

constexpr std::uint64_t kStart = 0x1000000;  // of the segment that the fake server is in

constexpr runtime::Duration kNever = std::chrono::hours(1000);

Options options_for(const FakeServer& server) {
  Options options;
  options.port = server.port();
  options.threads = 1;
  options.status_interval = std::chrono::hours(1);  // but for what a test asks for
  return options;
}

Tally run(const Options& options) {
  Fleet fleet(options);
  auto outcome = fleet.run();
  EXPECT_TRUE(outcome.has_value());
  return outcome->tally;
}

// Runs one standby against a script that begins when it streams.
Tally run_one(
    FakeServer::Script script, void (*change)(Options&) = [](Options&) {}) {
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    script(peer);
  });
  Options options = options_for(server);
  change(options);
  return run(options);
}

void set_until(Options& options) { options.until = Lsn(kStart + 10); }

auto failed_once(const char* reason) { return ElementsAre(Pair(reason, 1)); }

std::uint64_t position(const Peer::Message& status, std::size_t offset) {
  return server::wire::load_big_endian<std::uint64_t>(&status.body[offset]);
}

TEST(FleetTest, AStandbyEndsInGoodOrderWhenItHasEnough) {
  std::string types;
  Peer::Message status;
  const Tally tally = run_one(
      [&](Peer& peer) {
        EXPECT_EQ(peer.command(), "START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1");
        peer.send_wal(kStart, "12345");
        peer.send_wal(kStart + 5, "67890");
        status = peer.receive();
        types += status.type;
        types += peer.receive().type;
        peer.send_wal(kStart + 10, "was under way");
        peer.send_stream_end();
        types += peer.receive().type;
      },
      set_until);
  EXPECT_EQ(types, "dcX");
  for (const std::size_t offset : {1u, 9u, 17u}) {  // write, flush, apply
    EXPECT_EQ(position(status, offset), kStart + 10);
  }
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, 23u);
  EXPECT_EQ(tally.message_bytes.count(), 3u);
  EXPECT_EQ(tally.message_bytes.max(), 13u);
  EXPECT_TRUE(tally.failures.by_reason().empty());
}

TEST(FleetTest, StampsInTheWalAreMeasured) {
  const Tally tally = run_one(
      [&](Peer& peer) {
        const std::string header(40, 'h');  // of a segment's first page
        peer.send_wal(kStart, header + "one@00000000");
        peer.send_wal(kStart + 52, "00000001two@0000000000000001");
        peer.receive('c');
        peer.send_stream_end();
      },
      [](Options& options) {
        options.stamps = "one";
        options.until = Lsn(kStart + 80);
      });
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.stamp_us.count(), 1u);
  EXPECT_GT(tally.stamp_us.min(), 1'000'000'000'000'000u);  // since 1970
}

TEST(FleetTest, LargeWalIsCountedThoughItIsDropped) {
  const std::string wal(300'000, 'w');
  const Tally tally = run_one(
      [&](Peer& peer) {
        peer.send_wal(kStart, wal);
        peer.send_wal(kStart + wal.size(), wal);
        peer.receive('c');
        peer.send_stream_end();
        peer.receive('X');
      },
      [](Options& options) { options.until = Lsn(kStart + 600'000); });
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.bytes, 600'000u);
}

TEST(FleetTest, AKeepaliveThatAsksIsAnsweredAtOnce) {
  Peer::Message status;
  run_one([&](Peer& peer) {
    peer.send_wal(kStart, "12345");
    peer.send_keepalive(false);
    peer.send_keepalive(true);
    status = peer.receive();
  });
  ASSERT_EQ(status.type, 'd');
  EXPECT_EQ(position(status, 9), kStart + 5);
}

TEST(FleetTest, AGapIsAFailure) {
  const Tally tally = run_one([](Peer& peer) {
    peer.send_wal(kStart, "12345");
    peer.send_wal(kStart + 6, "7890");
    peer.receive('X');
  });
  EXPECT_THAT(tally.failures.by_reason(), failed_once("gap"));
  EXPECT_EQ(tally.completed, 0u);
}

TEST(FleetTest, AConnectionThatClosesEarlyIsAFailure) {
  EXPECT_THAT(run_one([](Peer&) {}).failures.by_reason(), failed_once("connection closed early"));
  FakeServer server(1, [](Peer&) {});
  EXPECT_EQ(run(options_for(server)).failures.total(), 1u);
}

TEST(FleetTest, AServerThatShutsDownIsAFailure) {
  const Tally tally = run_one([](Peer& peer) { peer.send_shutdown(); });
  EXPECT_THAT(tally.failures.by_reason(), failed_once("server shut down"));
}

TEST(FleetTest, AnErrorAmidTheStreamIsTheReason) {
  const Tally tally = run_one([](Peer& peer) {
    peer.send_error({.kind = &runtime::kFileMissing, .what = "is gone"});
    peer.receive('X');
  });
  EXPECT_THAT(tally.failures.by_reason(), failed_once("server error 58P01: is gone"));
}

TEST(FleetTest, RubbishIsAFailure) {
  const Tally tally = run_one([](Peer& peer) {
    peer.send(std::as_bytes(std::span("HTTP/1.1 400 Bad Request\r\n")));
    peer.receive('X');
  });
  EXPECT_THAT(tally.failures.by_reason(), failed_once("malformed message from the server"));
}

TEST(FleetTest, ATimelinesEndIsAFailureOnlyBeforeUntil) {
  const auto end_of_timeline = [](Peer& peer) {
    peer.send_wal(kStart, "12345");
    peer.send_copy_done();
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  };
  EXPECT_EQ(run_one(end_of_timeline).completed, 1u);
  EXPECT_THAT(run_one(end_of_timeline, set_until).failures.by_reason(),
              failed_once("timeline ended before --until"));
}

TEST(FleetTest, WalIsVerified) {
  static tests::WalDirectory* files;  // for the change, which captures nothing
  tests::WalDirectory directory(server::wal::TimelineId{1}, server::wal::SegmentSize(1 << 20));
  files = &directory;
  directory.write(Lsn(kStart), std::as_bytes(std::span("1234567890", 10)));
  const auto verify = [](Options& options) {
    options.verify_directory = files->path();
    set_until(options);
  };
  const auto script_of = [](const char* wal) {
    return [wal](Peer& peer) {
      peer.send_wal(kStart, wal);
      peer.receive('c');
      peer.send_stream_end();
      peer.receive('X');
    };
  };
  EXPECT_EQ(run_one(script_of("1234567890"), verify).completed, 1u);
  const Tally wrong = run_one(script_of("1234567x90"), verify);
  EXPECT_THAT(wrong.failures.by_reason(), failed_once("mismatch"));
  EXPECT_EQ(wrong.mismatches, 1u);
}

TEST(FleetTest, AServerThatNeverAnswersTheLoginTimesOut) {
  FakeServer server(1, [](Peer& peer) { peer.receive('X'); });
  Options options = options_for(server);
  options.login_timeout = milliseconds(20);
  EXPECT_THAT(run(options).failures.by_reason(), failed_once("timeout: start-up"));
}

TEST(FleetTest, ASilentServerIsAskedBeforeItTimesOut) {
  bool asked = false;
  const Tally tally = run_one(
      [&](Peer& peer) {
        for (auto status = peer.receive(); status.type == 'd'; status = peer.receive()) {
          asked = asked || status.body[33] == std::byte{1};
        }
      },
      [](Options& options) {
        options.status_interval = milliseconds(5);
        options.receiver_timeout = milliseconds(60);
      });
  EXPECT_TRUE(asked);
  EXPECT_THAT(tally.failures.by_reason(), failed_once("timeout: the server is silent"));
}

TEST(FleetTest, TheDurationEndsStandbysInGoodOrder) {
  const auto drain = [](Peer& peer) {
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  };
  // Within these it logs in.
  const auto briefly = [](Options& options) { options.duration = milliseconds(1500); };
  EXPECT_EQ(run_one(drain, briefly).completed, 1u);
  EXPECT_THAT(run_one(drain,
                      [](Options& options) {
                        options.duration = milliseconds(1500);
                        set_until(options);
                      })
                  .failures.by_reason(),
              failed_once("stopped before --until"));
}

TEST(FleetTest, ASlowStandbyTakesItsTimeAndGetsEverything) {
  const std::string wal(40'000, 'w');
  FakeServer server(1, [&](Peer& peer) {
    peer.log_in();
    peer.send_wal(kStart, wal);
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  });
  Options options = options_for(server);
  options.until = Lsn(kStart + wal.size());
  options.groups[0].bytes_per_second = 400'000;
  const runtime::SystemClock clock;
  const auto begin = clock.now();
  const Tally tally = run(options);
  EXPECT_GE(clock.now() - begin, milliseconds(90));
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_EQ(tally.delay_us.count(), 0u);  // a slow one's delay is its own
}

TEST(FleetTest, ManyFailingToConnectAllCount) {
  Options options;
  {
    const FakeServer gone(0, [](Peer&) {});
    options.port = gone.port();
  }
  options.groups[0].count = 2000;
  options.threads = 2;
  EXPECT_EQ(run(options).failures.total(), 2000u);
}

// The server's answer to an SSLRequest is one byte (the protocol's "SSL Session Encryption").
TEST(FleetTest, AServerWithoutTlsIsSaidToHaveNone) {
  FakeServer server(1, [](Peer& peer) {
    std::array<std::byte, 8> request;
    EXPECT_TRUE(peer.receive_bytes(request));
    EXPECT_EQ(request, kSslRequest);
    peer.send(std::as_bytes(std::span("N", 1)));
    EXPECT_EQ(peer.receive().type, 0) << "it hangs up";
  });
  Options options = options_for(server);
  options.ssl_mode = "require";
  EXPECT_THAT(run(options).failures.by_reason(),
              failed_once("server does not support SSL, but SSL was required"));
}

TEST(FleetTest, WhatIsNoHandshakeEndsAStandbyOverTls) {
  FakeServer server(1, [](Peer& peer) {
    std::array<std::byte, 8> request;
    EXPECT_TRUE(peer.receive_bytes(request));
    peer.send(std::as_bytes(std::span("SGarbage that is no record", 26)));
  });
  Options options = options_for(server);
  options.ssl_mode = "require";
  EXPECT_THAT(run(options).failures.by_reason(), failed_once("SSL error: wrong version number"));
}

// Asks for one sample when all have come, and ends the fleet when it has it.
class OneSample final : public Fleet::Conductor {
 public:
  explicit OneSample(const Options& options) : fleet(options, this) {}

  void on_settled() override {
    streaming = fleet.progress().streaming();
    if (streaming == 0) return;
    fleet.take_sample();
    fleet.take_sample();  // whose answers are the ones that count
  }
  void on_sample(const FleetSample& taken) override {
    samples.push_back(taken.positions);
    fleet.finish();
  }
  void on_stop_asked() override {}

  Fleet fleet;
  std::size_t streaming = 0;
  std::vector<std::vector<WorkerSample::Position>> samples;
};

TEST(FleetTest, AConductorIsToldWhenAllHaveComeAndHowFarTheyAre) {
  FakeServer server(1, [](Peer& peer) {
    peer.log_in();
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  });
  Options options = options_for(server);
  options.groups.insert(options.groups.begin(), {.name = "late", .count = 1, .arrive = kNever});
  OneSample one(options);
  ASSERT_TRUE(one.fleet.run().has_value());
  EXPECT_EQ(one.streaming, 1u);
  ASSERT_EQ(one.samples.size(), 1u);
  ASSERT_EQ(one.samples[0].size(), 1u);
  EXPECT_EQ(one.samples[0][0].group_index, 1u);
  EXPECT_EQ(one.samples[0][0].received, Lsn(kStart));
}

TEST(FleetTest, AConductorIsToldThoughNoneHasCome) {
  FakeServer server(1, [](Peer&) {});
  const Options options = options_for(server);
  OneSample conductor(options);
  ASSERT_TRUE(conductor.fleet.run().has_value());
  EXPECT_EQ(conductor.streaming, 0u);
  EXPECT_TRUE(conductor.samples.empty());
}

}  // namespace
}  // namespace bench::walbench
