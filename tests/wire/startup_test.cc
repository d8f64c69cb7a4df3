#include "server/wire/startup.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <string>

#include "server/wire/errors.h"
#include "tests/support/bytes.h"

namespace server::wire {
namespace {

// Parses a packet whose bytes stay alive with the answer.
struct Parsed {
  explicit Parsed(std::string_view text, bool ssl_answered = false, bool gss_answered = false)
      : bytes(tests::bytes(text)),
        result(parse_startup_packet(bytes, ssl_answered, gss_answered)) {}

  template <typename T>
  const T* as() const {
    return result ? std::get_if<T>(&*result) : nullptr;
  }
  std::string error() const { return result ? "none" : result.error().what; }

  std::vector<std::byte> bytes;
  runtime::Result<StartupPacket> result;
};

constexpr std::string_view kSsl = "04d2162f";
constexpr std::string_view kGss = "04d21630";
constexpr std::string_view kLayout =
    "invalid startup packet layout: expected terminator as last byte";

TEST(StartupPacketTest, ReadsEncryptionRequests) {
  const Parsed ssl(kSsl);
  ASSERT_NE(ssl.as<EncryptionRequest>(), nullptr);
  EXPECT_EQ(ssl.as<EncryptionRequest>()->kind, EncryptionRequest::Kind::kSsl);
  const Parsed gss(kGss);
  ASSERT_NE(gss.as<EncryptionRequest>(), nullptr);
  EXPECT_EQ(gss.as<EncryptionRequest>()->kind, EncryptionRequest::Kind::kGss);
}

TEST(StartupPacketTest, ASecondEncryptionRequestOfAKindIsAProtocolVersion) {
  EXPECT_EQ(Parsed(kSsl, true, false).error(),
            "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.0");
  EXPECT_EQ(Parsed(kGss, false, true).error(),
            "unsupported frontend protocol 1234.5680: server supports 3.0 to 3.0");
  EXPECT_NE(Parsed(kSsl, false, true).as<EncryptionRequest>(), nullptr);
  EXPECT_NE(Parsed(kGss, true, false).as<EncryptionRequest>(), nullptr);
}

TEST(StartupPacketTest, ReadsACancelRequest) {
  const Parsed parsed("04d2162e 00001267 deadbeef");
  const auto* cancel = parsed.as<CancelRequest>();
  ASSERT_NE(cancel, nullptr);
  EXPECT_EQ(cancel->process_id, 4711u);
  EXPECT_TRUE(std::ranges::equal(cancel->key, tests::bytes("deadbeef")));
}

// PostgreSQL logs it and closes; whatever comes of it, the client must not be answered.
TEST(StartupPacketTest, ACancelRequestOfAWrongLengthIsStillOne) {
  for (const char* packet : {"04d2162e", "04d2162e 0012", "04d2162e 00001267"}) {
    const Parsed parsed(packet);
    ASSERT_NE(parsed.as<CancelRequest>(), nullptr) << packet;
    EXPECT_EQ(parsed.as<CancelRequest>()->process_id, 0u) << "no session's";
  }
}

TEST(StartupPacketTest, ACancelRequestMayHaveAKeyOfAnyLength) {
  const Parsed parsed("04d2162e 00001267 00112233445566778899");
  ASSERT_NE(parsed.as<CancelRequest>(), nullptr);
  EXPECT_EQ(parsed.as<CancelRequest>()->key.size(), 10u);
}

TEST(StartupPacketTest, ReadsParametersInOrder) {
  const Parsed parsed("00030000 \"user\" 00 \"u\" 00 \"empty\" 00 00 \"user\" 00 \"v\" 00 00");
  const auto* message = parsed.as<StartupMessage>();
  ASSERT_NE(message, nullptr) << parsed.error();
  EXPECT_EQ(message->version, kProtocolVersion);
  ASSERT_EQ(message->parameters.size(), 3u);
  EXPECT_EQ(message->parameters[0], (std::pair<std::string_view, std::string_view>("user", "u")));
  EXPECT_EQ(message->parameters[1], (std::pair<std::string_view, std::string_view>("empty", "")));
  EXPECT_EQ(message->parameters[2], (std::pair<std::string_view, std::string_view>("user", "v")));
  EXPECT_TRUE(message->protocol_options.empty());
}

TEST(StartupPacketTest, TellsProtocolOptionsFromParameters) {
  const Parsed parsed("0003270f \"_pq_.a\" 00 \"1\" 00 \"_pq_\" 00 \"x\" 00 \"_pq_.b\" 00 00 00");
  const auto* message = parsed.as<StartupMessage>();
  ASSERT_NE(message, nullptr) << parsed.error();
  EXPECT_EQ(message->version, 0x0003270Fu);
  EXPECT_EQ(message->protocol_options, (std::vector<std::string_view>{"_pq_.a", "_pq_.b"}));
  ASSERT_EQ(message->parameters.size(), 1u);
  EXPECT_EQ(message->parameters[0].first, "_pq_");
}

TEST(StartupPacketTest, TakesAMessageWithoutParameters) {
  const Parsed parsed("00030000 00");
  ASSERT_NE(parsed.as<StartupMessage>(), nullptr);
  EXPECT_TRUE(parsed.as<StartupMessage>()->parameters.empty());
}

TEST(StartupPacketTest, RefusesEveryOtherLayout) {
  for (const char* packet :
       {"00030000", "00030000 \"user\"", "00030000 \"user\" 00", "00030000 \"user\" 00 \"u\"",
        "00030000 \"user\" 00 \"u\" 00", "00030000 00 00", "00030000 \"user\" 00 \"u\" 00 00 00",
        "00030000 \"user\" 00 \"u\" 00 00 \"x\""}) {
    const Parsed parsed(packet);
    EXPECT_EQ(parsed.error(), kLayout) << packet;
    EXPECT_EQ(parsed.result.error().kind, &kProtocolViolation);
  }
}

TEST(StartupPacketTest, RefusesOtherMajorVersions) {
  const std::pair<const char*, const char*> cases[] = {{"00020000 00", "2.0"},
                                                       {"00010000", "1.0"},
                                                       {"00000000", "0.0"},
                                                       {"00040001 00", "4.1"},
                                                       {"ffffffff 00", "65535.65535"}};
  for (const auto& [packet, version] : cases) {
    const Parsed parsed(packet);
    EXPECT_EQ(parsed.error(), "unsupported frontend protocol " + std::string(version) +
                                  ": server supports 3.0 to 3.0");
    EXPECT_EQ(parsed.result.error().kind, &kFeatureNotSupported);
  }
}

TEST(StartupPacketTest, TakesEveryMinorVersion) {
  for (const char* packet : {"00030000 00", "00030001 00", "00030002 00", "0003ffff 00"}) {
    EXPECT_NE(Parsed(packet).as<StartupMessage>(), nullptr) << packet;
  }
}

TEST(ReplicationModeTest, IsABooleanInAnyUnambiguousForm) {
  for (const char* value :
       {"t", "tr", "tru", "true", "TRUE", "T", "y", "yes", "YES", "on", "ON", "oN", "1"}) {
    EXPECT_EQ(parse_replication_mode(value).value(), ReplicationMode::kPhysical) << value;
  }
  for (const char* value :
       {"f", "fal", "false", "FALSE", "n", "no", "NO", "of", "off", "OFF", "0"}) {
    EXPECT_EQ(parse_replication_mode(value).value(), ReplicationMode::kNone) << value;
  }
}

TEST(ReplicationModeTest, OnlyLowerCaseDatabaseIsLogical) {
  EXPECT_EQ(parse_replication_mode("database").value(), ReplicationMode::kDatabase);
  EXPECT_FALSE(parse_replication_mode("DATABASE"));
  EXPECT_FALSE(parse_replication_mode("data"));
}

TEST(ReplicationModeTest, RefusesAllElse) {
  for (const char* value : {"", "o", "O", "2", "01", "10", "truee", "yess", "onn", "offf", " true",
                            "true ", "Q", "tu"}) {
    const auto mode = parse_replication_mode(value);
    ASSERT_FALSE(mode) << value;
    EXPECT_EQ(mode.error().what,
              "invalid value for parameter \"replication\": \"" + std::string(value) + "\"");
    EXPECT_EQ(mode.error().hint, "Valid values are: \"false\", 0, \"true\", 1, \"database\".");
    EXPECT_EQ(mode.error().kind, &kInvalidParameterValue);
  }
}

}  // namespace
}  // namespace server::wire
