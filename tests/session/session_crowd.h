#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/session/session_loop.h"

namespace tests {

// Many clients of one loop. They send, and read only when a test says so.
class SessionCrowd : public SessionLoop, private server::session::Session::Owner {
 public:
  struct Client {
    runtime::UniqueFd socket;
    server::session::Session* session;  // null: it is over
  };

  SessionCrowd() = default;
  ~SessionCrowd() override {
    for (const auto& client : clients_) {
      if (client->session != nullptr) client->session->cut();
    }
    rig.turn_until([&] { return handshakes.running() == 0; });
  }
  SessionCrowd(const SessionCrowd&) = delete;
  SessionCrowd& operator=(const SessionCrowd&) = delete;

  // A client that comes from this address. Valid as long as this; so is each other one.
  // `send_buffer_bytes` are the server's, as SocketPair has them.
  Client& connect(const std::string& address, int send_buffer_bytes = 0) {
    SocketPair pair(send_buffer_bytes);
    auto* session = new server::session::Session(environment, *this,
                                                 {.fd = std::move(pair.ours),
                                                  .peer = runtime::resolve(address, 1)->front(),
                                                  .process_id = process_ids.take()});
    clients_.push_back(std::make_unique<Client>(Client{std::move(pair.peer), session}));
    return *clients_.back();
  }
  // The client sends this, and the loop hears it.
  void tell(const Client& client, std::string_view bytes) {
    ASSERT_EQ(::send(client.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    rig.loop.turn_for_test();
  }
  // What the client has been sent since.
  static std::string hear(const Client& client) {
    std::string heard;
    receive_into(heard, client.socket.get());
    return heard;
  }

  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }
  // Those whose sessions are not over.
  std::size_t alive() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients_, [](const auto& client) { return client->session != nullptr; }));
  }

 private:
  void on_session_over(server::session::Session& session) override {
    for (const auto& client : clients_) {
      if (client->session == &session) client->session = nullptr;
    }
    rig.loop.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }

  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace tests
