#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/session/session_loop.h"

// What many clients together can have one loop keep for them.

namespace tests {

using server::session::Session;
using server::stream::MemoryBudget;
using server::wal::Lsn;

namespace {

// Many clients of one loop. They send, and read only when a test says so.
class ManyClientsTest : public ::testing::Test, protected SessionLoop, private Session::Owner {
 protected:
  struct Client {
    runtime::UniqueFd socket;
    Session* session;
  };

  ManyClientsTest() {
    rig.grow(1'000'000);
    rig.publish();
    options.max_wal_senders = 1000;
    rig.loop.turn_for_test();
  }
  ~ManyClientsTest() override {
    for (Client& client : clients) {
      if (client.session != nullptr) client.session->cut();
    }
    rig.loop.turn_for_test();
  }

  Client& connect() {
    SocketPair pair(/*send_buffer_bytes=*/4096);
    auto* session =
        new Session(environment, *this,
                    {.fd = std::move(pair.ours), .peer = {}, .process_id = process_ids.take()});
    clients.push_back({std::move(pair.peer), session});
    tell(clients.back(), startup_packet(walreceiver_parameters()));
    return clients.back();
  }
  void tell(const Client& client, std::string_view bytes) {
    ASSERT_EQ(::send(client.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    rig.loop.turn_for_test();
  }
  static std::string hear(const Client& client) {
    std::string heard;
    receive_into(heard, client.socket.get());
    return heard;
  }
  std::size_t alive() const { return clients.size() - over_; }

  std::vector<Client> clients;

 private:
  void on_session_over(Session& session) override {
    for (Client& client : clients) {
      if (client.session == &session) client.session = nullptr;
    }
    ++over_;
    rig.loop.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }

  std::size_t over_ = 0;
};

// The rest of a message whose file may be recycled is kept in memory for each standby that does not
// read: 128 kB, or a page where memory is short.
TEST_F(ManyClientsTest, StandbysThatDoNotReadKeepNoMoreThanTheBudget) {
  constexpr std::size_t kClients = 100;
  rig.tail.hold_from(Lsn::max());
  rig.tail.announce(rig.clock.now());
  clients.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) hear(connect());
  for (Client& client : clients) {
    if (client.session == nullptr) continue;
    tell(client, query("START_REPLICATION " + to_string(rig.begin()) + " TIMELINE 1"));
    rig.turn_until(
        [&] { return client.session == nullptr || client.session->status().sent > rig.begin(); });
    EXPECT_LE(memory.used(), (std::size_t{4} << 20) + alive() * MemoryBudget::kShareBytes);
  }
  EXPECT_EQ(alive(), kClients) << "where memory is short, messages are small";
  EXPECT_GT(memory.used(), std::size_t{1} << 20) << "they were to fill it";
}

TEST_F(ManyClientsTest, AClientThatComesWhenAllMemoryIsInUseIsRefused) {
  clients.reserve(2);
  memory.change(0, std::size_t{4} << 20);
  const std::string answer = hear(connect());
  EXPECT_NE(answer.find("C53200"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Mout of memory"), std::string::npos) << answer;
  memory.change(std::size_t{4} << 20, 0);
  EXPECT_EQ(hear(connect()).front(), 'R');
}

}  // namespace

}  // namespace tests
