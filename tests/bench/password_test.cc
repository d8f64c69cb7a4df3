#include "bench/walbench/password.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "bench/walbench/failures.h"
#include "server/auth/scram.h"
#include "server/auth/verifier.h"
#include "server/wire/codec.h"

namespace bench::walbench {
namespace {

namespace auth = server::auth;

constexpr std::string_view kSalt = "sixteen bytes...";

// The body of an Authentication message.
Bytes request(std::uint32_t code, std::string_view data = {}) {
  Bytes body(sizeof(code));
  server::wire::store_big_endian(body.data(), code);
  for (const char c : data) body.push_back(static_cast<std::byte>(c));
  return body;
}

// The body of a message of the client, of type 'p'.
std::string body_of(const Bytes& message) {
  EXPECT_GE(message.size(), 5u);
  EXPECT_EQ(static_cast<char>(message.at(0)), 'p');
  EXPECT_EQ(server::wire::load_big_endian<std::uint32_t>(&message.at(1)), message.size() - 1);
  return {reinterpret_cast<const char*>(message.data()) + 5, message.size() - 5};
}

class PasswordProofTest : public ::testing::Test {
 protected:
  PasswordProof proof_of(const std::string& password) { return {"role", password, keys_, random_}; }
  auth::ScramServer server_of(std::string_view password) {
    return auth::ScramServer(
        {.verifier = auth::make_scram_verifier(password, std::as_bytes(std::span(kSalt)), 4096),
         .doomed = false,
         .nonce = "servernonce"});
  }
  // The exchange up to the server's verdict on the client; the client's on its last message.
  auth::ScramServer::Next exchange(PasswordProof& client, auth::ScramServer server) {
    const auto first = client.on_request(request(10, std::string("SCRAM-SHA-256\0\0", 15)));
    EXPECT_TRUE(first.has_value());
    const std::string body = body_of(*first);
    EXPECT_EQ(body.substr(0, 14), std::string("SCRAM-SHA-256\0", 14));
    EXPECT_TRUE(server.select("SCRAM-SHA-256").has_value());
    const auto challenge = server.take(body.substr(18));  // behind its size
    EXPECT_TRUE(challenge.has_value());
    const auto last = client.on_request(request(11, challenge->reply));
    EXPECT_TRUE(last.has_value());
    const auto verdict = server.take(body_of(*last));
    EXPECT_TRUE(verdict.has_value());
    server_final_ = verdict->reply;
    return verdict->next;
  }

  ScramKeys keys_;
  auth::SystemRandom random_;
  std::string server_final_;
};

TEST_F(PasswordProofTest, ScramProvesThatBothSidesKnowThePassword) {
  for (int i = 0; i < 2; ++i) {  // the second time by keys that are known
    PasswordProof client = proof_of("sécret");
    EXPECT_EQ(exchange(client, server_of("sécret")), auth::ScramServer::Next::kIn);
    EXPECT_TRUE(client.on_request(request(12, server_final_)).has_value());
    EXPECT_TRUE(client.on_request(request(0)).has_value());
  }
}

TEST_F(PasswordProofTest, AWrongPasswordProvesNothing) {
  PasswordProof client = proof_of("wrong");
  EXPECT_EQ(exchange(client, server_of("secret")), auth::ScramServer::Next::kFailed);
}

TEST_F(PasswordProofTest, AServerThatDoesNotProveItselfIsRefused) {
  PasswordProof client = proof_of("secret");
  exchange(client, server_of("secret"));
  EXPECT_FALSE(client.on_request(request(12, "v=AAAA")).has_value());
  PasswordProof other = proof_of("secret");
  exchange(other, server_of("secret"));
  EXPECT_FALSE(other.on_request(request(0)).has_value()) << "it skips its proof";
}

TEST_F(PasswordProofTest, MalformedMessagesAreRefused) {
  for (const char* first : {"", "r=x", "r=,s=AAAA,i=1", "s=AAAA,i=4096", "m=x,r=y"}) {
    PasswordProof client = proof_of("secret");
    ASSERT_TRUE(client.on_request(request(10, std::string("SCRAM-SHA-256\0\0", 15))).has_value());
    EXPECT_FALSE(client.on_request(request(11, first)).has_value()) << first;
  }
  PasswordProof client = proof_of("secret");
  EXPECT_FALSE(client.on_request(request(10, std::string("OTHER\0\0", 7))).has_value());
  EXPECT_FALSE(client.on_request(request(11, "r=x,s=AAAA,i=1")).has_value());
  EXPECT_FALSE(client.on_request(request(7)).has_value());
  EXPECT_FALSE(client.on_request(Bytes(2)).has_value());
}

TEST_F(PasswordProofTest, Md5AnswersTheChallenge) {
  PasswordProof client = proof_of("secret");
  const auto message = client.on_request(request(5, "salt"));
  ASSERT_TRUE(message.has_value());
  const std::string body = body_of(*message);
  EXPECT_EQ(body.back(), '\0');
  const auto verifier = auth::make_md5_verifier("secret", "role");
  ASSERT_TRUE(verifier.has_value());
  EXPECT_TRUE(answers_md5_challenge(*verifier, "salt", body.substr(0, body.size() - 1)));
}

TEST_F(PasswordProofTest, APasswordGoesAsItIs) {
  PasswordProof client = proof_of("secret");
  const auto message = client.on_request(request(3));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(body_of(*message), std::string("secret\0", 7));
}

TEST_F(PasswordProofTest, ARequestWithoutAPasswordFails) {
  PasswordProof client = proof_of("");
  EXPECT_TRUE(client.on_request(request(0)).has_value());
  const auto answer = client.on_request(request(10));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, &kAuthentication);
  EXPECT_EQ(answer.error().what, "server asks for a password, and none is given");
}

}  // namespace
}  // namespace bench::walbench
