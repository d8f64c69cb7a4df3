#include "server/auth/hba_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "tests/auth/memory_files.h"

namespace server::auth {
namespace {

HbaRules rules_of(const std::string& text) {
  const tests::MemoryFiles files = tests::MemoryFiles().write("/hba", text);
  HbaFile file = read_hba_file("/hba", SslState::kOn, files.source());
  CHECK(file.rules.has_value());
  return std::move(*file.rules);
}

IpAddress ip(const std::string& text) { return *parse_numeric_address(text).address; }

HbaConnection over_tcp(const std::string& peer, std::string_view user = "ann",
                       std::string_view database = "db") {
  return {.transport = Transport::kTcp,
          .peer = ip(peer),
          .user = user,
          .database = database,
          .is_physical_replication = false};
}
HbaConnection over_tls(const std::string& peer) {
  HbaConnection connection = over_tcp(peer);
  connection.transport = Transport::kTls;
  return connection;
}
HbaConnection over_unix(std::string_view user = "ann", std::string_view database = "db") {
  return {.transport = Transport::kUnix,
          .peer = std::nullopt,
          .user = user,
          .database = database,
          .is_physical_replication = false};
}
HbaConnection replicating(HbaConnection connection) {
  connection.is_physical_replication = true;
  return connection;
}

const auto kOwn = std::make_shared<const Networks>(
    Networks{{.address = ip("127.0.0.1"), .mask = ip("255.0.0.0")},
             {.address = ip("10.1.2.3"), .mask = ip("255.255.255.0")},
             {.address = ip("fd00::5"), .mask = ip("ffff:ffff:ffff:ffff::")}});

// The line that takes the connection; 0: none; -1: the peer's name is wanted.
int line_for(const HbaRules& rules, const HbaConnection& connection,
             const std::set<std::string, std::less<>>& groups = {},
             const PeerName* name = nullptr) {
  const HbaMatch match =
      match_hba(rules, connection,
                {.own_networks = [] { return kOwn; },
                 .is_member = [&](std::string_view role) { return groups.contains(role); },
                 .peer_name = name});
  switch (match.kind) {
    case HbaMatch::Kind::kRule:
      return static_cast<int>(match.rule->line);
    case HbaMatch::Kind::kNoRule:
      return 0;
    case HbaMatch::Kind::kNeedsPeerName:
      return -1;
  }
  return -2;
}

bool takes(const std::string& line, const HbaConnection& connection,
           const std::set<std::string, std::less<>>& groups = {}) {
  return line_for(rules_of(line), connection, groups) == 1;
}

TEST(HbaMatchTest, TheFirstRuleWins) {
  const HbaRules rules = rules_of(
      "host db ann 10.0.0.0/8 reject\nhost all all 10.0.0.0/8 trust\nhost all all all md5\n");
  EXPECT_EQ(line_for(rules, over_tcp("10.9.9.9")), 1);
  EXPECT_EQ(line_for(rules, over_tcp("10.9.9.9", "bob")), 2);
  EXPECT_EQ(line_for(rules, over_tcp("11.9.9.9")), 3);
  EXPECT_EQ(line_for(rules, over_unix()), 0);
}

TEST(HbaMatchTest, TheTypeSaysWhichTransportsARuleTakes) {
  struct Row {
    const char* type;
    bool tcp, tls, local;
  };
  for (const Row& row :
       {Row{"host", true, true, false}, Row{"hostssl", false, true, false},
        Row{"hostnossl", true, false, false}, Row{"hostgssenc", false, false, false},
        Row{"hostnogssenc", true, true, false}}) {
    const std::string line = std::string(row.type) + " all all all md5";
    EXPECT_EQ(takes(line, over_tcp("10.0.0.1")), row.tcp) << line;
    EXPECT_EQ(takes(line, over_tls("::1")), row.tls) << line;
    EXPECT_EQ(takes(line, over_unix()), row.local) << line;
  }
  EXPECT_TRUE(takes("local all all md5", over_unix()));
  EXPECT_FALSE(takes("local all all md5", over_tcp("127.0.0.1")));
  EXPECT_FALSE(takes("local all all md5", over_tls("127.0.0.1")));
}

// hba.c, check_db.
TEST(HbaMatchTest, PhysicalReplicationIsTakenByItsWordAlone) {
  const HbaConnection replication = replicating(over_unix("ann", "replication"));
  EXPECT_TRUE(takes("local replication all md5", replication));
  EXPECT_TRUE(takes("local x,replication ann md5", replication));
  for (const char* databases : {"all", "\"replication\"", "/replication", "/.", "sameuser",
                                "samerole", "REPLICATION", "db", "\"\""}) {
    EXPECT_FALSE(takes("local " + std::string(databases) + " all md5", replication)) << databases;
  }
  EXPECT_FALSE(takes("local replication bob md5", replication));
}

TEST(HbaMatchTest, OtherConnectionsAreNeverTakenByTheWordReplication) {
  EXPECT_FALSE(takes("local replication all md5", over_unix("ann", "replication")));
  EXPECT_FALSE(takes("local replication all md5", over_unix("ann", "db")));
  EXPECT_TRUE(takes("local \"replication\" all md5", over_unix("ann", "replication")));
  EXPECT_TRUE(takes("local all all md5", over_unix("ann", "replication")));
  EXPECT_TRUE(takes("local walcast all md5", over_unix("ann", "walcast")));
}

TEST(HbaMatchTest, DatabasesAreTakenByNameWordOrExpression) {
  EXPECT_TRUE(takes("local a,db,b all md5", over_unix()));
  EXPECT_FALSE(takes("local DB all md5", over_unix()));
  EXPECT_FALSE(takes("local \"all\" all md5", over_unix()));
  EXPECT_TRUE(takes("local \"all\" all md5", over_unix("ann", "all")));
  EXPECT_TRUE(takes("local sameuser all md5", over_unix("ann", "ann")));
  EXPECT_FALSE(takes("local sameuser all md5", over_unix("ann", "db")));
  EXPECT_TRUE(takes("local \"sameuser\" all md5", over_unix("ann", "sameuser")));
  for (const char* word : {"samerole", "samegroup"}) {
    const std::string line = "local " + std::string(word) + " all md5";
    EXPECT_TRUE(takes(line, over_unix(), {"db"})) << word;
    EXPECT_FALSE(takes(line, over_unix(), {"other"})) << word;
  }
  EXPECT_TRUE(takes("local /^d.$ all md5", over_unix()));
  EXPECT_FALSE(takes("local /^D.$ all md5", over_unix()));
  EXPECT_FALSE(takes("local +db all md5", over_unix(), {"db"})) << "groups are of users";
}

TEST(HbaMatchTest, UsersAreTakenByNameGroupOrExpression) {
  EXPECT_TRUE(takes("local all bob,ann md5", over_unix()));
  EXPECT_FALSE(takes("local all Ann md5", over_unix()));
  EXPECT_FALSE(takes("local all \"all\" md5", over_unix()));
  EXPECT_TRUE(takes("local all +staff md5", over_unix(), {"staff"}));
  EXPECT_FALSE(takes("local all +staff md5", over_unix()));
  EXPECT_FALSE(takes("local all \"+staff\" md5", over_unix(), {"staff"}));
  EXPECT_TRUE(takes("local all \"+staff\" md5", over_unix("+staff")));
  EXPECT_FALSE(takes("local all +ann md5", over_unix())) << "a group has whom is_member says";
  EXPECT_TRUE(takes("local all /nn$ md5", over_unix()));
  EXPECT_FALSE(takes("local all /^nn md5", over_unix()));
  EXPECT_FALSE(takes("local all replication md5", over_unix()));
  EXPECT_FALSE(takes("local all sameuser md5", over_unix("ann", "ann")));
}

TEST(HbaMatchTest, AddressesAreTakenByRange) {
  EXPECT_TRUE(takes("host all all 10.1.0.0/16 md5", over_tcp("10.1.255.1")));
  EXPECT_FALSE(takes("host all all 10.1.0.0/16 md5", over_tcp("10.2.0.1")));
  EXPECT_TRUE(takes("host all all 10.1.7.7 255.255.0.0 md5", over_tcp("10.1.255.1")));
  EXPECT_FALSE(takes("host all all 0.0.0.0/0 md5", over_tcp("::1")));
  EXPECT_FALSE(takes("host all all ::/0 md5", over_tcp("127.0.0.1")));
  EXPECT_TRUE(takes("host all all all md5", over_tcp("::1")));
  EXPECT_TRUE(takes("host all all ::ffff:10.0.0.0/104 md5", over_tcp("::ffff:10.9.9.9")));
  EXPECT_FALSE(takes("host all all 10.0.0.0/8 md5", over_tcp("::ffff:10.9.9.9")));
}

TEST(HbaMatchTest, TheHostAndItsNetworksAreThoseOfItsInterfaces) {
  for (const char* peer : {"127.0.0.1", "10.1.2.3", "fd00::5"}) {
    EXPECT_TRUE(takes("host all all samehost md5", over_tcp(peer))) << peer;
    EXPECT_TRUE(takes("host all all samenet md5", over_tcp(peer))) << peer;
  }
  for (const char* peer : {"127.9.9.9", "10.1.2.4", "fd00::6"}) {
    EXPECT_FALSE(takes("host all all samehost md5", over_tcp(peer))) << peer;
    EXPECT_TRUE(takes("host all all samenet md5", over_tcp(peer))) << peer;
  }
  EXPECT_FALSE(takes("host all all samenet md5", over_tcp("10.1.3.3")));
  EXPECT_FALSE(takes("host all all samenet md5", over_tcp("fd01::5")));
}

PeerName named(const std::string& name, PeerName::State state = PeerName::State::kConfirmed) {
  return {.state = state, .name = name, .gai_error = EAI_NONAME};
}

TEST(HbaMatchTest, ARuleWithAHostNameWantsThePeersName) {
  const HbaRules rules =
      rules_of("host all all host.example.com md5\nhost all all 10.0.0.0/8 trust\n");
  const HbaConnection connection = over_tcp("10.0.0.1");
  EXPECT_EQ(line_for(rules, connection), -1);
  const PeerName right = named("HOST.example.com");
  EXPECT_EQ(line_for(rules, connection, {}, &right), 1);
  const PeerName wrong = named("other.example.com");
  EXPECT_EQ(line_for(rules, connection, {}, &wrong), 2);
}

// Whoever owns the address says what its name is; only what the name's owner says counts.
TEST(HbaMatchTest, AnUnconfirmedNameIsNone) {
  const HbaRules rules = rules_of("host all all .example.com md5\n");
  for (const auto state :
       {PeerName::State::kOtherAddress, PeerName::State::kNoAddress, PeerName::State::kNoName}) {
    const PeerName name = named("host.example.com", state);
    EXPECT_EQ(line_for(rules, over_tcp("10.0.0.1"), {}, &name), 0);
  }
}

TEST(HbaMatchTest, NoNameIsWantedWhereTheRestOfTheRuleDoesNotMatch) {
  const HbaRules rules = rules_of(
      "hostssl all all host md5\nhost other all host md5\nhost all bob host md5\n"
      "host all all 10.0.0.0/8 trust\nhost all all host md5\n");
  EXPECT_EQ(line_for(rules, over_tcp("10.0.0.1")), 4);
  EXPECT_EQ(line_for(rules, over_tcp("11.0.0.1")), -1);
  EXPECT_EQ(line_for(rules, over_tcp("10.0.0.1", "bob")), -1);
  EXPECT_EQ(line_for(rules, over_unix()), 0);
}

TEST(HbaMatchTest, ANameIsTakenWholeOrByItsEnd) {
  EXPECT_TRUE(host_name_matches(".example.com", "a.Example.COM"));
  EXPECT_TRUE(host_name_matches(".example.com", ".example.com"));
  EXPECT_FALSE(host_name_matches(".example.com", "example.com"));
  EXPECT_FALSE(host_name_matches(".example.com", "badexample.com"));
  EXPECT_FALSE(host_name_matches("example.com", "a.example.com"));
  EXPECT_TRUE(host_name_matches("EXAMPLE.com", "example.com"));
  EXPECT_FALSE(host_name_matches("", "example.com"));
}

// auth.c, ClientAuthentication.
TEST(HbaMatchTest, RefusalsAreInPostgresWords) {
  const auto text = [](const runtime::Error& error) {
    return std::string(error.kind->code) + " " + error.what;
  };
  EXPECT_EQ(text(no_rule_error(over_tcp("10.0.0.1"))),
            "28000 no pg_hba.conf entry for host \"10.0.0.1\", user \"ann\", database \"db\", no "
            "encryption");
  EXPECT_EQ(
      text(no_rule_error(replicating(over_tls("::1")))),
      "28000 no pg_hba.conf entry for replication connection from host \"::1\", user \"ann\", "
      "SSL encryption");
  EXPECT_EQ(text(no_rule_error(replicating(over_unix()))),
            "28000 no pg_hba.conf entry for replication connection from host \"[local]\", user "
            "\"ann\", no encryption");
  EXPECT_EQ(text(reject_error(over_unix())),
            "28000 pg_hba.conf rejects connection for host \"[local]\", user \"ann\", database "
            "\"db\", no encryption");
  EXPECT_EQ(text(reject_error(replicating(over_tls("10.0.0.1")))),
            "28000 pg_hba.conf rejects replication connection for host \"10.0.0.1\", user \"ann\", "
            "SSL encryption");
}

TEST(HbaMatchTest, TheLogIsToldWhatBecameOfThePeersName) {
  const HbaRules rules = rules_of("hostssl all all tls md5\nhost all bob .example.com md5\n");
  const auto detail = [&](const HbaConnection& connection, const PeerName& name) {
    return peer_name_detail(rules, connection, &name);
  };
  const HbaConnection tcp = over_tcp("10.0.0.1");
  EXPECT_EQ(peer_name_detail(rules, tcp, nullptr), "");
  EXPECT_EQ(detail(tcp, named("a.example.com")),
            "Client IP address resolved to \"a.example.com\", forward lookup matches.");
  EXPECT_EQ(detail(tcp, named("a.example.com", PeerName::State::kOtherAddress)),
            "Client IP address resolved to \"a.example.com\", forward lookup does not match.");
  EXPECT_EQ(detail(tcp, named("a.example.com", PeerName::State::kNoAddress)),
            "Could not translate client host name \"a.example.com\" to IP address: Name or service "
            "not known.");
  EXPECT_EQ(detail(tcp, named("tls", PeerName::State::kOtherAddress)),
            "Client IP address resolved to \"tls\", forward lookup not checked.");
  EXPECT_EQ(detail(over_tls("10.0.0.1"), named("tls", PeerName::State::kOtherAddress)),
            "Client IP address resolved to \"tls\", forward lookup does not match.");
  EXPECT_EQ(detail(tcp, named("", PeerName::State::kNoName)),
            "Could not resolve client IP address to a host name: Name or service not known.");
}

}  // namespace
}  // namespace server::auth
