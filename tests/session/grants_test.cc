#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/source/ack_policy.h"
#include "tests/session/session_rig.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

// What clients may do for others, by the roles that they have logged in as.

namespace tests {

using server::auth::AccessPolicy;
using server::wal::Lsn;

namespace {

constexpr std::string_view kRules =
    "host replication boss 127.0.0.1/32 trust\n"
    "host replication all  127.0.0.1/32 trust\n";
constexpr std::string_view kRoles =
    "\"alice\" \"\" replication\n"
    "\"bob\"   \"\" replication\n"
    "\"boss\"  \"\" superuser\n";
constexpr std::string_view kNames =
    "standbys  db_a         alice\n"
    "standbys  /^(.*)_b\\d$ \\1\n";

struct GrantsTest : SessionTest {
  explicit GrantsTest(bool owner_check = true, std::string standby_names = {})
      : SessionTest(options(owner_check, std::move(standby_names))) {
    EXPECT_TRUE(server.slots().load());
  }

  static TestServer::Options options(bool owner_check, std::string standby_names) {
    static thread_local std::optional<TempDir> directory;
    const std::string path = directory.emplace().path();
    const auto write = [&](const std::string& name, std::string_view text) {
      std::ofstream(path + "/" + name) << text;
      return path + "/" + name;
    };
    const auto reading = AccessPolicy::read({.hba = write("hba", kRules),
                                             .ident = write("ident", kNames),
                                             .users = write("users", kRoles),
                                             .standby_names = std::move(standby_names)},
                                            server::auth::Key());
    CHECK(reading.policy != nullptr);
    TestServer::Options made;
    made.slots.directory = path + "/pg_replslot";
    made.policy = reading.policy;
    made.upstream_ack = server::source::parse_ack_policy("ANY 1 (*)").value();
    made.worker.session.slot_owner_check = owner_check;
    return made;
  }

