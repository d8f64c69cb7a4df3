#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "server/source/synthetic.h"
#include "server/wal/names.h"
#include "tests/stress/fleet.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

// Everything at once for a few seconds: clients that come, go, crawl and ask, WAL that grows, files
// that are said to have changed, and a server that stops in the middle of it.

namespace tests {

using server::wal::Lsn;
using server::wal::SegmentNo;
using server::wal::SegmentSize;
using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr SegmentSize kSegmentSize(1 << 20);

// Gives every segment of a spool a second name, by which it outlives its removal there, and holds
// those that have none yet. One thread calls keep().
class KeptSegments : public server::wal::Holder {
 public:
  KeptSegments(std::string spool, server::wal::Holds& holds)
      : spool_(std::move(spool)), holds_(holds) {
    holds_.add(*this);
  }
  ~KeptSegments() override { holds_.remove(*this); }

  const std::string& path() const { return kept_.path(); }
  void keep() {
    for (;; next_ = next_.load() + kSegmentSize.bytes()) {
      const std::string name = name_of(next_);
      if (::link((spool_ + "/" + name).c_str(), kept_.file(name).c_str()) != 0) return;
    }
  }
  // Whether the spool has lost its first segment.
  bool first_has_gone() const { return !std::filesystem::exists(spool_ + "/" + name_of(kFirst)); }

  std::vector<server::wal::Hold> holds() const override {
    return {{.who = "test", .why = "it has no second name yet", .from = next_, .since = {}}};
  }
  void settle() override {}
  void release_before(Lsn) override {}

 private:
  static constexpr Lsn kFirst{kMb};  // a spool begins with segment 1, as PostgreSQL's WAL does

  static std::string name_of(Lsn lsn) {
    return server::wal::segment_name(server::wal::TimelineId{1}, kSegmentSize.segment_of(lsn),
                                     kSegmentSize);
  }

  const std::string spool_;
  server::wal::Holds& holds_;
  const TempDir kept_;
  std::atomic<Lsn> next_ = kFirst;
};

class StressTest : public ::testing::Test {
 protected:
  // Clients and server are one process; the server alone raises its limit too.
  static void SetUpTestSuite() {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

  void open(std::uint64_t bytes_per_second, std::uint64_t keep, bool copy_always = false) {
    spool_.emplace();
    kept_.emplace(spool_->path(), holds_);
    source_.emplace(server::source::SyntheticSource::Options{.directory = spool_->path(),
                                                             .bytes_per_second = bytes_per_second,
                                                             .retention = {.wal_keep_bytes = keep,
                                                                           .holds = &holds_},
                                                             .segment_size = kSegmentSize,
                                                             .records = {}},
                    clock_);
    ASSERT_TRUE(source_->open().has_value());
    TestServer::Options options;
    options.workers = 3;
    options.worker.view = {.segments_max = 4};
    options.worker.session.close_timeout = std::chrono::milliseconds(500);
    server_.emplace(spool_->path(), source_->identity(), options);
    if (copy_always) server_->tail().hold_from(Lsn::max());
    ASSERT_TRUE(source_->start(server_->tail(), server_->faults(), *server_).has_value());
    server_->accept();
    while (server_->tail().position() < Lsn(6 * kMb)) std::this_thread::yield();
  }

  // Clients on several threads, and `meanwhile` on this one, until enough has happened; then the
  // server stops under them.
  void run(const std::function<void()>& meanwhile) {
    constexpr std::size_t kThreads = 4;
    constexpr std::uint64_t kBytesPerThread = 4 * kMb;
    constexpr std::size_t kStepsPerThread = 100;  // a client in eight steps goes and comes again
    std::atomic<std::size_t> satisfied = 0;
    std::atomic<bool> over = false;
    std::vector<FleetTally> tallies(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        Fleet fleet({.port = server_->port(),
                     .clients = 50,
                     .seed = seed_ + static_cast<std::uint32_t>(i),
                     .range = 4 * kMb,
                     .end = [this] { return server_->tail().position(); }},
                    wal_files());
        std::size_t steps = 0;
        bool counted = false;
        while (!over) {
          fleet.step();
          const bool enough = ++steps >= kStepsPerThread && fleet.tally().bytes >= kBytesPerThread;
          if (enough && !std::exchange(counted, true)) ++satisfied;
        }
        fleet.finish();
        tallies[i] = fleet.tally();
      });
    }
    // A server that hangs is the only thing that takes so long.
    const auto deadline = steady_clock::now() + std::chrono::seconds(90);
    while (satisfied < kThreads && steady_clock::now() < deadline) meanwhile();
    EXPECT_EQ(satisfied, kThreads) << "streams have come to a halt";
    over = true;
    server_->stop();
    for (std::thread& thread : threads) thread.join();
    source_->stop();
    FleetTally all;
    for (const FleetTally& tally : tallies) all += tally;
    EXPECT_EQ(all.wrong, 0u) << all.first_wrong;
    EXPECT_EQ(all.unknown, 0u) << "of " << all.messages << " messages";
    EXPECT_EQ(server_->wal_senders(), 0);
  }

