#include "server/stats/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/stats/planted_facts.h"

namespace server::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A loop that answers at once, by the thread that asks, or not at all.
class PlantedLoop final : public Collector::Answerer {
 public:
  explicit PlantedLoop(std::string name) : name_(std::move(name)) {}

  void post_status(LoopQuestion question, std::function<void(LoopStatus)> take) override {
    if (is_silent.load()) return;
    asked.store(asked.load() + 1);
    LoopStatus status;
    status.name = name_;
    for (std::uint32_t i = sessions.load(); i > 0; --i) {
      SessionStatus session;
      session.process_id = i;
      status.sessions.push_back(std::move(session));
    }
    if (question.stages) {
      stages_asked.store(stages_asked.load() + 1);
      status.stages = std::make_unique<stream::StageSnapshot>();
      status.stages->all.server.add(1000);
    }
    status.client_memory_used = 7;
    status.client_memory_max = 100;
    take(std::move(status));
  }
  std::uint64_t bytes_sent() const override { return 11; }
  std::int64_t load() const override { return sessions.load(); }

  runtime::Published<bool> is_silent;
  runtime::Published<std::uint32_t> sessions;
  runtime::Published<int> asked;
  runtime::Published<int> stages_asked;

 private:
  const std::string name_;
};

struct CollectorTest : testing::Test {
  CollectorTest() {
    collector_.add(first_);
    collector_.add(second_);
  }
  SnapshotRef fresh() {
    return collector_.wait_for(Freshness::kUsual, clock().now() + seconds(20));
  }
  const runtime::Clock& clock() const { return facts_.clock; }

  tests::PlantedFacts facts_;
  PlantedLoop first_{"loop-0"};
  PlantedLoop second_{"loop-1"};
  Collector collector_{facts_.clock, facts_.facts};
};

TEST_F(CollectorTest, NothingIsAskedWhileNoWindowAsks) {
  collector_.start();
  EXPECT_EQ(collector_.latest(), nullptr);
  EXPECT_EQ(first_.asked.load(), 0);
}

TEST_F(CollectorTest, ASnapshotHasTheSessionsOfAllLoopsInOrder) {
  first_.sessions.store(3);
  second_.sessions.store(1);
  collector_.start();
  const SnapshotRef snapshot = fresh();
  ASSERT_NE(snapshot, nullptr);
  ASSERT_EQ(snapshot->sessions.size(), 4u);
  EXPECT_TRUE(
      std::is_sorted(snapshot->sessions.begin(), snapshot->sessions.end(),
                     [](const auto& a, const auto& b) { return a.process_id < b.process_id; }));
  EXPECT_EQ(snapshot->stages->all.server.count(), 2u);
  EXPECT_EQ(snapshot->bytes_sent, 22u);
  EXPECT_EQ(snapshot->find_limit("client_memory")->used, 14u);
  EXPECT_EQ(snapshot->find_limit("client_memory")->max, 200u);
  EXPECT_EQ(snapshot->loops_silent, 0u);
  EXPECT_EQ(snapshot->identity.system_identifier, 42u);
  EXPECT_EQ(snapshot->major_version, 15);
  EXPECT_EQ(collector_.latest(), snapshot);
}

TEST_F(CollectorTest, AnOldSnapshotWillDoForAWindowThatTakesIt) {
  collector_.start();
  const SnapshotRef snapshot = fresh();
  EXPECT_EQ(collector_.wait_for(std::chrono::hours(1), clock().now() + seconds(20)), snapshot);
  EXPECT_EQ(first_.asked.load(), 1);
  EXPECT_NE(fresh(), snapshot);
}

TEST_F(CollectorTest, NoMoreThanTenAreMadeInASecond) {
  collector_.start();
  const runtime::Instant begun = clock().now();
  for (int i = 0; i < 5; ++i) ASSERT_NE(fresh(), nullptr);
  EXPECT_GE(clock().now() - begun, 4 * Collector::kIntervalMin);
}

TEST_F(CollectorTest, HistogramsAreAskedForOnceASecondUnlessAllIsToBeNew) {
  collector_.start();
  const SnapshotRef snapshot = fresh();
  EXPECT_EQ(fresh()->stages, snapshot->stages);
  EXPECT_EQ(first_.stages_asked.load(), 1);
  collector_.wait_for(Freshness::kAllNew, clock().now() + seconds(20));
  EXPECT_EQ(first_.stages_asked.load(), 2);
}

TEST_F(CollectorTest, WindowsThatWaitTogetherHaveOneSnapshot) {
  collector_.start();
  fresh();
  const int asked = first_.asked.load();
  std::vector<std::future<SnapshotRef>> windows;
  for (int i = 0; i < 8; ++i) {
    windows.push_back(std::async(std::launch::async, [this] { return fresh(); }));
  }
  for (auto& window : windows) EXPECT_NE(window.get(), nullptr);
  EXPECT_LE(first_.asked.load() - asked, 8);
}

TEST_F(CollectorTest, ARequestGetsTheNextOne) {
  collector_.start();
  std::promise<SnapshotRef> taken;
  collector_.request(Freshness::kUsual,
                     [&](const SnapshotRef& snapshot) { taken.set_value(snapshot); });
  EXPECT_NE(taken.get_future().get(), nullptr);
}

TEST_F(CollectorTest, ALoopThatIsSilentIsLeftOutAndItsCountsStay) {
  first_.sessions.store(1);
  second_.sessions.store(2);
  collector_.start();
  const SnapshotRef whole = fresh();
  second_.is_silent.store(true);
  const SnapshotRef part = collector_.wait_for(Freshness::kAllNew, clock().now() + seconds(20));
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(part->loops_silent, 1u);
  EXPECT_EQ(part->sessions.size(), 1u);
  EXPECT_EQ(part->stages->all.server.count(), 2u);
}

TEST_F(CollectorTest, AStopEndsTheWaitForALoopThatIsSilent) {
  first_.is_silent.store(true);
  collector_.start();
  auto window = std::async(std::launch::async, [this] { return fresh(); });
  while (second_.asked.load() == 0) std::this_thread::yield();
  collector_.stop();
  EXPECT_EQ(window.get(), nullptr);
  EXPECT_EQ(fresh(), nullptr);
  collector_.request(Freshness::kUsual, [](const SnapshotRef&) { ADD_FAILURE(); });
}

TEST_F(CollectorTest, ADeadlineEndsAWait) {
  EXPECT_EQ(collector_.wait_for(milliseconds(0), clock().now() + milliseconds(10)), nullptr);
}

}  // namespace
}  // namespace server::stats