  // A client that the server is ready for.
  std::unique_ptr<TestClient> enter(const std::string& role, const std::string& name = "x") const {
    auto client = std::make_unique<TestClient>(server.port());
    client->send(
        startup_packet({{"user", role}, {"replication", "true"}, {"application_name", name}}));
    EXPECT_EQ(client->until('Z').back().type, 'Z') << role;
    return client;
  }
  // The types of the answer, with the SQLSTATE and the text of an error.
  static std::string run(TestClient& client, std::string_view text) {
    client.send(query(text));
    std::string told;
    for (const Message& message : client.until('Z')) {
      told += message.type;
      if (message.type == 'E') told += " " + field(message, 'C') + " " + field(message, 'M') + " ";
    }
    return told;
  }
  std::string owner(std::string_view slot) { return server.slots().read(slot)->owner; }
  // A stream that reports a position, and whether that counts. REQUIRES: there is no other client.
  bool counts(const std::string& role, const std::string& name) {
    auto client = enter(role, name);
    client->send(start_replication(begin()));
    EXPECT_EQ(client->next().type, 'W');
    client->send(status(begin() + 1000, /*reply_requested=*/true));
    for (;;) {
      const Message message = client->next();
      EXPECT_EQ(message.type, 'd');
      if (message.type != 'd' || keepalive(message)) break;
    }
    const Lsn confirmed = server.quorum().confirmed().flush;
    EXPECT_TRUE(!confirmed.valid() || confirmed == begin() + 1000);
    client.reset();
    EXPECT_TRUE(server.wait_for_sessions(0));
    return confirmed.valid();
  }
};

constexpr std::string_view kDenied = "E 42501 must be owner of replication slot \"s\" Z";

TEST_F(GrantsTest, ASlotIsForItsOwnerAndSuperusers) {
  const auto alice = enter("alice");
  const auto bob = enter("bob");
  const auto boss = enter("boss");
  EXPECT_EQ(run(*alice, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  EXPECT_EQ(owner("s"), "alice");
  const std::string log = logged([&] {
    EXPECT_EQ(run(*bob, "DROP_REPLICATION_SLOT s"), kDenied);
    EXPECT_EQ(run(*bob, "DROP_REPLICATION_SLOT s WAIT"), kDenied);
    EXPECT_EQ(run(*bob, "START_REPLICATION SLOT s 0/0"), kDenied);
  });
  EXPECT_EQ(count_of(log,
                     "LOG:  must be owner of replication slot \"s\": role \"bob\", Connection "
                     "matched file \""),
            3u)
      << log;
  EXPECT_NE(log.find("hba\" line 2 (client 127.0.0.1:"), std::string::npos) << log;
  EXPECT_EQ(run(*bob, "READ_REPLICATION_SLOT s"), "TDCZ") << "as PostgreSQL shows all";
  EXPECT_EQ(run(*bob, "CREATE_REPLICATION_SLOT s PHYSICAL").substr(0, 7), "E 42710");
  EXPECT_EQ(run(*alice, "DROP_REPLICATION_SLOT s"), "CZ");
  EXPECT_EQ(run(*alice, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  EXPECT_EQ(run(*boss, "DROP_REPLICATION_SLOT s"), "CZ");
}

// The owner is asked first, so that a stranger does not learn which session uses the slot.
TEST_F(GrantsTest, AnotherRolesSlotInUseIsRefusedAsAnyOfItsSlots) {
  const auto alice = enter("alice");
  EXPECT_EQ(run(*alice, "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  alice->send(query("START_REPLICATION SLOT s " + server::wal::to_string(begin())));
  EXPECT_EQ(alice->next().type, 'W');
  const auto bob = enter("bob");
  EXPECT_EQ(run(*bob, "DROP_REPLICATION_SLOT s"), kDenied);
  const auto boss = enter("boss");
  EXPECT_EQ(run(*boss, "DROP_REPLICATION_SLOT s").substr(0, 7), "E 55006");
}

// As slots are that were made before there were rules.
TEST_F(GrantsTest, ASlotOfNobodyIsForAllToUseAndForSuperusersToDrop) {
  const auto made = server.slots().create("s", server::slot::Persistence::kPersistent, {1}, {});
  ASSERT_TRUE(made);
  server.slots().release(**made);
  const auto alice = enter("alice");
  EXPECT_EQ(run(*alice, "DROP_REPLICATION_SLOT s"), kDenied);
  alice->send(query("START_REPLICATION SLOT s " + server::wal::to_string(begin())));
  EXPECT_EQ(alice->next().type, 'W');
  alice->send(client_message('c', ""));
  EXPECT_EQ(alice->until('Z').back().type, 'Z');
  EXPECT_EQ(owner("s"), "") << "no use makes it a role's own";
  EXPECT_EQ(run(*enter("boss"), "DROP_REPLICATION_SLOT s"), "CZ");
}

struct UncheckedOwnersTest : GrantsTest {
  UncheckedOwnersTest() : GrantsTest(/*owner_check=*/false) {}
};

TEST_F(UncheckedOwnersTest, AnyRoleDropsAnySlotAndNewOnesHaveOwners) {
  EXPECT_EQ(run(*enter("alice"), "CREATE_REPLICATION_SLOT s PHYSICAL"), "TDCZ");
  EXPECT_EQ(owner("s"), "alice");
  EXPECT_EQ(run(*enter("bob"), "DROP_REPLICATION_SLOT s"), "CZ");
}

// Without a map a role has its own name.
TEST_F(GrantsTest, AStandbyCountsUnderTheNameOfItsRole) {
  EXPECT_TRUE(counts("alice", "alice"));
  EXPECT_FALSE(counts("alice", "bob"));
  EXPECT_TRUE(counts("boss", "bob"));
}

struct StandbyNamesTest : GrantsTest {
  StandbyNamesTest() : GrantsTest(/*owner_check=*/true, "standbys") {}
};

TEST_F(StandbyNamesTest, AStandbyCountsUnderTheNamesThatItsRoleMayBear) {
  EXPECT_TRUE(counts("alice", "db_a"));
  EXPECT_TRUE(counts("alice", "alice_b1"));
  EXPECT_TRUE(counts("bob", "bob_b2"));
  EXPECT_TRUE(counts("boss", "anything"));
  EXPECT_FALSE(counts("alice", "alice"));
}

// It streams all the same, so that a wrong map costs no standby its WAL.
TEST_F(StandbyNamesTest, OneThatDoesNotCountIsNamedOnce) {
  const std::string log = logged([&] {
    EXPECT_FALSE(counts("bob", "db_a"));
    const auto client = enter("bob", "bob_b1x");
    for (int stream = 0; stream < 2; ++stream) {
      client->send(start_replication(begin()));
      EXPECT_EQ(client->next().type, 'W');
      client->send(client_message('c', ""));
      EXPECT_EQ(client->until('Z').back().type, 'Z');
    }
  });
  for (const std::string name : {"db_a", "bob_b1x"}) {
    EXPECT_EQ(count_of(log, "WARNING:  standby \"" + name +
                                "\" does not count for upstream_ack, since role \"bob\" may not "
                                "bear that name: Connection matched file \""),
              1u)
        << log;
  }
  EXPECT_NE(log.find("line 2 (client 127.0.0.1:"), std::string::npos) << log;
}

}  // namespace
}  // namespace tests
