#include <memory>
#include <string>
#include <vector>

#include "tests/session/session_rig.h"
#include "tests/support/temp_dir.h"

// Many sessions that do nothing but create and drop slots.

namespace tests {

namespace {

struct SlotsCrowdTest : SessionTest {
  static constexpr std::size_t kOthers = 100;
  static constexpr std::size_t kRounds = 100;

  static TestServer::Options options(const TempDir& state) {
    TestServer::Options made;
    made.slots.directory = state.file("pg_replslot");
    made.slots.slots_max = kOthers + 1;
    made.worker.session.max_wal_senders = kOthers + 2;
    return made;
  }
  // The members of a test outlive its server, which writes into the directory.
  static TempDir& state() {
    static thread_local std::unique_ptr<TempDir> directory;
    directory = std::make_unique<TempDir>();
    return *directory;
  }
  SlotsCrowdTest() : SessionTest(options(state())) {
    EXPECT_TRUE(server.slots().load());
    for (std::size_t i = 0; i < kOthers; ++i) {
      others_.push_back(std::make_unique<ReadyClient>(server));
      std::string rounds;
      for (std::size_t round = 0; round < kRounds; ++round) {
        rounds += query("CREATE_REPLICATION_SLOT " + name_of(i) + " PHYSICAL");
        rounds += query("DROP_REPLICATION_SLOT " + name_of(i));
      }
      others_.back()->send(rounds);
    }
  }

  static std::string name_of(std::size_t other) { return "other_" + std::to_string(other); }
  static std::string run(TestClient& client, const std::string& text) {
    client.send(query(text));
    return types_of(client.until('Z'));
  }
  bool others_go_on() {
    for (std::size_t i = 0; i < kOthers; ++i) {
      if (server.slots().read(name_of(i)).has_value()) return true;
    }
    return false;
  }

 private:
  std::vector<std::unique_ptr<ReadyClient>> others_;
};

// Of each session one command is in the pool, which runs those of slots one by one in the order in
// which they came: so a command waits for one command of each other session.
TEST_F(SlotsCrowdTest, ACommandDoesNotWaitForAllOfTheOthers) {
  ReadyClient client(server);
  EXPECT_EQ(run(client, "CREATE_REPLICATION_SLOT mine PHYSICAL"), "TDCZ");
  EXPECT_EQ(run(client, "DROP_REPLICATION_SLOT mine"), "CZ");
  EXPECT_TRUE(others_go_on());
}

TEST_F(SlotsCrowdTest, AStreamDoesNotWaitForThem) {
  ReadyClient client(server);
  client.send(query("START_REPLICATION " + server::wal::to_string(begin()) + " TIMELINE 1"));
  std::uint64_t received = 0;
  while (received < end() - begin()) {
    const Message message = client.next();
    if (message.type != 'd') {
      ASSERT_EQ(message.type, 'W');
      continue;
    }
    const auto data = xlog_data(message);
    if (data.has_value()) received += data->wal.size();
  }
  EXPECT_TRUE(others_go_on());
}

}  // namespace

}  // namespace tests
