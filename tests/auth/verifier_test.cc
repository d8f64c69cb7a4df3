#include "server/auth/verifier.h"

#include <gtest/gtest.h>

#include <string>

#include "server/auth/base64.h"
#include "server/auth/password_check.h"
#include "tests/support/bytes.h"

namespace server::auth {
namespace {

// PostgreSQL 15's, of the password "secret".
constexpr std::string_view kScram =
    "SCRAM-SHA-256$4096:r8OePk5kPHGzeRUBpPXo5w==$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=:"
    "5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=";
constexpr std::string_view kMd5 = "md52aea419619857e8a27f0f7aa641db0c6";  // of "md5user"

Verifier parsed(std::string_view text) { return parse_verifier(text); }

bool is(std::string_view password, std::string_view user, const Verifier& verifier) {
  const ScramVerifier stand_in =
      make_scram_verifier("of no role", tests::bytes("00112233445566778899aabbccddeeff"), 1);
  return PasswordCheck(Secret(password), std::string(user), verifier, stand_in).run();
}

TEST(VerifierTest, AScramVerifierIsTakenApart) {
  const Verifier verifier = parsed(kScram);
  const auto* scram = std::get_if<ScramVerifier>(&verifier);
  ASSERT_NE(scram, nullptr);
  EXPECT_EQ(scram->iterations, 4096);
  EXPECT_EQ(scram->salt, "r8OePk5kPHGzeRUBpPXo5w==");
  EXPECT_EQ(encode_base64(scram->stored_key.reveal()),
            "m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=");
  EXPECT_EQ(encode_base64(scram->server_key.reveal()),
            "5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=");
}

TEST(VerifierTest, WhatIsTakenApartIsPutTogetherAgain) {
  for (const std::string_view text : {kScram, kMd5, std::string_view()}) {
    EXPECT_EQ(text_of(parsed(text)).reveal(), text);
  }
  EXPECT_TRUE(text_of(parsed("plain")).empty());
}

TEST(VerifierTest, WhatIsNoVerifierIsUnknown) {
  const std::string keys =
      "$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=:5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=";
  EXPECT_TRUE(std::holds_alternative<ScramVerifier>(parsed("SCRAM-SHA-256$1:AA==" + keys)));
  const std::string wrong[] = {"secret",
                               "md5",
                               "md52aea419619857e8a27f0f7aa641db0c",
                               "md52aea419619857e8a27f0f7aa641db0c61",
                               "md52AEA419619857E8A27F0F7AA641DB0C6",
                               "MD52aea419619857e8a27f0f7aa641db0c6",
                               "scram-sha-256$1:AA==" + keys,
                               "SCRAM-SHA-1$1:AA==" + keys,
                               "SCRAM-SHA-256$0:AA==" + keys,
                               "SCRAM-SHA-256$-1:AA==" + keys,
                               "SCRAM-SHA-256$+1:AA==" + keys,
                               "SCRAM-SHA-256$ 1:AA==" + keys,
                               "SCRAM-SHA-256$:AA==" + keys,
                               "SCRAM-SHA-256$1x:AA==" + keys,
                               "SCRAM-SHA-256$2147483648:AA==" + keys,
                               "SCRAM-SHA-256$1:" + keys,
                               "SCRAM-SHA-256$1:AA" + keys,
                               "SCRAM-SHA-256$1:AA==",
                               "SCRAM-SHA-256$1:AA==$AAAA:AAAA",
                               "SCRAM-SHA-256$1:AA==" + keys + "=",
                               "SCRAM-SHA-256$1:AA==" + keys + ":",
                               "SCRAM-SHA-256$1:AA==" + keys.substr(0, 60),
                               "SCRAM-SHA-256",
                               "SCRAM-SHA-256$$$::",
                               std::string(kScram) + " ",
                               "SCRAM-SHA-256$1:" + std::string(kVerifierBytesMax, 'A') + keys};
  for (const std::string& text : wrong) {
    EXPECT_TRUE(std::holds_alternative<UnknownVerifier>(parsed(text))) << text;
  }
}

// RFC 7677, section 3.
TEST(VerifierTest, TheVerifierOfTheRfc) {
  const auto salt = decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  ASSERT_TRUE(salt.has_value());
  EXPECT_EQ(text_of(make_scram_verifier("pencil", salt->reveal_bytes(), 4096)).reveal(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
            "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(VerifierTest, PostgresMakesTheSame) {
  const auto salt = decode_base64("r8OePk5kPHGzeRUBpPXo5w==");
  ASSERT_TRUE(salt.has_value());
  EXPECT_EQ(text_of(make_scram_verifier("secret", salt->reveal_bytes(), 4096)).reveal(), kScram);
  const auto md5 = make_md5_verifier("secret", "md5user");
  ASSERT_TRUE(md5.has_value());
  EXPECT_EQ(text_of(*md5).reveal(), kMd5);
  // pgbouncer's documentation, "Authentication file format".
  EXPECT_EQ(text_of(*make_md5_verifier("1234", "admin")).reveal(),
            "md545f2603610af569b6155c45067268c6b");
}

TEST(VerifierTest, APasswordInTheClearIsThatOfItsVerifier) {
  EXPECT_TRUE(is("secret", "any", parsed(kScram)));
  EXPECT_TRUE(is("secret", "md5user", parsed(kMd5)));
  for (const char* wrong : {"Secret", "secret ", "secre", "", "secretx"}) {
    EXPECT_FALSE(is(wrong, "any", parsed(kScram))) << wrong;
    EXPECT_FALSE(is(wrong, "md5user", parsed(kMd5))) << wrong;
  }
  EXPECT_FALSE(is("secret", "another", parsed(kMd5)));
}

TEST(VerifierTest, NoPasswordIsThatOfNoVerifier) {
  for (const char* password : {"", "of no role", "secret"}) {
    EXPECT_FALSE(is(password, "any", NoPassword{}));
    EXPECT_FALSE(is(password, "any", UnknownVerifier{}));
  }
  EXPECT_FALSE(is("plain", "any", parsed("plain")));
}

// A challenge of PostgreSQL 15 and the answer that it took.
TEST(VerifierTest, TheAnswerToAnMd5Challenge) {
  const Verifier verifier = parsed(kMd5);
  const auto& md5 = std::get<Md5Verifier>(verifier);
  const std::string_view salt("\x16\x4f\x58\x14", 4);
  const auto hex = md5_hex(md5.hex.reveal(), salt);
  ASSERT_TRUE(hex.has_value());
  const std::string right = "md5" + std::string(hex->reveal());
  EXPECT_EQ(right, "md53a4ac6729daee8e73a9d0ddedd05927f");
  EXPECT_TRUE(answers_md5_challenge(md5, salt, right));
  for (const std::string& wrong :
       {std::string(), std::string("md5"), right.substr(3), right.substr(0, 34), right + "0",
        "MD5" + right.substr(3), right.substr(0, 34) + "x", std::string(kMd5),
        std::string("secret")}) {
    EXPECT_FALSE(answers_md5_challenge(md5, salt, wrong)) << wrong;
  }
  EXPECT_FALSE(answers_md5_challenge(md5, std::string_view("\x16\x4f\x58\x15", 4), right));
}

}  // namespace
}  // namespace server::auth
