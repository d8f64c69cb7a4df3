#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/session/session_crowd.h"
#include "tests/support/temp_dir.h"

// What many clients together can have one loop keep for them.

namespace tests {

using server::stream::MemoryBudget;
using server::wal::Lsn;

namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

class ManyClientsTest : public ::testing::Test, protected SessionCrowd {
 protected:
  ManyClientsTest() {
    rig.grow(1'000'000);
    rig.publish();
    options.max_wal_senders = 1000;
    rig.loop.turn_for_test();
  }

  Client& connect(const Parameters& more = {}) {
    Client& client = SessionCrowd::connect("127.0.0.1", /*send_buffer_bytes=*/4096);
    Parameters parameters = walreceiver_parameters();
    parameters.insert(parameters.end(), more.begin(), more.end());
    tell(client, startup_packet(parameters));
    return client;
  }
  // From now on clients have to prove who they are.
  void ask_for_passwords() {
    const TempDir dir;
    std::ofstream(dir.file("hba")) << "host replication all 127.0.0.1/32 md5\n";
    std::ofstream(dir.file("users")) << "";
    const auto reading = server::auth::AccessPolicy::read(
        {.hba = dir.file("hba"), .ident = "", .users = dir.file("users")}, {});
    ASSERT_NE(reading.policy, nullptr);
    environment.policy = reading.policy;
  }
};

// The rest of a message whose file may be recycled is kept in memory for each standby that does not
// read: 128 kB, or a page where memory is short.
TEST_F(ManyClientsTest, StandbysThatDoNotReadKeepNoMoreThanTheBudget) {
  constexpr std::size_t kClients = 100;
  rig.tail.hold_from(Lsn::max());
  rig.tail.announce(rig.clock.now());
  for (std::size_t i = 0; i < kClients; ++i) hear(connect());
  for (const auto& client : clients()) {
    if (client->session == nullptr) continue;
    tell(*client, query("START_REPLICATION " + to_string(rig.begin()) + " TIMELINE 1"));
    rig.turn_until(
        [&] { return client->session == nullptr || client->session->status().sent > rig.begin(); });
    EXPECT_LE(memory.used(), (std::size_t{4} << 20) + alive() * MemoryBudget::kShareBytes);
  }
  EXPECT_EQ(alive(), kClients) << "where memory is short, messages are small";
  EXPECT_GT(memory.used(), std::size_t{1} << 20) << "they were to fill it";
}

TEST_F(ManyClientsTest, AClientThatComesWhenAllMemoryIsInUseIsRefused) {
  memory.change(0, std::size_t{4} << 20);
  const std::string answer = hear(connect());
  EXPECT_NE(answer.find("C53200"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Mout of memory"), std::string::npos) << answer;
  memory.change(std::size_t{4} << 20, 0);
  EXPECT_EQ(hear(connect()).front(), 'R');
}

// The lists of the parameters are ten times as long as a packet of short ones, and were in no
// budget while the client took its time to prove who it is.
TEST_F(ManyClientsTest, AStartUpPacketOfManyParametersCountsWithTheListsOfThem) {
  constexpr std::size_t kParameters = 2'049;
  ask_for_passwords();
  const Client& client = connect(Parameters(kParameters, {"a", ""}));
  EXPECT_EQ(hear(client).front(), 'R') << "it is to give a password";
  EXPECT_GE(memory.used(), kParameters * 2 * sizeof(std::string_view));
  client.session->cut();
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(ManyClientsTest, LoginsThatKeepMuchHaveToGoWhereMemoryIsShort) {
  constexpr std::size_t kClients = 100;
  ask_for_passwords();
  for (std::size_t i = 0; i < kClients; ++i) connect(Parameters(2'049, {"a", ""}));
  EXPECT_LE(memory.used(), std::size_t{4} << 20);
  EXPECT_LT(alive(), kClients);
  EXPECT_GT(alive(), 0u);
}

// They were in no budget, while the client may stay as long as it likes.
TEST_F(ManyClientsTest, TheSettingsOfAClientThatIsInCount) {
  Parameters many;
  for (int i = 0; i < 1'000; ++i) many.emplace_back("a.n" + std::to_string(i), "");
  const Client& client = connect(many);
  EXPECT_EQ(hear(client).front(), 'R');
  EXPECT_GE(memory.used(), many.size() * 2 * sizeof(std::string));
  client.session->cut();
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(ManyClientsTest, TheFewSettingsOfAStandbyDoNot) {
  const Client& client = connect({{"client_encoding", "UTF8"}, {"options", "-c DateStyle=ISO"}});
  EXPECT_EQ(hear(client).front(), 'R');
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(ManyClientsTest, AClientWithMoreSettingsThanThereIsMemoryForHasNoSeat) {
  Parameters many;
  for (int i = 0; i < 1'000; ++i) many.emplace_back("a.n" + std::to_string(i), "");
  memory.change(0, (std::size_t{4} << 20) - MemoryBudget::kShareBytes);
  EXPECT_EQ(hear(connect(many)), "");
  EXPECT_EQ(alive(), 0u);
  EXPECT_EQ(wal_senders.get(), 0);
  memory.change((std::size_t{4} << 20) - MemoryBudget::kShareBytes, 0);
}

}  // namespace

}  // namespace tests
