#include "server/auth/scram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "server/auth/mock.h"
#include "tests/auth/scram_client.h"
#include "tests/support/bytes.h"

namespace server::auth {
namespace {

using testing::ElementsAre;
using Next = ScramServer::Next;

constexpr std::string_view kNonce = "serverNonce";
constexpr std::string_view kEndPoint = "the hash of a certificate";

ScramVerifier verifier_of(std::string_view password) {
  return make_scram_verifier(password, tests::bytes("00112233445566778899aabbccddeeff"), 16);
}

ScramServer server(std::optional<std::string> end_point = {}, bool doomed = false) {
  return ScramServer({.verifier = verifier_of("secret"),
                      .doomed = doomed,
                      .end_point = std::move(end_point),
                      .nonce = std::string(kNonce)});
}

// A step's outcome as a test reads it: "continue reply", "in reply", "failed", or an error's
// SQLSTATE, message and detail.
std::string said(const runtime::Error& error) {
  return std::string(error.kind->code) + " " + error.what +
         (error.detail.empty() ? "" : " | " + error.detail);
}
std::string said(const runtime::Result<ScramServer::Step>& step) {
  if (!step) return said(step.error());
  switch (step->next) {
    case Next::kContinue:
      return "continue " + step->reply;
    case Next::kIn:
      return "in " + step->reply;
    case Next::kFailed:
      return "failed" + step->reply;
  }
  UNREACHABLE();
}

std::string after_first(std::string_view message, std::string_view mechanism = "SCRAM-SHA-256",
                        std::optional<std::string> end_point = {}) {
  ScramServer scram = server(std::move(end_point));
  const auto selected = scram.select(mechanism);
  return selected ? said(scram.take(message)) : said(selected.error());
}

// "NONCE" in the message stands for the nonce of both.
std::string after_final(std::string message) {
  ScramServer scram = server();
  EXPECT_TRUE(scram.select("SCRAM-SHA-256"));
  EXPECT_TRUE(scram.take("n,,n=,r=abc"));
  if (const auto at = message.find("NONCE"); at != message.npos) {
    message.replace(at, 5, "abc" + std::string(kNonce));
  }
  return said(scram.take(message));
}

std::string malformed(std::string_view detail) {
  return "08P01 malformed SCRAM message | " + std::string(detail);
}

// RFC 7677, section 3.
TEST(ScramTest, TheExchangeOfTheRfc) {
  const auto salt = decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  ScramServer scram({.verifier = make_scram_verifier("pencil", salt->reveal_bytes(), 4096),
                     .doomed = false,
                     .nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"});
  ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
  EXPECT_EQ(said(scram.take("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")),
            "continue r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(said(scram.take("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")),
            "in v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

// What PostgreSQL 15 answered to the same messages.
TEST(ScramTest, AnExchangeThatPostgresHad) {
  const Verifier verifier = parse_verifier(
      "SCRAM-SHA-256$4096:r8OePk5kPHGzeRUBpPXo5w==$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=:"
      "5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=");
  ScramServer scram({.verifier = std::get<ScramVerifier>(verifier),
                     .doomed = false,
                     .nonce = "OhUnjau6FQ+DjmSTg9eCnnvA"});
  ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
  EXPECT_EQ(said(scram.take("n,,n=,r=rOprNGfwEbeRWgbNEkqO")),
            "continue r=rOprNGfwEbeRWgbNEkqOOhUnjau6FQ+DjmSTg9eCnnvA,s=r8OePk5kPHGzeRUBpPXo5w==,"
            "i=4096");
  EXPECT_EQ(said(scram.take("c=biws,r=rOprNGfwEbeRWgbNEkqOOhUnjau6FQ+DjmSTg9eCnnvA,"
                            "p=JlzEJVMPTUokod1k3e5PfPiNaKdZF66oWTZM10EFxP4=")),
            "in v=FQMyqjI8vi6xT+1uwDZdM6v5sNsrvzJqSZnyiccajsk=");
}

TEST(ScramTest, TheRightPasswordAloneIsIn) {
  for (const auto& [password, right] :
       {std::pair{"secret", true}, {"Secret", false}, {"", false}, {"secret ", false}}) {
    ScramServer scram = server();
    ScramClient client(password);
    ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
    const auto first = scram.take(client.first());
    ASSERT_TRUE(first);
    const std::string outcome = said(scram.take(client.final(first->reply)));
    EXPECT_EQ(outcome, right ? "in " + client.server_final() : "failed") << password;
  }
}

TEST(ScramTest, ADoomedExchangeFailsAtItsProofAlone) {
  ScramServer scram = server({}, /*doomed=*/true);
  ScramClient client("secret");
  ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
  const auto first = scram.take(client.first());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reply, "r=rOprNGfwEbeRWgbNEkqOserverNonce,s=ABEiM0RVZneImaq7zN3u/w==,i=16");
  EXPECT_EQ(said(scram.take(client.final(first->reply))), "failed");
}

TEST(ScramTest, AClientMayWaitForAChallenge) {
  ScramServer scram = server();
  ScramClient client("secret");
  ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
  EXPECT_EQ(said(scram.take(std::nullopt)), "continue ");
  const auto first = scram.take(client.first());
  ASSERT_TRUE(first);
  const std::string outcome = said(scram.take(client.final(first->reply)));
  EXPECT_EQ(outcome, "in " + client.server_final());
}

TEST(ScramTest, ANonceIsNeverTheSame) {
  SystemRandom random;
  const std::string nonce = ScramServer::make_nonce(random);
  EXPECT_EQ(nonce.size(), 24u);
  EXPECT_NE(nonce, ScramServer::make_nonce(random));
}

TEST(ScramTest, ChannelBindingIsOfferedUnderTls) {
  EXPECT_THAT(server().mechanisms(), ElementsAre("SCRAM-SHA-256"));
  EXPECT_THAT(server(std::string(kEndPoint)).mechanisms(),
              ElementsAre("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
}

TEST(ScramTest, AMechanismThatWasNotOffered) {
  const std::string refused = "08P01 client selected an invalid SASL authentication mechanism";
  EXPECT_EQ(after_first("p=tls-server-end-point,,n=,r=a", "SCRAM-SHA-256-PLUS"), refused);
  for (const char* name : {"", "SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256 ", "OAUTHBEARER"}) {
    EXPECT_EQ(after_first("n,,n=,r=a", name), refused) << name;
  }
}

std::string bound_to(std::string_view end_point) {
  const std::string input = "p=tls-server-end-point,," + std::string(end_point);
  return encode_base64(std::as_bytes(std::span(input)));
}

std::string bound_outcome(std::string_view binding, std::string_view mechanism,
                          std::string_view header, std::string_view password = "secret") {
  ScramServer scram = server(std::string(kEndPoint));
  ScramClient client(password);
  EXPECT_TRUE(scram.select(mechanism));
  const auto first = scram.take(client.first(header));
  if (!first) return said(first);
  return said(scram.take(client.final(first->reply, binding)));
}

TEST(ScramTest, AChannelThatIsBound) {
  const auto outcome = [](std::string_view binding, std::string_view password = "secret") {
    return bound_outcome(binding, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", password);
  };
  const std::string refused = "28000 SCRAM channel binding check failed";
  EXPECT_THAT(outcome(bound_to(kEndPoint)), testing::StartsWith("in v="));
  EXPECT_EQ(outcome(bound_to(kEndPoint), "wrong"), "failed");
  EXPECT_EQ(outcome(bound_to("the hash of another")), refused);
  EXPECT_EQ(outcome(bound_to("")), refused);
  EXPECT_EQ(outcome("biws"), refused);
  EXPECT_EQ(outcome("eSws"), refused);
  EXPECT_EQ(outcome(""), refused);
}

// A client under TLS need not bind the channel, but must not believe that it cannot.
TEST(ScramTest, AChannelThatCouldBeBound) {
  EXPECT_THAT(bound_outcome("biws", "SCRAM-SHA-256", "n,,"), testing::StartsWith("in v="));
  EXPECT_EQ(bound_outcome(bound_to(kEndPoint), "SCRAM-SHA-256", "n,,"),
            "08P01 unexpected SCRAM channel-binding attribute in client-final-message");
  EXPECT_EQ(after_first("y,,n=,r=a", "SCRAM-SHA-256", std::string(kEndPoint)),
            "28000 SCRAM channel binding negotiation error | The client supports SCRAM channel "
            "binding but thinks the server does not.  However, this server does support channel "
            "binding.");
  const std::string without = malformed(
      "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel "
      "binding data.");
  for (const char* message : {"n,,n=,r=a", "y,,n=,r=a", "n", "y"}) {
    EXPECT_EQ(after_first(message, "SCRAM-SHA-256-PLUS", std::string(kEndPoint)), without);
  }
  EXPECT_EQ(after_first("p=tls-unique,,n=,r=a", "SCRAM-SHA-256-PLUS", std::string(kEndPoint)),
            "08P01 unsupported SCRAM channel-binding type \"tls-unique\"");
  EXPECT_EQ(after_first("p=\x01 tls" + std::string(40, 'x') + ",,", "SCRAM-SHA-256-PLUS",
                        std::string(kEndPoint)),
            "08P01 unsupported SCRAM channel-binding type \"??tls" + std::string(25, 'x') + "\"");
  EXPECT_EQ(after_first("p", "SCRAM-SHA-256-PLUS", std::string(kEndPoint)),
            malformed("Expected character \"=\" for attribute \"p\"."));
}

// Each as PostgreSQL 15 answers it.
TEST(ScramTest, AFirstMessageThatIsMalformed) {
  const std::string bound = malformed(
      "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes "
      "channel binding data.");
  const std::pair<std::string, std::string> all[] = {
      {"", malformed("The message is empty.")},
      {std::string("n\0", 2), malformed("Message length does not match input length.")},
      {"x", malformed("Unexpected channel-binding flag \"'x'\".")},
      {"N,,", malformed("Unexpected channel-binding flag \"'N'\".")},
      {"\"", malformed("Unexpected channel-binding flag \"'\"'\".")},
      {"\xFF", malformed("Unexpected channel-binding flag \"0xff\".")},
      {"n", malformed("Comma expected, but found character \"0x00\".")},
      {"nx", malformed("Comma expected, but found character \"'x'\".")},
      {"yx", malformed("Comma expected, but found character \"'x'\".")},
      {"n,", malformed("Unexpected attribute \"0x00\" in client-first-message.")},
      {"n,x", malformed("Unexpected attribute \"'x'\" in client-first-message.")},
      {"n,\xFF", malformed("Unexpected attribute \"0xff\" in client-first-message.")},
      {"n,a=x,", "0A000 client uses authorization identity, but it is not supported"},
      {"n,,m=x", "0A000 client requires an unsupported SCRAM extension"},
      {"n,,", malformed("Expected attribute \"n\" but found \"0x00\".")},
      {"n,,x=,r=1", malformed("Expected attribute \"n\" but found \"'x'\".")},
      {"n,,n", malformed("Expected character \"=\" for attribute \"n\".")},
      {"n,,nr", malformed("Expected character \"=\" for attribute \"n\".")},
      {"n,,n=", malformed("Expected attribute \"r\" but found \"0x00\".")},
      {"n,,n=,", malformed("Expected attribute \"r\" but found \"0x00\".")},
      {"n,,n=,x=1", malformed("Expected attribute \"r\" but found \"'x'\".")},
      {"n,,n=,r", malformed("Expected character \"=\" for attribute \"r\".")},
      {"n,,n=,r=a\x01"
       "b",
       "08P01 non-printable characters in SCRAM nonce"},
      {"n,,n=,r=a b", "08P01 non-printable characters in SCRAM nonce"},
      {"n,,n=,r=a\xE9", "08P01 non-printable characters in SCRAM nonce"},
      {"n,,n=,r=ab,x", malformed("Expected character \"=\" for attribute \"x\".")},
      {"n,,n=,r=ab,1=x", malformed("Attribute expected, but found invalid character \"'1'\".")},
      {"p=tls-unique,,n=,r=ab", bound},
      {"p=tls-server-end-point,,n=,r=ab", bound}};
  for (const auto& [message, answer] : all) EXPECT_EQ(after_first(message), answer) << message;
}

TEST(ScramTest, AFirstMessageThatIsTaken) {
  const std::pair<const char*, const char*> all[] = {
      {"n,,n=,r=", ""},          {"n,,n=,r=ab,", "ab"},        {"n,,n=,r=ab,x=1", "ab"},
      {"y,,n=,r=ab", "ab"},      {"n,,n=\xFF\xFE,r=ab", "ab"}, {"n,,n=x=y,r=a=b", "a=b"},
      {"n,,n=,r=ab,x=,y=", "ab"}};
  for (const auto& [message, nonce] : all) {
    EXPECT_EQ(after_first(message),
              "continue r=" + std::string(nonce) + "serverNonce,s=ABEiM0RVZneImaq7zN3u/w==,i=16");
  }
}

// Each as PostgreSQL 15 answers it.
TEST(ScramTest, AFinalMessageThatIsMalformed) {
  const std::string proof = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=";  // 32 bytes
  const std::string binding =
      "08P01 unexpected SCRAM channel-binding attribute in client-final-message";
  const std::string nonce = "08P01 invalid SCRAM response | Nonce does not match.";
  const std::pair<std::string, std::string> all[] = {
      {"", malformed("The message is empty.")},
      {"c=biws,r=NONCE,p=" + proof + std::string(1, '\0'),
       malformed("Message length does not match input length.")},
      {"x", malformed("Expected attribute \"c\" but found \"'x'\".")},
      {"c", malformed("Expected character \"=\" for attribute \"c\".")},
      {"c=", binding},
      {"c=eSws,r=NONCE,p=" + proof, binding},
      {"c=biws", malformed("Expected attribute \"r\" but found \"0x00\".")},
      {"c=biws,", malformed("Expected attribute \"r\" but found \"0x00\".")},
      {"c=biws,p=" + proof, malformed("Expected attribute \"r\" but found \"'p'\".")},
      {"c=biws,r=NONCE", malformed("Attribute expected, but found end of string.")},
      {"c=biws,r=NONCE,", malformed("Attribute expected, but found end of string.")},
      {"c=biws,r=NONCE,1=1,p=" + proof,
       malformed("Attribute expected, but found invalid character \"'1'\".")},
      {"c=biws,r=NONCE,p", malformed("Expected character \"=\" for attribute \"p\".")},
      {"c=biws,r=NONCE,p=", malformed("Malformed proof in client-final-message.")},
      {"c=biws,r=NONCE,p=AAAA", malformed("Malformed proof in client-final-message.")},
      {"c=biws,r=NONCE,p=" + proof + "x", malformed("Malformed proof in client-final-message.")},
      {"c=biws,r=NONCE,p=" + proof + ",x",
       malformed("Garbage found at the end of client-final-message.")},
      {"c=biws,r=NONCEx,p=" + proof, nonce},
      {"c=biws,r=,p=" + proof, nonce},
      {"c=biws,r=abc,p=" + proof, nonce},
      {"c=biws,r=NONCE,p=" + proof, "failed"},
      {"c=biws,r=NONCE,p=" + proof + ",", "failed"},
      {"c=biws,r=NONCE,x=1,p=" + proof, "failed"}};
  for (const auto& [message, answer] : all) EXPECT_EQ(after_final(message), answer) << message;
}

// A client that said "y" must say so again, and what it says is part of what it proves.
TEST(ScramTest, TheBindingFlagIsSaidTwice) {
  for (const auto& [binding, outcome] :
       {std::pair{"eSws", "in v="},
        {"biws", "08P01 unexpected SCRAM channel-binding attribute in client-final-message"}}) {
    ScramServer scram = server();
    ScramClient client("secret");
    ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
    const auto first = scram.take(client.first("y,,"));
    ASSERT_TRUE(first);
    EXPECT_THAT(said(scram.take(client.final(first->reply, binding))),
                testing::StartsWith(outcome));
  }
}

TEST(ScramTest, EveryByteOfAFinalMessageCounts) {
  ScramServer made = server();
  ScramClient client("secret");
  ASSERT_TRUE(made.select("SCRAM-SHA-256"));
  const auto first = made.take(client.first());
  ASSERT_TRUE(first);
  const std::string right = client.final(first->reply);
  for (std::size_t i = 0; i < right.size(); ++i) {
    for (const int bit : {1, 0x20}) {
      std::string changed = right;
      changed[i] = static_cast<char>(changed[i] ^ bit);
      // The last digit of a proof has two bits that stand for no byte.
      if (i == right.size() - 2 && decode_base64(changed.substr(right.find("p=") + 2)) &&
          decode_base64(changed.substr(right.find("p=") + 2))->reveal() ==
              decode_base64(right.substr(right.find("p=") + 2))->reveal()) {
        continue;
      }
      ScramServer scram = server();
      ASSERT_TRUE(scram.select("SCRAM-SHA-256"));
      ASSERT_TRUE(scram.take(client.first()));
      EXPECT_THAT(said(scram.take(changed)), testing::Not(testing::StartsWith("in "))) << changed;
    }
  }
}

TEST(MockTest, IsTheSameForANameAsLongAsItsSecretIs) {
  const Mock mock(Key(sha256(tests::bytes("01"))));
  const Mock other(Key(sha256(tests::bytes("02"))), 10'000);
  EXPECT_EQ(mock.verifier("a").salt, mock.verifier("a").salt);
  EXPECT_NE(mock.verifier("a").salt, mock.verifier("b").salt);
  EXPECT_NE(mock.verifier("a").salt, other.verifier("a").salt);
  EXPECT_EQ(mock.verifier("a").iterations, kUsualIterations);
  EXPECT_EQ(other.verifier("a").iterations, 10'000);
  EXPECT_EQ(decode_base64(mock.verifier("a").salt)->size(), kUsualSaltBytes);
}

}  // namespace
}  // namespace server::auth
