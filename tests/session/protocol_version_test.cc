#include <string>

#include "server/wal/format.h"
#include "tests/session/session_rig.h"

// What a client of a newer protocol gets: PostgreSQL 18's answers if the WAL is of 18, and those of
// its version if it is older.

namespace tests {

namespace {

constexpr std::uint32_t kVersion30 = 0x00030000;
constexpr std::uint32_t kVersion31 = 0x00030001;
constexpr std::uint32_t kVersion32 = 0x00030002;
constexpr std::uint32_t kVersionMuchLater = 0x0003270F;

struct ProtocolVersionTest : SessionTest {
  explicit ProtocolVersionTest(int major) : SessionTest({}, *server::wal::page_magic(major)) {}

  // A client that asked for a version, and what the server made of it.
  struct Client : TestClient {
    Client(const TestServer& server, std::uint32_t version) : TestClient(server.port()) {
      EXPECT_TRUE(send(startup_packet(walreceiver_parameters(), version)));
      for (const Message& message : until('Z')) {
        if (message.type == 'v') negotiated = message.body;
        if (message.type == 'K') key_data = message.body;
      }
    }
    std::string negotiated;  // empty if nothing had to be
    std::string key_data;    // process id and key
  };

  // Whether a CancelRequest with this key ends the client's stream.
  void expect_cancelled(Client& client) {
    client.send(start_replication(end()));
    EXPECT_EQ(client.next().type, 'W');
    TestClient canceller(server.port());
    std::string request("\0\0\0\0\x04\xd2\x16\x2e", 8);
    request[3] = static_cast<char>(request.size() + client.key_data.size());
    canceller.send(request + client.key_data);
    EXPECT_TRUE(canceller.ends());
    const auto answer = client.until('Z');
    ASSERT_EQ(types_of(answer), "EZ");
    EXPECT_EQ(field(answer[0], 'C'), "57014");
  }
  // The newest version that is spoken, and no parameter that is not known.
  static std::string speaks_only(char minor) {
    return std::string("\0\3\0", 3) + minor + std::string(4, '\0');
  }
};

struct Protocol18Test : ProtocolVersionTest {
  Protocol18Test() : ProtocolVersionTest(18) {}
};
struct Protocol17Test : ProtocolVersionTest {
  Protocol17Test() : ProtocolVersionTest(17) {}
};

TEST_F(Protocol18Test, Version32HasLongKeysThatCancel) {
  Client client(server, kVersion32);
  EXPECT_EQ(client.negotiated, "");
  EXPECT_EQ(client.key_data.size(), 4u + 32u);
  expect_cancelled(client);
}

TEST_F(Protocol18Test, OlderVersionsKeepTheirShortKeys) {
  for (const std::uint32_t version : {kVersion30, kVersion31}) {
    Client client(server, version);
    EXPECT_EQ(client.negotiated, "");
    EXPECT_EQ(client.key_data.size(), 4u + 4u);
    expect_cancelled(client);
  }
}

TEST_F(Protocol18Test, ALaterVersionIsTalkedDownTo32) {
  Client client(server, kVersionMuchLater);
  EXPECT_EQ(client.negotiated, speaks_only('\2'));
  EXPECT_EQ(client.key_data.size(), 4u + 32u);
}

TEST_F(Protocol17Test, Version32IsTalkedDownTo30) {
  Client client(server, kVersion32);
  EXPECT_EQ(client.negotiated, speaks_only('\0'));
  EXPECT_EQ(client.key_data.size(), 4u + 4u);
  expect_cancelled(client);
}

}  // namespace

}  // namespace tests
