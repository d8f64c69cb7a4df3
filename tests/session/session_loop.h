#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/session/session.h"
#include "tests/stream/view_rig.h"
#include "tests/support/replication_messages.h"
#include "tests/support/socket_pair.h"

namespace tests {

// A loop that the test turns by hand, with a clock that it sets, and all that a session borrows.
struct SessionLoop : private server::session::CancelKeys::Target {
  SessionLoop() {
    rig.fill(50'000);
    server::settings::add_source_settings(rig.identity, settings);
    settings.set("wal_sender_timeout", "10s", "");
    options.sender.timeout = std::chrono::seconds(10);
    options.max_wal_senders = 10;
    rig.loop.set_turn_work(&send_queue);
  }

  // The client's end of a connection does, and the loop hears it.
  void say(std::string_view bytes) {
    send(bytes);
    rig.loop.turn_for_test();
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(sockets.peer.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // What has been said to the client since.
  std::string heard() const {
    std::string bytes(64 * 1024, '\0');
    const ssize_t size = ::recv(sockets.peer.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  void pass(runtime::Duration time) {
    rig.clock.advance(time);
    rig.loop.turn_for_test();
  }

  void post_cancel(std::uint32_t /*process_id*/) override {}
  void post_terminate(std::uint32_t /*process_id*/) override {}

  ViewRig rig;
  server::stream::SendQueue send_queue{rig.loop, rig.clock, rig.view, {}};
  SocketPair sockets;
  server::settings::Settings settings;
  runtime::Gauge wal_senders;
  server::session::CancelKeys cancel_keys;
  server::session::Admissions admissions{{}};
  server::session::ProcessIds process_ids{6};
  server::session::StrangerLog strangers{rig.loop};
  static constexpr std::size_t kMemoryMax = std::size_t{4} << 20;
  server::stream::MemoryBudget memory{kMemoryMax};
  server::session::HandshakeQueue handshakes{rig.loop, rig.pool, memory};
  server::source::XminHorizon xmin_horizon;
  server::source::Quorum quorum;
  server::slot::Slots slots{{}};
  memctx::Context context{"Worker"};
  std::vector<std::byte> input_buffer =
      std::vector<std::byte>(server::session::Input::kReadBytesMax);
  server::session::SessionEnvironment::Options options;
  server::session::SessionEnvironment environment{
      .loop = rig.loop,
      .view = rig.view,
      .send_queue = send_queue,
      .settings = std::make_shared<const server::settings::Settings>(settings),
      .policy = server::auth::AccessPolicy::open(),
      .reported_settings = {},
      .wal_senders = wal_senders,
      .cancel_keys = cancel_keys,
      .admissions = admissions,
      .xmin_horizon = xmin_horizon,
      .quorum = quorum,
      .slots = slots,
      .pool = rig.pool,
      .handshakes = handshakes,
      .worker = *this,
      .strangers = strangers,
      .memory = memory,
      .worker_context = context,
      .message_context = context.create_child("Message"),
      .input_buffer = input_buffer,
      .options = options};
};

// A session of that loop.
class SessionOnLoop : public SessionLoop, private server::session::Session::Owner {
 public:
  SessionOnLoop()
      : session_(new server::session::Session(
            environment, *this,
            {.fd = std::move(sockets.ours), .peer = {}, .process_id = process_ids.take()})) {}
  ~SessionOnLoop() override {
    if (!over_) delete session_;
    rig.loop.turn_for_test();  // a session that is over dies at a turn's end
  }
  SessionOnLoop(const SessionOnLoop&) = delete;
  SessionOnLoop& operator=(const SessionOnLoop&) = delete;

  bool over() const { return over_; }
  // The seats that were taken when the line was closed, by this session too.
  std::int64_t seats_at_the_end() const { return seats_at_the_end_; }
  // REQUIRES: !over().
  server::session::Session& session() { return *session_; }
  bool streams() const { return !over_ && session_->status().state == "streaming"; }

 private:
  void on_session_over(server::session::Session& session) override {
    over_ = true;
    seats_at_the_end_ = wal_senders.get();
    rig.loop.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }

  bool over_ = false;
  std::int64_t seats_at_the_end_ = -1;
  server::session::Session* session_;
};

}  // namespace tests
