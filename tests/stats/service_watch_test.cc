#include "server/stats/service_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/fd.h"
#include "server/slot/slots.h"
#include "server/wal/holds.h"
#include "server/wal/tail.h"
#include "tests/support/temp_dir.h"

namespace server::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A loop that answers when the test says so.
struct HeldLoop final : Collector::Answerer {
  void post_status(LoopQuestion /*question*/, std::function<void(LoopStatus)> take) override {
    questions.push_back(std::move(take));
  }
  std::uint64_t bytes_sent() const override { return 0; }
  std::int64_t load() const override { return 0; }
  void answer() {
    for (const auto& take : std::exchange(questions, {})) take(LoopStatus());
  }

  std::vector<std::function<void(LoopStatus)>> questions;
};

struct NoSource final : source::Source {
  runtime::Result<void> open() override { return {}; }
  const wal::Identity& identity() const override { return its_identity; }
  const std::string& directory() const override { return its_directory; }
  runtime::Result<void> start(wal::WalTail&, wal::FaultLog&, Listener&) override { return {}; }
  void stop() override {}
  void log_memory_contexts() override {}

  wal::Identity its_identity{};
  std::string its_directory = "/nonexistent";
};

// A service manager that the process's environment names.
class Manager {
 public:
  Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string name = dir_.file("notify");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() { ::unsetenv("NOTIFY_SOCKET"); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The messages that have come since the last call.
  std::vector<std::string> told() {
    std::vector<std::string> all;
    std::array<char, 1024> buffer;
    for (;;) {
      const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0) return all;
      all.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  tests::TempDir dir_;
  runtime::UniqueFd fd_;
};

struct ServiceWatchTest : testing::Test {
  ServiceWatchTest() {
    loop.assert_in_thread();
    watch.add(one);
    watch.add(two);
  }
  void pass(runtime::Duration time) {
    clock.advance(time);
    loop.turn_for_test();
  }
  std::ptrdiff_t words_of_life() {
    const auto told = manager.told();
    return std::count(told.begin(), told.end(), "WATCHDOG=1");
  }
  void answer() {
    one.answer();
    two.answer();
    loop.turn_for_test();
  }

  Manager manager;
  runtime::FakeClock clock;
  runtime::Loop loop{clock, {}};
  HeldLoop one;
  HeldLoop two;
  NoSource source;
  wal::WalTail tail;
  wal::Holds holds{clock};
  slot::Slots slots{{}};
  ServerFacts facts{
      {.clock = clock, .tail = tail, .slots = slots, .holds = holds, .source = source}, {}};
  Collector collector{clock, facts};  // not started: nothing is asked of it
  admin::ServiceStatus status{/*has_primary=*/false};
  ServiceWatch watch{loop, status};
};

TEST_F(ServiceWatchTest, AWordOfLifeFollowsTheAnswersOfAllLoops) {
  watch.start(collector, seconds(8));
  pass(milliseconds(1));
  EXPECT_EQ(words_of_life(), 0);
  one.answer();
  loop.turn_for_test();
  EXPECT_EQ(words_of_life(), 0) << "the other has not answered";
  two.answer();
  loop.turn_for_test();
  EXPECT_EQ(words_of_life(), 1);
  pass(seconds(2));
  answer();
  EXPECT_EQ(words_of_life(), 1) << "four in the manager's time";
}

TEST_F(ServiceWatchTest, ALoopThatStandsStillIsNotCoveredByTheOthers) {
  watch.start(collector, seconds(8));
  pass(milliseconds(1));
  for (int i = 0; i < 10; ++i) {
    one.answer();
    pass(seconds(2));
  }
  EXPECT_EQ(words_of_life(), 0);
  EXPECT_EQ(two.questions.size(), 1u) << "it is asked once";
  answer();
  EXPECT_EQ(words_of_life(), 1) << "it goes on";
}

TEST_F(ServiceWatchTest, AManagerThatDoesNotWatchHearsNoWordOfLife) {
  watch.start(collector, runtime::Duration::zero());
  pass(seconds(10));
  EXPECT_TRUE(one.questions.empty());
  EXPECT_EQ(words_of_life(), 0);
}

TEST_F(ServiceWatchTest, AnAnswerThatComesBehindTheEndSaysNothing) {
  watch.start(collector, seconds(8));
  pass(milliseconds(1));
  watch.stop();
  answer();
  EXPECT_EQ(words_of_life(), 0);
  pass(seconds(20));
  EXPECT_TRUE(one.questions.empty());
}

TEST_F(ServiceWatchTest, TheStatusSaysHowFarWalIs) {
  static_cast<void>(manager.told());
  status.on_look({.end = wal::Lsn(0x5000000)});
  status.on_look({.end = wal::Lsn(0x5000000),
                  .standbys = 1,
                  .lag_bytes = 20 << 20,
                  .lag = milliseconds(1500),
                  .behind_primary_bytes = 9000});
  EXPECT_THAT(manager.told(),
              testing::ElementsAre("STATUS=serving WAL; WAL ends at 0/5000000, 0 standbys",
                                   "STATUS=serving WAL; WAL ends at 0/5000000, 9000B behind the "
                                   "primary, 1 standby, the last 20MB (1.5s) behind"));
}

}  // namespace
}  // namespace server::stats
