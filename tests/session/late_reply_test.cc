#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <string>

#include "tests/session/session_loop.h"

// A session in a loop that has more to read in one turn than it takes in one.

namespace tests {

namespace {

class LateReplyTest : public ::testing::Test, protected SessionOnLoop {
 protected:
  LateReplyTest() {
    say(startup_packet(walreceiver_parameters()));
    say(start_replication(rig.end()));
  }

  // So many other sockets are readable, and stay so, that a turn has no time for one that becomes
  // readable next.
  void make_noise() {
    rig.loop.turn_for_test();  // in which epoll finds that the session has no more to say
    for (runtime::UniqueFd& fd : noise_) {
      fd.reset(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      rig.loop.watch(fd.get(), EPOLLIN, noise_handler_);
    }
  }

 private:
  struct Deaf final : runtime::Loop::Handler {
    void on_ready(std::uint32_t) override {}
  };

  Deaf noise_handler_;
  std::array<runtime::UniqueFd, 300> noise_;  // more than the events of a turn
};

// A standby was cut, although it had said something in time.
TEST_F(LateReplyTest, AReplyThatLiesInTheSocketCountsBeforeTheTimeoutDoes) {
  ASSERT_TRUE(streams());
  make_noise();
  send(status(server::wal::Lsn(1)));
  pass(std::chrono::seconds(10));
  EXPECT_TRUE(streams());
  pass(std::chrono::milliseconds(9999));
  EXPECT_TRUE(streams());
  pass(std::chrono::milliseconds(1));
  EXPECT_FALSE(streams());
}

TEST_F(LateReplyTest, AClientThatHasGoneIsNotTakenForOneThatIsLate) {
  ASSERT_TRUE(streams());
  make_noise();
  send(client_message('X', ""));
  testing::internal::CaptureStderr();
  pass(std::chrono::seconds(10));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(streams());
  EXPECT_EQ(log.find("replication timeout"), std::string::npos) << log;
}

}  // namespace

}  // namespace tests