  WalFiles wal_files() const { return {{spool_->path(), kept_->path()}, kSegmentSize}; }

  // Says of a random segment that its file has changed, but no more often than this.
  std::function<void()> change_segments_every(std::chrono::milliseconds interval) {
    return [this, interval, next = steady_clock::now(), random = std::mt19937(seed_)]() mutable {
      if (steady_clock::now() < next) return std::this_thread::yield();
      next = steady_clock::now() + interval;
      server_->on_segment_changed(SegmentNo{1 + random() % 20});
    };
  }

  const std::uint32_t seed_ = random_seed();
  runtime::SystemClock clock_;
  server::wal::Holds holds_{clock_};
  std::optional<TempDir> spool_;
  std::optional<KeptSegments> kept_;
  std::optional<server::source::SyntheticSource> source_;
  std::optional<TestServer> server_;
};

TEST_F(StressTest, EveryByteIsRightWhileClientsComeAndGo) {
  open(10 * kMb, 1 << 30);
  run([] { std::this_thread::yield(); });
}

TEST_F(StressTest, EveryByteIsRightWhileFilesAreSaidToChange) {
  open(10 * kMb, 1 << 30);
  run(change_segments_every(std::chrono::milliseconds(20)));
}

TEST_F(StressTest, EveryByteIsRightWhileOldSegmentsGo) {
  open(10 * kMb, 5 * kMb);
  const auto keep = [this] {
    kept_->keep();
    std::this_thread::yield();
  };
  while (!kept_->first_has_gone()) keep();  // so from here on segments go
  run(keep);
}

TEST_F(StressTest, EveryByteIsRightWhenAllIsCopied) {
  open(10 * kMb, 1 << 30, /*copy_always=*/true);
  run(change_segments_every(std::chrono::milliseconds(10)));
}

// After the storm, no session may wait for an answer that has gone to another one.
TEST_F(StressTest, AfterAStormEveryStreamArrivesAtTheEnd) {
  open(10 * kMb, 1 << 30);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 40; ++i) {
    auto& client = *clients.emplace_back(std::make_unique<TestClient>(server_->port()));
    auto parameters = walreceiver_parameters();
    parameters.emplace_back("options", "-c wal_sender_timeout=0");  // each waits for its turn below
    client.send(startup_packet(parameters));
    ASSERT_FALSE(client.until('Z').empty());
    client.send(start_replication(Lsn(kMb)));
  }
  for (int i = 0; i < 2000; ++i) {
    server_->on_segment_changed(SegmentNo{1 + static_cast<std::uint64_t>(i) % 6});
  }
  WalFiles files = wal_files();
  for (const auto& client : clients) {
    EXPECT_EQ(client->next().type, 'W');
    const std::string wal = client->wal(5 * kMb);
    EXPECT_GE(wal.size(), 5 * kMb);
    EXPECT_EQ(files.compare(Lsn(kMb), wal), WalFiles::Verdict::kSame);
  }
  clients.clear();
  server_->stop();
  source_->stop();
}

}  // namespace

}  // namespace tests
