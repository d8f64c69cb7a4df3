#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "server/session/session.h"
#include "tests/stream/view_rig.h"
#include "tests/support/replication_messages.h"
#include "tests/support/socket_pair.h"

// A session in a loop that has more to read in one turn than it takes in one.

namespace tests {

using server::session::Session;
using server::session::SessionEnvironment;

namespace {

class LateReplyTest : public ::testing::Test,
                      private Session::Owner,
                      private server::session::CancelKeys::Target {
 protected:
  LateReplyTest() {
    rig_.fill(50'000);
    server::settings::add_source_settings(rig_.identity, settings_);
    settings_.set("wal_sender_timeout", "10s", "");
    options_.sender.timeout = std::chrono::seconds(10);
    options_.max_wal_senders = 10;
    environment_ = std::make_unique<SessionEnvironment>(SessionEnvironment{
        .loop = rig_.loop,
        .view = rig_.view,
        .send_queue = send_queue_,
        .settings = std::make_shared<const server::settings::Settings>(settings_),
        .reported_settings = {},
        .wal_senders = wal_senders_,
        .cancel_keys = cancel_keys_,
        .xmin_horizon = xmin_horizon_,
        .quorum = quorum_,
        .slots = slots_,
        .pool = rig_.pool,
        .worker = *this,
        .worker_context = context_,
        .message_context = context_.create_child("Message"),
        .input_buffer = input_buffer_,
        .options = options_});
    rig_.loop.set_turn_work(&send_queue_);
    session_ = new Session(*environment_, *this,
                           {.fd = std::move(sockets_.ours), .peer = {}, .process_id = 7});
    say(startup_packet(walreceiver_parameters()));
    say(start_replication(rig_.end()));
  }
  ~LateReplyTest() override {
    if (!over_) delete session_;
    rig_.loop.turn_for_test();  // what is over dies
  }

  // The client does, and the session hears it.
  void say(std::string_view bytes) {
    send(bytes);
    rig_.loop.turn_for_test();
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(sockets_.peer.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // So many others have something to say, and go on to, that a turn has no time for who comes next.
  void make_noise() {
    rig_.loop.turn_for_test();  // in which epoll finds that the session has no more to say
    for (runtime::UniqueFd& fd : noise_) {
      fd.reset(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      rig_.loop.watch(fd.get(), EPOLLIN, noise_handler_);
    }
  }
  void pass(runtime::Duration time) {
    rig_.clock.advance(time);
    rig_.loop.turn_for_test();
  }
  bool streams() const { return !over_ && session_->status().state == "streaming"; }

 private:
  struct Deaf final : runtime::Loop::Handler {
    void on_ready(std::uint32_t) override {}
  };

  void on_session_over(Session& session) override {
    over_ = true;
    rig_.loop.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }
  void post_cancel(std::uint32_t) override {}
  void post_terminate(std::uint32_t) override {}

  ViewRig rig_;
  server::stream::SendQueue send_queue_{rig_.loop, rig_.clock, rig_.view, {}};
  SocketPair sockets_;
  server::settings::Settings settings_;
  runtime::Gauge wal_senders_;
  server::session::CancelKeys cancel_keys_;
  server::source::XminHorizon xmin_horizon_;
  server::source::Quorum quorum_;
  server::slot::Slots slots_{{}};
  memctx::Context context_{"Worker"};
  std::vector<std::byte> input_buffer_ = std::vector<std::byte>(1 << 20);
  SessionEnvironment::Options options_;
  std::unique_ptr<SessionEnvironment> environment_;
  Deaf noise_handler_;
  std::array<runtime::UniqueFd, 300> noise_;  // more than the events of a turn
  Session* session_ = nullptr;
  bool over_ = false;
};

// It was cut, although it had said something in time.
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
