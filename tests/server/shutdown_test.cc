#include "server/shutdown.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "server/wal/tail.h"

namespace server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// A source whose stop() takes as long as the test says.
struct SlowSource final : source::Source {
  runtime::Result<void> open() override { return {}; }
  const wal::Identity& identity() const override { return its_identity; }
  const std::string& directory() const override { return its_directory; }
  runtime::Result<void> start(wal::WalTail&, wal::FaultLog&, Listener&) override { return {}; }
  void stop() override { may_end.get_future().wait(); }
  void log_memory_contexts() override {}

  wal::Identity its_identity{};
  std::string its_directory;
  std::promise<void> may_end;
};

struct ShutdownTest : ::testing::Test {
  ShutdownTest() { loop.assert_in_thread(); }

  runtime::SystemClock clock;
  runtime::Loop loop{clock, {}};
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  std::vector<std::unique_ptr<Worker>> workers;
  SlowSource source;
  Shutdown shutdown{loop, acceptors, workers};
};

TEST_F(ShutdownTest, TheLoopEndsWhenTheSourceHasEnded) {
  loop.assert_in_thread();
  source.may_end.set_value();
  EXPECT_FALSE(shutdown.has_begun());
  shutdown.begin(source, hours(1));
  EXPECT_TRUE(shutdown.has_begun());
  loop.run();
  shutdown.finish();
}

// Main's thread waited for the source, so that it saw no other signal.
TEST_F(ShutdownTest, ASourceThatHangsIsLeftAfterAWhile) {
  loop.assert_in_thread();
  shutdown.begin(source, milliseconds(1));
  loop.run();
  EXPECT_EXIT(shutdown.finish(), ::testing::ExitedWithCode(1), "did not stop in time");
  source.may_end.set_value();
}

TEST_F(ShutdownTest, AnotherRequestIsSeenWhileTheSourceHangs) {
  loop.assert_in_thread();
  shutdown.begin(source, hours(1));
  loop.mailbox().post([this] {
    loop.assert_in_thread();
    shutdown.hurry();
  });
  loop.run();
  EXPECT_EXIT(shutdown.finish(), ::testing::ExitedWithCode(1), "did not stop in time");
  source.may_end.set_value();
}

}  // namespace
}  // namespace server
