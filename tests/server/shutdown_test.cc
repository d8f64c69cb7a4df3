#include "server/admin/shutdown.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

#include "server/wal/tail.h"

namespace server::admin {
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

// A server without clients.
struct ShutdownTest : ::testing::Test, Shutdown::Handler {
  void stop_accepting() override { steps += "accepting "; }
  void shut_down_sessions() override {
    steps += "sessions ";
    loop.mailbox().post([this] {
      loop.assert_in_thread();
      shutdown.on_sessions_ended();
    });
  }
  void cut_sessions() override { steps += "cut "; }

  runtime::SystemClock clock;
  runtime::Loop loop{clock, {}};
  SlowSource source;
  std::string steps;
  Shutdown shutdown{loop, *this};
};

TEST_F(ShutdownTest, TheLoopEndsWhenTheSourceHasEnded) {
  loop.assert_in_thread();
  source.may_end.set_value();
  EXPECT_FALSE(shutdown.has_begun());
  shutdown.begin(source, hours(1));
  EXPECT_TRUE(shutdown.has_begun());
  loop.run();
  EXPECT_EQ(steps, "accepting sessions ");
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
  EXPECT_EQ(steps, "accepting sessions cut ");
  EXPECT_EXIT(shutdown.finish(), ::testing::ExitedWithCode(1), "did not stop in time");
  source.may_end.set_value();
}

}  // namespace
}  // namespace server::admin
