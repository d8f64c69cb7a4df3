#include "tests/session/session_rig.h"

// The first packets of a connection, and what refuses it.

namespace tests {

namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct StartupTest : SessionTest {
  // What comes after these parameters, to the connection's end.
  std::vector<Message> refusal(const Parameters& parameters, std::uint32_t version = 0x00030000) {
    TestClient client(server.port());
    client.send(startup_packet(parameters, version));
    return client.to_end();
  }
  void expect_fatal(const Message& message, std::string_view code, std::string_view text) {
    EXPECT_EQ(message.type, 'E');
    EXPECT_EQ(field(message, 'S'), "FATAL");
    EXPECT_EQ(field(message, 'C'), code);
    EXPECT_EQ(field(message, 'M'), text);
  }
};

std::string request(char last) { return std::string("\0\0\0\x08\x04\xd2\x16", 7) + last; }

TEST_F(StartupTest, AWalreceiverIsGreetedAsByAPrimary) {
  TestClient client(server.port());
  client.send(startup_packet(walreceiver_parameters()));
  const auto messages = client.until('Z');
  const std::string types = types_of(messages);
  EXPECT_EQ(types.front(), 'R');
  EXPECT_EQ(types.substr(types.size() - 2), "KZ");
  EXPECT_EQ(types.find_first_not_of('S', 1), types.size() - 2);
}

TEST_F(StartupTest, EncryptionIsDeclinedOnceEachAndTheConnectionGoesOn) {
  TestClient client(server.port());
  client.send(request('\x30'));
  EXPECT_EQ(client.raw(1), "N");
  client.send(request('\x2f'));
  EXPECT_EQ(client.raw(1), "N");
  EXPECT_TRUE(client.start_up());
}

TEST_F(StartupTest, WhatCameBeforeTheAnswerIsRefused) {
  TestClient client(server.port());
  client.send(request('\x2f') + startup_packet(walreceiver_parameters()));
  EXPECT_EQ(client.raw(1), "N");
  const auto messages = client.to_end();
  ASSERT_EQ(messages.size(), 1u);
  expect_fatal(messages[0], "08P01", "received unencrypted data after SSL request");
}

TEST_F(StartupTest, ACancelRequestIsNotAnswered) {
  TestClient client(server.port());
  client.send(std::string("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2", 16));
  EXPECT_TRUE(client.ends());
}

TEST_F(StartupTest, AnImpossibleLengthClosesWithoutAWord) {
  for (const char* length : {"\0\0\0\4", "\0\0\0\7", "\0\0\x27\x15", "\x16\3\1\2"}) {
    TestClient client(server.port());
    client.send(std::string(length, 4));
    EXPECT_TRUE(client.ends());
  }
}

TEST_F(StartupTest, RefusalsHavePostgresWords) {
  struct Case {
    Parameters parameters;
    const char* code;
    const char* text;
  };
  const Case cases[] = {
      {{{"replication", "true"}}, "28000", "no PostgreSQL user name specified in startup packet"},
      {{{"user", "u"}, {"replication", "maybe"}},
       "22023",
       "invalid value for parameter \"replication\": \"maybe\""},
      {{{"user", "u"}}, "0A000", "this server takes physical replication connections only"},
  };
  for (const Case& a : cases) {
    const auto messages = refusal(a.parameters);
    ASSERT_EQ(messages.size(), 1u) << a.text;
    expect_fatal(messages[0], a.code, a.text);
  }
}

TEST_F(StartupTest, ParametersAreJudgedAfterAuthentication) {
  const auto messages = refusal({{"user", "u"}, {"replication", "true"}, {"no_such", "1"}});
  ASSERT_EQ(types_of(messages), "RE");
  expect_fatal(messages[1], "42704", "unrecognized configuration parameter \"no_such\"");
}

TEST_F(StartupTest, AnotherMajorVersionIsRefused) {
  const auto messages = refusal(walreceiver_parameters(), 0x00040000);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(field(messages[0], 'C'), "0A000");
}

TEST_F(StartupTest, AProtocolTwoClientIsToldInItsOwnFormat) {
  TestClient client(server.port());
  client.send(startup_packet(walreceiver_parameters(), 0x00020000));
  const std::string text = client.raw(8);
  EXPECT_EQ(text, "EFATAL: ");
}

TEST_F(StartupTest, ANameThatIsCutIsNoticedAfterAuthentication) {
  const std::vector<std::pair<std::string, std::string>> parameters{
      {"user", "u"}, {"replication", "true"}, {"application_name", std::string(70, 'n')}};
  TestClient client(server.port());
  client.send(startup_packet(parameters));
  EXPECT_TRUE(types_of(client.until('Z')).starts_with("RNS"));
  TestClient refused(server.port());
  auto wrong = parameters;
  wrong.emplace_back("client_encoding", "none");
  refused.send(startup_packet(wrong));
  EXPECT_EQ(types_of(refused.to_end()), "RNE");
}

TEST_F(StartupTest, ANewerMinorVersionIsNegotiated) {
  TestClient client(server.port());
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("_pq_.test_protocol_negotiation", "");
  client.send(startup_packet(parameters, 0x0003270F));
  const auto messages = client.until('Z');
  ASSERT_EQ(messages[0].type, 'v');
  EXPECT_EQ(messages[0].body, std::string("\0\3\0\0\0\0\0\1_pq_.test_protocol_negotiation\0", 39));
}

}  // namespace

}  // namespace tests
