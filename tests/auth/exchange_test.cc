#include "server/auth/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory_resource>
#include <optional>
#include <string>

#include "server/auth/users.h"
#include "tests/auth/exchange_client.h"

namespace server::auth {
namespace {

using Method = ExchangeMethod;

constexpr runtime::WallMicros kNow = 1'000'000;

Role role_of(std::string_view name, Verifier verifier) {
  return {.name = std::string(name), .verifier = std::move(verifier)};
}
Role scram_role() { return role_of("scram", tests::scram_verifier("secret")); }
Role md5_role() { return role_of("md5", *make_md5_verifier("secret", "md5")); }

// Plays an exchange; the last line says how it ended.
class Played {
 public:
  explicit Played(Method method, std::optional<Role> role = {}, std::string_view user = "nosuch",
                  std::optional<std::string> end_point = {})
      : played_({.method = method,
                 .user = role.has_value() ? std::string_view(role->name) : user,
                 .role = role.has_value() ? &*role : nullptr,
                 .end_point = std::move(end_point),
                 .now = kNow}) {}

  tests::ExchangeClient& operator*() { return played_; }
  tests::ExchangeClient* operator->() { return &played_; }

 private:
  tests::ExchangeClient played_;
};

std::string refused(std::string_view user, std::string_view log_detail) {
  return "28P01 password authentication failed for user \"" + std::string(user) + "\" // " +
         std::string(log_detail);
}

TEST(ExchangeTest, ThePasswordInTheClear) {
  for (const Role& role : {scram_role(), md5_role()}) {
    Played right(Method::kPassword, role);
    EXPECT_EQ(right->begin(), "R 3");
    EXPECT_EQ(right->send_text("secret"), "in");
    Played wrong(Method::kPassword, role);
    EXPECT_EQ(wrong->begin(), "R 3");
    EXPECT_EQ(wrong->send_text("Secret"),
              refused(role.name, "Password does not match for user \"" + role.name + "\"."));
  }
}

TEST(ExchangeTest, APasswordOfNoRoleIsRefused) {
  Played unknown(Method::kPassword);
  EXPECT_EQ(unknown->begin(), "R 3");
  EXPECT_EQ(unknown->send_text("secret"), refused("nosuch", "Role \"nosuch\" does not exist."));
  Played none(Method::kPassword, role_of("a", NoPassword{}));
  EXPECT_EQ(none->begin(), "R 3");
  EXPECT_EQ(none->send_text("x"), refused("a", "User \"a\" has no password assigned."));
  Played plain(Method::kPassword, role_of("a", UnknownVerifier{}));
  EXPECT_EQ(plain->begin(), "R 3");
  EXPECT_EQ(plain->send_text("x"),
            refused("a", "Password of user \"a\" is in unrecognized format."));
}

// As PostgreSQL 15 answers them.
TEST(ExchangeTest, APasswordMessageThatIsMalformed) {
  for (const Method method : {Method::kPassword, Method::kMd5}) {
    const auto answer = [&](std::string_view body) {
      Played client(method, md5_role());
      client->begin();
      return client->send(body);
    };
    EXPECT_EQ(answer({"\0", 1}), "28P01 empty password returned by client // ");
    for (const std::string_view body :
         {std::string_view(), std::string_view("secret"), std::string_view("a\0b\0", 4),
          std::string_view("\0\0", 2)}) {
      EXPECT_EQ(answer(body), "08P01 invalid password packet size // ");
    }
  }
}

TEST(ExchangeTest, AMessageOfAnotherType) {
  for (const auto& [type, number] : {std::pair{'Q', "81"}, {'X', "88"}, {'\xFF', "255"}}) {
    Played password(Method::kPassword, scram_role());
    password->begin();
    EXPECT_EQ(password->send_bytes(std::string(1, type)),
              std::string("08P01 expected password response, got message type ") + number + " // ");
    Played sasl(Method::kScram, scram_role());
    sasl->begin();
    EXPECT_EQ(sasl->send_bytes(std::string(1, type)),
              std::string("08P01 expected SASL response, got message type ") + number + " // ");
  }
}

// PostgreSQL 15 answers a message of SASL that is too long, and hangs up on a password.
TEST(ExchangeTest, AMessageOfAnImpossibleLength) {
  for (const std::string& header : {std::string("p\0\0\0\3", 5), std::string("p\0\1\0\0", 5),
                                    std::string("p\xFF\xFF\xFF\xFF")}) {
    Played password(Method::kPassword, scram_role());
    password->begin();
    EXPECT_EQ(password->send_bytes(header), refused("scram", "invalid message length") + " silent");
    Played sasl(Method::kScram, scram_role());
    sasl->begin();
    EXPECT_EQ(sasl->send_bytes(header), refused("scram", "invalid message length"));
  }
  Played sasl(Method::kScram, scram_role());
  sasl->begin();
  EXPECT_EQ(sasl->send_bytes({"p\0\0\4\1", 5}), refused("scram", "invalid message length"));
}

TEST(ExchangeTest, TheLongestMessages) {
  Played password(Method::kPassword, scram_role());
  password->begin();
  const std::size_t text_max = Exchange::kPasswordMessageBytesMax - sizeof(std::uint32_t) - 1;
  EXPECT_EQ(password->send_text(std::string(text_max, 'x')),
            refused("scram", "Password does not match for user \"scram\"."));
  Played sasl(Method::kScram, scram_role());
  sasl->begin();
  EXPECT_EQ(sasl->send(std::string(Exchange::kSaslMessageBytesMax - sizeof(std::uint32_t), 'x')),
            "08P01 invalid string in message // ");
}

TEST(ExchangeTest, AMessageComesInPieces) {
  Played client(Method::kPassword, scram_role());
  client->begin();
  const std::string message("p\0\0\0\x0Bsecret\0", 12);
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(client->cut(message.substr(0, size)).cut, wire::Cut::kIncomplete) << size;
  }
  EXPECT_EQ(client->send_bytes(message), "in");
}

TEST(ExchangeTest, TheMd5Challenge) {
  Played right(Method::kMd5, md5_role());
  EXPECT_EQ(right->begin(), "R 5 01020304");
  const auto inner = md5_hex("secret", "md5");
  const std::string answer =
      "md5" + std::string(md5_hex(inner->reveal(), "\x01\x02\x03\x04")->reveal());
  EXPECT_EQ(right->send_text(answer), "in");
  for (const std::string& wrong : {std::string("secret"), answer + "0", answer.substr(3)}) {
    Played client(Method::kMd5, md5_role());
    client->begin();
    EXPECT_EQ(client->send_text(wrong),
              refused("md5", "Password does not match for user \"md5\"."));
  }
}

TEST(ExchangeTest, ScramBothByItsOwnMethodAndByMd5) {
  for (const Method method : {Method::kScram, Method::kMd5}) {
    Played right(method, scram_role());
    EXPECT_EQ(right->begin(), "R 10 SCRAM-SHA-256");
    EXPECT_THAT(right->prove("secret"), testing::StartsWith("in R 12 v="));
    Played wrong(method, scram_role());
    wrong->begin();
    EXPECT_EQ(wrong->prove("Secret"),
              refused("scram", "Password does not match for user \"scram\"."));
  }
}

TEST(ExchangeTest, ScramUnderTls) {
  Played bound(Method::kScram, scram_role(), {}, "hash");
  EXPECT_EQ(bound->begin(), "R 10 SCRAM-SHA-256-PLUS SCRAM-SHA-256");
  EXPECT_THAT(bound->prove("secret", "SCRAM-SHA-256-PLUS", "hash"),
              testing::StartsWith("in R 12 v="));
  Played elsewhere(Method::kScram, scram_role(), {}, "hash");
  elsewhere->begin();
  EXPECT_EQ(elsewhere->prove("secret", "SCRAM-SHA-256-PLUS", "another"),
            "28000 SCRAM channel binding check failed // ");
}

// The client sees what one with a wrong password sees; the log knows better.
TEST(ExchangeTest, AMockExchangeIsRefusedAtItsProof) {
  Role expired = scram_role();
  expired.valid_until = kNow - 1;
  const std::pair<std::optional<Role>, std::string> all[] = {
      {std::nullopt, "Role \"nosuch\" does not exist."},
      {role_of("a", NoPassword{}), "User \"a\" has no password assigned."},
      {role_of("a", UnknownVerifier{}), "User \"a\" does not have a valid SCRAM secret."},
      {md5_role(), "User \"md5\" does not have a valid SCRAM secret."},
      {expired, "User \"scram\" has an expired password."}};
  for (const auto& [role, detail] : all) {
    for (const Method method : {Method::kScram, Method::kMd5}) {
      if (method == Method::kMd5 && role.has_value() && role->name == "md5") continue;
      Played client(method, role);
      EXPECT_EQ(client->begin(), "R 10 SCRAM-SHA-256");
      EXPECT_EQ(client->prove("secret"), refused(role.has_value() ? role->name : "nosuch", detail));
    }
  }
}

TEST(ExchangeTest, APasswordExpiresByTheClock) {
  Role role = scram_role();
  for (const auto& [until, in] : {std::pair{kNow - 1, false}, {kNow, true}, {kNow + 1, true}}) {
    role.valid_until = until;
    for (const Method method : {Method::kScram, Method::kPassword}) {
      Played client(method, role);
      client->begin();
      const std::string outcome =
          method == Method::kScram ? client->prove("secret") : client->send_text("secret");
      if (in) {
        EXPECT_THAT(outcome, testing::StartsWith("in"));
      } else {
        EXPECT_EQ(outcome, refused("scram", "User \"scram\" has an expired password."));
      }
    }
  }
  Role md5 = md5_role();
  md5.valid_until = kNow - 1;
  Played client(Method::kMd5, md5);
  EXPECT_EQ(client->begin(), "R 10 SCRAM-SHA-256");  // as for a name that is unknown
}

// As PostgreSQL 15 answers them.
TEST(ExchangeTest, AnInitialResponseThatIsMalformed) {
  const auto answer = [](std::string_view body) {
    Played client(Method::kScram, scram_role());
    client->begin();
    return client->send(body);
  };
  const std::string name("SCRAM-SHA-256\0", 14);
  const auto with = [&](std::string_view rest, std::size_t size) {
    return name + std::string(rest.data(), size);
  };
  const std::string invalid = "08P01 client selected an invalid SASL authentication mechanism // ";
  const std::string short_of = "08P01 insufficient data left in message // ";
  EXPECT_EQ(answer(""), "08P01 invalid string in message // ");
  EXPECT_EQ(answer("SCRAM-SHA-256"), "08P01 invalid string in message // ");
  EXPECT_EQ(answer({"X\0", 2}), invalid);
  EXPECT_EQ(answer({"SCRAM-SHA-256-PLUS\0\0\0\0\0", 23}), invalid);
  EXPECT_EQ(answer(std::string(1020, '\0')), invalid);
  EXPECT_EQ(answer(name), short_of);
  EXPECT_EQ(answer(with("\0\0", 2)), short_of);
  EXPECT_EQ(answer(with("\0\0\0\5n,,", 7)), short_of);
  EXPECT_EQ(answer(with("\xFF\xFF\xFF\xFE", 4)), short_of);
  EXPECT_EQ(answer(with("\0\0\0\1n,,", 7)), "08P01 invalid message format // ");
  EXPECT_EQ(answer(with("\xFF\xFF\xFF\xFFx", 5)), "08P01 invalid message format // ");
  EXPECT_EQ(answer(with("\0\0\0\0", 4)),
            "08P01 malformed SCRAM message | The message is empty. // ");
  EXPECT_EQ(answer(with("\xFF\xFF\xFF\xFF", 4)), "R 11 ");
}

TEST(ExchangeTest, TheRoleMayGoMeanwhile) {
  auto role = std::make_unique<Role>(scram_role());
  tests::ExchangeClient client(
      {.method = Method::kScram, .user = role->name, .role = role.get(), .now = kNow});
  role.reset();
  client.begin();
  EXPECT_THAT(client.prove("secret"), testing::StartsWith("in R 12 v="));
}

}  // namespace
}  // namespace server::auth
